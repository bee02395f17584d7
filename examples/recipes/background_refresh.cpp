// A value that is refreshed in the background as long as somebody needs it.
//
//     refresher = asyncio.create_task(refresh(rates))
//     ...
//     refresher.cancel()
//
// In a group the refresher cannot outlive the block, and `rates` may be a local variable. A refresh that fails ends the block.
#include <weft/weft.hpp>

#include <atomic>
#include <chrono>
#include <iostream>

using namespace std::chrono_literals;

weft::Coro<int> fetch_rate() {
  static std::atomic<int> rate{100};
  co_await weft::sleep(1s);
  co_return rate++;
}

weft::Coro<> refresh(std::atomic<int>& rate) {
  while (true) {
    co_await weft::sleep(1min);
    int const fresh = co_await fetch_rate();
    rate = fresh;  // the readers run on other workers
  }
}

weft::Coro<> amain() {
  int const first = co_await fetch_rate();
  std::atomic<int> rate{first};
  co_await weft::task_group([&](weft::TaskGroup& tg) -> weft::Coro<> {
    tg.create_task(refresh(rate), {.name = "refresh"});
    for (int reading = 0; reading < 3; ++reading) {
      std::cout << "rate " << rate << '\n';
      co_await weft::sleep(90s);
    }
    tg.cancel();
  });
  std::cout << "tasks left: " << weft::all_tasks().size() - 1 << '\n';
}

int main() {
  weft::Options options;
  options.clock = weft::ClockKind::virtual_time;
  weft::run(amain(), options);
}
