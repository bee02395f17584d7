// The thread-local of the worker, read inline before and after suspensions that change the thread, is never a stale one.
#include "support.hpp"

#include <weft/runtime/scheduler/worker.hpp>

namespace weft_test {
namespace {

// The same question through a call that no compiler can move or merge.
[[gnu::noinline]] weft::engine::Worker* asked_by_call() {
  asm volatile("" ::: "memory");
  return weft::engine::tls_worker;
}

Coro<long> hop(int times) {
  long moves = 0;
  for (int i = 0; i < times; ++i) {
    weft::engine::Worker* const before = weft::engine::current_worker();
    EXPECT_EQ(before, asked_by_call());
    co_await weft::yield_now();
    weft::engine::Worker* const after = weft::engine::current_worker();
    EXPECT_EQ(after, asked_by_call());
    if (after != before) ++moves;
  }
  co_return moves;
}

TEST(ThreadLocalWorker, IsRightAfterEverySuspension) {
  weft::Options o;
  o.workers = 8;
  weft::Runtime runtime(o);
  long moves = 0;
  // Until somebody has really moved: with one core that may take a few rounds.
  for (int round = 0; round < 200 && moves == 0; ++round) {
    moves += runtime.run([]() -> Coro<long> {
      std::vector<Task<long>> tasks;
      for (int i = 0; i < 64; ++i) tasks.push_back(weft::create_task(hop(50)));
      std::vector<long> const each = co_await weft::gather(tasks);
      long sum = 0;
      for (long const n : each) sum += n;
      co_return sum;
    });
  }
  EXPECT_GT(moves, 0) << "no task has changed its worker, so nothing was shown";
}

}  // namespace
}  // namespace weft_test
