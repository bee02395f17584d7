// Cancelling tasks, taking it back, and shielding from it, as CPython's test_tasks.py has it. Where CPython waits for a
// bare future these wait for an event or a future, whichever the meaning needs (tasks_futures_test.cpp has those in which the
// future's own state matters). docs/conformance says which of CPython's tests each of these stands for.
#include "unit/support.hpp"

#include <functional>

namespace weft_test {
namespace {

class AsyncioCancel : public AtWorkers {};

Coro<> long_sleep() { co_await weft::sleep(10s); }

// ---------------------------------------------------------------- cancelling, uncancel

TEST_P(AsyncioCancel, CancellingCountsTheRequestsAndEachIsAccepted) {
  run([]() -> Coro<> {
    Task<void> task = weft::create_task(long_sleep());
    EXPECT_EQ(task.cancelling(), 0);
    EXPECT_TRUE(task.cancel());
    EXPECT_EQ(task.cancelling(), 1);
    // Another worker may have ended the task by now.
    bool const again = task.cancel();
    if (GetParam() == 1) {
      EXPECT_TRUE(again);
      EXPECT_EQ(task.cancelling(), 2);
    }
    std::string const seen = co_await outcome(task);
    EXPECT_EQ(seen, "CancelledError");
  });
}

TEST_P(AsyncioCancel, UncancelTakesTheCountBackAndTheTaskMayBeCancelledAgain) {
  run([]() -> Coro<> {
    auto body = []() -> Coro<> {
      bool cancelled = false;
      try {
        co_await weft::sleep(10s);
      } catch (weft::CancelledError const&) {
        cancelled = true;
        weft::current_task().uncancel();
      }
      EXPECT_TRUE(cancelled);
      co_await weft::sleep(10s);
    };
    Task<void> task = weft::create_task(body());
    co_await weft::sleep(10ms);

    EXPECT_TRUE(task.cancel());
    EXPECT_FALSE(task.cancelled());
    co_await weft::sleep(10ms);
    EXPECT_EQ(task.cancelling(), 0);
    EXPECT_FALSE(task.cancelled());
    EXPECT_FALSE(task.done());

    EXPECT_TRUE(task.cancel());
    EXPECT_EQ(task.cancelling(), 1);
    std::string const seen = co_await outcome(task);
    EXPECT_EQ(seen, "CancelledError");
    EXPECT_TRUE(task.cancelled());

    task.uncancel();
    EXPECT_TRUE(task.cancelled()) << "too late";
    EXPECT_TRUE(task.done());
  });
}

struct BlockOutcome {
  bool timed_out = false, block_finished = false, outer_reached = false;
};

// A timeout that a user makes of cancel and uncancel, as CPython's documentation has it.
Coro<BlockOutcome> request_with_home_made_timeout(milliseconds work, milliseconds limit) {
  BlockOutcome outcome;
  weft::AnyTask task = weft::current_task();
  auto alarm = [](weft::AnyTask target, milliseconds after, bool& timed_out) -> Coro<> {
    co_await weft::sleep(after);
    timed_out = true;
    target.cancel();
  };
  Task<void> clock = weft::create_task(alarm(task, limit, outcome.timed_out));
  std::exception_ptr error;
  try {
    co_await weft::sleep(work);
    outcome.block_finished = true;
  } catch (weft::CancelledError const&) {
    error = std::current_exception();
  }
  clock.cancel();
  bool const ours = outcome.timed_out && task.uncancel() == 0;
  EXPECT_EQ(ours, error != nullptr);
  outcome.outer_reached = true;
  co_await weft::sleep(0ms);
  co_return outcome;
}

TEST_P(AsyncioCancel, ABlockThatCancelsAndUncancelsLeavesTheCodeAroundItAlone) {
  run([]() -> Coro<> {
    Task<BlockOutcome> const slow = weft::create_task(request_with_home_made_timeout(10s, 100ms));
    BlockOutcome const late = co_await slow;
    EXPECT_TRUE(late.timed_out);
    EXPECT_FALSE(late.block_finished);
    EXPECT_TRUE(late.outer_reached);
    EXPECT_EQ(slow.cancelling(), 0);

    Task<BlockOutcome> const quick = weft::create_task(request_with_home_made_timeout(0ms, 10s));
    BlockOutcome const in_time = co_await quick;
    EXPECT_FALSE(in_time.timed_out);
    EXPECT_TRUE(in_time.block_finished);
    EXPECT_TRUE(in_time.outer_reached);
    EXPECT_EQ(quick.cancelling(), 0);
  });
}

// ---------------------------------------------------------------- cancel

TEST_P(AsyncioCancel, ASleepingTaskIsCancelledAndThenRefusesAnother) {
  run([]() -> Coro<> {
    Elapsed const clock;
    Task<int> task = weft::create_task(value_after(10s, 12));
    auto canceller = [](Task<int> target) -> Coro<> {
      target.cancel();
      co_return;
    };
    Task<void> const soon = weft::create_task(canceller(task));
    std::string const seen = co_await outcome(task);
    EXPECT_EQ(seen, "CancelledError");
    EXPECT_TRUE(task.done());
    EXPECT_TRUE(task.cancelled());
    EXPECT_FALSE(task.cancel());
    EXPECT_EQ(clock.ms(), 0ms);
    co_await soon;
  });
}

TEST_P(AsyncioCancel, TheMessageComesOutOfTheAwait) {
  run([]() -> Coro<> {
    Task<void> task = weft::create_task(long_sleep());
    task.cancel("my message");
    std::string const seen = co_await outcome(task);
    EXPECT_EQ(seen, "CancelledError(my message)");
  });
}

TEST_P(AsyncioCancel, AnAwaiterMayTurnTheCancelOfAnotherIntoAnErrorOfItsOwn) {
  run([]() -> Coro<> {
    weft::Event started;
    auto sleeper = [&]() -> Coro<> {
      started.set();
      co_await weft::sleep(10s);
    };
    auto work = [&]() -> Coro<> {
      Task<void> inner = weft::create_task(sleeper());
      co_await started.wait();
      auto canceller = [](Task<void> target) -> Coro<> {
        target.cancel("msg");
        co_return;
      };
      Task<void> const soon = weft::create_task(canceller(inner));
      try {
        co_await inner;
      } catch (weft::CancelledError const& e) {
        EXPECT_EQ(e.message(), "msg");
        throw Failure("cancelled");
      }
    };
    Task<void> const task = weft::create_task(work());
    std::string const seen = co_await outcome(task);
    EXPECT_EQ(seen, "Failure(cancelled)");
    EXPECT_FALSE(task.cancelled());
    EXPECT_EQ(task.cancelling(), 0);
  });
}

TEST_P(AsyncioCancel, ATaskThatYieldsIsCancelled) {
  run([]() -> Coro<> {
    weft::Event started;
    auto yields = [&]() -> Coro<int> {
      started.set();
      // CPython yields twice; with several workers that could be over before the cancel.
      for (;;) co_await weft::sleep(0ms);
      co_return 12;
    };
    Task<int> task = weft::create_task(yields());
    co_await started.wait();
    EXPECT_TRUE(task.cancel());
    std::string const seen = co_await outcome(task);
    EXPECT_EQ(seen, "CancelledError");
    EXPECT_TRUE(task.done());
    EXPECT_TRUE(task.cancelled());
    EXPECT_FALSE(task.cancel());
  });
}

TEST_P(AsyncioCancel, ATaskMayCancelItselfAndItsNextSleepIsCancelledAtOnce) {
  run([]() -> Coro<> {
    Elapsed const clock;
    auto body = []() -> Coro<int> {
      EXPECT_TRUE(weft::current_task().cancel());
      co_await weft::sleep(100s);
      co_return 12;
    };
    Task<int> task = weft::create_task(body());
    std::string const seen = co_await outcome(task);
    EXPECT_EQ(seen, "CancelledError");
    EXPECT_TRUE(task.done());
    EXPECT_TRUE(task.cancelled());
    EXPECT_FALSE(task.cancel());
    EXPECT_EQ(clock.ms(), 0ms);
  });
}

TEST_P(AsyncioCancel, ATaskThatEndsRightAfterItsCancelEndsCancelled) {
  run([]() -> Coro<> {
    auto body = []() -> Coro<int> {
      EXPECT_TRUE(weft::current_task().cancel());
      co_return 12;
    };
    Task<int> task = weft::create_task(body());
    std::string const seen = co_await outcome(task);
    EXPECT_EQ(seen, "CancelledError");
    EXPECT_TRUE(task.done());
    EXPECT_TRUE(task.cancelled());
    EXPECT_FALSE(task.cancel());
  });
}

TEST_P(AsyncioCancel, ASleepingTaskIsCancelledByATimerWhileAnotherAwaitsIt) {
  run([]() -> Coro<> {
    Elapsed const clock;
    auto work = []() -> Coro<std::string> {
      auto sleeps = []() -> Coro<> { co_await weft::sleep(5000s); };
      Task<void> const sleeper = weft::create_task(sleeps());
      auto later = [](Task<void> target) -> Coro<> {
        co_await weft::sleep(100ms);
        target.cancel();
      };
      Task<void> const timer = weft::create_task(later(sleeper));
      std::string result = "slept in";
      try {
        co_await sleeper;
      } catch (weft::CancelledError const&) {
        result = "cancelled";
      }
      co_return result;
    };
    std::string const seen = co_await work();
    EXPECT_EQ(seen, "cancelled");
    EXPECT_EQ(clock.ms(), 100ms);
  });
}

// Python: SystemExit. In C++ whatever is thrown instead of the CancelledError is the task's failure.
TEST_P(AsyncioCancel, AnythingThrownInsteadOfTheCancelledErrorIsTheTasksFailure) {
  run([]() -> Coro<> {
    struct Exit {};
    auto body = []() -> Coro<> {
      try {
        co_await long_sleep();
      } catch (weft::CancelledError const&) {
        throw Exit();
      }
    };
    Task<void> task = weft::create_task(body());
    co_await weft::sleep(1ms);
    task.cancel();
    std::string const seen = co_await outcome(task);
    EXPECT_EQ(seen, "unknown");
    EXPECT_TRUE(task.done());
    EXPECT_FALSE(task.cancelled());
    EXPECT_TRUE(task.exception());
  });
}

// ---------------------------------------------------------------- shield

TEST_P(AsyncioCancel, AShieldGivesTheResultOfWhatItShields) {
  run([]() -> Coro<> {
    Task<int> const inner = weft::create_task(value_after(5ms, 42));
    int const got = co_await weft::shield(inner);
    EXPECT_EQ(got, 42);
  });
}

TEST_P(AsyncioCancel, AShieldThrowsTheFailureOfWhatItShields) {
  run([]() -> Coro<> {
    Task<int> const inner = weft::create_task(fail_after(5ms, "expected"));
    auto waits = [&]() -> Coro<> {
      int const got = co_await weft::shield(inner);
      (void)got;
    };
    std::string const seen = co_await outcome(waits());
    EXPECT_EQ(seen, "Failure(expected)");
  });
}

TEST_P(AsyncioCancel, AShieldWhoseInnerTaskIsCancelledThrowsCancelledError) {
  run([]() -> Coro<> {
    Task<void> inner = weft::create_task(long_sleep());
    auto waits = [&]() -> Coro<> { co_await weft::shield(inner); };
    Task<void> const outer = weft::create_task(waits());
    co_await weft::sleep(1ms);
    inner.cancel();
    std::string const seen = co_await outcome(outer);
    EXPECT_EQ(seen, "CancelledError");
    EXPECT_TRUE(outer.cancelled());
    EXPECT_EQ(outer.cancelling(), 0);
  });
}

TEST_P(AsyncioCancel, ACancelOfTheShieldsCallerEndsItsWaitAndLeavesNothingBehind) {
  run([]() -> Coro<> {
    weft::Event event;
    auto waits_inside = [&]() -> Coro<> { co_await event.wait(); };
    Task<void> const inner = weft::create_task(waits_inside());
    auto waits = [&]() -> Coro<> { co_await weft::shield(inner); };
    Task<void> outer = weft::create_task(waits());
    co_await weft::sleep(1ms);
    outer.cancel();
    std::string const seen = co_await outcome(outer);
    EXPECT_EQ(seen, "CancelledError");
    EXPECT_TRUE(outer.cancelled());
    EXPECT_FALSE(inner.done());
    EXPECT_EQ(inner.cancelling(), 0);
    event.set();
    co_await inner;
  });
}

TEST_P(AsyncioCancel, AShieldOfAFinishedTaskGivesItsResultAtOnce) {
  run([]() -> Coro<> {
    Task<int> const inner = weft::create_task(value_after(0ms, 42));
    co_await inner;
    weft::AnyTask me = weft::current_task();
    me.cancel();
    int const got = co_await weft::shield(inner);  // no suspension, so no delivery
    EXPECT_EQ(got, 42);
    me.uncancel();
  });
}

TEST_P(AsyncioCancel, AShieldedCoroutineRunsOnWhenTheCallerIsCancelled) {
  std::atomic<int> proof{0};
  run([&]() -> Coro<> {
    weft::Event waiter, ended;
    auto inner = [&]() -> Coro<> {
      co_await waiter.wait();
      proof.fetch_add(1);
      ended.set();
    };
    auto outer = [&]() -> Coro<> {
      co_await weft::shield(inner());
      proof.fetch_add(100);
    };
    Task<void> task = weft::create_task(outer());
    co_await weft::sleep(1ms);
    task.cancel();
    std::string const seen = co_await outcome(task);
    EXPECT_EQ(seen, "CancelledError");
    EXPECT_EQ(proof.load(), 0);
    waiter.set();
    co_await ended.wait();
  });
  EXPECT_EQ(proof.load(), 1);
}

TEST_P(AsyncioCancel, AShieldedGatherRunsOnWhenTheCallerIsCancelled) {
  run([]() -> Coro<> {
    weft::Event first_may, second_may;
    auto child = [](weft::Event& event, int value) -> Coro<int> {
      co_await event.wait();
      co_return value;
    };
    Task<int> const child1 = weft::create_task(child(first_may, 1));
    Task<int> const child2 = weft::create_task(child(second_may, 2));
    auto gathers = [&]() -> Coro<std::pair<int, int>> {
      auto const [a, b] = co_await weft::gather(child1, child2);
      co_return std::pair(a, b);
    };
    Task<std::pair<int, int>> const parent = weft::create_task(gathers());
    auto waits = [&]() -> Coro<> {
      std::pair<int, int> const got = co_await weft::shield(parent);
      (void)got;
    };
    Task<void> outer = weft::create_task(waits());
    co_await weft::sleep(1ms);
    outer.cancel();
    std::string const seen = co_await outcome(outer);
    EXPECT_EQ(seen, "CancelledError");
    first_may.set();
    second_may.set();
    std::pair<int, int> const got = co_await parent;
    EXPECT_EQ(got, std::pair(1, 2));
  });
}

TEST_P(AsyncioCancel, AShieldOfAGatherIsOneOfAnyAwaitable) {
  run([]() -> Coro<> {
    weft::Event may, ended;
    auto child = [&](int value) -> Coro<int> {
      co_await may.wait();
      if (value == 2) ended.set();
      co_return value;
    };
    Task<int> const child1 = weft::create_task(child(1));
    Task<int> const child2 = weft::create_task(child(2));
    auto waits = [&]() -> Coro<> {
      auto const got = co_await weft::shield(weft::gather(child1, child2));
      (void)got;
    };
    Task<void> outer = weft::create_task(waits());
    co_await weft::sleep(1ms);
    outer.cancel();
    std::string const seen = co_await outcome(outer);
    EXPECT_EQ(seen, "CancelledError");
    may.set();
    int const a = co_await child1, b = co_await child2;
    EXPECT_EQ(a * 10 + b, 12);
  });
}

TEST_P(AsyncioCancel, ACancelledGatherOfShieldsLeavesTheShieldedTasksAlone) {
  run([]() -> Coro<> {
    weft::Event may;
    auto child = [&](int value) -> Coro<int> {
      co_await may.wait();
      co_return value;
    };
    Task<int> const child1 = weft::create_task(child(1));
    Task<int> const child2 = weft::create_task(child(2));
    auto gathers = [&]() -> Coro<> {
      auto const got = co_await weft::gather(weft::shield(child1), weft::shield(child2));
      (void)got;
    };
    Task<void> parent = weft::create_task(gathers());
    co_await weft::sleep(1ms);
    parent.cancel();
    std::string const seen = co_await outcome(parent);
    EXPECT_EQ(seen, "CancelledError");
    EXPECT_FALSE(child1.done());
    EXPECT_FALSE(child2.done());
    may.set();
    int const a = co_await child1, b = co_await child2;
    EXPECT_EQ(a * 10 + b, 12);
  });
}

TEST_P(AsyncioCancel, AShieldOfACoroutineNeedsARunningTask) {
  auto answer = []() -> Coro<int> { co_return 42; };
  // Outside there is nothing to await it in, and nothing is started by the call.
  { auto const never_awaited = weft::shield(answer()); }
  run([&]() -> Coro<> {
    int const got = co_await weft::shield(answer());
    EXPECT_EQ(got, 42);
  });
}

WEFT_TEST_AT_1_2_8_WORKERS(AsyncioCancel);

}  // namespace
}  // namespace weft_test
