// fib(n) by two recursive calls, each a task: nothing but task overhead.
#include "../kernel.hpp"
#include "../peers/peers.hpp"
#include "weft_runtimes.hpp"

namespace bench {

namespace {

weft::Coro<std::uint64_t> fib(std::uint64_t n) {
  if (n < 2) co_return n;
  auto [a, b] = co_await weft::gather(fib(n - 1), fib(n - 2));
  co_return a + b;
}

weft::Coro<> fib_tasks(std::uint64_t n, std::uint64_t* result) {
  if (n < 2) {
    *result = n;
    co_return;
  }
  std::uint64_t a = 0, b = 0;
  co_await weft::task_group([&](weft::TaskGroup& tg) -> weft::Coro<> {
    tg.start_soon(fib_tasks(n - 1, &a));
    tg.start_soon(fib_tasks(n - 2, &b));
    co_return;
  });
  *result = a + b;
}

std::uint64_t run_tasks(unsigned workers, std::uint64_t n) {
  std::uint64_t result = 0;
  runtime(workers).run(fib_tasks(n, &result));
  return result;
}

}  // namespace

void add_fib(Kernels& kernels, Plan const& plan) {
  std::uint64_t const n = plan.pick<std::uint64_t>(15, 22, 28, 30);
  std::uint64_t const calls = 2 * serial("fib", n + 1) - 1;
  Work work(kernels, plan, "programs", "fib(" + std::to_string(n) + ")", calls, serial("fib", n));
  work.peers("fib", n);
  work.weft([n](unsigned workers) { return runtime(workers).run(fib(n)); });
  if (plan.size != Size::table) work.weft([n](unsigned workers) { return run_tasks(workers, n); }, "TaskGroup");
}

}  // namespace bench
