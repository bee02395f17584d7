// Cleanup that awaits and that no cancel interrupts.
//
//     try: await transfer(db)
//     finally: await asyncio.shield(db.rollback())
//
// C++ has no finally, and no co_await in a catch block: finally_(body, cleanup) runs the cleanup on every way out, and shielded()
// keeps cancels away from it. Unlike asyncio's shield, it does not let the caller go before the cleanup is over.
#include <weft/weft.hpp>

#include <chrono>
#include <iostream>

using namespace std::chrono_literals;

weft::Coro<> transfer() {
  std::cout << "begin\n";
  co_await weft::sleep(1h);
  std::cout << "commit\n";
}

weft::Coro<> roll_back() {
  co_await weft::sleep(5s);
  std::cout << "rolled back at " << weft::Clock::now().time_since_epoch() / 1s << " s\n";
}

weft::Coro<> amain() {
  weft::Task<void> task = weft::create_task(weft::finally_(transfer(), weft::shielded(roll_back())));
  co_await weft::sleep(1s);
  task.cancel();  // the transfer ends here
  co_await weft::sleep(1s);
  task.cancel();  // an impatient user: the rollback goes on

  weft::Result<void> result = co_await weft::as_result(task);
  std::cout << (result.cancelled() ? "cancelled" : "finished") << '\n';
}

int main() {
  weft::Options options;
  options.clock = weft::ClockKind::virtual_time;
  weft::run(amain(), options);
}
