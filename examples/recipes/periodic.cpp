// Something every ten seconds, without drift: each deadline is reckoned from the one before, not from the end of the work.
//
//     deadline = loop.time()
//     while True:
//         await poll()
//         deadline += 10
//         await asyncio.sleep(deadline - loop.time())
#include <weft/weft.hpp>

#include <chrono>
#include <iostream>

using namespace std::chrono_literals;

weft::Coro<> poll() {
  std::cout << "poll at " << weft::Clock::now().time_since_epoch() / 1s << " s\n";
  co_await weft::sleep(3s);  // the work takes its time
}

weft::Coro<> every(std::chrono::seconds period) {
  for (auto deadline = weft::Clock::now();;) {
    co_await poll();
    deadline += period;
    co_await weft::sleep_until(deadline);
  }
}

weft::Coro<> amain() {
  weft::Result<void> result = co_await weft::as_result(weft::wait_for(every(10s), 35s));
  std::cout << "stopped at " << weft::Clock::now().time_since_epoch() / 1s << " s\n";
  if (result.has_value()) std::cout << "which cannot be\n";
}

int main() {
  weft::Options options;
  options.clock = weft::ClockKind::virtual_time;
  weft::run(amain(), options);
}
