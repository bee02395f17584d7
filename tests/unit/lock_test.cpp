// Lock: mutual exclusion on any number of workers, FIFO with direct hand-over, nothing lost to cancelled waiters, guards.
#include "support.hpp"

#include <thread>

namespace weft_test {
namespace {

class Locks : public AtWorkers {};

TEST_P(Locks, ExcludesOneAnother) {
  long counter = 0;
  int inside = 0;
  run([&]() -> Coro<> {
    weft::Lock lock;
    auto worker = [&](int id) -> Coro<> {
      for (int i = 0; i < 200; ++i) {
        co_await lock.acquire();
        EXPECT_EQ(++inside, 1);
        long const before = counter;
        if ((i + id) % 7 == 0) co_await weft::yield_now();
        counter = before + 1;
        --inside;
        lock.release();
      }
    };
    std::vector<Task<void>> tasks;
    for (int i = 0; i < 20; ++i) tasks.push_back(weft::create_task(worker(i)));
    for (Task<void> const& t : tasks) co_await t;
    EXPECT_FALSE(lock.locked());
  });
  EXPECT_EQ(counter, 4000);
}

TEST_P(Locks, UncontendedAcquireDoesNotSuspend) {
  run([]() -> Coro<> {
    weft::Lock lock;
    EXPECT_FALSE(lock.locked());
    weft::current_task().cancel();
    co_await lock.acquire();
    EXPECT_TRUE(lock.locked());
    weft::current_task().uncancel();
    lock.release();
    EXPECT_FALSE(lock.locked());
  });
}

TEST_P(Locks, AreGrantedInTheOrderOfWaiting) {
  Log log;
  run([&]() -> Coro<> {
    weft::Lock lock;
    auto waiter = [&](int i) -> Coro<> {
      co_await weft::sleep(milliseconds(i));
      co_await lock.acquire();
      log.add(std::to_string(i));
      co_await weft::sleep(100ms);
      lock.release();
    };
    std::vector<Task<void>> tasks;
    for (int const i : {3, 1, 5, 2, 4}) tasks.push_back(weft::create_task(waiter(i)));
    for (Task<void> const& t : tasks) co_await t;
  });
  EXPECT_EQ(log.text(), "1 2 3 4 5");
}

TEST_P(Locks, AreHandedOverSoTheReleaserQueuesBehindTheWaiters) {
  Log log;
  run([&]() -> Coro<> {
    weft::Lock lock;
    co_await lock.acquire();
    auto waiter = [&]() -> Coro<> {
      co_await lock.acquire();
      log.add("waiter");
      lock.release();
    };
    Task<void> const task = weft::create_task(waiter());
    co_await weft::sleep(1ms);
    lock.release();
    co_await lock.acquire();  // no barging: the waiter has it first
    log.add("releaser");
    lock.release();
    co_await task;
  });
  EXPECT_EQ(log.text(), "waiter releaser");
}

TEST_P(Locks, CancelledWaiterIsPassedOver) {
  Log log;
  run([&]() -> Coro<> {
    weft::Lock lock;
    co_await lock.acquire();
    auto waiter = [&](std::string name) -> Coro<> {
      co_await lock.acquire();
      log.add(name);
      lock.release();
    };
    Task<void> const a = weft::create_task(waiter("a"));
    co_await weft::sleep(1ms);
    Task<void> b = weft::create_task(waiter("b"));
    co_await weft::sleep(1ms);
    Task<void> const c = weft::create_task(waiter("c"));
    co_await weft::sleep(1ms);
    b.cancel();
    std::string const of_b = co_await outcome(b);
    EXPECT_EQ(of_b, "CancelledError");
    lock.release();
    co_await a;
    co_await c;
    EXPECT_FALSE(lock.locked());
  });
  EXPECT_EQ(log.text(), "a c");
}

TEST_P(Locks, GrantedThenCancelledHasTheLockAndIsCancelledLater) {
  Log log;
  run([&]() -> Coro<> {
    weft::Lock lock;
    for (int i = 0; i < 50; ++i) {
      co_await lock.acquire();
      auto waiter = [&]() -> Coro<> {
        auto guard = co_await lock.scoped();
        log.add("has it");
        co_await weft::sleep(1ms);
        log.add("never");
      };
      Task<void> task = weft::create_task(waiter());
      co_await weft::sleep(1ms);
      lock.release();
      EXPECT_TRUE(task.cancel());
      std::string const seen = co_await outcome(task);
      EXPECT_EQ(seen, "CancelledError");
      EXPECT_FALSE(lock.locked());
    }
  });
  EXPECT_EQ(log.count("has it"), 50U);
  EXPECT_EQ(log.count("never"), 0U);
}

TEST_P(Locks, CancelledThenReleasedGoesToTheNext) {
  Log log;
  run([&]() -> Coro<> {
    weft::Lock lock;
    for (int i = 0; i < 50; ++i) {
      co_await lock.acquire();
      auto waiter = [&](std::string name) -> Coro<> {
        auto guard = co_await lock.scoped();
        log.add(name);
      };
      Task<void> first = weft::create_task(waiter("first"));
      co_await weft::sleep(1ms);
      Task<void> const second = weft::create_task(waiter("second"));
      co_await weft::sleep(1ms);
      first.cancel();
      lock.release();
      std::string const seen = co_await outcome(first);
      EXPECT_EQ(seen, "CancelledError");
      co_await second;
      EXPECT_FALSE(lock.locked());
    }
  });
  EXPECT_EQ(log.count("second"), 50U);
  EXPECT_EQ(log.count("first"), 0U);
}

TEST_P(Locks, GuardsReleaseOnEveryWayOut) {
  run([]() -> Coro<> {
    weft::Lock lock;
    {
      auto guard = co_await lock.scoped();
      EXPECT_TRUE(lock.locked());
      auto moved = std::move(guard);
      EXPECT_TRUE(lock.locked());
    }
    EXPECT_FALSE(lock.locked());
    auto failing = [&]() -> Coro<> {
      auto guard = co_await lock.scoped();
      co_await weft::sleep(1ms);
      throw Failure("inside");
    };
    std::string const seen = co_await outcome(failing());
    EXPECT_EQ(seen, "Failure(inside)");
    EXPECT_FALSE(lock.locked());
    auto cancelled = [&]() -> Coro<> {
      auto guard = co_await lock.scoped();
      co_await weft::sleep(1h);
    };
    Task<void> task = weft::create_task(cancelled());
    co_await weft::sleep(1ms);
    EXPECT_TRUE(lock.locked());
    task.cancel();
    std::string const of_cancelled = co_await outcome(task);
    EXPECT_EQ(of_cancelled, "CancelledError");
    EXPECT_FALSE(lock.locked());
  });
}

TEST_P(Locks, MayBeReleasedByAnotherTaskAndAnotherThread) {
  run([]() -> Coro<> {
    weft::Lock lock;
    co_await lock.acquire();
    auto other = [&]() -> Coro<> {
      lock.release();
      co_return;
    };
    Task<void> const task = weft::create_task(other());
    co_await task;
    EXPECT_FALSE(lock.locked());
    co_await lock.acquire();
    auto waiter = [&]() -> Coro<> {
      co_await lock.acquire();
      lock.release();
    };
    Task<void> const waits = weft::create_task(waiter());
    co_await weft::sleep(1ms);
    std::thread foreign([&] { lock.release(); });
    foreign.join();
    co_await waits;
  });
}

TEST_P(Locks, ReleaseOfAFreeOneThrowsRuntimeError) {
  run([]() -> Coro<> {
    weft::Lock lock;
    EXPECT_EQ(outcome_of_call([&] { lock.release(); }), "RuntimeError");
    co_await lock.acquire();
    lock.release();
    EXPECT_EQ(outcome_of_call([&] { lock.release(); }), "RuntimeError");
    co_await lock.acquire();
    EXPECT_TRUE(lock.locked());
    lock.release();
  });
}

TEST_P(Locks, AWokenWaiterMayDestroyTheLock) {
  run([]() -> Coro<> {
    for (int i = 0; i < 200; ++i) {
      auto* lock = new weft::Lock;
      co_await lock->acquire();
      auto waiter = [](weft::Lock* l) -> Coro<> {
        co_await l->acquire();
        l->release();
        delete l;
      };
      Task<void> const task = weft::create_task(waiter(lock));
      co_await weft::sleep(1ms);
      lock->release();
      co_await task;
    }
  });
}

TEST_P(Locks, AllWaitersCancelledAtOnceLeaveAWorkingLock) {
  run([]() -> Coro<> {
    weft::Lock lock;
    co_await lock.acquire();
    auto waiter = [&]() -> Coro<> {
      auto guard = co_await lock.scoped();
      co_await weft::sleep(1h);
    };
    std::vector<Task<void>> tasks;
    for (int i = 0; i < 100; ++i) tasks.push_back(weft::create_task(waiter()));
    co_await weft::sleep(1ms);
    for (Task<void>& t : tasks) t.cancel();
    lock.release();
    for (Task<void> const& t : tasks) {
      std::string const seen = co_await outcome(t);
      EXPECT_EQ(seen, "CancelledError");
    }
    EXPECT_FALSE(lock.locked());
    co_await lock.acquire();
    lock.release();
  });
}

WEFT_TEST_AT_1_2_8_WORKERS(Locks);

}  // namespace
}  // namespace weft_test
