// A cache in which many may ask for the same thing at once, and it is fetched once.
//
//     if key not in cache: cache[key] = asyncio.create_task(fetch(key))
//     return await asyncio.shield(cache[key])
//
// The cache keeps tasks, not values: whoever comes first makes the task, the others await the same one. shield() lets one of those
// who wait be cancelled without the fetch that the others wait for.
#include <weft/weft.hpp>

#include <chrono>
#include <iostream>
#include <map>
#include <string>
#include <utility>
#include <vector>

using namespace std::chrono_literals;

class Cache {
 public:
  weft::Coro<std::string> get(std::string key) {
    weft::Task<std::string> task;
    {
      auto guard = co_await lock_.scoped();
      weft::Task<std::string>& entry = tasks_[key];
      if (!entry) entry = weft::create_task(fetch(key));
      task = entry;
    }
    std::string value = co_await weft::shield(task);  // a copy: the task keeps its own for those who come later
    co_return value;
  }

 private:
  static weft::Coro<std::string> fetch(std::string key) {
    co_await weft::sleep(1s);
    std::cout << "fetched " + key + "\n";
    co_return key + key;
  }

  weft::Lock lock_;
  std::map<std::string, weft::Task<std::string>> tasks_;  // guarded by lock_
};

weft::Coro<> amain() {
  Cache cache;
  auto [cancelled, a, b] = co_await weft::gather(weft::return_exceptions, weft::wait_for(cache.get("ab"), 500ms), cache.get("ab"), cache.get("ab"));
  std::cout << (cancelled ? "in time" : "one gave up") << ", " << *a << ", " << *b << '\n';
  std::string const again = co_await cache.get("ab");
  std::cout << again << " at " << weft::Clock::now().time_since_epoch() / 1s << " s\n";
}

int main() {
  weft::Options options;
  options.clock = weft::ClockKind::virtual_time;
  weft::run(amain(), options);
}
