// Coroutines for a program that has threads of its own: submit, wait, cancel from outside.
//
//     future = asyncio.run_coroutine_threadsafe(render(7), loop)
//     print(future.result())
//
// A Runtime works without run(): its workers start with it. submit() gives a std::future; create_task() a handle that any thread may
// cancel, and that get() waits for.
#include <weft/weft.hpp>

#include <chrono>
#include <future>
#include <iostream>

using namespace std::chrono_literals;

weft::Coro<int> render(int frame) {
  co_await weft::sleep(1ms);
  co_return frame * frame;
}

weft::Coro<> listen() {
  while (true) co_await weft::sleep(1h);
}

int main() {
  weft::Runtime runtime;
  std::future<int> first = runtime.submit(render(7));
  weft::Task<int> second = runtime.create_task(render(8));
  std::cout << first.get() << ' ' << second.get() << '\n';

  weft::Task<void> listener = runtime.create_task(weft::TaskOptions{.name = "listener"}, listen);
  listener.cancel();
  try {
    listener.get();
  } catch (weft::CancelledError const&) {
    std::cout << listener.name() << " was cancelled\n";
  }
}
