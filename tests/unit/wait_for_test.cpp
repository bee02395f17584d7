// wait_for after CPython 3.13: a timeout around one await. Coroutines run in the caller's task, tasks are cancelled and
// waited for, any awaitable is taken, and a timeout of nothing cancels without starting.
#include "support.hpp"

namespace weft_test {
namespace {

class WaitFor : public AtWorkers {};

TEST_P(WaitFor, GivesTheValueOfCoroutineTaskAndOtherAwaitables) {
  run([]() -> Coro<> {
    Elapsed const clock;
    int const a = co_await weft::wait_for(value_after(5ms, 1), 1s);
    Task<int> const task = weft::create_task(value_after(5ms, 2));
    int const b = co_await weft::wait_for(task, 1s);
    weft::Queue<int> queue;
    queue.put_nowait(3);
    int const c = co_await weft::wait_for(queue.get(), 1s);
    EXPECT_EQ(a * 100 + b * 10 + c, 123);
    EXPECT_EQ(clock.ms(), 10ms);
    weft::Event event;
    event.set();
    co_await weft::wait_for(event.wait(), 1s);
    auto const [x, y] = co_await weft::wait_for(weft::gather(value_after(1ms, 4), value_after(2ms, 5)), 1s);
    EXPECT_EQ(x * 10 + y, 45);
  });
}

TEST_P(WaitFor, ThrowsTimeoutErrorAndCancelsTheCoroutine) {
  Log log;
  run([&]() -> Coro<> {
    auto body = [&]() -> Coro<> { co_await weft::wait_for(sleep_for_ever(log, "coro"), 10ms); };
    Elapsed const clock;
    std::string const seen = co_await outcome(body());
    EXPECT_EQ(seen, "TimeoutError");
    EXPECT_EQ(clock.ms(), 10ms);
    EXPECT_EQ(weft::current_task().cancelling(), 0);
  });
  EXPECT_EQ(log.text(), "coro:cancelled");
}

TEST_P(WaitFor, RunsTheCoroutineInTheCallersTask) {
  run([]() -> Coro<> {
    auto who = []() -> Coro<weft::AnyTask> {
      co_await weft::sleep(1ms);
      co_return weft::current_task();
    };
    weft::AnyTask const there = co_await weft::wait_for(who(), 1s);
    EXPECT_TRUE(there == weft::current_task());
  });
}

TEST_P(WaitFor, ATaskIsCancelledAndWaitedFor) {
  Log log;
  run([&]() -> Coro<> {
    auto slow_cleanup = [&]() -> Coro<> {
      bool cancelled = false;
      try {
        co_await weft::sleep(1h);
      } catch (weft::CancelledError const&) {
        cancelled = true;
      }
      EXPECT_TRUE(cancelled);
      co_await weft::sleep(30ms);
      log.add("clean");
      throw weft::CancelledError();
    };
    Task<void> const task = weft::create_task(slow_cleanup());
    auto body = [&]() -> Coro<> { co_await weft::wait_for(task, 10ms); };
    Elapsed const clock;
    std::string const seen = co_await outcome(body());
    log.add(seen);
    EXPECT_EQ(clock.ms(), 40ms);
    EXPECT_TRUE(task.cancelled());
  });
  EXPECT_EQ(log.text(), "clean TimeoutError");
}

TEST_P(WaitFor, ATaskThatSwallowsItsCancelGivesItsValue) {
  run([]() -> Coro<> {
    auto swallow = []() -> Coro<int> {
      try {
        co_await weft::sleep(1h);
      } catch (weft::CancelledError const&) {
      }
      co_return 6;
    };
    Task<int> const task = weft::create_task(swallow());
    int const v = co_await weft::wait_for(task, 10ms);
    EXPECT_EQ(v, 6);
    EXPECT_EQ(weft::current_task().cancelling(), 0);
  });
}

TEST_P(WaitFor, ATaskThatFailsWhileCancelledGivesItsFailure) {
  run([]() -> Coro<> {
    auto failing = []() -> Coro<int> {
      try {
        co_await weft::sleep(1h);
      } catch (weft::CancelledError const&) {
      }
      throw Failure("cleanup");
    };
    Task<int> const task = weft::create_task(failing());
    auto body = [&]() -> Coro<> {
      int const v = co_await weft::wait_for(task, 10ms);
      (void)v;
    };
    std::string const seen = co_await outcome(body());
    EXPECT_EQ(seen, "Failure(cleanup)");
  });
}

TEST_P(WaitFor, OfNothingCancelsACoroutineUnstartedAndTakesAFinishedTask) {
  Log log;
  std::atomic<int> live{0};
  run([&]() -> Coro<> {
    auto never = [](Log& l, Live) -> Coro<int> {
      l.add("ran");
      co_return 1;
    };
    std::vector<milliseconds> const past{0ms, -1ms};
    for (milliseconds const d : past) {
      auto body = [&]() -> Coro<> {
        int const v = co_await weft::wait_for(never(log, Live(live)), d);
        (void)v;
      };
      std::string const seen = co_await outcome(body());
      EXPECT_EQ(seen, "TimeoutError");
      EXPECT_EQ(live.load(), 0);
    }
    Task<int> const finished = weft::create_task(value_after(1ms, 7));
    co_await finished;
    int const v = co_await weft::wait_for(finished, 0ms);
    EXPECT_EQ(v, 7);
    Task<void> const asleep = weft::create_task(sleep_for_ever(log, "asleep"));
    co_await weft::sleep(1ms);
    auto body = [&]() -> Coro<> { co_await weft::wait_for(asleep, 0ms); };
    std::string const seen = co_await outcome(body());
    EXPECT_EQ(seen, "TimeoutError");
    EXPECT_TRUE(asleep.cancelled());
  });
  EXPECT_EQ(log.text(), "asleep:cancelled");
}

TEST_P(WaitFor, OuterCancelCancelsWhatIsWaitedForAndPasses) {
  Log log;
  run([&]() -> Coro<> {
    Task<void> const inner = weft::create_task(sleep_for_ever(log, "inner"));
    auto body = [&]() -> Coro<> { co_await weft::wait_for(inner, 1h); };
    Task<void> outer = weft::create_task(body());
    co_await weft::sleep(1ms);
    outer.cancel();
    std::string const seen = co_await outcome(outer);
    EXPECT_EQ(seen, "CancelledError");
    EXPECT_TRUE(inner.cancelled());
  });
  EXPECT_EQ(log.text(), "inner:cancelled");
}

TEST_P(WaitFor, ATimedOutGetTakesNoItem) {
  run([]() -> Coro<> {
    weft::Queue<int> queue;
    auto body = [&]() -> Coro<> {
      int const v = co_await weft::wait_for(queue.get(), 10ms);
      (void)v;
    };
    std::string const seen = co_await outcome(body());
    EXPECT_EQ(seen, "TimeoutError");
    queue.put_nowait(1);
    EXPECT_EQ(queue.qsize(), 1U);
    int const v = co_await queue.get();
    EXPECT_EQ(v, 1);
  });
}

TEST_P(WaitFor, ATimedOutLockIsNotHeld) {
  run([]() -> Coro<> {
    weft::Lock lock;
    co_await lock.acquire();
    auto body = [&]() -> Coro<> { co_await weft::wait_for(lock.acquire(), 10ms); };
    std::string const seen = co_await outcome(body());
    EXPECT_EQ(seen, "TimeoutError");
    lock.release();
    EXPECT_FALSE(lock.locked());
  });
}

WEFT_TEST_AT_1_2_8_WORKERS(WaitFor);

}  // namespace
}  // namespace weft_test
