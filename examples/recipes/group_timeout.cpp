// A time limit for several things together: at the deadline all of them are cancelled, and none is left.
//
//     async with asyncio.timeout(2):
//         async with asyncio.TaskGroup() as tg:
//             for shop in shops: tg.create_task(ask(shop))
//
// What had come in time is kept: the offers are outside of the block.
#include <weft/weft.hpp>

#include <chrono>
#include <functional>
#include <iostream>
#include <string>

using namespace std::chrono_literals;

weft::Coro<> ask(std::string shop, std::chrono::seconds takes, weft::Queue<std::string>& offers) {
  co_await weft::sleep(takes);
  offers.put_nowait(shop);
}

weft::Coro<> ask_all(weft::Timeout&, weft::Queue<std::string>& offers) {
  co_await weft::task_group([&](weft::TaskGroup& tg) -> weft::Coro<> {
    tg.start_soon(ask("baker", 1s, offers));
    tg.start_soon(ask("butcher", 1s, offers));
    tg.start_soon(ask("brewer", 1h, offers));
    co_return;
  });
}

weft::Coro<> amain() {
  weft::Queue<std::string> offers;
  try {
    co_await weft::timeout(2s, ask_all, std::ref(offers));
  } catch (weft::TimeoutError const&) {
    std::cout << "time is up\n";
  }
  std::cout << offers.qsize() << " offers\n";
}

int main() {
  weft::Options options;
  options.clock = weft::ClockKind::virtual_time;
  weft::run(amain(), options);
}
