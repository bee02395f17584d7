// What CPython's test_locks.py asks of Lock and Event. The table is docs/conformance/locks.md; Condition, Semaphore and
// Barrier have files of their own.
//
// asyncio's tests look into the list of waiters. Ours ask what it means: whether the lock is free after its release.
#include "conformance/operations.hpp"

namespace weft_test {
namespace {

class AsyncioLock : public AtWorkers {};
class AsyncioEvent : public AtWorkers {};

static_assert(!Awaitable<weft::Lock> && !Awaitable<weft::Event>, "`await lock` is an error in asyncio: one awaits acquire()");

TEST_P(AsyncioLock, IsNotAwaitableItself) {
  weft::Lock lock;
  EXPECT_FALSE(Awaitable<weft::Lock>);
  EXPECT_FALSE(lock.locked());
}

TEST_P(AsyncioLock, IsHandedOverInTheOrderOfTheWaiters) {
  Log log;
  run([&]() -> Coro<> {
    weft::Lock lock;
    co_await lock.acquire();
    Task<void> const t1 = weft::create_task(acquire_and_log(&lock, &log, "1"));
    co_await settle();
    Task<void> const t2 = weft::create_task(acquire_and_log(&lock, &log, "2"));
    co_await settle();
    EXPECT_EQ(log.text(), "");

    lock.release();
    co_await settle();
    EXPECT_EQ(log.text(), "1");
    co_await settle();
    EXPECT_EQ(log.text(), "1");

    Task<void> const t3 = weft::create_task(acquire_and_log(&lock, &log, "3"));
    co_await settle();
    lock.release();
    co_await settle();
    EXPECT_EQ(log.text(), "1 2");
    lock.release();
    co_await settle();
    EXPECT_EQ(log.text(), "1 2 3");

    std::vector<Task<void>> const tasks{t1, t2, t3};
    for (Task<void> const& t : tasks) EXPECT_EQ(outcome_of_call([&] { t.result(); }), "ok");
    EXPECT_TRUE(lock.locked());
    lock.release();
  });
}

TEST_P(AsyncioLock, CancelledWaiterLeavesTheQueue) {
  run([]() -> Coro<> {
    weft::Lock lock;
    co_await lock.acquire();
    Task<void> waiter = weft::create_task(acquire(&lock));
    co_await settle();
    waiter.cancel();
    std::string const seen = co_await outcome(waiter);
    EXPECT_EQ(seen, "CancelledError");
    lock.release();
    EXPECT_FALSE(lock.locked()) << "it went to a waiter who has left";
  });
}

// A holds the lock, B and C wait; B is cancelled and A releases at the same moment: C gets it.
TEST_P(AsyncioLock, ReleaseGoesPastAWaiterThatIsBeingCancelled) {
  run([]() -> Coro<> {
    weft::Lock lock;
    weft::Event blocker;
    auto hold = [&](weft::Event* until) -> Coro<> {
      auto const guard = co_await lock.scoped();
      if (until != nullptr) co_await until->wait();
    };
    Task<void> const a = weft::create_task(hold(&blocker));
    co_await settle();
    EXPECT_TRUE(lock.locked());
    Task<void> b = weft::create_task(hold(nullptr));
    co_await settle();
    Task<void> const c = weft::create_task(hold(nullptr));
    co_await settle();
    blocker.set();
    b.cancel();
    co_await settle();
    EXPECT_FALSE(lock.locked());
    EXPECT_TRUE(a.done());
    EXPECT_TRUE(b.done());
    EXPECT_TRUE(c.done());
    // With several workers A may release before the cancel comes; then B has the lock, and keeps it.
    if (GetParam() == 1) {
      EXPECT_TRUE(b.cancelled());
    }
    co_await c;
  });
}

TEST_P(AsyncioLock, CancelAndReleaseAtOnceHandItToOneWaiterOnly) {
  run([]() -> Coro<> {
    weft::Lock lock;
    int taken = 0;
    int calls = 0;
    auto take = [&]() -> Coro<> {
      ++calls;
      co_await lock.acquire();
      ++taken;
    };
    co_await lock.acquire();
    Task<void> t1 = weft::create_task(take());
    co_await settle();
    Task<void> const t2 = weft::create_task(take());
    co_await settle();
    Task<void> t3 = weft::create_task(take());
    co_await settle();
    t1.cancel();
    lock.release();
    std::string const seen = co_await outcome(t1);
    EXPECT_EQ(seen, "CancelledError");
    co_await settle();
    EXPECT_EQ(taken, 1);
    EXPECT_EQ(calls, 3);
    EXPECT_TRUE(t1.cancelled());
    EXPECT_TRUE(t2.done());
    EXPECT_FALSE(t3.done());
    t3.cancel();
    co_await settle();
    EXPECT_TRUE(t3.cancelled());
    lock.release();
    EXPECT_FALSE(lock.locked());
  });
}

TEST_P(AsyncioLock, CancelledWaiterDoesNotKeepTheNextOneAsleep) {
  run([]() -> Coro<> {
    weft::Lock lock;
    co_await lock.acquire();
    EXPECT_TRUE(lock.locked());
    Task<void> b = weft::create_task(acquire(&lock));
    co_await settle();
    // It may come to wait before or after the release.
    Task<void> const c = weft::create_task(acquire(&lock));
    b.cancel();
    lock.release();
    co_await settle();
    EXPECT_TRUE(lock.locked());
    EXPECT_TRUE(b.cancelled());
    co_await c;
  });
}

// The lock was handed over first: the waiter has it, and the cancel waits for its next suspension. asyncio takes it back.
TEST_P(AsyncioLock, WaiterCancelledAfterTheHandOverHoldsTheLock) {
  Log log;
  run([&]() -> Coro<> {
    weft::Lock lock;
    co_await lock.acquire();
    auto body = [&]() -> Coro<> {
      auto const guard = co_await lock.scoped();
      log.add("held");
      co_await weft::sleep(1h);
    };
    Task<void> waiter = weft::create_task(body());
    co_await settle();
    lock.release();
    waiter.cancel();
    std::string const seen = co_await outcome(waiter);
    log.add(seen);
    EXPECT_FALSE(lock.locked());
  });
  EXPECT_EQ(log.text(), "held CancelledError");
}

TEST_P(AsyncioLock, ReleaseOfAFreeLockThrowsRuntimeError) {
  weft::Lock lock;
  EXPECT_EQ(outcome_of_call([&] { lock.release(); }), "RuntimeError");
  run([&]() -> Coro<> {
    EXPECT_EQ(outcome_of_call([&] { lock.release(); }), "RuntimeError");
    co_return;
  });
}

TEST_P(AsyncioLock, ReleaseWithoutWaitersFreesIt) {
  run([]() -> Coro<> {
    weft::Lock lock;
    co_await lock.acquire();
    EXPECT_TRUE(lock.locked());
    lock.release();
    EXPECT_FALSE(lock.locked());
  });
}

TEST_P(AsyncioLock, GuardHoldsItForItsScope) {
  run([]() -> Coro<> {
    weft::Lock lock;
    EXPECT_FALSE(lock.locked());
    {
      auto const guard = co_await lock.scoped();
      EXPECT_TRUE(lock.locked());
    }
    EXPECT_FALSE(lock.locked());
  });
}

Coro<> wait_and_log(weft::Event* event, Log* log, std::string name) {
  co_await event->wait();
  log->add(name);
}

TEST_P(AsyncioEvent, WakesEverybodyWhoWaits) {
  Log log;
  run([&]() -> Coro<> {
    weft::Event event;
    EXPECT_FALSE(event.is_set());
    Task<void> const t1 = weft::create_task(wait_and_log(&event, &log, "1"));
    Task<void> const t2 = weft::create_task(wait_and_log(&event, &log, "2"));
    co_await settle();
    EXPECT_EQ(log.text(), "");
    Task<void> const t3 = weft::create_task(wait_and_log(&event, &log, "3"));
    event.set();
    co_await settle();
    EXPECT_EQ(log.words().size(), 3U);
    // With one worker asyncio's order holds: 3, which finds the event set, was ready before 1 and 2 were woken.
    if (GetParam() == 1) {
      EXPECT_EQ(log.text(), "3 1 2");
    }
    std::vector<Task<void>> const tasks{t1, t2, t3};
    for (Task<void> const& t : tasks) EXPECT_EQ(outcome_of_call([&] { t.result(); }), "ok");
  });
}

TEST_P(AsyncioEvent, WaitOnASetEventReturnsAtOnce) {
  run([]() -> Coro<> {
    weft::Event event;
    event.set();
    Elapsed const clock;
    co_await event.wait();
    EXPECT_EQ(clock.ms(), 0ms);
  });
}

TEST_P(AsyncioEvent, CancelledWaiterLeaves) {
  Log log;
  run([&]() -> Coro<> {
    weft::Event event;
    Task<void> waiter = weft::create_task(wait_and_log(&event, &log, "woken"));
    co_await settle();
    waiter.cancel();
    std::string const seen = co_await outcome(waiter);
    EXPECT_EQ(seen, "CancelledError");
    event.set();
    co_await settle();
  });
  EXPECT_EQ(log.text(), "");
}

TEST_P(AsyncioEvent, IsSetAndCleared) {
  weft::Event event;
  EXPECT_FALSE(event.is_set());
  event.set();
  EXPECT_TRUE(event.is_set());
  event.clear();
  EXPECT_FALSE(event.is_set());
}

TEST_P(AsyncioEvent, ClearRightAfterSetStillWakesWhoWaited) {
  Log log;
  run([&]() -> Coro<> {
    weft::Event event;
    Task<void> const waiter = weft::create_task(wait_and_log(&event, &log, "1"));
    co_await settle();
    EXPECT_EQ(log.text(), "");
    event.set();
    event.clear();
    EXPECT_FALSE(event.is_set());
    event.set();
    event.set();
    co_await settle();
    EXPECT_EQ(log.text(), "1");
    EXPECT_EQ(outcome_of_call([&] { waiter.result(); }), "ok");
  });
}

WEFT_TEST_AT_1_2_8_WORKERS(AsyncioLock);
WEFT_TEST_AT_1_2_8_WORKERS(AsyncioEvent);

}  // namespace
}  // namespace weft_test
