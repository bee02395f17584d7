// Cancellation of a task in each state it can be in (not started, suspended, running, about to finish, done), what
// cancel, cancelling and uncancel count, messages, delivery points, and how a cancel is handed down an await.
#include "support.hpp"

namespace weft_test {
namespace {

class Cancel : public AtWorkers {};

TEST_P(Cancel, NotStartedNeverRunsAndItsFrameIsDestroyed) {
  Log log;
  std::atomic<int> live{0};
  run([&]() -> Coro<> {
    auto body = [](Log& l, Live) -> Coro<> {
      l.add("ran");
      co_await weft::sleep(1h);
      l.add("never");
    };
    Task<void> task = weft::create_task(body(log, Live(live)));
    EXPECT_TRUE(task.cancel("early"));
    std::string const seen = co_await outcome(task);
    EXPECT_EQ(seen, "CancelledError(early)");
    EXPECT_TRUE(task.cancelled());
    EXPECT_EQ(live.load(), 0);
    EXPECT_EQ(task.cancelling(), 1);
  });
  // With more workers another one may have begun the body before the cancel.
  if (GetParam() == 1) {
    EXPECT_EQ(log.text(), "");
  }
  EXPECT_EQ(log.count("never"), 0U);
}

TEST_P(Cancel, SuspendedIsWokenWithCancelledErrorAtThatAwait) {
  Log log;
  run([&]() -> Coro<> {
    Task<void> task = weft::create_task(sleep_for_ever(log, "task"));
    co_await weft::sleep(5ms);
    Elapsed const clock;
    EXPECT_TRUE(task.cancel("m"));
    std::string const seen = co_await outcome(task);
    EXPECT_EQ(seen, "CancelledError(m)");
    EXPECT_EQ(clock.ms(), 0ms);
  });
  EXPECT_EQ(log.text(), "task:cancelled");
}

TEST_P(Cancel, RunningGetsItAtItsNextSuspension) {
  Log log;
  run([&]() -> Coro<> {
    auto body = [&]() -> Coro<> {
      weft::current_task().cancel("self");
      log.add("going on");
      co_await weft::sleep(1ms);
      log.add("never");
    };
    Task<void> const task = weft::create_task(body());
    std::string const seen = co_await outcome(task);
    EXPECT_EQ(seen, "CancelledError(self)");
  });
  EXPECT_EQ(log.text(), "going on");
}

TEST_P(Cancel, RunningIsNotInterruptedByAwaitsThatDoNotSuspend) {
  Log log;
  run([&]() -> Coro<> {
    Task<int> const finished = weft::create_task(value_after(1ms, 1));
    co_await finished;
    auto body = [&]() -> Coro<> {
      weft::Lock lock;
      weft::Event event;
      weft::Queue<int> queue;
      event.set();
      weft::current_task().cancel();
      co_await lock.acquire();
      lock.release();
      co_await event.wait();
      co_await queue.put(1);
      int const item = co_await queue.get();
      int const value = co_await finished;
      auto plain = []() -> Coro<int> { co_return 1; };
      int const direct = co_await plain();
      auto none = co_await weft::gather();
      (void)none;
      co_await weft::task_group([](weft::TaskGroup&) -> Coro<> { co_return; });
      log.add("passed " + std::to_string(item + value + direct));
      co_await weft::checkpoint();
      log.add("never");
    };
    Task<void> const task = weft::create_task(body());
    std::string const seen = co_await outcome(task);
    EXPECT_EQ(seen, "CancelledError");
  });
  EXPECT_EQ(log.text(), "passed 3");
}

TEST_P(Cancel, CheckpointYieldAndSleepOfNothingAreDeliveryPoints) {
  run([]() -> Coro<> {
    auto at_checkpoint = []() -> Coro<> {
      weft::current_task().cancel();
      co_await weft::checkpoint();
    };
    auto at_yield = []() -> Coro<> {
      weft::current_task().cancel();
      co_await weft::yield_now();
    };
    auto at_sleep = []() -> Coro<> {
      weft::current_task().cancel();
      co_await weft::sleep(0ms);
    };
    auto at_past = []() -> Coro<> {
      weft::current_task().cancel();
      co_await weft::sleep_until(Clock::now() - 1s);
    };
    Task<void> const tasks[] = {weft::create_task(at_checkpoint), weft::create_task(at_yield),
                                weft::create_task(at_sleep), weft::create_task(at_past)};
    for (Task<void> const& t : tasks) {
      std::string const seen = co_await outcome(t);
      EXPECT_EQ(seen, "CancelledError");
    }
    co_await weft::checkpoint();  // without a cancel it does nothing
  });
}

TEST_P(Cancel, AboutToFinishEndsCancelledAndItsValueIsDropped) {
  run([]() -> Coro<> {
    std::atomic<int> live{0};
    auto returns = [&]() -> Coro<Live> {
      weft::current_task().cancel("late");
      co_return Live(live);
    };
    Task<Live> const task = weft::create_task(returns());
    std::string const seen = co_await outcome(task);
    EXPECT_EQ(seen, "CancelledError(late)");
    EXPECT_TRUE(task.cancelled());
    EXPECT_EQ(live.load(), 0);
    auto throws = []() -> Coro<> {
      weft::current_task().cancel();
      throw Failure("stronger");
      co_return;
    };
    Task<void> const failing = weft::create_task(throws());
    std::string const of_failing = co_await outcome(failing);
    EXPECT_EQ(of_failing, "Failure(stronger)");
    EXPECT_FALSE(failing.cancelled());
  });
}

TEST_P(Cancel, DoneReturnsFalseAndCountsNothing) {
  run([]() -> Coro<> {
    Task<int> task = weft::create_task(value_after(1ms, 1));
    co_await task;
    EXPECT_FALSE(task.cancel());
    EXPECT_EQ(task.cancelling(), 0);
    EXPECT_EQ(task.result(), 1);
    Task<int> gone = weft::create_task(value_after(1h, 1));
    gone.cancel();
    std::string const seen = co_await outcome(gone);
    EXPECT_EQ(seen, "CancelledError");
    EXPECT_FALSE(gone.cancel());
    EXPECT_EQ(gone.cancelling(), 1);
  });
}

TEST_P(Cancel, SwallowedLetsTheTaskGoOnUntilTheNextOne) {
  Log log;
  run([&]() -> Coro<> {
    auto body = [&]() -> Coro<int> {
      for (int i = 0; i < 2; ++i) {
        try {
          co_await weft::sleep(1h);
        } catch (weft::CancelledError const& e) {
          log.add(e.message());
        }
        co_await weft::sleep(10ms);
      }
      co_return weft::current_task().cancelling();
    };
    Task<int> task = weft::create_task(body());
    co_await weft::sleep(1ms);
    EXPECT_TRUE(task.cancel("one"));
    co_await weft::sleep(100ms);
    EXPECT_FALSE(task.done());
    EXPECT_TRUE(task.cancel("two"));
    int const count = co_await task;
    EXPECT_EQ(count, 2);
    EXPECT_FALSE(task.cancelled());
  });
  EXPECT_EQ(log.text(), "one two");
}

TEST_P(Cancel, SeveralBeforeDeliveryAreDeliveredOnceAndAllCounted) {
  run([]() -> Coro<> {
    auto body = []() -> Coro<int> {
      weft::AnyTask me = weft::current_task();
      me.cancel("a");
      me.cancel("b");
      EXPECT_EQ(me.cancelling(), 2);
      int deliveries = 0;
      for (int i = 0; i < 5; ++i) {
        try {
          co_await weft::sleep(1ms);
        } catch (weft::CancelledError const& e) {
          EXPECT_EQ(e.message(), "b") << "the last message of a running task's cancels, as CPython";
          ++deliveries;
        }
      }
      EXPECT_EQ(me.cancelling(), 2);
      co_return deliveries;
    };
    Task<int> const task = weft::create_task(body());
    int const deliveries = co_await task;
    EXPECT_EQ(deliveries, 1);
  });
}

TEST_P(Cancel, UncancelToZeroBeforeDeliveryTakesItBack) {
  run([]() -> Coro<> {
    auto body = []() -> Coro<int> {
      weft::AnyTask me = weft::current_task();
      me.cancel();
      EXPECT_EQ(me.cancelling(), 1);
      EXPECT_EQ(me.uncancel(), 0);
      co_await weft::sleep(1ms);
      EXPECT_EQ(me.uncancel(), 0) << "stays at 0";
      me.cancel();
      me.cancel();
      EXPECT_EQ(me.uncancel(), 1);
      bool delivered = false;
      try {
        co_await weft::sleep(1ms);
      } catch (weft::CancelledError const&) {
        delivered = true;
      }
      EXPECT_TRUE(delivered) << "one is left";
      EXPECT_EQ(me.uncancel(), 0);
      me.cancel();
      EXPECT_EQ(me.uncancel(), 0);
      co_return 4;  // nothing is pending: the value stands
    };
    Task<int> const task = weft::create_task(body());
    int const v = co_await task;
    EXPECT_EQ(v, 4);
    EXPECT_FALSE(task.cancelled());
  });
}

TEST_P(Cancel, ErrorThrownByTheTaskItselfMakesItCancelledWithoutACount) {
  run([]() -> Coro<> {
    auto body = []() -> Coro<int> {
      co_await weft::sleep(1ms);
      throw weft::CancelledError("own");
    };
    Task<int> const task = weft::create_task(body());
    std::string const seen = co_await outcome(task);
    EXPECT_EQ(seen, "CancelledError(own)");
    EXPECT_TRUE(task.cancelled());
    EXPECT_EQ(task.cancelling(), 0);
    EXPECT_EQ(weft::current_task().cancelling(), 0);
  });
}

TEST_P(Cancel, MessageOfTheErrorThatLeavesTheTaskIsTheOneItsAwaitersGet) {
  run([]() -> Coro<> {
    auto body = []() -> Coro<> {
      bool cancelled = false;
      try {
        co_await weft::sleep(1h);
      } catch (weft::CancelledError const& e) {
        EXPECT_EQ(e.message(), "asked");
        cancelled = true;
      }
      EXPECT_TRUE(cancelled);
      throw weft::CancelledError("answered");
    };
    Task<void> task = weft::create_task(body());
    co_await weft::sleep(1ms);
    task.cancel("asked");
    std::string const seen = co_await outcome(task);
    EXPECT_EQ(seen, "CancelledError(answered)");
  });
}

TEST_P(Cancel, StopsALoopThatOnlyYields) {
  run([]() -> Coro<> {
    auto spin = []() -> Coro<> {
      for (;;) co_await weft::yield_now();
    };
    Task<void> task = weft::create_task(spin());
    for (int i = 0; i < 10; ++i) co_await weft::yield_now();
    task.cancel();
    std::string const seen = co_await outcome(task);
    EXPECT_EQ(seen, "CancelledError");
  });
}

TEST_P(Cancel, OfAThousandSleepersEndsEachOnce) {
  std::atomic<int> ended{0};
  run([&]() -> Coro<> {
    auto sleeper = [&]() -> Coro<> {
      try {
        co_await weft::sleep(1h);
      } catch (weft::CancelledError const&) {
        ended.fetch_add(1);
        throw;
      }
    };
    std::vector<Task<void>> tasks;
    for (int i = 0; i < 1000; ++i) tasks.push_back(weft::create_task(sleeper()));
    co_await weft::sleep(1ms);
    for (Task<void>& t : tasks) EXPECT_TRUE(t.cancel());
    for (Task<void>& t : tasks) {
      std::string const seen = co_await outcome(t);
      EXPECT_EQ(seen, "CancelledError");
    }
  });
  EXPECT_EQ(ended.load(), 1000);
}

WEFT_TEST_AT_1_2_8_WORKERS(Cancel);

}  // namespace
}  // namespace weft_test
