// A time limit that each sign of life extends.
//
//     async with asyncio.timeout(5) as limit:
//         async for message in connection:
//             limit.reschedule(loop.time() + 5)
//
// The body gets the Timeout as its first argument.
#include <weft/weft.hpp>

#include <chrono>
#include <functional>
#include <iostream>

using namespace std::chrono_literals;

weft::Coro<> talk(weft::Queue<int>& messages) {
  for (int seconds : {1, 4, 4, 3, 60}) {
    co_await weft::sleep(std::chrono::seconds(seconds));
    messages.put_nowait(seconds);
  }
}

weft::Coro<> listen(weft::Timeout& limit, weft::Queue<int>& messages) {
  while (true) {
    int const pause = co_await messages.get();
    limit.reschedule(weft::Clock::now() + 5s);
    std::cout << "a message after " << pause << " s\n";
  }
}

weft::Coro<> amain() {
  weft::Queue<int> messages;
  weft::Task<void> talker = weft::create_task(talk, std::ref(messages));
  try {
    co_await weft::timeout(5s, listen, std::ref(messages));
  } catch (weft::TimeoutError const&) {
    std::cout << "silence since 5 s, at " << weft::Clock::now().time_since_epoch() / 1s << " s\n";
  }
  talker.cancel();
  (void)co_await weft::as_result(talker);  // it has a reference to `messages`
}

int main() {
  weft::Options options;
  options.clock = weft::ClockKind::virtual_time;
  weft::run(amain(), options);
}
