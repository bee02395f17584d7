// gather of Task handles: asyncio's gather to the letter (first failure at once, the others run on, cancel goes to every
// unfinished child), and of coroutines and handles mixed.
#include "support.hpp"

namespace weft_test {
namespace {

class GatherHandles : public AtWorkers {};

TEST_P(GatherHandles, GivesTheirResultsInOrder) {
  run([]() -> Coro<> {
    Task<int> const a = weft::create_task(value_after(20ms, 1));
    Task<int> const b = weft::create_task(value_after(10ms, 2));
    auto const [x, y] = co_await weft::gather(a, b);
    EXPECT_EQ(x * 10 + y, 12);
    std::vector<Task<int>> const both{a, b};
    std::vector<int> const v = co_await weft::gather(both);
    EXPECT_EQ(v, (std::vector<int>{1, 2}));
  });
}

TEST_P(GatherHandles, SameTaskTwiceFillsBothSlots) {
  run([]() -> Coro<> {
    Task<int> const a = weft::create_task(value_after(2ms, 7));
    auto const [x, y] = co_await weft::gather(a, a);
    EXPECT_EQ(x, 7);
    EXPECT_EQ(y, 7);
    Task<int> const b = weft::create_task(value_after(2ms, 8));
    Task<int> const c = weft::create_task(value_after(1ms, 9));
    std::vector<Task<int>> const tasks{b, c, b, c, b};
    std::vector<int> const v = co_await weft::gather(tasks);
    EXPECT_EQ(v, (std::vector<int>{8, 9, 8, 9, 8}));
  });
}

// asyncio hands a cancel down to each argument, so the count of a task that is given twice says two; it sees one CancelledError.
TEST_P(GatherHandles, SameTaskTwiceIsCancelledTwiceInOneStep) {
  for (std::size_t const times : {2u, 20u}) {
    run([&]() -> Coro<> {
      int seen = 0;
      auto stubborn = [&]() -> Coro<> {
        for (int i = 0; i < 2; ++i) {
          try {
            co_await weft::sleep(5ms);
          } catch (weft::CancelledError const&) {
            ++seen;
          }
        }
      };
      Task<void> const task = weft::create_task(stubborn());
      auto gathering = [&]() -> Coro<> { (void)co_await weft::gather(std::vector<Task<void>>(times, task)); };
      Task<void> caller = weft::create_task(gathering());
      co_await weft::sleep(1ms);
      EXPECT_TRUE(caller.cancel());
      (void)co_await outcome(caller);
      EXPECT_EQ(task.cancelling(), static_cast<int>(times));
      EXPECT_EQ(seen, 1);
    });
  }
}

// asyncio (since 3.12) makes a gather that is over at once without a suspension, so a pending cancel waits for the next one.
TEST_P(GatherHandles, AreNoCheckpointWhenAllHaveEnded) {
  run([]() -> Coro<> {
    Task<int> const ended = weft::create_task(value_after(1ms, 1));
    Task<int> const failed = weft::create_task(fail_after(1ms, "early"));
    Task<int> running = weft::create_task(value_after(1h, 2));
    co_await weft::gather(weft::return_exceptions, ended, failed);
    auto gathering = [&]() -> Coro<> {
      weft::current_task().cancel();
      auto const [value] = co_await weft::gather(ended);
      EXPECT_EQ(value, 1);
      auto const [same, failure] = co_await weft::gather(weft::return_exceptions, ended, failed);
      EXPECT_EQ(same.value(), 1);
      EXPECT_FALSE(failure.has_value());
      auto decided = [&]() -> Coro<> { co_await weft::gather(running, failed); };
      std::string const over = co_await outcome(decided());
      EXPECT_EQ(over, "Failure(early)");
      auto suspension = []() -> Coro<> { co_await weft::checkpoint(); };
      std::string const next = co_await outcome(suspension());
      EXPECT_EQ(next, "CancelledError");
    };
    Task<void> const caller = weft::create_task(gathering());
    std::string const seen = co_await outcome(caller);
    EXPECT_EQ(seen, "ok");
    running.cancel();
  });
}

TEST_P(GatherHandles, ThrowTheFirstExceptionAtOnceAndTheOthersRunOn) {
  Log log;
  run([&]() -> Coro<> {
    auto slow = [&]() -> Coro<int> {
      co_await weft::sleep(50ms);
      log.add("slow ended");
      co_return 1;
    };
    Task<int> const survivor = weft::create_task(slow());
    Task<int> const failing = weft::create_task(fail_after(10ms, "first"));
    auto body = [&]() -> Coro<> {
      auto results = co_await weft::gather(survivor, failing);
      (void)results;
    };
    Elapsed const clock;
    std::string const seen = co_await outcome(body());
    EXPECT_EQ(seen, "Failure(first)");
    EXPECT_EQ(clock.ms(), 10ms);
    EXPECT_FALSE(survivor.done());
    int const v = co_await survivor;
    EXPECT_EQ(v, 1);
    EXPECT_EQ(clock.ms(), 50ms);
  });
  EXPECT_EQ(log.text(), "slow ended");
}

TEST_P(GatherHandles, TasksCreatedInTheCallAreHandlesToo) {
  run([]() -> Coro<> {
    auto body = []() -> Coro<> {
      auto results = co_await weft::gather(weft::create_task(value_after(50ms, 1)),
                                           weft::create_task(fail_after(10ms, "first")));
      (void)results;
    };
    Elapsed const clock;
    std::string const seen = co_await outcome(body());
    EXPECT_EQ(seen, "Failure(first)");
    EXPECT_EQ(clock.ms(), 10ms);
  });
}

TEST_P(GatherHandles, LaterFailuresCountAsRetrieved) {
  run([]() -> Coro<> {
    auto body = []() -> Coro<> {
      Task<int> const a = weft::create_task(fail_after(1ms, "a"));
      Task<int> const b = weft::create_task(fail_after(5ms, "b"));
      auto results = co_await weft::gather(a, b);
      (void)results;
    };
    std::string const seen = co_await outcome(body());
    EXPECT_EQ(seen, "Failure(a)");
    co_await weft::sleep(20ms);
  });
  EXPECT_TRUE(take_unhandled().empty());
}

TEST_P(GatherHandles, ReturnExceptionsWaitsForAllAndKeepsEach) {
  run([]() -> Coro<> {
    Task<int> const good = weft::create_task(value_after(30ms, 1));
    Task<int> const bad = weft::create_task(fail_after(10ms, "bad"));
    Task<int> gone = weft::create_task(value_after(1h, 3));
    gone.cancel("gone");
    Elapsed const clock;
    auto [a, b, c] = co_await weft::gather(weft::return_exceptions, good, bad, gone);
    EXPECT_EQ(clock.ms(), 30ms);
    EXPECT_EQ(a.value(), 1);
    EXPECT_EQ(describe(b.error()), "Failure(bad)");
    EXPECT_TRUE(c.cancelled());
    EXPECT_EQ(describe(c.error()), "CancelledError(gone)");
  });
}

TEST_P(GatherHandles, ACancelledChildCountsAsHavingThrownAndTheCallerIsNotCancelled) {
  run([]() -> Coro<> {
    Task<int> survivor = weft::create_task(value_after(50ms, 1));
    Task<int> victim = weft::create_task(value_after(1h, 2));
    auto body = [&]() -> Coro<> {
      auto results = co_await weft::gather(survivor, victim);
      (void)results;
    };
    auto killer = [&]() -> Coro<> {
      co_await weft::sleep(5ms);
      victim.cancel();
    };
    Task<void> const k = weft::create_task(killer());
    Elapsed const clock;
    std::string const seen = co_await outcome(body());
    EXPECT_EQ(seen, "CancelledError");
    EXPECT_EQ(clock.ms(), 5ms);
    EXPECT_EQ(weft::current_task().cancelling(), 0);
    int const v = co_await survivor;
    EXPECT_EQ(v, 1);
    co_await k;
  });
}

// asyncio: the caller gets CancelledError at the first child that ends cancelled; others may still be cleaning up.
TEST_P(GatherHandles, CancelOfTheCallerGoesToEveryChildAndThrowsAtTheFirstThatEndsCancelled) {
  Log log;
  run([&]() -> Coro<> {
    auto cleaning = [&](int ms) -> Coro<> {
      bool cancelled = false;
      try {
        co_await weft::sleep(1h);
      } catch (weft::CancelledError const&) {
        cancelled = true;
      }
      EXPECT_TRUE(cancelled);
      co_await weft::sleep(milliseconds(ms));
      log.add("cleaned " + std::to_string(ms));
      throw weft::CancelledError();
    };
    Task<void> const a = weft::create_task(cleaning(50));
    Task<void> const b = weft::create_task(cleaning(10));
    auto body = [&]() -> Coro<> {
      auto results = co_await weft::gather(a, b);
      (void)results;
    };
    Task<void> caller = weft::create_task(body());
    co_await weft::sleep(1ms);
    Elapsed const clock;
    EXPECT_TRUE(caller.cancel());
    std::string const seen = co_await outcome(caller);
    EXPECT_EQ(seen, "CancelledError");
    EXPECT_EQ(clock.ms(), 10ms);
    EXPECT_FALSE(a.done());
    std::string const of_a = co_await outcome(a);
    EXPECT_EQ(of_a, "CancelledError");
    EXPECT_EQ(clock.ms(), 50ms);
  });
  EXPECT_EQ(log.text(), "cleaned 10 cleaned 50");
}

TEST_P(GatherHandles, CancelOfTheCallerWithReturnExceptionsWaitsForAll) {
  run([]() -> Coro<> {
    auto cleaning = [](int ms) -> Coro<> {
      bool cancelled = false;
      try {
        co_await weft::sleep(1h);
      } catch (weft::CancelledError const&) {
        cancelled = true;
      }
      EXPECT_TRUE(cancelled);
      co_await weft::sleep(milliseconds(ms));
      throw weft::CancelledError();
    };
    Task<void> const a = weft::create_task(cleaning(50));
    Task<void> const b = weft::create_task(cleaning(10));
    auto body = [&]() -> Coro<> {
      auto results = co_await weft::gather(weft::return_exceptions, a, b);
      (void)results;
    };
    Task<void> caller = weft::create_task(body());
    co_await weft::sleep(1ms);
    Elapsed const clock;
    caller.cancel();
    std::string const seen = co_await outcome(caller);
    EXPECT_EQ(seen, "CancelledError");
    EXPECT_EQ(clock.ms(), 50ms);
    EXPECT_TRUE(a.done() && b.done());
  });
}

// CPython's _cancel_requested: the cancellation reaches the caller even when every child swallowed it and returned.
TEST_P(GatherHandles, ChildrenThatSwallowTheCancelDoNotSaveTheCaller) {
  run([]() -> Coro<> {
    auto swallow = [](milliseconds cleanup, int v) -> Coro<int> {
      bool cancelled = false;
      try {
        co_await weft::sleep(1h);
      } catch (weft::CancelledError const&) {
        cancelled = true;
      }
      EXPECT_TRUE(cancelled);
      co_await weft::sleep(cleanup);
      co_return v;
    };
    Task<int> const a = weft::create_task(swallow(30ms, 1));
    Task<int> const b = weft::create_task(swallow(10ms, 2));
    auto body = [&]() -> Coro<> {
      auto results = co_await weft::gather(a, b);
      (void)results;
    };
    Task<void> caller = weft::create_task(body());
    co_await weft::sleep(1ms);
    Elapsed const clock;
    caller.cancel();
    std::string const seen = co_await outcome(caller);
    EXPECT_EQ(seen, "CancelledError");
    EXPECT_EQ(clock.ms(), 30ms);
    EXPECT_EQ(a.result() + b.result(), 3);
  });
}

TEST_P(GatherHandles, OfFinishedTasksGivesTheirValuesAndOutcomes) {
  run([]() -> Coro<> {
    Task<int> const a = weft::create_task(value_after(1ms, 1));
    Task<int> const b = weft::create_task(fail_after(1ms, "b"));
    co_await weft::sleep(2ms);
    auto [x, y] = co_await weft::gather(weft::return_exceptions, a, b);
    EXPECT_EQ(x.value(), 1);
    EXPECT_EQ(describe(y.error()), "Failure(b)");
    std::vector<Task<int>> const only_a{a};
    std::vector<int> const v = co_await weft::gather(only_a);
    EXPECT_EQ(v, std::vector<int>{1});
  });
}

TEST_P(GatherHandles, EmptyRangeOfHandlesFinishesAtOnce) {
  run([]() -> Coro<> {
    std::vector<Task<int>> const none;
    std::vector<int> const v = co_await weft::gather(none);
    EXPECT_TRUE(v.empty());
  });
}

TEST_P(GatherHandles, MixedWithCoroutinesGiveAllValues) {
  run([]() -> Coro<> {
    Task<int> const task = weft::create_task(value_after(20ms, 2));
    Elapsed const clock;
    auto const [a, b, c] = co_await weft::gather(value_after(30ms, 1), task, value_after(10ms, 3));
    EXPECT_EQ(a * 100 + b * 10 + c, 123);
    EXPECT_EQ(clock.ms(), 30ms);
  });
}

TEST_P(GatherHandles, MixedWaitForCoroutinesButNotForHandlesOnceSomethingFailed) {
  Log log;
  run([&]() -> Coro<> {
    auto part = [&]() -> Coro<> {
      co_await weft::sleep(30ms);
      log.add("part ended");
    };
    Task<int> const slow = weft::create_task(value_after(90ms, 1));
    Task<int> const failing = weft::create_task(fail_after(10ms, "handle"));
    auto body = [&]() -> Coro<> {
      auto results = co_await weft::gather(part(), slow, failing);
      (void)results;
    };
    Elapsed const clock;
    std::string const seen = co_await outcome(body());
    EXPECT_EQ(seen, "Failure(handle)");
    EXPECT_EQ(clock.ms(), 30ms);
    EXPECT_FALSE(slow.done());

    Task<int> const slow_again = weft::create_task(value_after(90ms, 1));
    auto other = [&]() -> Coro<> {
      auto results = co_await weft::gather(fail_after(5ms, "part"), slow_again);
      (void)results;
    };
    Elapsed const again;
    std::string const of_part = co_await outcome(other());
    EXPECT_EQ(of_part, "Failure(part)");
    EXPECT_EQ(again.ms(), 5ms);
    EXPECT_FALSE(slow_again.done());
    co_await slow;
    co_await slow_again;
  });
  EXPECT_EQ(log.text(), "part ended");
}

TEST_P(GatherHandles, MixedAndCancelledReachesBothKinds) {
  Log log;
  run([&]() -> Coro<> {
    Task<void> const handle = weft::create_task(sleep_for_ever(log, "handle"));
    auto body = [&]() -> Coro<> {
      auto results = co_await weft::gather(sleep_for_ever(log, "part"), handle);
      (void)results;
    };
    Task<void> caller = weft::create_task(body());
    co_await weft::sleep(1ms);
    caller.cancel();
    std::string const seen = co_await outcome(caller);
    EXPECT_EQ(seen, "CancelledError");
    std::string const of_handle = co_await outcome(handle);
    EXPECT_EQ(of_handle, "CancelledError");
  });
  EXPECT_EQ(log.count("part:cancelled"), 1U);
  EXPECT_EQ(log.count("handle:cancelled"), 1U);
}

WEFT_TEST_AT_1_2_8_WORKERS(GatherHandles);

}  // namespace
}  // namespace weft_test
