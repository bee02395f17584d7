// run(): a runtime for the duration of one main coroutine. Values and exceptions of main, what happens to the tasks that
// it leaves behind (cancelled in rounds, awaited, reported), and where run is refused.
#include "support.hpp"

#include <algorithm>
#include <thread>

namespace weft_test {
namespace {

class Run : public AtWorkers {};

TEST_P(Run, ReturnsMainsValue) {
  EXPECT_EQ(weft::run(value_after(1ms, 4), options()), 4);
  EXPECT_EQ(run(value_after, 1ms, 5), 5);
}

TEST_P(Run, ThrowsMainsException) {
  EXPECT_EQ(outcome_of_call([&] { (void)weft::run(fail_after(1ms, "main"), options()); }), "Failure(main)");
}

TEST_P(Run, ThrowsWhatMainThrowsBeforeItsFirstAwait) {
  EXPECT_EQ(outcome_of_call([&] {
              run([]() -> Coro<> {
                throw Failure("at once");
                co_return;
              });
            }),
            "Failure(at once)");
}

TEST(RunWithDefaults, UsesTheSteadyClockAndAsManyWorkersAsItMay) {
  int const r = weft::run([]() -> Coro<int> {
    Clock::time_point const start = Clock::now();
    co_await weft::sleep(1ms);
    EXPECT_GE(Clock::now() - start, 1ms);
    auto const [a, b] = co_await weft::gather(value_after(1ms, 1), value_after(1ms, 2));
    co_return a * 10 + b;
  });
  EXPECT_EQ(r, 12);
}

TEST_P(Run, CancelsAndAwaitsTheTasksThatMainLeavesBehind) {
  Log log;
  run([&]() -> Coro<> {
    auto straggler = [&]() -> Coro<> {
      bool cancelled = false;
      try {
        co_await weft::sleep(1h);
      } catch (weft::CancelledError const&) {
        cancelled = true;
      }
      EXPECT_TRUE(cancelled);
      co_await weft::sleep(10ms);
      log.add("cleaned up");
    };
    // As callables: they outlive main, and with it a lambda that is a local of main.
    weft::create_task(straggler);
    weft::create_task(straggler);
    co_await weft::sleep(1ms);
    log.add("main");
  });
  EXPECT_EQ(log.text(), "main cleaned up cleaned up");
}

TEST_P(Run, CancelsTheTasksAlsoWhenMainFails) {
  Log log;
  EXPECT_EQ(outcome_of_call([&] {
              run([&]() -> Coro<> {
                weft::create_task(sleep_for_ever(log, "child"));
                co_await weft::sleep(1ms);
                throw Failure("main");
              });
            }),
            "Failure(main)");
  EXPECT_EQ(log.text(), "child:cancelled");
}

// As with asyncio, whose loop turns once more after main has ended: a task that main has just made may begin, and gets
// no further than its first suspension.
TEST_P(Run, TasksMadeJustBeforeTheEndGetNoFurtherThanTheirFirstSuspension) {
  Log log;
  std::atomic<int> live{0};
  run([&]() -> Coro<> {
    auto body = [](Log& l, Live) -> Coro<> {
      co_await weft::sleep(0ms);
      co_await weft::sleep(1ms);
      l.add("never");
    };
    weft::create_task(body(log, Live(live)));
    co_return;
  });
  EXPECT_EQ(log.text(), "");
  EXPECT_EQ(live.load(), 0);
}

// Tasks made while the left ones are being cancelled are cancelled in the next round, and so on.
TEST_P(Run, EndsInRounds) {
  Log log;
  struct Spawner {
    static Coro<> generation(Log& l, int n) {
      bool cancelled = false;
      try {
        co_await weft::sleep(1h);
      } catch (weft::CancelledError const&) {
        cancelled = true;
      }
      EXPECT_TRUE(cancelled);
      l.add("gen" + std::to_string(n));
      if (n < 4) weft::create_task(generation(l, n + 1));
    }
  };
  run([&]() -> Coro<> {
    weft::create_task(Spawner::generation(log, 1));
    co_await weft::sleep(1ms);
  });
  // A generation made at the very end may be cancelled before it has started: asyncio drops such a task unrun too.
  std::vector<std::string> const words = log.words();
  EXPECT_GE(words.size(), 1U);
  EXPECT_EQ(words.front(), "gen1");
  EXPECT_TRUE(std::is_sorted(words.begin(), words.end()));
}

TEST_P(Run, TasksMadeWhileCancellingAreWaitedForWhereTheirMakersAwaitThem) {
  Log log;
  run([&]() -> Coro<> {
    auto body = [&]() -> Coro<> {
      bool cancelled = false;
      try {
        co_await weft::sleep(1h);
      } catch (weft::CancelledError const&) {
        cancelled = true;
      }
      EXPECT_TRUE(cancelled);
      Task<int> const cleanup = weft::create_task(value_after(20ms, 3));
      int const v = co_await cleanup;
      log.add("cleanup " + std::to_string(v));
    };
    weft::create_task(body);
    co_await weft::sleep(1ms);
  });
  EXPECT_EQ(log.text(), "cleanup 3");
}

TEST_P(Run, WaitsForATaskThatSwallowsItsCancel) {
  Log log;
  run([&]() -> Coro<> {
    auto stubborn = [&]() -> Coro<> {
      int swallowed = 0;
      for (int i = 0; i < 3; ++i) {
        try {
          co_await weft::sleep(10ms);
        } catch (weft::CancelledError const&) {
          ++swallowed;
        }
      }
      log.add("swallowed " + std::to_string(swallowed));
    };
    weft::create_task(stubborn);
    co_await weft::sleep(1ms);
  });
  EXPECT_EQ(log.text(), "swallowed 1");
}

TEST_P(Run, ReportsTheExceptionsOfTheTasksThatItEnded) {
  run([]() -> Coro<> {
    auto body = []() -> Coro<> {
      bool cancelled = false;
      try {
        co_await weft::sleep(1h);
      } catch (weft::CancelledError const&) {
        cancelled = true;
      }
      EXPECT_TRUE(cancelled);
      throw Failure("while cancelled");
    };
    Task<void> const kept = weft::create_task(body());
    co_await weft::sleep(1ms);
  });
  EXPECT_EQ(take_unhandled(), std::vector<std::string>{"Failure(while cancelled)"});
}

TEST_P(Run, MainThatCancelsItselfThrowsCancelledError) {
  EXPECT_EQ(outcome_of_call([&] {
              run([]() -> Coro<> {
                weft::current_task().cancel("stop");
                co_await weft::sleep(1s);
              });
            }),
            "CancelledError(stop)");
}

TEST_P(Run, MainCancelledByItsTaskThrowsCancelledError) {
  EXPECT_EQ(outcome_of_call([&] {
              run([]() -> Coro<> {
                auto killer = [](weft::AnyTask main) -> Coro<> {
                  co_await weft::sleep(5ms);
                  main.cancel();
                };
                weft::create_task(killer, weft::current_task());
                co_await weft::sleep(1h);
              });
            }),
            "CancelledError");
}

TEST_P(Run, InsideARunningTaskThrowsRuntimeErrorAndDoesNotRunItsArgument) {
  std::atomic<int> live{0};
  Log log;
  run([&]() -> Coro<> {
    auto body = [](Log& l, Live) -> Coro<> {
      l.add("ran");
      co_return;
    };
    EXPECT_EQ(outcome_of_call([&] { weft::run(body(log, Live(live))); }), "RuntimeError");
    EXPECT_EQ(live.load(), 0);
    co_await weft::sleep(1ms);
    weft::Runtime other;
    EXPECT_EQ(outcome_of_call([&] { other.run(body(log, Live(live))); }), "RuntimeError");
    EXPECT_EQ(live.load(), 0);
  });
  EXPECT_EQ(log.text(), "");
}

TEST_P(Run, InsideAFunctionOnItsOwnThreadIsAllowed) {
  int inner = 0;
  run([&]() -> Coro<> {
    std::thread other([&] { inner = weft::run(value_after(1ms, 8)); });
    other.join();
    co_return;
  });
  EXPECT_EQ(inner, 8);
}

TEST(RunOutside, TaskFunctionsThrowRuntimeErrorOutsideATask) {
  EXPECT_EQ(outcome_of_call([] { (void)weft::current_task(); }), "RuntimeError");
  EXPECT_EQ(outcome_of_call([] { (void)weft::all_tasks(); }), "RuntimeError");
  Log log;
  std::atomic<int> live{0};
  auto body = [](Log& l, Live) -> Coro<> {
    l.add("ran");
    co_return;
  };
  EXPECT_EQ(outcome_of_call([&] { (void)weft::create_task(body(log, Live(live))); }), "RuntimeError");
  EXPECT_EQ(live.load(), 0) << "the refused coroutine is destroyed unstarted";
  EXPECT_EQ(log.text(), "");
}

TEST_P(Run, ManyTimesInARowLeavesNothingBehind) {
  std::atomic<int> live{0};
  for (int i = 0; i < 50; ++i) {
    run([&]() -> Coro<> {
      auto body = [](Live, int n) -> Coro<int> {
        co_await weft::sleep(milliseconds(n));
        co_return n;
      };
      auto const [a, b] = co_await weft::gather(body(Live(live), 1), body(Live(live), 2));
      EXPECT_EQ(a + b, 3);
      weft::create_task(body(Live(live), 100));
    });
    EXPECT_EQ(live.load(), 0);
  }
}

TEST_P(Run, TaskThatOnlyWaitsForAnotherLeftTaskIsCancelledWithIt) {
  Log log;
  run([&]() -> Coro<> {
    Task<void> const inner = weft::create_task(sleep_for_ever(log, "inner"));
    auto outer = [&log](Task<void> t) -> Coro<> {
      try {
        co_await t;
      } catch (weft::CancelledError const&) {
        log.add("outer:cancelled");
        throw;
      }
    };
    weft::create_task(outer, inner);
    co_await weft::sleep(1ms);
  });
  EXPECT_EQ(log.text(), "inner:cancelled outer:cancelled");
}

Coro<int&> referring(int& value) { co_return value; }

TEST_P(Run, OfACallableKeepsAReference) {
  int value = 1;
  weft::Runtime runtime(options());
  static_assert(std::is_same_v<decltype(runtime.run(referring, std::ref(value))), int&>);
  static_assert(std::is_same_v<decltype(weft::run(referring, std::ref(value))), int&>);
  EXPECT_EQ(&runtime.run(referring, std::ref(value)), &value);
  auto const main = [&value] { return referring(value); };
  EXPECT_EQ(&weft::run(main, options()), &value) << "a callable and options";
}

TEST_P(Run, GivesOptionsToACallableThatTakesThem) {
  weft::Options given = options();
  given.seed = 42;
  auto const main = [](weft::Options const& own) -> Coro<std::uint64_t> { co_return own.seed; };
  EXPECT_EQ(weft::run(main, given), 42U) << "they are its argument, as ever";
}

WEFT_TEST_AT_1_2_8_WORKERS(Run);

}  // namespace
}  // namespace weft_test
