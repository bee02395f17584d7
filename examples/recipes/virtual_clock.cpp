// Test code that waits, without waiting: the virtual clock jumps to the next deadline whenever nothing can run.
//
//     # asyncio has no counterpart; tests patch the loop's time()
//
// A day of heartbeats takes no time. And what would hang for ever is an error that names the task that hangs.
#include <weft/weft.hpp>

#include <chrono>
#include <iostream>
#include <string>

using namespace std::chrono_literals;

// The code under test: alive while a beat comes at least every 30 minutes.
weft::Coro<std::string> watch(weft::Queue<int>& beats) {
  int last = 0;
  try {
    while (true) last = co_await weft::wait_for(beats.get(), 30min);
  } catch (weft::TimeoutError const&) {
  }
  co_return "lost after beat " + std::to_string(last);
}

weft::Coro<> test_a_missing_beat_is_noticed() {
  weft::Queue<int> beats;
  weft::Task<std::string> watcher = weft::create_task(watch(beats));
  for (int beat = 1; beat <= 96; ++beat) {
    co_await weft::sleep(15min);
    beats.put_nowait(beat);
  }
  std::string const verdict = co_await watcher;
  std::cout << verdict << ", noticed at " << weft::Clock::now().time_since_epoch() / 1min << " min\n";
}

weft::Coro<> test_that_hangs() {
  weft::Event never;
  co_await never.wait();
}

int main() {
  weft::Options options;
  options.clock = weft::ClockKind::virtual_time;
  weft::run(test_a_missing_beat_is_noticed(), options);
  try {
    weft::run(test_that_hangs(), options);
  } catch (weft::Deadlock const&) {
    std::cout << "deadlock found\n";
  }
}
