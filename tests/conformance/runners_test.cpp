// run() and Runtime as CPython's test_runners.py has asyncio.run and asyncio.Runner.
// Signals come to the process, so those tests use the steady clock, which SIGINT can wake.
#include "unit/support.hpp"

#include <csignal>

namespace weft_test {
namespace {

class AsyncioRun : public AtWorkers {
 protected:
  weft::Options interruptible() {
    weft::Options o = options();
    o.handle_sigint = true;
    o.clock = weft::ClockKind::steady;
    return o;
  }
};

TEST_P(AsyncioRun, ReturnsWhatMainReturns) {
  auto main = []() -> Coro<int> {
    co_await weft::sleep(0ms);
    co_return 42;
  };
  EXPECT_EQ(weft::run(main(), options()), 42);
}

TEST_P(AsyncioRun, ThrowsWhatMainThrows) {
  auto main = []() -> Coro<> {
    co_await weft::sleep(0ms);
    throw Failure("spam");
  };
  EXPECT_EQ(outcome_of_call([&] { weft::run(main(), options()); }), "Failure(spam)");
}

TEST_P(AsyncioRun, InsideARunningTaskIsARuntimeErrorAndRunsNothing) {
  Log log;
  auto inner = [&]() -> Coro<> {
    log.add("inner ran");
    co_return;
  };
  weft::Options const o = options();
  auto main = [&]() -> Coro<> {
    weft::run(inner(), o);
    co_return;
  };
  EXPECT_EQ(outcome_of_call([&] { weft::run(main(), o); }), "RuntimeError");
  EXPECT_EQ(log.text(), "");
}

TEST_P(AsyncioRun, CancelsTheTasksThatMainLeavesBehind) {
  Task<void> left;
  Log log;
  auto main = [&]() -> Coro<int> {
    left = weft::create_task(sleep_for_ever(log, "left"));
    co_await weft::sleep(1ms);
    co_return 123;
  };
  EXPECT_EQ(weft::run(main(), options()), 123);
  EXPECT_TRUE(left.done());
  EXPECT_TRUE(left.cancelled());
  EXPECT_EQ(log.text(), "left:cancelled");
}

TEST_P(AsyncioRun, ReportsTheFailuresOfTheTasksThatMainLeavesBehind) {
  Task<void> left;
  auto leftover = []() -> Coro<> {
    try {
      co_await weft::sleep(100ms);
    } catch (weft::CancelledError const&) {
      throw Failure("left");
    }
  };
  auto main = [&]() -> Coro<int> {
    left = weft::create_task(leftover());
    co_await weft::sleep(1ms);
    co_return 123;
  };
  EXPECT_EQ(weft::run(main(), options()), 123);
  EXPECT_TRUE(left.done());
  EXPECT_EQ(take_unhandled(), std::vector<std::string>{"Failure(left)"});
}

// CPython: the async generators that such a task leaves are closed. Here they are frames of the task, and die with it.
TEST_P(AsyncioRun, DestroysWhatTheTasksThatMainLeavesBehindOwnAlsoWhenMainFails) {
  std::atomic<int> live{0};
  Task<void> lazy;
  auto fidget = [](Live) -> Coro<> {
    for (;;) co_await weft::sleep(1s);
  };
  auto spin = [&]() -> Coro<> {
    try {
      co_await fidget(Live(live));
    } catch (weft::CancelledError const&) {
      throw Failure("spin");
    }
  };
  auto main = [&]() -> Coro<> {
    lazy = weft::create_task(spin());
    co_await weft::sleep(1ms);
    EXPECT_GE(live.load(), 1);
    throw Failure("fancy exit");
  };
  EXPECT_EQ(outcome_of_call([&] { weft::run(main(), options()); }), "Failure(fancy exit)");
  EXPECT_TRUE(lazy.done());
  EXPECT_EQ(live.load(), 0);
  EXPECT_EQ(take_unhandled(), std::vector<std::string>{"Failure(spin)"});
}

// ---------------------------------------------------------------- Runtime (asyncio.Runner)

TEST_P(AsyncioRun, ARuntimeRunsACoroutine) {
  weft::Runtime runtime(options());
  std::string const got = runtime.run([]() -> Coro<std::string> {
    co_await weft::sleep(0ms);
    co_return "done";
  });
  EXPECT_EQ(got, "done");
}

TEST_P(AsyncioRun, ARuntimeRunsSeveralCoroutinesOneAfterAnother) {
  std::vector<int> seen;
  weft::Runtime runtime(options());
  for (int i = 1; i <= 3; ++i) {
    runtime.run([&seen](int value) -> Coro<> {
      seen.push_back(value);
      co_return;
    }, i);
  }
  EXPECT_EQ(seen, (std::vector<int>{1, 2, 3}));
}

TEST_P(AsyncioRun, ARuntimeThatNeverRanMayBeDestroyed) {
  Log log;
  weft::Options o = options();
  o.on_thread_stop = [&](unsigned) { log.add("stopped"); };
  { weft::Runtime const runtime(o); }
  EXPECT_EQ(log.words().size(), GetParam());
}

TEST_P(AsyncioRun, ARuntimeRefusesToRunInsideItsOwnRun) {
  std::atomic<int> live{0};
  weft::Runtime runtime(options());
  auto inner = [](Live) -> Coro<> { co_return; };
  auto main = [&]() -> Coro<> {
    runtime.run(inner(Live(live)));
    co_return;
  };
  EXPECT_EQ(outcome_of_call([&] { runtime.run(main()); }), "RuntimeError");
  EXPECT_EQ(live.load(), 0) << "the coroutine that was refused is destroyed";
}

TEST_P(AsyncioRun, AResultIsOnlyMovedOut) {
  struct OnlyMoved {
    OnlyMoved() = default;
    OnlyMoved(OnlyMoved&&) = default;
    OnlyMoved& operator=(OnlyMoved&&) = delete;
  };
  weft::Runtime runtime(options());
  OnlyMoved const result = runtime.run([]() -> Coro<OnlyMoved> { co_return OnlyMoved(); });
  (void)result;
}

// ---------------------------------------------------------------- SIGINT

TEST_P(AsyncioRun, AnInterruptReachesAMainThatOnlyYields) {
  std::string seen = "nothing";
  Log log;
  weft::Runtime runtime(interruptible());
  try {
    runtime.run([&]() -> Coro<> {
      auto interrupts = []() -> Coro<> {
        co_await weft::sleep(10ms);
        std::raise(SIGINT);
      };
      weft::create_task(interrupts());
      try {
        for (;;) co_await weft::sleep(0ms);
      } catch (weft::CancelledError const&) {
        log.add("cancelled");
      }
      throw weft::CancelledError();
    });
  } catch (weft::KeyboardInterrupt const&) {
    seen = "KeyboardInterrupt";
  }
  EXPECT_EQ(seen, "KeyboardInterrupt");
  EXPECT_EQ(log.text(), "cancelled");
}

TEST_P(AsyncioRun, AnInterruptReachesAMainThatWaitsForATaskAndCancelsBoth) {
  std::string seen = "nothing";
  Task<void> waited;
  weft::Runtime runtime(interruptible());
  try {
    runtime.run([&]() -> Coro<> {
      auto interrupts = []() -> Coro<> {
        co_await weft::sleep(10ms);
        std::raise(SIGINT);
      };
      auto waits = []() -> Coro<> {
        weft::Event never;
        co_await never.wait();
      };
      waited = weft::create_task(waits());
      weft::create_task(interrupts());
      bool cancelled = false;
      try {
        co_await waited;
      } catch (weft::CancelledError const&) {
        cancelled = true;
      }
      EXPECT_TRUE(cancelled);
      throw weft::CancelledError();
    });
  } catch (weft::KeyboardInterrupt const&) {
    seen = "KeyboardInterrupt";
  }
  EXPECT_EQ(seen, "KeyboardInterrupt");
  EXPECT_TRUE(waited.cancelled());
}

TEST_P(AsyncioRun, AnInterruptOfAMainThatIsBeingCancelledIsCancelledError) {
  weft::Runtime runtime(interruptible());
  std::string const seen = outcome_of_call([&] {
    runtime.run([]() -> Coro<> {
      auto cancels = [](weft::AnyTask main) -> Coro<> {
        co_await weft::sleep(0ms);
        main.cancel();
        std::raise(SIGINT);
      };
      auto waits = []() -> Coro<> { co_await weft::sleep(10s); };
      weft::create_task(cancels(weft::current_task()));
      // The cleanup gives the signal the time to come before main has ended.
      auto cleanup = []() -> Coro<> { co_await weft::sleep(50ms); };
      co_await weft::finally_(waits(), weft::shielded(cleanup()));
    });
  });
  EXPECT_EQ(seen, "CancelledError");
}

WEFT_TEST_AT_1_2_8_WORKERS(AsyncioRun);

}  // namespace
}  // namespace weft_test
