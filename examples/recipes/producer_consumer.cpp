// Producers and consumers over a bounded queue, which is shut down when there is nothing more to come.
//
//     await queue.put(n)                                    # waits while the queue is full
//     queue.shutdown()                                      # Python 3.13
//     except asyncio.QueueShutDown: return total            # the queue is empty and nothing will come
//
// shutdown() ends each consumer when the queue is empty: no sentinels to count, and nothing to cancel.
#include <weft/weft.hpp>

#include <iostream>

weft::Coro<> produce(weft::Queue<int>& queue, int first, int last) {
  for (int n = first; n <= last; ++n) co_await queue.put(n);
}

weft::Coro<> produce_all(weft::Queue<int>& queue) {
  co_await weft::gather(produce(queue, 1, 500), produce(queue, 501, 1000));
  queue.shutdown();
}

weft::Coro<int> consume(weft::Queue<int>& queue) {
  int total = 0;
  try {
    while (true) {
      int const n = co_await queue.get();
      total += n;
    }
  } catch (weft::QueueShutDown const&) {
  }
  co_return total;
}

weft::Coro<> amain() {
  weft::Queue<int> queue{10};
  auto [_, a, b, c] = co_await weft::gather(produce_all(queue), consume(queue), consume(queue), consume(queue));
  std::cout << "consumed in all: " << a + b + c << '\n';
}

int main() { weft::run(amain()); }
