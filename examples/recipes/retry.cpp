// Retry with a timeout for each attempt and a pause that doubles.
//
//     for attempt in range(1, attempts + 1):
//         try: return await asyncio.wait_for(fetch(attempt), 1.0)
//         except Exception: ...
//         await asyncio.sleep(pause); pause *= 2
//
// A cancel from outside is not retried: CancelledError is no std::exception, as it is no Exception in Python.
#include <weft/weft.hpp>

#include <chrono>
#include <iostream>
#include <stdexcept>
#include <string>

using namespace std::chrono_literals;

weft::Coro<std::string> fetch(int attempt) {
  if (attempt == 1) throw std::runtime_error("connection refused");
  if (attempt == 2) co_await weft::sleep(1h);  // no answer
  co_return "the page";
}

weft::Coro<std::string> fetch_with_retry(int attempts) {
  auto pause = 100ms;
  for (int attempt = 1;; ++attempt) {
    try {
      std::string page = co_await weft::wait_for(fetch(attempt), 1s);
      co_return page;
    } catch (std::exception const& error) {
      std::cout << "attempt " << attempt << ": " << error.what() << '\n';
      if (attempt == attempts) throw;
    }
    co_await weft::sleep(pause);  // not in the catch block: C++ has no co_await there
    pause *= 2;
  }
}

weft::Coro<> amain() {
  std::string const page = co_await fetch_with_retry(5);
  std::cout << page << " after " << weft::Clock::now().time_since_epoch() / 1ms << " ms\n";
}

int main() {
  weft::Options options;
  options.clock = weft::ClockKind::virtual_time;
  weft::run(amain(), options);
}
