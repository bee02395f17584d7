// The first answer wins: ask two mirrors, take what comes first, and leave no request behind.
//
//     done, pending = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
//     for task in pending: task.cancel()
//     await asyncio.wait(pending)
//
// race() is these three lines. It is over when the losers have ended, too, so their references into this frame are safe.
#include <weft/weft.hpp>

#include <chrono>
#include <iostream>
#include <string>
#include <variant>

using namespace std::chrono_literals;

weft::Coro<std::string> ask(std::string mirror, std::chrono::milliseconds delay) {
  try {
    co_await weft::sleep(delay);
  } catch (weft::CancelledError const&) {
    std::cout << mirror << " was cancelled\n";
    throw;
  }
  co_return mirror + " answered";
}

weft::Coro<> amain() {
  std::variant<std::string, std::string> const answer = co_await weft::race(ask("Oslo", 80ms), ask("Graz", 30ms));
  std::cout << std::visit([](std::string const& text) { return text; }, answer) << " (arm " << answer.index() << ") after "
            << weft::Clock::now().time_since_epoch() / 1ms << " ms\n";
}

int main() {
  weft::Options options;
  options.clock = weft::ClockKind::virtual_time;
  weft::run(amain(), options);
}
