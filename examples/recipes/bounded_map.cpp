// Bounded concurrency: fetch many pages, but never more than three at a time, and get the results in order.
//
//     async def bounded(url):
//         async with semaphore: return await fetch(url)
//     sizes = await asyncio.gather(*(bounded(url) for url in urls))
//
// map() makes only as many coroutines as may run; the Python above makes all of them at once, and lets them wait.
#include <weft/weft.hpp>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <iostream>
#include <string>
#include <vector>

using namespace std::chrono_literals;

std::atomic<int> under_way{0}, most{0};

weft::Coro<std::size_t> fetch(std::string url) {
  int const now = ++under_way;
  for (int seen = most; seen < now && !most.compare_exchange_weak(seen, now);) {}
  co_await weft::sleep(100ms);
  --under_way;
  co_return url.size();
}

weft::Coro<> amain() {
  std::vector<std::string> urls;
  for (int i = 0; i < 12; ++i) urls.push_back("/page/" + std::string(static_cast<std::size_t>(i), 'x'));

  std::vector<std::size_t> const sizes = co_await weft::map(urls, fetch, {.concurrency = 3});
  std::cout << sizes.size() << " pages, the first of " << sizes.front() << " bytes, the last of " << sizes.back() << '\n';
  std::cout << "at most " << most << " at a time, " << weft::Clock::now().time_since_epoch() / 1ms << " ms\n";
}

int main() {
  weft::Options options;
  options.clock = weft::ClockKind::virtual_time;
  weft::run(amain(), options);
}
