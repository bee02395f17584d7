// What CPython's test_waitfor.py asks of wait_for(). The table is docs/conformance/waitfor.md.
#include "conformance/operations.hpp"

namespace weft_test {
namespace {

class AsyncioWaitFor : public AtWorkers {};
class AsyncioWaitForShield : public AtWorkers {};

// Works for 200 ms whoever cancels it, and says when it is done.
Coro<> slow(bool* exited) {
  Clock::time_point const end = Clock::now() + 200ms;
  while (Clock::now() < end) {
    weft::Result<void> const slept = co_await weft::as_result(weft::sleep_until(end));
    (void)slept;
  }
  *exited = true;
}

// Waits for ever and says whether it runs.
Coro<std::string> done_after(milliseconds delay, bool* running) {
  *running = true;
  weft::Result<void> const slept = co_await weft::as_result(weft::sleep(delay));
  *running = false;
  slept.rethrow_if_error();
  co_return "done";
}

template <class A>
Coro<std::string> outcome_of_wait_for(A awaitable, milliseconds delay) {
  std::exception_ptr error;
  try {
    (void)co_await weft::wait_for(std::move(awaitable), delay);
  } catch (...) {
    error = std::current_exception();
  }
  co_return error ? describe(error) : "ok";
}

TEST_P(AsyncioWaitFor, CancelledWaiterWaitsForACoroutineThatIgnoresTheCancel) {
  bool exited = false;
  run([&]() -> Coro<> {
    auto waiter = [&]() -> Coro<> { co_await weft::wait_for(slow(&exited), 400ms); };
    Task<void> task = weft::create_task(waiter());
    co_await settle();
    task.cancel();
    std::string const seen = co_await outcome(task);
    // The coroutine returned, so the task did.
    EXPECT_EQ(seen, "ok");
    EXPECT_EQ(task.cancelling(), 1);
    EXPECT_TRUE(exited);
  });
}

TEST_P(AsyncioWaitFor, TimedOutWaiterWaitsForACoroutineThatIgnoresTheCancel) {
  bool exited = false;
  run([&]() -> Coro<> {
    Elapsed const clock;
    std::string const seen = co_await outcome_of_wait_for(slow(&exited), 100ms);
    EXPECT_EQ(seen, "ok");
    EXPECT_TRUE(exited);
    EXPECT_EQ(clock.ms(), 200ms);
  });
}

TEST_P(AsyncioWaitFor, WithoutTimeADoneTaskGivesItsValue) {
  run([]() -> Coro<> {
    Task<int> const task = weft::create_task(value_after(0ms, 42));
    co_await task;
    Elapsed const clock;
    int const at_once = co_await weft::wait_for(task, 0s);
    int const before = co_await weft::wait_for(task, -1s);
    EXPECT_EQ(at_once, 42);
    EXPECT_EQ(before, 42);
    EXPECT_EQ(clock.ms(), 0ms);
  });
}

TEST_P(AsyncioWaitFor, WithoutTimeACoroutineIsNotStarted) {
  run([]() -> Coro<> {
    bool started = false;
    auto body = [&]() -> Coro<> {
      started = true;
      co_return;
    };
    Elapsed const clock;
    std::string const at_once = co_await outcome_of_wait_for(body(), 0ms);
    std::string const before = co_await outcome_of_wait_for(body(), -1ms);
    EXPECT_EQ(at_once, "TimeoutError");
    EXPECT_EQ(before, "TimeoutError");
    EXPECT_FALSE(started);
    EXPECT_EQ(clock.ms(), 0ms);
  });
}

TEST_P(AsyncioWaitFor, WithoutTimeARunningTaskIsCancelled) {
  run([]() -> Coro<> {
    std::vector<milliseconds> const delays{0ms, -1ms};
    for (milliseconds const delay : delays) {
      bool running = false;
      Task<std::string> const task = weft::create_task(done_after(10s, &running));
      co_await settle();
      EXPECT_TRUE(running);
      Elapsed const clock;
      std::string const seen = co_await outcome_of_wait_for(task, delay);
      EXPECT_EQ(seen, "TimeoutError");
      EXPECT_TRUE(task.done());
      EXPECT_TRUE(task.cancelled());
      EXPECT_FALSE(running);
      EXPECT_EQ(clock.ms(), 0ms);
    }
  });
}

TEST_P(AsyncioWaitFor, TaskThatTakesTooLongIsCancelled) {
  run([]() -> Coro<> {
    bool running = false;
    Task<std::string> const task = weft::create_task(done_after(10s, &running));
    Elapsed const clock;
    std::string const seen = co_await outcome_of_wait_for(task, 100ms);
    EXPECT_EQ(seen, "TimeoutError");
    EXPECT_TRUE(task.done());
    EXPECT_TRUE(task.cancelled());
    EXPECT_FALSE(running);
    EXPECT_EQ(clock.ms(), 100ms);
  });
}

TEST_P(AsyncioWaitFor, WithoutALimitItWaits) {
  run([]() -> Coro<> {
    auto body = []() -> Coro<std::string> { co_return "done"; };
    std::string const seen = co_await weft::wait_for(body(), std::nullopt);
    EXPECT_EQ(seen, "done");
  });
}

TEST_P(AsyncioWaitFor, ValueThatComesInTimeIsGiven) {
  run([]() -> Coro<> {
    weft::Queue<std::string> queue;
    Task<void> const putter = weft::create_task(call_later(100ms, [&] { queue.put_nowait("ok"); }));
    std::string const seen = co_await weft::wait_for(queue.get(), 200ms);
    EXPECT_EQ(seen, "ok");
    co_await putter;
  });
}

TEST_P(AsyncioWaitFor, CoroutineThatSwallowsTheTimeoutGivesItsValue) {
  run([]() -> Coro<> {
    auto inner = []() -> Coro<int> {
      weft::Result<void> const slept = co_await weft::as_result(weft::sleep(1s));
      EXPECT_TRUE(slept.cancelled());
      co_return 1;
    };
    int const v = co_await weft::wait_for(inner(), 10ms);
    EXPECT_EQ(v, 1);
    EXPECT_EQ(weft::current_task().cancelling(), 0);
  });
}

TEST_P(AsyncioWaitFor, TimeoutWaitsForTheCancelledTaskToEnd) {
  run([]() -> Coro<> {
    bool ended = false;
    auto inner = [&]() -> Coro<> {
      weft::Result<void> const slept = co_await weft::as_result(weft::sleep(10s));
      co_await weft::sleep(5ms);
      ended = true;
      slept.rethrow_if_error();
    };
    Task<void> const task = weft::create_task(inner());
    Elapsed const clock;
    std::string const seen = co_await outcome_of_wait_for(task, 1ms);
    EXPECT_EQ(seen, "TimeoutError");
    EXPECT_TRUE(ended);
    EXPECT_EQ(clock.ms(), 6ms);
  });
}

TEST_P(AsyncioWaitFor, WithoutTimeItWaitsForTheCancelledTaskToEnd) {
  run([]() -> Coro<> {
    bool ended = false;
    auto inner = [&]() -> Coro<> {
      weft::Result<void> const slept = co_await weft::as_result(weft::sleep(10s));
      co_await weft::sleep(5ms);
      ended = true;
      slept.rethrow_if_error();
    };
    Task<void> const task = weft::create_task(inner());
    co_await weft::sleep(1ms);
    Elapsed const clock;
    std::string const seen = co_await outcome_of_wait_for(task, 0ms);
    EXPECT_EQ(seen, "TimeoutError");
    EXPECT_TRUE(ended);
    EXPECT_EQ(clock.ms(), 5ms);
  });
}

TEST_P(AsyncioWaitFor, FailureDuringTheCancellationIsThrown) {
  run([]() -> Coro<> {
    auto inner = []() -> Coro<> {
      weft::Result<void> const slept = co_await weft::as_result(weft::sleep(200ms));
      EXPECT_TRUE(slept.cancelled());
      throw Failure("foo");
    };
    Task<void> const task = weft::create_task(inner());
    std::string const seen = co_await outcome_of_wait_for(task, 1ms);
    EXPECT_EQ(seen, "Failure(foo)");
  });
}

template <class Delay>
Coro<> cancelling_the_wait_cancels_the_task(Delay delay) {
  auto blocking = []() -> Coro<> {
    weft::Event never;
    co_await never.wait();
  };
  Task<void> const task = weft::create_task(blocking());
  auto waiter = [&]() -> Coro<> { co_await weft::wait_for(task, delay); };
  Task<void> wait = weft::create_task(waiter());
  co_await settle();
  wait.cancel();
  std::string const seen = co_await outcome(wait);
  EXPECT_EQ(seen, "CancelledError");
  EXPECT_TRUE(task.cancelled());
}

TEST_P(AsyncioWaitFor, CancellingAWaitWithoutALimitCancelsTheTask) {
  run([]() -> Coro<> { co_await cancelling_the_wait_cancels_the_task(std::nullopt); });
}

TEST_P(AsyncioWaitFor, CancellingAWaitWithALimitCancelsTheTask) {
  run([]() -> Coro<> { co_await cancelling_the_wait_cancels_the_task(60s); });
}

TEST_P(AsyncioWaitFor, CoroutineThatReturnsOnItsCancelGivesItsValue) {
  run([]() -> Coro<> {
    auto body = []() -> Coro<int> {
      weft::Result<void> const slept = co_await weft::as_result(weft::sleep(10s));
      if (slept.cancelled()) co_return 42;
      co_return 0;
    };
    int const v = co_await weft::wait_for(body(), 100ms);
    EXPECT_EQ(v, 42);
  });
}

TEST_P(AsyncioWaitFor, CancelAfterTheInnerTaskHasEndedIsNotLost) {
  run([]() -> Coro<> {
    auto inner = []() -> Coro<std::string> { co_return "done"; };
    Task<std::string> const inner_task = weft::create_task(inner());
    bool reached_end = false;
    auto body = [&]() -> Coro<> {
      std::string const text = co_await weft::wait_for(inner_task, 100s);
      EXPECT_EQ(text, "done");
      co_await weft::sleep(1s);
      reached_end = true;
    };
    Task<void> task = weft::create_task(body());
    EXPECT_FALSE(task.done());
    co_await settle();
    task.cancel();
    std::string const seen = co_await outcome(task);
    EXPECT_EQ(seen, "CancelledError");
    EXPECT_TRUE(inner_task.done());
    EXPECT_EQ(inner_task.result(), "done");
    EXPECT_FALSE(reached_end);
  });
}

// The same with nothing in between: the cancel lands before, in, or after the inner task's end, and is never lost.
TEST_P(AsyncioWaitFor, CancelWhileTheInnerTaskEndsIsNotLost) {
  run([]() -> Coro<> {
    for (int i = 0; i < 100; ++i) {
      auto inner = []() -> Coro<> { co_return; };
      bool reached_end = false;
      auto body = [&]() -> Coro<> {
        Task<void> const inner_task = weft::create_task(inner());
        co_await weft::wait_for(inner_task, 100s);
        co_await weft::sleep(1s);
        reached_end = true;
      };
      Task<void> task = weft::create_task(body());
      co_await weft::yield_now();
      task.cancel();
      std::string const seen = co_await outcome(task);
      EXPECT_EQ(seen, "CancelledError");
      EXPECT_FALSE(reached_end);
    }
  });
}

TEST_P(AsyncioWaitForShield, WithoutTimeTheShieldIsCancelledAndTheTaskRunsOn) {
  run([]() -> Coro<> {
    Task<int> const task = weft::create_task(value_after(10ms, 1));
    std::string const seen = co_await outcome_of_wait_for(weft::shield(task), 0ms);
    EXPECT_EQ(seen, "TimeoutError");
    EXPECT_FALSE(task.done());
    EXPECT_FALSE(task.cancelled());
    co_await weft::sleep(100ms);
    EXPECT_TRUE(task.done());
    EXPECT_EQ(task.result(), 1);
  });
}

TEST_P(AsyncioWaitForShield, WithoutALimitTheShieldedTaskIsWaitedFor) {
  run([]() -> Coro<> {
    Task<int> const task = weft::create_task(value_after(100ms, 7));
    int const v = co_await weft::wait_for(weft::shield(task), std::nullopt);
    EXPECT_TRUE(task.done());
    EXPECT_EQ(v, 7);
    int const again = co_await task;
    EXPECT_EQ(again, 7);
  });
}

TEST_P(AsyncioWaitForShield, TimeoutLeavesTheShieldedTaskAlone) {
  run([]() -> Coro<> {
    Task<int> const task = weft::create_task(value_after(100ms, 7));
    Elapsed const clock;
    std::string const seen = co_await outcome_of_wait_for(weft::shield(task), 10ms);
    EXPECT_EQ(seen, "TimeoutError");
    EXPECT_EQ(clock.ms(), 10ms);
    EXPECT_FALSE(task.done());
    EXPECT_FALSE(task.cancelled());
    int const v = co_await task;
    EXPECT_EQ(v, 7);
  });
}

WEFT_TEST_AT_1_2_8_WORKERS(AsyncioWaitFor);
WEFT_TEST_AT_1_2_8_WORKERS(AsyncioWaitForShield);

}  // namespace
}  // namespace weft_test
