// Queue: one producer and one consumer, several of each, and a bounded queue whose producer has to wait.
#include "../kernel.hpp"
#include "../peers/peers.hpp"
#include "../programs/weft_runtimes.hpp"

namespace bench {

namespace {

using Queue = weft::Queue<std::uint64_t>;

weft::Coro<> produce(Queue* queue, std::uint64_t items) {
  for (std::uint64_t i = 0; i < items; ++i) co_await queue->put(i);
}

weft::Coro<std::uint64_t> consume(Queue* queue, std::uint64_t items) {
  std::uint64_t sum = 0;
  for (std::uint64_t i = 0; i < items; ++i) sum += co_await queue->get();
  co_return sum;
}

weft::Coro<std::uint64_t> through_queue(std::ptrdiff_t bound, std::uint64_t sides, std::uint64_t items) {
  Queue queue(bound);
  std::vector<weft::Task<std::uint64_t>> consumers;
  std::vector<weft::Task<void>> producers;
  for (std::uint64_t i = 0; i < sides; ++i) {
    consumers.push_back(weft::create_task(consume(&queue, items / sides)));
    producers.push_back(weft::create_task(produce(&queue, items / sides)));
  }
  std::uint64_t sum = 0;
  for (weft::Task<std::uint64_t> const& consumer : consumers) sum += co_await consumer;
  for (weft::Task<void> const& producer : producers) co_await producer;
  co_return sum;
}

}  // namespace

void add_queues(Kernels& kernels, Plan const& plan) {
  struct Shape {
    char const* name;
    char const* program;
    std::ptrdiff_t bound;
    std::uint64_t sides;
  };
  std::uint64_t const items = plan.pick<std::uint64_t>(1'000, 20'000, 400'000);
  for (Shape const& shape : {Shape{"queue 1:1", "queue_1_1", 0, 1}, Shape{"queue 4:4", "queue_4_4", 0, 4},
                             Shape{"queue 1:1, bound 16", "queue_bounded", 16, 1}}) {
    std::uint64_t const each = items / shape.sides;
    Work work(kernels, plan, "micro", shape.name, items, shape.sides * (each * (each - 1) / 2));
    work.peers(shape.program, items);
    work.weft([=](unsigned workers) { return runtime(workers).run(through_queue(shape.bound, shape.sides, items)); });
  }
}

}  // namespace bench
