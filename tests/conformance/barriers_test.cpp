// What CPython's test_locks.py asks of Barrier. The table is docs/conformance/locks.md.
//
// weft's Barrier has no draining state: the last to come lets everybody through at once, and whoever waits again waits for
// the next round. So what asyncio's tests ask about half-drained barriers is here: what reset and abort do to those who
// have been let through (nothing), and to those who already wait again.
#include "conformance/operations.hpp"

#include <algorithm>

namespace weft_test {
namespace {

class AsyncioBarrier : public AtWorkers {};

static_assert(!Awaitable<weft::Barrier>, "`await barrier` is an error in asyncio: one awaits wait()");

constexpr std::size_t parties = 5;

// Runs `count` tasks of fn() and awaits them all.
template <class F>
Coro<> all_of(std::size_t count, F& fn) {
  std::vector<Task<void>> tasks;
  for (std::size_t i = 0; i < count; ++i) tasks.push_back(weft::create_task(fn()));
  co_await weft::gather(tasks);
}

Coro<> pass(weft::Barrier* barrier) { (void)co_await barrier->wait(); }

TEST_P(AsyncioBarrier, OfNoPartiesThrowsValueError) {
  EXPECT_EQ(outcome_of_call([] { weft::Barrier const barrier(0); }), "ValueError");
  EXPECT_EQ(outcome_of_call([] { weft::Barrier const barrier(-4); }), "ValueError");
  weft::Barrier const barrier(static_cast<std::ptrdiff_t>(parties));
  EXPECT_EQ(barrier.parties(), parties);
  EXPECT_EQ(barrier.n_waiting(), 0U);
  EXPECT_FALSE(barrier.broken());
}

TEST_P(AsyncioBarrier, GivesEachTaskAnIndexOfItsOwn) {
  run([]() -> Coro<> {
    weft::Barrier barrier(3);
    std::mutex mutex;
    std::vector<std::size_t> indexes;
    auto body = [&]() -> Coro<> {
      std::size_t const index = co_await barrier.wait();
      std::lock_guard const hold(mutex);
      indexes.push_back(index);
    };
    co_await all_of(3, body);
    std::sort(indexes.begin(), indexes.end());
    EXPECT_EQ(indexes, (std::vector<std::size_t>{0, 1, 2}));
    EXPECT_EQ(barrier.n_waiting(), 0U);
    EXPECT_FALSE(barrier.broken());
  });
}

TEST_P(AsyncioBarrier, OfOneLetsItsOnlyTaskThroughAtOnce) {
  run([]() -> Coro<> {
    weft::Barrier barrier(1);
    Elapsed const clock;
    std::size_t const index = co_await barrier.wait();
    EXPECT_EQ(index, 0U);
    EXPECT_EQ(clock.ms(), 0ms);
    EXPECT_EQ(barrier.n_waiting(), 0U);
    EXPECT_FALSE(barrier.broken());
  });
}

TEST_P(AsyncioBarrier, OfOneLetsOneTaskAfterTheOtherThrough) {
  run([]() -> Coro<> {
    weft::Barrier barrier(1);
    auto body = [&]() -> Coro<std::size_t> { co_return co_await barrier.wait(); };
    Task<std::size_t> const t1 = weft::create_task(body());
    co_await settle();
    EXPECT_EQ(barrier.n_waiting(), 0U);
    Task<std::size_t> const t2 = weft::create_task(body());
    co_await settle();
    EXPECT_EQ(t1.result(), t2.result());
    EXPECT_EQ(barrier.n_waiting(), 0U);
    EXPECT_FALSE(barrier.broken());
  });
}

TEST_P(AsyncioBarrier, FillsTaskByTask) {
  run([]() -> Coro<> {
    weft::Barrier barrier(3);
    Task<void> const t1 = weft::create_task(pass(&barrier));
    co_await settle();
    EXPECT_EQ(barrier.n_waiting(), 1U);
    Task<void> const t2 = weft::create_task(pass(&barrier));
    co_await settle();
    EXPECT_EQ(barrier.n_waiting(), 2U);
    EXPECT_FALSE(t1.done());
    Task<void> const t3 = weft::create_task(pass(&barrier));
    co_await weft::gather(t1, t2, t3);
    EXPECT_EQ(barrier.n_waiting(), 0U);
    EXPECT_FALSE(barrier.broken());
  });
}

TEST_P(AsyncioBarrier, IsPassedTwiceByTheSameTasks) {
  Log log;
  run([&]() -> Coro<> {
    weft::Barrier barrier(static_cast<std::ptrdiff_t>(parties));
    auto body = [&]() -> Coro<> {
      (void)co_await barrier.wait();
      log.add("once");
      (void)co_await barrier.wait();
      log.add("twice");
    };
    co_await all_of(parties, body);
    EXPECT_EQ(barrier.n_waiting(), 0U);
    EXPECT_FALSE(barrier.broken());
  });
  EXPECT_EQ(log.text(), "once once once once once twice twice twice twice twice");
}

TEST_P(AsyncioBarrier, SecondPassageGivesEachTaskAnIndexOfItsOwn) {
  run([]() -> Coro<> {
    weft::Barrier barrier(static_cast<std::ptrdiff_t>(parties));
    std::mutex mutex;
    std::vector<std::size_t> indexes;
    auto body = [&]() -> Coro<> {
      (void)co_await barrier.wait();
      std::size_t const index = co_await barrier.wait();
      std::lock_guard const hold(mutex);
      indexes.push_back(index);
    };
    co_await all_of(parties, body);
    std::sort(indexes.begin(), indexes.end());
    EXPECT_EQ(indexes, (std::vector<std::size_t>{0, 1, 2, 3, 4}));
    EXPECT_EQ(barrier.n_waiting(), 0U);
    EXPECT_FALSE(barrier.broken());
  });
}

// asyncio: ..._while_draining. Some wait again at once, the others come later: the second round still takes all of them.
TEST_P(AsyncioBarrier, ThoseWhoWaitAgainAtOnceWaitForTheOthers) {
  run([]() -> Coro<> {
    weft::Barrier barrier(static_cast<std::ptrdiff_t>(parties));
    weft::Barrier others(static_cast<std::ptrdiff_t>(parties) - 2);
    std::atomic<int> again{2};
    auto body = [&]() -> Coro<> {
      (void)co_await barrier.wait();
      if (again.fetch_sub(1) <= 0) (void)co_await others.wait();
      (void)co_await barrier.wait();
    };
    co_await all_of(parties, body);
    EXPECT_EQ(barrier.n_waiting(), 0U);
  });
}

TEST_P(AsyncioBarrier, CancelledWaiterLeavesAndIsReplacedByAnother) {
  Log log;
  run([&]() -> Coro<> {
    weft::Barrier barrier(3);
    auto body = [&]() -> Coro<> {
      (void)co_await barrier.wait();
      log.add("passed");
    };
    Task<void> t1 = weft::create_task(body());
    co_await settle();
    Task<void> const t2 = weft::create_task(body());
    co_await settle();
    EXPECT_EQ(barrier.n_waiting(), 2U);
    t1.cancel();
    co_await settle();
    EXPECT_EQ(barrier.n_waiting(), 1U);
    EXPECT_TRUE(t1.cancelled());
    Task<void> const t3 = weft::create_task(body());
    co_await settle();
    EXPECT_EQ(barrier.n_waiting(), 2U);
    Task<void> const t4 = weft::create_task(body());
    co_await weft::gather(t2, t3, t4);
    EXPECT_EQ(barrier.n_waiting(), 0U);
    EXPECT_FALSE(barrier.broken());
  });
  EXPECT_EQ(log.text(), "passed passed passed");
}

TEST_P(AsyncioBarrier, ResetOfAnEmptyBarrierChangesNothing) {
  weft::Barrier barrier(1);
  barrier.reset();
  EXPECT_EQ(barrier.n_waiting(), 0U);
  EXPECT_FALSE(barrier.broken());
}

TEST_P(AsyncioBarrier, ResetBreaksThoseWhoWaitAndTheBarrierIsWholeAgain) {
  Log log;
  run([&]() -> Coro<> {
    weft::Barrier barrier(static_cast<std::ptrdiff_t>(parties));
    std::vector<Task<void>> tasks;
    for (std::size_t i = 0; i + 1 < parties; ++i) tasks.push_back(weft::create_task(pass(&barrier)));
    co_await settle();
    barrier.reset();
    for (Task<void> const& task : tasks) {
      std::string const seen = co_await outcome(task);
      log.add(seen);
    }
    EXPECT_EQ(barrier.n_waiting(), 0U);
    EXPECT_FALSE(barrier.broken());
  });
  EXPECT_EQ(log.text(), "BrokenBarrierError BrokenBarrierError BrokenBarrierError BrokenBarrierError");
}

// asyncio breaks those of a half-drained barrier who have not left yet. Here all have been let through by then.
TEST_P(AsyncioBarrier, ResetDoesNotReachThoseWhoHaveBeenLetThrough) {
  Log log;
  run([&]() -> Coro<> {
    weft::Barrier barrier(static_cast<std::ptrdiff_t>(parties));
    auto body = [&]() -> Coro<> {
      std::string const seen = co_await outcome(pass(&barrier));
      log.add(seen);
      barrier.reset();
    };
    co_await all_of(parties, body);
    EXPECT_EQ(barrier.n_waiting(), 0U);
    EXPECT_FALSE(barrier.broken());
  });
  EXPECT_EQ(log.text(), "ok ok ok ok ok");
}

TEST_P(AsyncioBarrier, ResetBreaksThoseWhoAlreadyWaitForTheNextRound) {
  Log log;
  run([&]() -> Coro<> {
    weft::Barrier barrier(static_cast<std::ptrdiff_t>(parties));
    std::atomic<int> again{2};
    auto body = [&]() -> Coro<> {
      (void)co_await barrier.wait();
      if (again.fetch_sub(1) > 0) {
        std::string const seen = co_await outcome(pass(&barrier));
        log.add(seen);
      } else {
        co_await settle();
      }
      // All of them meet in the round after the reset.
      (void)co_await barrier.wait();
    };
    std::vector<Task<void>> tasks;
    for (std::size_t i = 0; i < parties; ++i) tasks.push_back(weft::create_task(body()));
    // At the same moment those who do not wait again sleep: nobody can have come to the last wait.
    co_await weft::sleep(500us);
    EXPECT_EQ(barrier.n_waiting(), 2U);
    barrier.reset();
    co_await weft::gather(tasks);
    EXPECT_EQ(barrier.n_waiting(), 0U);
    EXPECT_FALSE(barrier.broken());
  });
  EXPECT_EQ(log.text(), "BrokenBarrierError BrokenBarrierError");
}

TEST_P(AsyncioBarrier, ThoseWhomAResetBrokeMayWaitAgainWithAnother) {
  Log log;
  run([&]() -> Coro<> {
    weft::Barrier barrier(static_cast<std::ptrdiff_t>(parties));
    auto first = [&]() -> Coro<> {
      std::string const seen = co_await outcome(pass(&barrier));
      log.add(seen);
      (void)co_await barrier.wait();
      log.add("passed");
    };
    auto second = [&]() -> Coro<> {
      (void)co_await barrier.wait();
      log.add("passed");
    };
    std::vector<Task<void>> tasks;
    for (std::size_t i = 0; i + 1 < parties; ++i) tasks.push_back(weft::create_task(first()));
    co_await settle();
    barrier.reset();
    co_await settle();
    tasks.push_back(weft::create_task(second()));
    co_await weft::gather(tasks);
    EXPECT_FALSE(barrier.broken());
    EXPECT_EQ(barrier.n_waiting(), 0U);
  });
  EXPECT_EQ(log.count("BrokenBarrierError"), parties - 1);
  EXPECT_EQ(log.count("passed"), parties);
}

TEST_P(AsyncioBarrier, AbortBreaksTheBarrier) {
  run([]() -> Coro<> {
    weft::Barrier barrier(1);
    barrier.abort();
    EXPECT_EQ(barrier.n_waiting(), 0U);
    EXPECT_TRUE(barrier.broken());
    std::string const seen = co_await outcome(pass(&barrier));
    EXPECT_EQ(seen, "BrokenBarrierError");
  });
}

TEST_P(AsyncioBarrier, AbortBreaksThoseWhoWaitForTheNextRoundAndNotThoseWhoWereLetThrough) {
  Log log;
  run([&]() -> Coro<> {
    weft::Barrier barrier(static_cast<std::ptrdiff_t>(parties));
    std::atomic<int> again{2};
    auto body = [&]() -> Coro<> {
      std::string const first = co_await outcome(pass(&barrier));
      log.add(first);
      if (again.fetch_sub(1) > 0) {
        std::string const second = co_await outcome(pass(&barrier));
        log.add(second);
      } else {
        co_await settle();
        barrier.abort();
      }
    };
    co_await all_of(parties, body);
    EXPECT_TRUE(barrier.broken());
    EXPECT_EQ(barrier.n_waiting(), 0U);
  });
  EXPECT_EQ(log.count("ok"), parties);
  EXPECT_EQ(log.count("BrokenBarrierError"), 2U);
}

TEST_P(AsyncioBarrier, TaskThatFailsAndAbortsBreaksTheOthers) {
  Log log;
  run([&]() -> Coro<> {
    weft::Barrier barrier(static_cast<std::ptrdiff_t>(parties));
    auto body = [&]() -> Coro<> {
      std::size_t const index = co_await barrier.wait();
      if (index == parties / 2) {
        barrier.abort();
        co_return;
      }
      std::string const seen = co_await outcome(pass(&barrier));
      log.add(seen);
    };
    co_await all_of(parties, body);
    EXPECT_TRUE(barrier.broken());
    EXPECT_EQ(barrier.n_waiting(), 0U);
  });
  EXPECT_EQ(log.text(), "BrokenBarrierError BrokenBarrierError BrokenBarrierError BrokenBarrierError");
}

TEST_P(AsyncioBarrier, BrokenBarrierIsWholeAfterAReset) {
  Log log;
  run([&]() -> Coro<> {
    weft::Barrier barrier(static_cast<std::ptrdiff_t>(parties));
    weft::Barrier meeting(static_cast<std::ptrdiff_t>(parties));
    auto body = [&]() -> Coro<> {
      std::size_t const index = co_await barrier.wait();
      if (index == parties / 2) {
        barrier.abort();
      } else {
        std::string const seen = co_await outcome(pass(&barrier));
        log.add(seen);
      }
      // Everybody has left it before the reset, and nobody enters it before that.
      std::size_t const met = co_await meeting.wait();
      if (met == parties / 2) barrier.reset();
      (void)co_await meeting.wait();
      (void)co_await barrier.wait();
      log.add("passed");
    };
    co_await all_of(parties, body);
    EXPECT_FALSE(barrier.broken());
    EXPECT_EQ(barrier.n_waiting(), 0U);
  });
  EXPECT_EQ(log.count("BrokenBarrierError"), parties - 1);
  EXPECT_EQ(log.count("passed"), parties);
}

WEFT_TEST_AT_1_2_8_WORKERS(AsyncioBarrier);

}  // namespace
}  // namespace weft_test
