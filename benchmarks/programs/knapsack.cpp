// knapsack: a search that ends when the first branch has found what all are looking for (knapsack_items.hpp). The peers look at a flag in each
// node; weft cancels the task, and its parts stop at their next gather.
#include "../kernel.hpp"
#include "../peers/peers.hpp"
#include "knapsack_items.hpp"
#include "weft_runtimes.hpp"

#include <atomic>
#include <memory>

namespace bench {

namespace {

struct Search {
  Knapsack const* problem = nullptr;
  std::atomic<std::uint64_t> found{0};
};

weft::Coro<> take_or_leave(Search* search, unsigned item, int room, std::uint64_t value) {
  Knapsack const& problem = *search->problem;
  if (!problem.promising(item, room, value)) co_return;
  if (item == problem.count()) {
    search->found.store(value, std::memory_order_relaxed);
    weft::current_task().cancel();
    co_return;
  }
  co_await weft::gather(take_or_leave(search, item + 1, room - problem.weight(item), value + problem.value(item)),
                        take_or_leave(search, item + 1, room, value));
}

// A task of its own for the search, which its finder cancels.
weft::Coro<std::uint64_t> by_gather(Knapsack const* problem) {
  Search search;
  search.problem = problem;
  weft::Task<void> task = weft::create_task(take_or_leave(&search, 0, problem->capacity(), 0));
  co_await weft::as_result(task);
  co_return search.found.load(std::memory_order_relaxed);
}

weft::Coro<> take_or_leave_tasks(Search* search, weft::TaskGroup* all, unsigned item, int room, std::uint64_t value) {
  Knapsack const& problem = *search->problem;
  if (!problem.promising(item, room, value)) co_return;
  if (item == problem.count()) {
    search->found.store(value, std::memory_order_relaxed);
    all->cancel();
    co_return;
  }
  co_await weft::task_group([&](weft::TaskGroup& tg) -> weft::Coro<> {
    tg.start_soon(take_or_leave_tasks(search, all, item + 1, room - problem.weight(item), value + problem.value(item)));
    tg.start_soon(take_or_leave_tasks(search, all, item + 1, room, value));
    co_return;
  });
}

weft::Coro<std::uint64_t> by_group(Knapsack const* problem) {
  Search search;
  search.problem = problem;
  co_await weft::task_group([&](weft::TaskGroup& tg) -> weft::Coro<> {
    tg.start_soon(take_or_leave_tasks(&search, &tg, 0, problem->capacity(), 0));
    co_return;
  });
  co_return search.found.load(std::memory_order_relaxed);
}

}  // namespace

void add_knapsack(Kernels& kernels, Plan const& plan) {
  unsigned const items = plan.pick(16U, 22U, 30U);
  auto const problem = std::make_shared<Knapsack const>(items);
  Work work(kernels, plan, "programs", "knapsack(" + std::to_string(items) + ") with cancel", 1, problem->best());
  work.peers("knapsack", items);
  work.weft([problem](unsigned workers) { return runtime(workers).run(by_gather(problem.get())); });
  work.weft([problem](unsigned workers) { return runtime(workers).run(by_group(problem.get())); }, "TaskGroup");
}

}  // namespace bench
