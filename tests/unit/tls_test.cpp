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
  // Until somebody has really moved, which on a busy machine may take many rounds; if nobody ever does, the test does not end.
  while (moves == 0) {
    moves += runtime.run([]() -> Coro<long> {
      std::vector<Task<long>> tasks;
      for (int i = 0; i < 64; ++i) tasks.push_back(weft::create_task(hop(500)));
      std::vector<long> const each = co_await weft::gather(tasks);
      long sum = 0;
      for (long const n : each) sum += n;
      co_return sum;
    });
  }
}

}  // namespace
}  // namespace weft_test
