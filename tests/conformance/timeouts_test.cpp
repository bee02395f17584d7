// What CPython's test_timeouts.py asks of timeout() and timeout_at(). The table is docs/conformance/timeouts.md.
//
// A weft block hands its Timeout to the body and it ends with the block, so what asyncio asks of the handle afterwards is
// asked by the body on its way out.
#include "conformance/operations.hpp"

namespace weft_test {
namespace {

class AsyncioTimeouts : public AtWorkers {};

// Sleeps far beyond every deadline and tells on its way out whether the time was up.
Coro<> sleep_and_tell(weft::Timeout* timeout, bool* expired) {
  try {
    co_await weft::sleep(1h);
  } catch (weft::CancelledError const&) {
    *expired = timeout->expired();
    throw;
  }
}

TEST_P(AsyncioTimeouts, BlockThatTakesTooLongThrowsTimeoutErrorAndHasExpired) {
  bool expired = false;
  run([&]() -> Coro<> {
    auto block = [&]() -> Coro<> {
      co_await weft::timeout(10ms, [&](weft::Timeout& t) -> Coro<> { co_await sleep_and_tell(&t, &expired); });
    };
    std::string const seen = co_await outcome(block());
    EXPECT_EQ(seen, "TimeoutError");
  });
  EXPECT_TRUE(expired);
}

TEST_P(AsyncioTimeouts, DeadlineIsAnInstantThatWhenTells) {
  bool expired = false;
  run([&]() -> Coro<> {
    Clock::time_point const deadline = Clock::now() + 10ms;
    auto block = [&]() -> Coro<> {
      co_await weft::timeout_at(deadline, [&](weft::Timeout& t) -> Coro<> {
        EXPECT_EQ(t.when(), deadline);
        co_await sleep_and_tell(&t, &expired);
      });
    };
    std::string const seen = co_await outcome(block());
    EXPECT_EQ(seen, "TimeoutError");
    EXPECT_EQ(Clock::now(), deadline);
  });
  EXPECT_TRUE(expired);
}

TEST_P(AsyncioTimeouts, OfNestedBlocksWithOneDeadlineOnlyTheOuterThrowsTimeoutErrorAndBothHaveExpired) {
  std::string inner;
  bool inner_expired = false;
  bool outer_expired = false;
  run([&]() -> Coro<> {
    Clock::time_point const deadline = Clock::now() + 10ms;
    auto nested = [&](weft::Timeout& outer) -> Coro<> {
      auto block = [&]() -> Coro<> {
        co_await weft::timeout_at(deadline, [&](weft::Timeout& t) -> Coro<> { co_await sleep_and_tell(&t, &inner_expired); });
      };
      weft::Result<void> const seen = co_await weft::as_result(block());
      inner = describe(seen.error());
      outer_expired = outer.expired();
      seen.rethrow_if_error();
    };
    auto block = [&]() -> Coro<> { co_await weft::timeout_at(deadline, std::ref(nested)); };
    std::string const seen = co_await outcome(block());
    EXPECT_EQ(seen, "TimeoutError");
    EXPECT_EQ(weft::current_task().cancelling(), 0);
  });
  EXPECT_EQ(inner, "CancelledError");
  EXPECT_TRUE(inner_expired);
  EXPECT_TRUE(outer_expired);
}

TEST_P(AsyncioTimeouts, WaiterInsideSeesCancelledErrorBeforeItBecomesTimeoutError) {
  Log log;
  run([&]() -> Coro<> {
    auto block = [&]() -> Coro<> {
      co_await weft::timeout(10ms, [&](weft::Timeout&) -> Coro<> { co_await sleep_for_ever(log, "waiter"); });
    };
    std::string const seen = co_await outcome(block());
    log.add(seen);
  });
  EXPECT_EQ(log.text(), "waiter:cancelled TimeoutError");
}

TEST_P(AsyncioTimeouts, BlockInTimeHasNotExpired) {
  run([]() -> Coro<> {
    co_await weft::timeout(10s, [](weft::Timeout& t) -> Coro<> {
      co_await weft::sleep(10ms);
      EXPECT_FALSE(t.expired());
      EXPECT_GT(t.when(), Clock::now());
    });
  });
}

TEST_P(AsyncioTimeouts, WithoutADelayThereIsNoDeadline) {
  run([]() -> Coro<> {
    co_await weft::timeout(std::nullopt, [](weft::Timeout& t) -> Coro<> {
      co_await weft::sleep(10ms);
      EXPECT_FALSE(t.expired());
      EXPECT_EQ(t.when(), std::nullopt);
    });
  });
}

TEST_P(AsyncioTimeouts, WithoutAnInstantThereIsNoDeadline) {
  run([]() -> Coro<> {
    co_await weft::timeout_at(std::nullopt, [](weft::Timeout& t) -> Coro<> {
      co_await weft::sleep(10ms);
      EXPECT_FALSE(t.expired());
      EXPECT_EQ(t.when(), std::nullopt);
    });
  });
}

TEST_P(AsyncioTimeouts, DelayOfZeroStrikesAtTheFirstSuspension) {
  bool expired = false;
  run([&]() -> Coro<> {
    Clock::time_point const start = Clock::now();
    auto block = [&]() -> Coro<> {
      co_await weft::timeout(0s, [&](weft::Timeout& t) -> Coro<> {
        EXPECT_EQ(t.when(), start);
        co_await sleep_and_tell(&t, &expired);
      });
    };
    std::string const seen = co_await outcome(block());
    EXPECT_EQ(seen, "TimeoutError");
    EXPECT_EQ(Clock::now(), start);
  });
  EXPECT_TRUE(expired);
}

// A body whose only suspension is yield_now: with one worker the timer is due before the body runs again.
TEST_P(AsyncioTimeouts, DelayOfZeroStrikesAtAYieldToo) {
  run([]() -> Coro<> {
    bool expired = false;
    auto block = [&]() -> Coro<> {
      co_await weft::timeout(0s, [&](weft::Timeout& t) -> Coro<> {
        try {
          co_await weft::yield_now();
        } catch (weft::CancelledError const&) {
          expired = t.expired();
          throw;
        }
      });
    };
    Clock::time_point const start = Clock::now();
    std::string const seen = co_await outcome(block());
    EXPECT_EQ(seen, "TimeoutError");
    EXPECT_TRUE(expired);
    EXPECT_EQ(Clock::now(), start);
  });
}

TEST_P(AsyncioTimeouts, DeadlineInThePastStrikesAtAYieldToo) {
  run([]() -> Coro<> {
    bool expired = false;
    Clock::time_point const start = Clock::now();
    auto block = [&]() -> Coro<> {
      co_await weft::timeout_at(start - 11s, [&](weft::Timeout& t) -> Coro<> {
        EXPECT_LT(t.when(), start);
        try {
          co_await weft::yield_now();
        } catch (weft::CancelledError const&) {
          expired = t.expired();
          throw;
        }
      });
    };
    std::string const seen = co_await outcome(block());
    EXPECT_EQ(seen, "TimeoutError");
    EXPECT_TRUE(expired);
    auto negative = []() -> Coro<> {
      co_await weft::timeout(-11s, [](weft::Timeout&) -> Coro<> { co_await weft::yield_now(); });
    };
    std::string const of_negative = co_await outcome(negative());
    EXPECT_EQ(of_negative, "TimeoutError");
    EXPECT_EQ(Clock::now(), start);
  });
}

TEST_P(AsyncioTimeouts, OtherExceptionOfTheBodyPasses) {
  run([]() -> Coro<> {
    bool expired = true;
    auto block = [&]() -> Coro<> {
      co_await weft::timeout(10ms, [&](weft::Timeout& t) -> Coro<> {
        expired = t.expired();
        throw Failure("key");
        co_return;
      });
    };
    std::string const seen = co_await outcome(block());
    EXPECT_EQ(seen, "Failure(key)");
    EXPECT_FALSE(expired);
  });
}

// C++ keeps no chain of exceptions: what is left of the test is that the failure being handled does not show.
TEST_P(AsyncioTimeouts, TimeoutWhileAFailureIsCleanedUpIsTimeoutError) {
  run([]() -> Coro<> {
    auto fails = []() -> Coro<> {
      throw Failure("first");
      co_return;
    };
    auto cleanup = []() -> Coro<> { co_await weft::sleep(1s); };
    auto block = [&]() -> Coro<> {
      co_await weft::timeout(10ms, [&](weft::Timeout&) -> Coro<> { co_await weft::finally_(fails(), cleanup()); });
    };
    std::string const seen = co_await outcome(block());
    EXPECT_EQ(seen, "TimeoutError");
  });
}

TEST_P(AsyncioTimeouts, FailureOfTheCleanupReplacesTheTimeout) {
  run([]() -> Coro<> {
    auto crash = []() -> Coro<> {
      throw Failure("crash");
      co_return;
    };
    auto sleeps = []() -> Coro<> { co_await weft::sleep(1s); };
    auto block = [&]() -> Coro<> {
      co_await weft::timeout(10ms, [&](weft::Timeout&) -> Coro<> { co_await weft::finally_(sleeps(), crash()); });
    };
    std::string const seen = co_await outcome(block());
    EXPECT_EQ(seen, "Failure(crash)");
    EXPECT_EQ(weft::current_task().cancelling(), 0);
  });
}

TEST_P(AsyncioTimeouts, LastFailureOfNestedCleanupsReplacesTheTimeout) {
  run([]() -> Coro<> {
    auto fail = [](std::string name) -> Coro<> {
      throw Failure(name);
      co_return;
    };
    auto sleeps = []() -> Coro<> { co_await weft::sleep(1s); };
    auto block = [&]() -> Coro<> {
      co_await weft::timeout(10ms, [&](weft::Timeout&) -> Coro<> {
        Coro<> inner = weft::finally_(fail("value"), sleeps());
        Coro<> outer = weft::finally_(fail("key"), fail("last"));
        co_await weft::finally_(std::move(inner), std::move(outer));
      });
    };
    std::string const seen = co_await outcome(block());
    EXPECT_EQ(seen, "Failure(last)");
    EXPECT_EQ(weft::current_task().cancelling(), 0);
  });
}

TEST_P(AsyncioTimeouts, CancelFromElsewhereIsNoTimeout) {
  run([]() -> Coro<> {
    bool expired = true;
    auto block = [&]() -> Coro<> {
      co_await weft::timeout(10s, [&](weft::Timeout& t) -> Coro<> {
        weft::current_task().cancel();
        co_await sleep_and_tell(&t, &expired);
      });
    };
    Task<void> const task = weft::create_task(block());
    std::string const seen = co_await outcome(task);
    EXPECT_EQ(seen, "CancelledError");
    EXPECT_FALSE(expired);
  });
}

TEST_P(AsyncioTimeouts, TaskAroundTheBlockIsNotCancelled) {
  run([]() -> Coro<> {
    auto outer = []() -> Coro<> {
      auto block = []() -> Coro<> {
        co_await weft::timeout(1ms, [](weft::Timeout&) -> Coro<> { co_await weft::sleep(10s); });
      };
      std::string const seen = co_await outcome(block());
      EXPECT_EQ(seen, "TimeoutError");
    };
    Task<void> const task = weft::create_task(outer());
    co_await task;
    EXPECT_FALSE(task.cancelled());
    EXPECT_TRUE(task.done());
  });
}

// Computing moves no virtual clock: these two use the steady one, and compute until the deadline has passed.
void compute_until(Clock::time_point when) {
  while (Clock::now() <= when) {
  }
}

TEST_P(AsyncioTimeouts, OuterDeadlineThatPassesWhileComputingEndsTheInnerBlockByCancellation) {
  weft::Options steady = options();
  steady.clock = weft::ClockKind::steady;
  weft::Runtime runtime(steady);
  runtime.run([]() -> Coro<> {
    std::string inner;
    auto computes = [&](weft::Timeout& outer) -> Coro<> {
      auto block = [&]() -> Coro<> {
        co_await weft::timeout(1h, [&](weft::Timeout&) -> Coro<> {
          compute_until(*outer.when());
          co_await weft::sleep(1h);
        });
      };
      weft::Result<void> const seen = co_await weft::as_result(block());
      inner = describe(seen.error());
      seen.rethrow_if_error();
    };
    auto block = [&]() -> Coro<> { co_await weft::timeout(2ms, std::ref(computes)); };
    std::string const seen = co_await outcome(block());
    EXPECT_EQ(seen, "TimeoutError");
    EXPECT_EQ(inner, "CancelledError");
  });
}

TEST_P(AsyncioTimeouts, OuterDeadlineEndsWhatFollowsABusyInnerBlock) {
  weft::Options steady = options();
  steady.clock = weft::ClockKind::steady;
  weft::Runtime runtime(steady);
  runtime.run([]() -> Coro<> {
    auto computes = [&](weft::Timeout& outer) -> Coro<> {
      auto block = [&]() -> Coro<> {
        co_await weft::timeout(1ms, [&](weft::Timeout&) -> Coro<> {
          compute_until(*outer.when());
          co_await weft::sleep(1h);
        });
      };
      // Both deadlines have passed; whether the inner block says so or is cancelled by the outer one is open, in asyncio too.
      weft::Result<void> const inner = co_await weft::as_result(block());
      EXPECT_FALSE(inner.has_value());
      if (inner.cancelled()) inner.rethrow_if_error();
      co_await weft::sleep(1h);
      ADD_FAILURE() << "the outer timeout was lost";
    };
    auto block = [&]() -> Coro<> { co_await weft::timeout(3ms, std::ref(computes)); };
    std::string const seen = co_await outcome(block());
    EXPECT_EQ(seen, "TimeoutError");
    EXPECT_EQ(weft::current_task().cancelling(), 0);
  });
}

TEST_P(AsyncioTimeouts, RescheduledFromAnotherTaskAndThenCancelledHasNotExpired) {
  run([]() -> Coro<> {
    Clock::time_point const first = Clock::now() + 10s;
    Clock::time_point const second = first + 20s;
    weft::Timeout* handle = nullptr;
    bool expired = true;
    auto block = [&]() -> Coro<> {
      co_await weft::timeout_at(first, [&](weft::Timeout& t) -> Coro<> {
        handle = &t;
        try {
          co_await weft::sleep(50s);
        } catch (weft::CancelledError const&) {
          expired = t.expired();
          throw;
        }
      });
    };
    Task<void> task = weft::create_task(block());
    co_await settle();
    EXPECT_EQ(handle->when(), first);
    handle->reschedule(second);
    EXPECT_EQ(handle->when(), second);
    handle->reschedule(std::nullopt);
    EXPECT_EQ(handle->when(), std::nullopt);
    task.cancel();
    std::string const seen = co_await outcome(task);
    EXPECT_EQ(seen, "CancelledError");
    EXPECT_FALSE(expired);
  });
}

TEST_P(AsyncioTimeouts, TimeoutInTheCleanupOfATimeout) {
  run([]() -> Coro<> {
    std::string inner;
    auto cleanup = [&]() -> Coro<> {
      auto block = []() -> Coro<> {
        co_await weft::timeout(10ms, [](weft::Timeout&) -> Coro<> { co_await weft::sleep(10s); });
      };
      inner = co_await outcome(block());
    };
    auto sleeps = []() -> Coro<> { co_await weft::sleep(1s); };
    auto block = [&]() -> Coro<> {
      co_await weft::timeout(10ms, [&](weft::Timeout&) -> Coro<> { co_await weft::finally_(sleeps(), cleanup()); });
    };
    Elapsed const clock;
    std::string const seen = co_await outcome(block());
    EXPECT_EQ(seen, "TimeoutError");
    EXPECT_EQ(inner, "TimeoutError");
    EXPECT_EQ(clock.ms(), 20ms);
    EXPECT_EQ(weft::current_task().cancelling(), 0);
  });
}

TEST_P(AsyncioTimeouts, TimeoutAfterASwallowedCancellationIsTimeoutError) {
  run([]() -> Coro<> {
    auto body = []() -> Coro<std::string> {
      weft::current_task().cancel();
      weft::Result<void> const first = co_await weft::as_result(weft::sleep(1s));
      EXPECT_TRUE(first.cancelled());
      auto block = []() -> Coro<> {
        co_await weft::timeout(0s, [](weft::Timeout&) -> Coro<> { co_await weft::sleep(1s); });
      };
      co_return co_await outcome(block());
    };
    Task<std::string> const task = weft::create_task(body());
    std::string const seen = co_await task;
    EXPECT_EQ(seen, "TimeoutError");
    EXPECT_EQ(task.cancelling(), 1);
  });
}

TEST_P(AsyncioTimeouts, SecondCancellationInsideATimeoutIsCancelledError) {
  run([]() -> Coro<> {
    auto body = []() -> Coro<std::string> {
      weft::current_task().cancel();
      weft::Result<void> const first = co_await weft::as_result(weft::sleep(1s));
      EXPECT_TRUE(first.cancelled());
      auto block = []() -> Coro<> {
        co_await weft::timeout(1s, [](weft::Timeout&) -> Coro<> {
          weft::current_task().cancel();
          co_await weft::sleep(2s);
        });
      };
      co_return co_await outcome(block());
    };
    Task<std::string> const task = weft::create_task(body());
    std::string const seen = co_await task;
    EXPECT_EQ(seen, "CancelledError");
    EXPECT_EQ(task.cancelling(), 2);
  });
}

TEST_P(AsyncioTimeouts, RescheduleWhileTheBlockIsEndingThrowsRuntimeError) {
  run([]() -> Coro<> {
    std::string seen;
    co_await weft::timeout(10ms, [&](weft::Timeout& t) -> Coro<> {
      weft::Result<void> const slept = co_await weft::as_result(weft::sleep(1s));
      EXPECT_TRUE(slept.cancelled());
      seen = outcome_of_call([&] { t.reschedule(Clock::now() + 20ms); });
    });
    EXPECT_EQ(seen, "RuntimeError");
  });
}

TEST_P(AsyncioTimeouts, OutsideATaskThrowsRuntimeError) {
  weft::Runtime runtime(options());
  runtime.run([]() -> Coro<> {
    std::string of_reschedule;
    auto block = [&]() -> Coro<> {
      co_await weft::timeout(1h, [&](weft::Timeout& t) -> Coro<> {
        weft::Timeout* const handle = &t;
        co_await weft::to_thread([&] { of_reschedule = outcome_of_call([&] { handle->reschedule(std::nullopt); }); });
        co_await weft::sleep(2h);
      });
    };
    std::string const seen = co_await outcome(block());
    EXPECT_EQ(of_reschedule, "RuntimeError");
    EXPECT_EQ(seen, "TimeoutError") << "the deadline is as it was";
  });
}

TEST_P(AsyncioTimeouts, FailuresOfAGroupInsideReplaceTheTimeout) {
  run([]() -> Coro<> {
    auto crash = []() -> Coro<> {
      throw Failure("cleanup of the child");
      co_return;
    };
    auto fails = []() -> Coro<> {
      throw Failure("body");
      co_return;
    };
    auto sleeps = [](milliseconds d) -> Coro<> { co_await weft::sleep(d); };
    auto group = [&](weft::TaskGroup& tg) -> Coro<> {
      tg.start_soon(weft::finally_(sleeps(2s), crash()));
      co_await weft::finally_(fails(), sleeps(1s));
    };
    auto block = [&]() -> Coro<> {
      co_await weft::timeout(10ms, [&](weft::Timeout&) -> Coro<> { co_await weft::task_group(std::ref(group)); });
    };
    std::string const seen = co_await outcome(block());
    EXPECT_EQ(seen, "ExceptionGroup[Failure(cleanup of the child)]");
    EXPECT_EQ(weft::current_task().cancelling(), 0);
  });
}

WEFT_TEST_AT_1_2_8_WORKERS(AsyncioTimeouts);

}  // namespace
}  // namespace weft_test
