// sort: cilksort, a merge sort whose merges are parallel as well (sorting.hpp).
#include "../kernel.hpp"
#include "../peers/peers.hpp"
#include "sorting.hpp"
#include "weft_runtimes.hpp"

#include <memory>

namespace bench {

namespace {

weft::Coro<> merge(Merge runs) {
  if (runs.leaf()) {
    runs.merge();
    co_return;
  }
  MergePair const parts = split(runs);
  co_await weft::gather(merge(parts.low), merge(parts.high));
}

weft::Coro<> sort(Run items, Run scratch, bool into_scratch) {
  if (items.size() <= sort_leaf) {
    sort_few(items, scratch, into_scratch);
    co_return;
  }
  std::size_t const half = items.size() / 2;
  co_await weft::gather(sort(items.first(half), scratch.first(half), !into_scratch), sort(items.subspan(half), scratch.subspan(half), !into_scratch));
  Run const from = into_scratch ? items : scratch, to = into_scratch ? scratch : items;
  Merge const halves{from.first(half), from.subspan(half), to};
  co_await merge(halves);
}

weft::Coro<> merge_tasks(Merge runs) {
  if (runs.leaf()) {
    runs.merge();
    co_return;
  }
  MergePair const parts = split(runs);
  co_await weft::task_group([&](weft::TaskGroup& tg) -> weft::Coro<> {
    tg.start_soon(merge_tasks(parts.low));
    tg.start_soon(merge_tasks(parts.high));
    co_return;
  });
}

weft::Coro<> sort_tasks(Run items, Run scratch, bool into_scratch) {
  if (items.size() <= sort_leaf) {
    sort_few(items, scratch, into_scratch);
    co_return;
  }
  std::size_t const half = items.size() / 2;
  co_await weft::task_group([&](weft::TaskGroup& tg) -> weft::Coro<> {
    tg.start_soon(sort_tasks(items.first(half), scratch.first(half), !into_scratch));
    tg.start_soon(sort_tasks(items.subspan(half), scratch.subspan(half), !into_scratch));
    co_return;
  });
  Run const from = into_scratch ? items : scratch, to = into_scratch ? scratch : items;
  Merge const halves{from.first(half), from.subspan(half), to};
  co_await merge_tasks(halves);
}

template <class Sort>
std::uint64_t run_sort(unsigned workers, Numbers& numbers, Sort how) {
  {
    Untimed const set_up;
    numbers.shuffle();
  }
  runtime(workers).run(how(numbers.items(), numbers.scratch(), false));
  Untimed const checking;
  return numbers.checksum();
}

}  // namespace

void add_sort(Kernels& kernels, Plan const& plan) {
  std::size_t const count = plan.pick<std::uint64_t>(50'000, 200'000, 10'000'000);
  auto const numbers = std::make_shared<Numbers>(count);
  Work work(kernels, plan, "programs", "sort(" + std::to_string(count) + ")", count, serial("sort", count));
  work.peers("sort", count);
  work.weft([numbers](unsigned workers) { return run_sort(workers, *numbers, sort); });
  work.weft([numbers](unsigned workers) { return run_sort(workers, *numbers, sort_tasks); }, "TaskGroup");
}

}  // namespace bench
