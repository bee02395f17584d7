// Cancelling what sleeps: many tasks, each a coroutine or the operation itself, the many parts of one gather, and a tree of groups. Setting up is not
// timed; the cancel, and the join of all that was cancelled, are.
#include "../kernel.hpp"
#include "../programs/weft_runtimes.hpp"

#include <atomic>
#include <chrono>

namespace bench {

namespace {

using namespace std::chrono_literals;

struct Asleep {
  std::atomic<std::uint32_t> count{0};
};

weft::Coro<> sleep_for_long(Asleep* asleep) {
  asleep->count.fetch_add(1, std::memory_order_relaxed);
  co_await weft::sleep(1h);
}

weft::Coro<> until(Asleep* asleep, std::uint32_t wanted) {
  while (asleep->count.load(std::memory_order_relaxed) < wanted) co_await weft::yield_now();
  // The last one has counted itself and goes to sleep now.
  for (int i = 0; i < 100; ++i) co_await weft::yield_now();
}

weft::Coro<std::uint64_t> cancel_all(std::vector<weft::Task<void>>& sleepers) {
  for (weft::Task<void>& task : sleepers) task.cancel();
  std::uint64_t cancelled = 0;
  for (weft::Task<void>& task : sleepers) {
    weft::Result<void> const end = co_await weft::as_result(task);
    cancelled += end.cancelled() ? 1U : 0U;
  }
  co_return cancelled;
}

weft::Coro<std::uint64_t> cancel_tasks(std::uint32_t tasks) {
  Asleep asleep;
  std::vector<weft::Task<void>> sleepers;
  {
    Untimed const set_up;
    sleepers.reserve(tasks);
    for (std::uint32_t i = 0; i < tasks; ++i) sleepers.push_back(weft::create_task(sleep_for_long(&asleep)));
    co_await until(&asleep, tasks);
  }
  co_return co_await cancel_all(sleepers);
}

weft::Coro<std::uint64_t> cancel_operations(weft::Runtime const& runtime, std::uint32_t tasks) {
  std::vector<weft::Task<void>> sleepers;
  {
    Untimed const set_up;
    sleepers.reserve(tasks);
    for (std::uint32_t i = 0; i < tasks; ++i) sleepers.push_back(weft::create_task(weft::sleep(1h)));
    while (runtime.metrics().timers < tasks) co_await weft::yield_now();
  }
  co_return co_await cancel_all(sleepers);
}

weft::Coro<> gather_sleepers(Asleep* asleep, std::uint32_t parts) {
  std::vector<weft::Coro<>> naps;
  naps.reserve(parts);
  for (std::uint32_t i = 0; i < parts; ++i) naps.push_back(sleep_for_long(asleep));
  co_await weft::gather(std::move(naps));
}

// Groups of ten, groups of groups; the leaves sleep.
weft::Coro<> group_sleepers(Asleep* asleep, std::uint32_t leaves) {
  if (leaves == 1) {
    co_await sleep_for_long(asleep);
    co_return;
  }
  co_await weft::task_group([&](weft::TaskGroup& tg) -> weft::Coro<> {
    for (int i = 0; i < 10; ++i) tg.start_soon(group_sleepers(asleep, leaves / 10));
    co_return;
  });
}

template <class Sleepers>
weft::Coro<std::uint64_t> cancel_one(Sleepers sleepers, std::uint32_t leaves) {
  Asleep asleep;
  weft::Task<void> task;
  {
    Untimed const set_up;
    task = weft::create_task(sleepers(&asleep, leaves));
    co_await until(&asleep, leaves);
  }
  task.cancel();
  weft::Result<void> const end = co_await weft::as_result(task);
  co_return end.cancelled() ? leaves : 0;
}

}  // namespace

void add_cancel(Kernels& kernels, Plan const& plan) {
  std::uint32_t const n = plan.pick(1'000U, 10'000U, 1'000'000U);
  Work work(kernels, plan, "micro", "cancel " + std::to_string(n) + " asleep, joined", n, n);
  work.ask("cancel_asleep", n);
  work.weft([n](unsigned workers) { return runtime(workers).run(cancel_tasks(n)); });
  work.weft([n](unsigned workers) { return runtime(workers).run(cancel_operations(runtime(workers), n)); }, "sleep() itself");
  work.weft([n](unsigned workers) { return runtime(workers).run(cancel_one(gather_sleepers, n)); }, "parts of a gather");
  work.weft([n](unsigned workers) { return runtime(workers).run(cancel_one(group_sleepers, n)); }, "tree of groups");
}

}  // namespace bench
