// What CPython's test_locks.py asks of Condition. The table is docs/conformance/locks.md.
#include "conformance/operations.hpp"

namespace weft_test {
namespace {

class AsyncioCondition : public AtWorkers {};

// Waits to be notified, writes its name, and keeps the lock.
Coro<> wait_and_keep(weft::Condition* condition, Log* log, std::string name) {
  co_await condition->acquire();
  co_await condition->wait();
  log->add(name);
}

Coro<> wait_and_let_go(weft::Condition* condition, Log* log, std::string name) {
  auto const guard = co_await condition->scoped();
  co_await condition->wait();
  log->add(name);
}

TEST_P(AsyncioCondition, NotifiedWaitersGoOnOneByOneAsTheLockBecomesFree) {
  Log log;
  run([&]() -> Coro<> {
    weft::Condition condition;
    std::vector<Task<void>> tasks;
    for (int i = 1; i <= 3; ++i) {
      tasks.push_back(weft::create_task(wait_and_keep(&condition, &log, std::to_string(i))));
      co_await settle();
    }
    EXPECT_EQ(log.text(), "");
    EXPECT_FALSE(condition.locked());

    co_await condition.acquire();
    condition.notify();
    co_await settle();
    EXPECT_EQ(log.text(), "");
    EXPECT_TRUE(condition.locked());

    condition.release();
    co_await settle();
    EXPECT_EQ(log.text(), "1");
    EXPECT_TRUE(condition.locked());

    condition.notify(2);
    co_await settle();
    EXPECT_EQ(log.text(), "1");
    EXPECT_TRUE(condition.locked());

    condition.release();
    co_await settle();
    EXPECT_EQ(log.text(), "1 2");
    EXPECT_TRUE(condition.locked());

    condition.release();
    co_await settle();
    EXPECT_EQ(log.text(), "1 2 3");
    EXPECT_TRUE(condition.locked());
    for (Task<void> const& task : tasks) EXPECT_EQ(outcome_of_call([&] { task.result(); }), "ok");
    condition.release();
  });
}

TEST_P(AsyncioCondition, CancelledWaiterHasTheLockAgainAndIsForgotten) {
  Log log;
  run([&]() -> Coro<> {
    weft::Condition condition;
    auto body = [&]() -> Coro<> {
      co_await condition.acquire();
      weft::Result<void> const waited = co_await weft::as_result(condition.wait());
      EXPECT_TRUE(condition.locked());
      waited.rethrow_if_error();
    };
    Task<void> waiter = weft::create_task(body());
    co_await settle();
    EXPECT_FALSE(condition.locked());
    waiter.cancel();
    std::string const seen = co_await outcome(waiter);
    EXPECT_EQ(seen, "CancelledError");
    EXPECT_TRUE(condition.locked());
    condition.notify();
    condition.release();
    co_await settle();
    EXPECT_FALSE(condition.locked()) << "somebody who has left was notified";
  });
}

// Notified, and cancelled while somebody else holds the lock: the waiter comes back with the lock, cancelled or not.
TEST_P(AsyncioCondition, WaiterCancelledWhileTheLockIsContestedHasItInTheEnd) {
  run([]() -> Coro<> {
    weft::Condition condition;
    auto body = [&]() -> Coro<> {
      co_await condition.acquire();
      weft::Result<void> const waited = co_await weft::as_result(condition.wait());
      EXPECT_TRUE(condition.locked());
      waited.rethrow_if_error();
    };
    Task<void> waiter = weft::create_task(body());
    co_await settle();
    EXPECT_FALSE(condition.locked());
    co_await condition.acquire();
    EXPECT_TRUE(condition.locked());
    condition.notify();
    waiter.cancel();
    co_await settle();
    condition.release();
    std::string const seen = co_await outcome(waiter);
    // It was notified first, so the wait has ended well; the cancel finds the task at its end.
    EXPECT_EQ(seen, "CancelledError");
    EXPECT_TRUE(condition.locked());
    condition.release();
  });
}

TEST_P(AsyncioCondition, WaiterCancelledAfterItWasNotifiedEndsCancelled) {
  run([]() -> Coro<> {
    weft::Condition condition;
    bool waited = false;
    auto body = [&]() -> Coro<> {
      auto const guard = co_await condition.scoped();
      waited = true;
      co_await condition.wait();
    };
    Task<void> waiter = weft::create_task(body());
    co_await settle();
    co_await condition.acquire();
    condition.notify();
    co_await settle();
    waiter.cancel();
    co_await settle();
    condition.release();
    co_await settle();
    EXPECT_TRUE(waiter.cancelled());
    EXPECT_TRUE(waited);
    EXPECT_FALSE(condition.locked());
  });
}

TEST_P(AsyncioCondition, WaitWithoutTheLockThrowsRuntimeError) {
  run([]() -> Coro<> {
    weft::Condition condition;
    auto body = [&]() -> Coro<> { co_await condition.wait(); };
    std::string const seen = co_await outcome(body());
    EXPECT_EQ(seen, "RuntimeError");
  });
}

TEST_P(AsyncioCondition, WaitForGoesOnWaitingUntilThePredicateHolds) {
  Log log;
  run([&]() -> Coro<> {
    weft::Condition condition;
    bool holds = false;
    auto body = [&]() -> Coro<> {
      auto const guard = co_await condition.scoped();
      bool const result = co_await condition.wait_for([&] { return holds; });
      EXPECT_TRUE(result);
      log.add("1");
    };
    Task<void> const task = weft::create_task(body());
    co_await settle();
    EXPECT_EQ(log.text(), "");
    co_await condition.acquire();
    condition.notify();
    condition.release();
    co_await settle();
    EXPECT_EQ(log.text(), "");
    co_await condition.acquire();
    holds = true;
    condition.notify();
    condition.release();
    co_await settle();
    EXPECT_EQ(log.text(), "1");
    EXPECT_TRUE(task.done());
  });
}

TEST_P(AsyncioCondition, WaitForWithoutTheLockIsGoodOnlyIfThePredicateHolds) {
  run([]() -> Coro<> {
    weft::Condition condition;
    int const three = co_await condition.wait_for([] { return 3; });
    EXPECT_EQ(three, 3);
    auto body = [&]() -> Coro<> {
      bool const never = co_await condition.wait_for([] { return false; });
      (void)never;
    };
    std::string const seen = co_await outcome(body());
    EXPECT_EQ(seen, "RuntimeError");
  });
}

TEST_P(AsyncioCondition, NotifyWakesAsManyAsItSaysAndNoMoreThanThereAre) {
  Log log;
  run([&]() -> Coro<> {
    weft::Condition condition;
    std::vector<Task<void>> tasks;
    for (int i = 1; i <= 3; ++i) {
      tasks.push_back(weft::create_task(wait_and_let_go(&condition, &log, std::to_string(i))));
      co_await settle();
    }
    co_await condition.acquire();
    condition.notify(1);
    condition.release();
    co_await settle();
    EXPECT_EQ(log.text(), "1");
    co_await condition.acquire();
    condition.notify(1);
    condition.notify(2048);
    condition.release();
    co_await settle();
    EXPECT_EQ(log.text(), "1 2 3");
    for (Task<void> const& task : tasks) EXPECT_EQ(outcome_of_call([&] { task.result(); }), "ok");
  });
}

TEST_P(AsyncioCondition, NotifyAllWakesAll) {
  Log log;
  run([&]() -> Coro<> {
    weft::Condition condition;
    std::vector<Task<void>> tasks;
    for (int i = 1; i <= 2; ++i) {
      tasks.push_back(weft::create_task(wait_and_let_go(&condition, &log, std::to_string(i))));
      co_await settle();
    }
    co_await condition.acquire();
    condition.notify_all();
    condition.release();
    co_await settle();
    EXPECT_EQ(log.text(), "1 2");
    for (Task<void> const& task : tasks) EXPECT_EQ(outcome_of_call([&] { task.result(); }), "ok");
  });
}

TEST_P(AsyncioCondition, NotifyWithoutTheLockThrowsRuntimeError) {
  weft::Condition condition;
  EXPECT_EQ(outcome_of_call([&] { condition.notify(); }), "RuntimeError");
}

TEST_P(AsyncioCondition, NotifyAllWithoutTheLockThrowsRuntimeError) {
  weft::Condition condition;
  EXPECT_EQ(outcome_of_call([&] { condition.notify_all(); }), "RuntimeError");
}

TEST_P(AsyncioCondition, GuardHoldsTheLockForItsScope) {
  run([]() -> Coro<> {
    weft::Condition condition;
    EXPECT_FALSE(condition.locked());
    {
      auto const guard = co_await condition.scoped();
      EXPECT_TRUE(condition.locked());
    }
    EXPECT_FALSE(condition.locked());
  });
}

TEST_P(AsyncioCondition, OverALockSharesIt) {
  run([]() -> Coro<> {
    weft::Lock lock;
    weft::Condition condition(lock);
    EXPECT_FALSE(lock.locked());
    EXPECT_FALSE(condition.locked());
    {
      auto const guard = co_await condition.scoped();
      EXPECT_TRUE(lock.locked());
      EXPECT_TRUE(condition.locked());
    }
    EXPECT_FALSE(lock.locked());
    EXPECT_FALSE(condition.locked());
    {
      auto const guard = co_await lock.scoped();
      EXPECT_TRUE(lock.locked());
      EXPECT_TRUE(condition.locked());
    }
    EXPECT_FALSE(lock.locked());
    EXPECT_FALSE(condition.locked());
  });
}

TEST_P(AsyncioCondition, WaitThatTimesOutInsideTheBlockHasTheLock) {
  run([]() -> Coro<> {
    weft::Condition condition;
    auto const guard = co_await condition.scoped();
    auto body = [&]() -> Coro<> { co_await weft::wait_for(condition.wait(), 500ms); };
    std::string const seen = co_await outcome(body());
    EXPECT_EQ(seen, "TimeoutError");
    EXPECT_TRUE(condition.locked());
  });
}

TEST_P(AsyncioCondition, MessageOfTheCancelComesThroughTheWait) {
  run([]() -> Coro<> {
    weft::Condition condition;
    std::string raised;
    auto body = [&]() -> Coro<> {
      auto const guard = co_await condition.scoped();
      auto never = [&]() -> Coro<> {
        bool const woken = co_await condition.wait_for([] { return false; });
        (void)woken;
      };
      weft::Result<void> const waited = co_await weft::as_result(never());
      raised = describe(waited.error());
      waited.rethrow_if_error();
    };
    Task<void> task = weft::create_task(body());
    co_await settle();
    task.cancel("foo");
    std::string const seen = co_await outcome(task);
    EXPECT_EQ(seen, "CancelledError(foo)");
    EXPECT_EQ(raised, "CancelledError(foo)");
  });
}

// Cancelled while it takes the lock again after a notification: it gets the lock all the same, and then throws.
TEST_P(AsyncioCondition, MessageOfACancelWhileTheLockIsTakenAgainComesThroughTheWait) {
  run([]() -> Coro<> {
    weft::Condition condition;
    bool wake = false;
    std::string raised;
    auto body = [&]() -> Coro<> {
      auto const guard = co_await condition.scoped();
      auto until_woken = [&]() -> Coro<> {
        bool const woken = co_await condition.wait_for([&] { return wake; });
        (void)woken;
      };
      weft::Result<void> const waited = co_await weft::as_result(until_woken());
      raised = describe(waited.error());
      EXPECT_TRUE(condition.locked());
      waited.rethrow_if_error();
    };
    Task<void> task = weft::create_task(body());
    co_await settle();
    co_await condition.acquire();
    wake = true;
    condition.notify();
    co_await settle();
    task.cancel("foo");
    condition.release();
    std::string const seen = co_await outcome(task);
    EXPECT_EQ(seen, "CancelledError(foo)");
    EXPECT_EQ(raised, "CancelledError(foo)");
    EXPECT_FALSE(condition.locked());
  });
}

// A consumer is cancelled at the moment at which it is notified: the notification is not lost, the item is consumed.
Coro<> cancelled_consumer_loses_no_wake_up(bool let_it_wake_first) {
  weft::Condition condition;
  int state = 0;
  auto consumer = [&]() -> Coro<> {
    auto const guard = co_await condition.scoped();
    while (true) {
      bool const ready = co_await condition.wait_for([&] { return state != 0; });
      (void)ready;
      if (state < 0) co_return;
      --state;
    }
  };
  Task<void> first = weft::create_task(consumer());
  co_await settle();
  Task<void> const second = weft::create_task(consumer());
  co_await settle();
  {
    auto const guard = co_await condition.scoped();
    ++state;
    condition.notify(1);
    if (let_it_wake_first) co_await settle();
    first.cancel();
    // Nobody notifies us: this only lets go of the lock for a while.
    auto consumed = [&]() -> Coro<> {
      bool const seen = co_await condition.wait_for([&] { return state == 0; });
      (void)seen;
    };
    std::string const waited = co_await outcome(weft::wait_for(consumed(), 10ms));
    EXPECT_EQ(waited, "TimeoutError");
    EXPECT_EQ(state, 0);
    state = -1;
    condition.notify_all();
  }
  co_await second;
  std::string const seen = co_await outcome(first);
  EXPECT_EQ(seen, "CancelledError");
}

TEST_P(AsyncioCondition, CancelAtTheNotificationLosesNoWakeUp) {
  run([]() -> Coro<> { co_await cancelled_consumer_loses_no_wake_up(false); });
}

TEST_P(AsyncioCondition, CancelWhileTheLockIsTakenAgainLosesNoWakeUp) {
  run([]() -> Coro<> { co_await cancelled_consumer_loses_no_wake_up(true); });
}

WEFT_TEST_AT_1_2_8_WORKERS(AsyncioCondition);

}  // namespace
}  // namespace weft_test
