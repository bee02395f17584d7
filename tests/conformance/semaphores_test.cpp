// What CPython's test_locks.py asks of Semaphore and BoundedSemaphore. The table is docs/conformance/locks.md.
#include "conformance/operations.hpp"

namespace weft_test {
namespace {

class AsyncioSemaphore : public AtWorkers {};

static_assert(!Awaitable<weft::Semaphore>, "`await semaphore` is an error in asyncio: one awaits acquire()");

TEST_P(AsyncioSemaphore, OfZeroIsLocked) {
  weft::Semaphore semaphore(0);
  EXPECT_TRUE(semaphore.locked());
}

TEST_P(AsyncioSemaphore, OfNoNumberHasOnePermit) {
  run([]() -> Coro<> {
    weft::Semaphore semaphore;
    EXPECT_FALSE(semaphore.locked());
    co_await semaphore.acquire();
    EXPECT_TRUE(semaphore.locked());
    semaphore.release();
    EXPECT_FALSE(semaphore.locked());
  });
}

TEST_P(AsyncioSemaphore, OfANegativeNumberThrowsValueError) {
  EXPECT_EQ(outcome_of_call([] { weft::Semaphore const semaphore(-1); }), "ValueError");
  EXPECT_EQ(outcome_of_call([] { weft::BoundedSemaphore const semaphore(-1); }), "ValueError");
}

TEST_P(AsyncioSemaphore, GuardHoldsAPermitForItsScope) {
  run([]() -> Coro<> {
    weft::Semaphore semaphore;
    weft::BoundedSemaphore bounded;
    {
      auto const guard = co_await semaphore.scoped();
      auto const other = co_await bounded.scoped();
      EXPECT_TRUE(semaphore.locked());
      EXPECT_TRUE(bounded.locked());
    }
    EXPECT_FALSE(semaphore.locked());
    EXPECT_FALSE(bounded.locked());
  });
}

TEST_P(AsyncioSemaphore, LetsInAsManyAsItHasPermits) {
  Log log;
  run([&]() -> Coro<> {
    weft::Semaphore semaphore(3);
    co_await semaphore.acquire();
    co_await semaphore.acquire();
    EXPECT_FALSE(semaphore.locked());
    std::vector<Task<void>> tasks;
    for (int i = 1; i <= 3; ++i) {
      tasks.push_back(weft::create_task(acquire_and_log(&semaphore, &log, std::to_string(i))));
      co_await settle();
    }
    EXPECT_EQ(log.text(), "1");
    EXPECT_TRUE(semaphore.locked());
    tasks.push_back(weft::create_task(acquire_and_log(&semaphore, &log, "4")));
    co_await settle();
    semaphore.release();
    semaphore.release();
    // Both permits went to waiters.
    EXPECT_TRUE(semaphore.locked());
    co_await settle();
    EXPECT_EQ(log.words().size(), 3U);
    EXPECT_TRUE(semaphore.locked());
    EXPECT_FALSE(tasks[3].done());
    semaphore.release();
    for (Task<void> const& task : tasks) co_await task;
    EXPECT_EQ(log.words().size(), 4U);
  });
}

TEST_P(AsyncioSemaphore, CancelledWaiterLeavesTheQueue) {
  run([]() -> Coro<> {
    weft::Semaphore semaphore;
    co_await semaphore.acquire();
    Task<void> waiter = weft::create_task(acquire(&semaphore));
    co_await settle();
    waiter.cancel();
    std::string const seen = co_await outcome(waiter);
    EXPECT_EQ(seen, "CancelledError");
    semaphore.release();
    EXPECT_FALSE(semaphore.locked()) << "the permit went to a waiter who has left";
  });
}

TEST_P(AsyncioSemaphore, ReleaseGoesPastTheCancelledToTheFirstWhoStillWaits) {
  run([]() -> Coro<> {
    weft::Semaphore semaphore(0);
    std::vector<Task<void>> tasks;
    for (int i = 0; i < 4; ++i) {
      tasks.push_back(weft::create_task(acquire(&semaphore)));
      co_await settle();
    }
    tasks[0].cancel();
    tasks[1].cancel();
    semaphore.release();
    co_await settle();
    EXPECT_TRUE(tasks[0].cancelled());
    EXPECT_TRUE(tasks[1].cancelled());
    EXPECT_TRUE(tasks[2].done());
    EXPECT_FALSE(tasks[3].done());
    tasks[3].cancel();
    co_await settle();
    EXPECT_TRUE(tasks[3].cancelled());
  });
}

TEST_P(AsyncioSemaphore, CancelAndReleaseAtOnceWakeTheOther) {
  run([]() -> Coro<> {
    weft::Semaphore semaphore(0);
    Task<void> t1 = weft::create_task(acquire(&semaphore));
    co_await settle();
    Task<void> const t2 = weft::create_task(acquire(&semaphore));
    co_await settle();
    t1.cancel();
    semaphore.release();
    co_await settle();
    EXPECT_TRUE(semaphore.locked());
    EXPECT_TRUE(t2.done());
  });
}

// A waiter is cancelled by the one who has just released: the permit is neither lost nor held for ever.
TEST_P(AsyncioSemaphore, PermitHandedToATaskThatIsThenCancelledComesBack) {
  run([]() -> Coro<> {
    weft::Semaphore semaphore(1);
    Task<void> t2;
    auto first = [&]() -> Coro<> {
      {
        auto const guard = co_await semaphore.scoped();
        co_await settle();
        co_await settle();
      }
      t2.cancel();
    };
    auto second = [&]() -> Coro<> {
      auto const guard = co_await semaphore.scoped();
      co_await weft::sleep(1h);
    };
    Task<void> const t1 = weft::create_task(first());
    co_await settle();
    t2 = weft::create_task(second());
    auto [r1, r2] = co_await weft::gather(weft::return_exceptions, t1, t2);
    EXPECT_TRUE(r1.has_value());
    EXPECT_TRUE(r2.cancelled());
    co_await weft::wait_for(semaphore.acquire(), 1s);
    EXPECT_TRUE(semaphore.locked());
  });
}

TEST_P(AsyncioSemaphore, ReleaseOfAFullBoundedSemaphoreThrowsValueError) {
  weft::BoundedSemaphore semaphore;
  EXPECT_EQ(outcome_of_call([&] { semaphore.release(); }), "ValueError");
}

TEST_P(AsyncioSemaphore, ReleaseWithoutWaitersFreesIt) {
  run([]() -> Coro<> {
    weft::Semaphore semaphore;
    co_await semaphore.acquire();
    EXPECT_TRUE(semaphore.locked());
    semaphore.release();
    EXPECT_FALSE(semaphore.locked());
  });
}

TEST_P(AsyncioSemaphore, TasksThatComeBackQueueBehindThoseWhoWait) {
  Log log;
  run([&]() -> Coro<> {
    weft::Semaphore semaphore(1);
    auto body = [&](std::string tag) -> Coro<> {
      co_await semaphore.acquire();
      log.add(tag + "_1");
      co_await weft::sleep(10ms);
      semaphore.release();
      co_await semaphore.acquire();
      log.add(tag + "_2");
      co_await weft::sleep(10ms);
      semaphore.release();
    };
    co_await weft::task_group([&](weft::TaskGroup& tg) -> Coro<> {
      tg.start_soon(body("c1"));
      co_await settle();
      tg.start_soon(body("c2"));
      co_await settle();
      tg.start_soon(body("c3"));
    });
  });
  EXPECT_EQ(log.text(), "c1_1 c2_1 c3_1 c1_2 c2_2 c3_2");
}

TEST_P(AsyncioSemaphore, TaskThatReleasesAndAcquiresAgainQueuesBehindThoseWhoWait) {
  Log log;
  run([&]() -> Coro<> {
    weft::Semaphore semaphore(1);
    auto second = [&]() -> Coro<> {
      co_await semaphore.acquire();
      log.add("2");
      semaphore.release();
      co_await semaphore.acquire();
      log.add("4");
    };
    Task<void> const t1 = weft::create_task(acquire_and_log(&semaphore, &log, "1"));
    co_await settle();
    Task<void> const t2 = weft::create_task(second());
    co_await settle();
    Task<void> const t3 = weft::create_task(acquire_and_log(&semaphore, &log, "3"));
    co_await settle();
    // One permit for the second, who hands it on to the third; with the next one he is fourth.
    semaphore.release();
    co_await settle();
    EXPECT_EQ(log.text(), "1 2 3");
    semaphore.release();
    co_await weft::gather(t1, t2, t3);
  });
  EXPECT_EQ(log.text(), "1 2 3 4");
}

TEST_P(AsyncioSemaphore, CancelledFirstWaiterDoesNotHoldUpTheOthers) {
  Log log;
  run([&]() -> Coro<> {
    weft::Semaphore semaphore(0);
    std::vector<Task<void>> tasks;
    for (int i = 1; i <= 3; ++i) {
      tasks.push_back(weft::create_task(acquire_and_log(&semaphore, &log, std::to_string(i))));
      co_await settle();
    }
    tasks[0].cancel();
    co_await settle();
    semaphore.release();
    co_await settle();
    semaphore.release();
    std::vector<weft::Result<void>> const ends = co_await weft::gather(weft::return_exceptions, tasks);
    EXPECT_TRUE(ends[0].cancelled());
    EXPECT_TRUE(ends[1].has_value());
    EXPECT_TRUE(ends[2].has_value());
  });
  EXPECT_EQ(log.text(), "2 3");
}

// Three releases at once wake all three who wait; whoever acquires next has to wait although three permits were given.
TEST_P(AsyncioSemaphore, SeveralReleasesWakeSeveralWaitersBeforeAnybodyElse) {
  Log log;
  run([&]() -> Coro<> {
    weft::Semaphore semaphore(0);
    Task<void> const t1 = weft::create_task(acquire_and_log(&semaphore, &log, "1"));
    co_await settle();
    auto second = [&]() -> Coro<> {
      semaphore.release();
      semaphore.release();
      semaphore.release();
      // Two are left; the first is the first waiter's, whether he has woken up or not.
      co_await semaphore.acquire();
      log.add("2");
    };
    Task<void> const t2 = weft::create_task(second());
    Task<void> const t3 = weft::create_task(acquire_and_log(&semaphore, &log, "3"));
    co_await weft::gather(t1, t2, t3);
    EXPECT_TRUE(semaphore.locked());
    EXPECT_EQ(log.words().size(), 3U);
    // Who waited is served when the permits come, so one who comes later finds none.
    weft::Semaphore other(0);
    Task<void> const waits = weft::create_task(acquire(&other));
    co_await settle();
    other.release();
    EXPECT_TRUE(other.locked());
    co_await waits;
  });
}

WEFT_TEST_AT_1_2_8_WORKERS(AsyncioSemaphore);

}  // namespace
}  // namespace weft_test
