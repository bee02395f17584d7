// shield (only the caller's wait ends) and shielded (the coroutine runs to its end in the caller's task, the cancellation
// comes after it).
#include "support.hpp"

namespace weft_test {
namespace {

class Shield : public AtWorkers {};

TEST_P(Shield, GivesTheValueOrTheFailureOfATaskOrCoroutine) {
  run([]() -> Coro<> {
    Task<int> const task = weft::create_task(value_after(5ms, 1));
    int const a = co_await weft::shield(task);
    int const b = co_await weft::shield(task);
    int const c = co_await weft::shield(value_after(1ms, 3));
    EXPECT_EQ(a * 100 + b * 10 + c, 113);
    auto failing = []() -> Coro<> {
      int const v = co_await weft::shield(fail_after(1ms, "x"));
      (void)v;
    };
    std::string const seen = co_await outcome(failing());
    EXPECT_EQ(seen, "Failure(x)");
  });
}

TEST_P(Shield, CancelOfTheCallerEndsTheWaitAtOnceAndTheTaskRunsOn) {
  run([]() -> Coro<> {
    Task<int> const inner = weft::create_task(value_after(50ms, 4));
    auto body = [&]() -> Coro<> {
      int const v = co_await weft::shield(inner);
      (void)v;
    };
    Task<void> outer = weft::create_task(body());
    co_await weft::sleep(10ms);
    Elapsed const clock;
    outer.cancel("outer");
    std::string const seen = co_await outcome(outer);
    EXPECT_EQ(seen, "CancelledError(outer)");
    EXPECT_EQ(clock.ms(), 0ms);
    EXPECT_FALSE(inner.done());
    int const v = co_await inner;
    EXPECT_EQ(v, 4);
    EXPECT_EQ(inner.cancelling(), 0);
  });
}

TEST_P(Shield, CoroutineBecomesATaskAndRunsOnWhenDropped) {
  Log log;
  run([&]() -> Coro<> {
    auto work = [&]() -> Coro<> {
      co_await weft::sleep(20ms);
      log.add("worked on");
    };
    auto body = [&]() -> Coro<> { co_await weft::shield(work()); };
    Task<void> outer = weft::create_task(body());
    co_await weft::sleep(5ms);
    outer.cancel();
    std::string const seen = co_await outcome(outer);
    log.add(seen);
    co_await weft::sleep(50ms);
  });
  EXPECT_EQ(log.text(), "CancelledError worked on");
}

TEST_P(Shield, InnerCancelledGivesTheCallerCancelledError) {
  run([]() -> Coro<> {
    Task<int> inner = weft::create_task(value_after(1h, 4));
    auto body = [&]() -> Coro<> {
      int const v = co_await weft::shield(inner);
      (void)v;
    };
    Task<void> const outer = weft::create_task(body());
    co_await weft::sleep(5ms);
    inner.cancel();
    std::string const seen = co_await outcome(outer);
    EXPECT_EQ(seen, "CancelledError");
    EXPECT_EQ(outer.cancelling(), 0);
  });
}

TEST_P(Shield, ProtectsFromTimeoutsAndGroups) {
  run([]() -> Coro<> {
    Task<int> const inner = weft::create_task(value_after(50ms, 4));
    auto timed = [&]() -> Coro<> {
      int const v = co_await weft::wait_for(weft::shield(inner), 10ms);
      (void)v;
    };
    Elapsed const clock;
    std::string const seen = co_await outcome(timed());
    EXPECT_EQ(seen, "TimeoutError");
    EXPECT_EQ(clock.ms(), 10ms);
    auto grouped = [&]() -> Coro<> {
      co_await weft::task_group([&](weft::TaskGroup& tg) -> Coro<> {
        tg.start_soon(fail_after(10ms, "x"));
        int const v = co_await weft::shield(inner);
        (void)v;
      });
    };
    std::string const of_group = co_await outcome(grouped());
    EXPECT_EQ(of_group, "ExceptionGroup[Failure(x)]");
    EXPECT_FALSE(inner.done());
    int const v = co_await inner;
    EXPECT_EQ(v, 4);
  });
}

TEST_P(Shield, OfAFinishedTaskDoesNotSuspend) {
  run([]() -> Coro<> {
    Task<int> const inner = weft::create_task(value_after(1ms, 4));
    co_await inner;
    auto body = [&]() -> Coro<int> {
      weft::current_task().cancel();
      int const v = co_await weft::shield(inner);
      weft::current_task().uncancel();
      co_return v;
    };
    int const v = co_await body();
    EXPECT_EQ(v, 4);
  });
}

TEST_P(Shield, OfManyCallersEachIsCancelledAlone) {
  run([]() -> Coro<> {
    Task<int> const inner = weft::create_task(value_after(50ms, 4));
    auto body = [&]() -> Coro<int> {
      int const v = co_await weft::shield(inner);
      co_return v;
    };
    std::vector<Task<int>> callers;
    for (int i = 0; i < 10; ++i) callers.push_back(weft::create_task(body()));
    co_await weft::sleep(5ms);
    for (std::size_t i = 0; i < 10; i += 2) callers[i].cancel();
    for (std::size_t i = 0; i < 10; ++i) {
      std::string const seen = co_await outcome(callers[i]);
      EXPECT_EQ(seen, i % 2 == 0 ? "CancelledError" : "ok");
    }
  });
}

TEST_P(Shield, ShieldedRunsToItsEndAndTheCancelComesAtTheNextSuspension) {
  Log log;
  run([&]() -> Coro<> {
    auto careful = [&]() -> Coro<int> {
      co_await weft::sleep(10ms);
      co_await weft::sleep(10ms);
      auto const [a, b] = co_await weft::gather(value_after(5ms, 1), value_after(10ms, 2));
      log.add("done");
      co_return a + b;
    };
    auto body = [&]() -> Coro<> {
      int const v = co_await weft::shielded(careful());
      log.add("value " + std::to_string(v));
      co_await weft::sleep(1ms);
      log.add("never");
    };
    Task<void> task = weft::create_task(body());
    co_await weft::sleep(5ms);
    Elapsed const clock;
    EXPECT_TRUE(task.cancel("later"));
    std::string const seen = co_await outcome(task);
    EXPECT_EQ(seen, "CancelledError(later)");
    EXPECT_EQ(clock.ms(), 25ms);
  });
  EXPECT_EQ(log.text(), "done value 3");
}

TEST_P(Shield, ShieldedStartedWithACancelPendingRunsToItsEndToo) {
  Log log;
  run([&]() -> Coro<> {
    auto careful = [&]() -> Coro<> {
      co_await weft::sleep(10ms);
      log.add("done");
    };
    auto body = [&]() -> Coro<> {
      weft::current_task().cancel();
      co_await weft::shielded(careful());
      log.add("after");
      co_await weft::checkpoint();
      log.add("never");
    };
    Task<void> const task = weft::create_task(body());
    std::string const seen = co_await outcome(task);
    EXPECT_EQ(seen, "CancelledError");
  });
  EXPECT_EQ(log.text(), "done after");
}

TEST_P(Shield, ShieldedRunsInTheCallersTask) {
  run([]() -> Coro<> {
    auto who = []() -> Coro<weft::AnyTask> {
      co_await weft::sleep(1ms);
      co_return weft::current_task();
    };
    weft::AnyTask const there = co_await weft::shielded(who());
    EXPECT_TRUE(there == weft::current_task());
  });
}

TEST_P(Shield, TimeoutsAndGroupsInsideShieldedStillWork) {
  Log log;
  run([&]() -> Coro<> {
    auto careful = [&]() -> Coro<> {
      try {
        co_await weft::timeout(10ms, [](weft::Timeout&) -> Coro<> { co_await weft::sleep(1h); });
      } catch (weft::TimeoutError const&) {
        log.add("timeout");
      }
      try {
        co_await weft::task_group([](weft::TaskGroup& tg) -> Coro<> {
          tg.start_soon(fail_after(10ms, "x"));
          co_await weft::sleep(1h);
        });
      } catch (weft::ExceptionGroup const&) {
        log.add("group");
      }
    };
    auto body = [&]() -> Coro<> { co_await weft::shielded(careful()); };
    Task<void> task = weft::create_task(body());
    co_await weft::sleep(5ms);
    task.cancel();
    std::string const seen = co_await outcome(task);
    log.add(seen);
  });
  EXPECT_EQ(log.text(), "timeout group CancelledError");
}

TEST_P(Shield, ShieldedInsideATimeoutFinishesFirst) {
  Log log;
  run([&]() -> Coro<> {
    auto careful = [&]() -> Coro<> {
      co_await weft::sleep(30ms);
      log.add("done");
    };
    auto body = [&]() -> Coro<> {
      co_await weft::timeout(10ms, [&](weft::Timeout&) -> Coro<> {
        co_await weft::shielded(careful());
        co_await weft::sleep(1h);
      });
    };
    Elapsed const clock;
    std::string const seen = co_await outcome(body());
    log.add(seen);
    EXPECT_EQ(clock.ms(), 30ms);
    EXPECT_EQ(weft::current_task().cancelling(), 0);
    co_await weft::sleep(1ms);
  });
  EXPECT_EQ(log.text(), "done TimeoutError");
}

TEST_P(Shield, ShieldedPassesFailures) {
  run([]() -> Coro<> {
    auto body = []() -> Coro<> {
      int const v = co_await weft::shielded(fail_after(1ms, "x"));
      (void)v;
    };
    std::string const seen = co_await outcome(body());
    EXPECT_EQ(seen, "Failure(x)");
  });
}

TEST_P(Shield, ShieldedCleanupSurvivesASecondCancel) {
  Log log;
  run([&]() -> Coro<> {
    auto slow = [&]() -> Coro<> {
      co_await weft::sleep(20ms);
      log.add("clean");
    };
    auto cleanup = [&]() -> Coro<> { co_await weft::shielded(slow()); };
    auto body = [&]() -> Coro<> { co_await weft::finally_(sleep_for_ever(log, "body"), cleanup()); };
    Task<void> task = weft::create_task(body());
    co_await weft::sleep(5ms);
    task.cancel();
    co_await weft::sleep(5ms);
    task.cancel();
    std::string const seen = co_await outcome(task);
    log.add(seen);
  });
  EXPECT_EQ(log.text(), "body:cancelled clean CancelledError");
}

WEFT_TEST_AT_1_2_8_WORKERS(Shield);

}  // namespace
}  // namespace weft_test
