// Condition: the lock is held after every wait; notifications reach those who wait, in order, and are passed on by a waiter that is cancelled;
// getting the lock again cannot be cancelled; the wrong caller is told.
#include "support.hpp"

#include <memory>
#include <thread>

namespace weft_test {
namespace {

class Conditions : public AtWorkers {};

// Waits once, and writes how that ended.
Coro<> wait_once(weft::Condition& condition, Log& log, std::string name) {
  auto guard = co_await condition.scoped();
  try {
    co_await condition.wait();
  } catch (weft::CancelledError const& e) {
    EXPECT_TRUE(condition.locked());
    log.add(name + ":cancelled" + e.message());
    throw;
  }
  EXPECT_TRUE(condition.locked());
  log.add(name);
}

TEST_P(Conditions, NotifyWakesInTheOrderOfWaiting) {
  Log log;
  run([&]() -> Coro<> {
    weft::Condition condition;
    std::vector<Task<void>> tasks;
    for (int i = 0; i < 6; ++i) {
      tasks.push_back(weft::create_task(wait_once(condition, log, std::to_string(i))));
      co_await weft::sleep(1ms);
    }
    co_await condition.acquire();
    condition.notify();
    condition.release();
    co_await weft::sleep(1ms);
    EXPECT_EQ(log.text(), "0");
    {
      auto guard = co_await condition.scoped();
      condition.notify(2);
      co_await weft::sleep(1ms);
      EXPECT_EQ(log.text(), "0") << "not before the lock is free";
    }
    co_await weft::sleep(1ms);
    EXPECT_EQ(log.text(), "0 1 2");
    {
      auto guard = co_await condition.scoped();
      condition.notify_all();
    }
    for (Task<void> const& t : tasks) co_await t;
    EXPECT_FALSE(condition.locked());
  });
  EXPECT_EQ(log.text(), "0 1 2 3 4 5");
}

TEST_P(Conditions, WaitForGivesThePredicatesValue) {
  run([]() -> Coro<> {
    weft::Condition condition;
    int calls = 0;
    std::unique_ptr<int> value;
    auto consumer = [&]() -> Coro<int> {
      auto guard = co_await condition.scoped();
      std::unique_ptr<int> const got = co_await condition.wait_for([&] {
        ++calls;
        return std::move(value);
      });
      co_return *got;
    };
    Task<int> const task = weft::create_task(consumer());
    for (int i = 0; i < 3; ++i) {
      co_await weft::sleep(1ms);
      auto guard = co_await condition.scoped();
      if (i == 2) value = std::make_unique<int>(7);
      condition.notify();
    }
    int const got = co_await task;
    EXPECT_EQ(got, 7);
    EXPECT_EQ(calls, 4);
    auto guard = co_await condition.scoped();
    int const at_once = co_await condition.wait_for([] { return 5; });
    EXPECT_EQ(at_once, 5);
    auto throwing = [&]() -> Coro<> { co_await condition.wait_for([]() -> bool { throw Failure("predicate"); }); };
    std::string const seen = co_await outcome(throwing());
    EXPECT_EQ(seen, "Failure(predicate)");
  });
}

TEST_P(Conditions, SeveralShareALock) {
  Log log;
  run([&]() -> Coro<> {
    weft::Lock lock;
    weft::Condition full(lock);
    weft::Condition empty(lock);
    Task<void> const a = weft::create_task(wait_once(full, log, "full"));
    Task<void> const b = weft::create_task(wait_once(empty, log, "empty"));
    co_await weft::sleep(1ms);
    {
      auto guard = co_await lock.scoped();
      EXPECT_TRUE(full.locked() && empty.locked());
      empty.notify_all();
    }
    co_await b;
    EXPECT_FALSE(a.done());
    {
      auto guard = co_await empty.scoped();
      full.notify();
    }
    co_await a;
  });
  EXPECT_EQ(log.text(), "empty full");
}

TEST_P(Conditions, ACancelledWaitHoldsTheLockBeforeItThrows) {
  Log log;
  run([&]() -> Coro<> {
    weft::Condition condition;
    Task<void> task = weft::create_task(wait_once(condition, log, "a"));
    co_await weft::sleep(1ms);
    co_await condition.acquire();
    task.cancel("x");
    co_await weft::sleep(1ms);
    EXPECT_FALSE(task.done()) << "the lock is not free";
    // Nor can a second cancel keep it from the lock; the last message is the one that is thrown.
    task.cancel("y");
    co_await weft::sleep(1ms);
    EXPECT_FALSE(task.done());
    EXPECT_EQ(log.text(), "");
    condition.release();
    std::string const seen = co_await outcome(task);
    EXPECT_EQ(seen, "CancelledError(y)");
    EXPECT_FALSE(condition.locked());
  });
  EXPECT_EQ(log.text(), "a:cancelledy");
}

TEST_P(Conditions, ACancelThatComesWhileANotifiedOneWaitsForTheLockIsThrownAndTheNotificationPassedOn) {
  Log log;
  run([&]() -> Coro<> {
    for (int i = 0; i < 50; ++i) {
      weft::Condition condition;
      Task<void> first = weft::create_task(wait_once(condition, log, "first"));
      co_await weft::sleep(1ms);
      Task<void> const second = weft::create_task(wait_once(condition, log, "second"));
      co_await weft::sleep(1ms);
      co_await condition.acquire();
      condition.notify();
      if (i % 2 == 0) co_await weft::sleep(1ms);
      first.cancel();
      if (i % 3 == 0) co_await weft::sleep(1ms);
      condition.release();
      std::string const seen = co_await outcome(first);
      EXPECT_EQ(seen, "CancelledError");
      co_await second;
      EXPECT_FALSE(condition.locked());
    }
  });
  EXPECT_EQ(log.count("first:cancelled"), 50U);
  EXPECT_EQ(log.count("second"), 50U);
}

TEST_P(Conditions, ACancelledWaiterGetsTheLockAfterThoseWhoWaitedForItThen) {
  Log log;
  run([&]() -> Coro<> {
    weft::Condition condition;
    auto locker = [&]() -> Coro<> {
      auto guard = co_await condition.scoped();
      log.add("locker");
    };
    Task<void> notified = weft::create_task(wait_once(condition, log, "notified"));
    co_await weft::sleep(1ms);
    Task<void> waiting = weft::create_task(wait_once(condition, log, "waiting"));
    co_await weft::sleep(1ms);
    co_await condition.acquire();
    condition.notify();
    Task<void> const after = weft::create_task(locker());
    co_await weft::sleep(1ms);
    notified.cancel();
    co_await weft::sleep(1ms);
    waiting.cancel();
    co_await weft::sleep(1ms);
    condition.release();
    std::string const first = co_await outcome(notified);
    EXPECT_EQ(first, "CancelledError");
    std::string const second = co_await outcome(waiting);
    EXPECT_EQ(second, "CancelledError");
    EXPECT_FALSE(condition.locked());
  });
  EXPECT_EQ(log.text(), "locker notified:cancelled waiting:cancelled");
}

TEST_P(Conditions, EachCancelPutsTheWaiterBehindThoseWhoWaitForTheLockThen) {
  Log log;
  run([&]() -> Coro<> {
    weft::Condition condition;
    auto locker = [&](std::string name) -> Coro<> {
      auto guard = co_await condition.scoped();
      log.add(name);
    };
    Task<void> waiting = weft::create_task(wait_once(condition, log, "waiting"));
    co_await weft::sleep(1ms);
    co_await condition.acquire();
    for (char const* name : {"first", "second"}) {
      weft::create_task(locker(name));
      co_await weft::sleep(1ms);
      waiting.cancel(name);
      co_await weft::sleep(1ms);
    }
    Task<void> const last = weft::create_task(locker("last"));
    co_await weft::sleep(1ms);
    condition.release();
    co_await last;
    EXPECT_TRUE(waiting.cancelled());
    EXPECT_EQ(waiting.cancelling(), 2);
    EXPECT_FALSE(condition.locked());
  });
  EXPECT_EQ(log.text(), "first second waiting:cancelledsecond last");
}

// Thrown once, however many cancels came before the lock.
TEST_P(Conditions, CancelsThatRaceWithTheLockAreThrownOnceWithTheLockHeld) {
  Log log;
  run([&]() -> Coro<> {
    for (int i = 0; i < 100; ++i) {
      weft::Condition condition;
      auto waiter = [&]() -> Coro<> {
        auto guard = co_await condition.scoped();
        weft::Result<void> const waited = co_await weft::as_result(condition.wait());
        EXPECT_TRUE(waited.cancelled());
        EXPECT_TRUE(condition.locked());
        log.add("held");
        co_await weft::yield_now();
        log.add("goes on");
      };
      Task<void> waiting = weft::create_task(waiter());
      co_await weft::sleep(1ms);
      co_await condition.acquire();
      waiting.cancel();
      if (i % 2 == 0) co_await weft::sleep(1ms);
      auto cancels = [&]() -> Coro<> {
        waiting.cancel();
        co_return;
      };
      auto releases = [&]() -> Coro<> {
        condition.release();
        co_return;
      };
      Task<void> const canceller = weft::create_task(cancels());
      Task<void> const releaser = weft::create_task(releases());
      co_await canceller;
      co_await releaser;
      std::string const seen = co_await outcome(waiting);
      // The second may come when the lock is held already.
      EXPECT_TRUE(seen == "ok" || seen == "CancelledError") << seen;
      EXPECT_FALSE(condition.locked());
    }
  });
  EXPECT_EQ(log.count("held"), 100U);
}

TEST_P(Conditions, AWaiterThatIsCancelledUnnotifiedWakesAnotherAsInAsyncio) {
  Log log;
  run([&]() -> Coro<> {
    weft::Condition condition;
    Task<void> first = weft::create_task(wait_once(condition, log, "first"));
    co_await weft::sleep(1ms);
    Task<void> const second = weft::create_task(wait_once(condition, log, "second"));
    co_await weft::sleep(1ms);
    first.cancel();
    co_await second;
  });
  EXPECT_EQ(log.text(), "first:cancelled second");
}

TEST_P(Conditions, AnItemReachesSomebodyWhoeverIsCancelled) {
  run([]() -> Coro<> {
    for (int i = 0; i < 50; ++i) {
      weft::Condition condition;
      int items = 0;
      bool over = false;
      auto consumer = [&]() -> Coro<> {
        auto guard = co_await condition.scoped();
        for (;;) {
          co_await condition.wait_for([&] { return items != 0 || over; });
          if (items == 0) co_return;
          --items;
          condition.notify_all();
        }
      };
      Task<void> first = weft::create_task(consumer());
      co_await weft::sleep(1ms);
      Task<void> const second = weft::create_task(consumer());
      co_await weft::sleep(1ms);
      {
        auto guard = co_await condition.scoped();
        ++items;
        condition.notify();
        first.cancel();
        co_await weft::timeout(1s, [&](weft::Timeout&) -> Coro<> { co_await condition.wait_for([&] { return items == 0; }); });
        over = true;
        condition.notify_all();
      }
      co_await second;
      std::string const of_first = co_await outcome(first);
      EXPECT_EQ(of_first, "CancelledError");
    }
  });
}

TEST_P(Conditions, ATimeoutAroundAWaitHoldsTheLockAfterwards) {
  run([]() -> Coro<> {
    weft::Condition condition;
    auto guard = co_await condition.scoped();
    auto waits = [&]() -> Coro<> { co_await weft::wait_for(condition.wait(), 5ms); };
    std::string const seen = co_await outcome(waits());
    EXPECT_EQ(seen, "TimeoutError");
    EXPECT_TRUE(condition.locked());
    co_await weft::sleep(1ms);
  });
}

TEST_P(Conditions, APendingCancelIsThrownWithTheLockHeld) {
  run([]() -> Coro<> {
    weft::Condition condition;
    co_await condition.acquire();
    weft::current_task().cancel();
    auto waits = [&]() -> Coro<> { co_await condition.wait(); };
    std::string const seen = co_await outcome(waits());
    EXPECT_EQ(seen, "CancelledError");
    weft::current_task().uncancel();
    EXPECT_TRUE(condition.locked());
    condition.release();
  });
}

TEST_P(Conditions, TheWrongCallerGetsRuntimeError) {
  run([]() -> Coro<> {
    weft::Condition condition;
    EXPECT_EQ(outcome_of_call([&] { condition.notify(); }), "RuntimeError");
    EXPECT_EQ(outcome_of_call([&] { condition.notify_all(); }), "RuntimeError");
    EXPECT_EQ(outcome_of_call([&] { condition.release(); }), "RuntimeError");
    auto waits = [&]() -> Coro<> { co_await condition.wait(); };
    std::string const seen = co_await outcome(waits());
    EXPECT_EQ(seen, "RuntimeError");
    EXPECT_FALSE(condition.locked());
    auto waits_for = [&]() -> Coro<> { co_await condition.wait_for([] { return false; }); };
    std::string const of_wait_for = co_await outcome(waits_for());
    EXPECT_EQ(of_wait_for, "RuntimeError");
  });
}

TEST_P(Conditions, TheLastWaiterMayDestroyIt) {
  run([]() -> Coro<> {
    for (int i = 0; i < 100; ++i) {
      auto* condition = new weft::Condition;
      auto waiter = [](weft::Condition* c) -> Coro<> {
        co_await c->acquire();
        co_await c->wait();
        c->release();
        delete c;
      };
      Task<void> const task = weft::create_task(waiter(condition));
      co_await weft::sleep(1ms);
      co_await condition->acquire();
      condition->notify();
      condition->release();
      co_await task;
    }
  });
}

TEST_P(Conditions, AForeignThreadNotifiesWhileItsTaskHoldsTheLock) {
  Log log;
  run([&]() -> Coro<> {
    weft::Condition condition;
    Task<void> const task = weft::create_task(wait_once(condition, log, "woke"));
    co_await weft::sleep(1ms);
    co_await condition.acquire();
    std::thread foreign([&] {
      condition.notify();
      condition.release();
    });
    foreign.join();
    co_await task;
  });
  EXPECT_EQ(log.text(), "woke");
}

// The program is stuck while a cancelled waiter waits for the lock: the report names it, and the end of the run frees both.
TEST_P(Conditions, OneThatWaitsForTheLockAgainIsInTheTaskTree) {
  std::string text;
  weft::Condition condition;
  weft::Event never;
  auto waiter = [&]() -> Coro<> {
    auto guard = co_await condition.scoped();
    co_await condition.wait();
  };
  try {
    run([&]() -> Coro<> {
      Task<void> task = weft::create_task(waiter());
      co_await weft::sleep(1ms);
      auto guard = co_await condition.scoped();
      task.cancel();
      co_await never.wait();
    });
  } catch (weft::Deadlock const& e) {
    text = e.what();
  }
  EXPECT_NE(text.find("Condition.wait"), std::string::npos) << text;
}

WEFT_TEST_AT_1_2_8_WORKERS(Conditions);

}  // namespace
}  // namespace weft_test
