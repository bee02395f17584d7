// yield_now: out of the coroutine, through the run queue and back in. Alone, and with a hundred tasks taking turns.
#include "../kernel.hpp"
#include "../peers/peers.hpp"
#include "../programs/weft_runtimes.hpp"

namespace bench {

namespace {

weft::Coro<std::uint64_t> yield_often(std::uint32_t times) {
  std::uint64_t done = 0;
  for (std::uint32_t i = 0; i < times; ++i) {
    co_await weft::yield_now();
    ++done;
  }
  co_return done;
}

weft::Coro<std::uint64_t> yield_in_turn(std::uint32_t tasks, std::uint32_t times) {
  std::vector<weft::Task<std::uint64_t>> turns;
  turns.reserve(tasks);
  for (std::uint32_t i = 0; i < tasks; ++i) turns.push_back(weft::create_task(yield_often(times)));
  std::uint64_t done = 0;
  for (weft::Task<std::uint64_t> const& task : turns) done += co_await task;
  co_return done;
}

}  // namespace

void add_yield(Kernels& kernels, Plan const& plan) {
  std::uint32_t const times = plan.pick(1'000U, 50'000U, 1'000'000U);
  std::uint32_t const tasks = 100;
  Work alone(kernels, plan, "micro", "yield", times, times);
  alone.peers("yield", times);
  alone.weft([times](unsigned workers) { return runtime(workers).run(yield_often(times)); });
  Work turns(kernels, plan, "micro", "yield, 100 tasks", times, times);
  turns.peers("yield_in_turn", times);
  turns.weft([times](unsigned workers) { return runtime(workers).run(yield_in_turn(tasks, times / tasks)); });
}

}  // namespace bench
