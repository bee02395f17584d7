// A task group whose caller is cancelled from outside: in the body, while it waits at the end, while it is aborting, and
// beside failures.
#include "support.hpp"

namespace weft_test {
namespace {

class CancelledGroups : public AtWorkers {};

TEST_P(CancelledGroups, CancelFromOutsideWhileTheBodyRunsReachesTheBodyThenTheChildren) {
  Log log;
  run([&]() -> Coro<> {
    auto body = [&]() -> Coro<> {
      co_await weft::task_group([&](weft::TaskGroup& tg) -> Coro<> {
        tg.start_soon(sleep_for_ever(log, "child"));
        bool cancelled = false;
        try {
          co_await weft::sleep(1h);
        } catch (weft::CancelledError const&) {
          cancelled = true;
        }
        EXPECT_TRUE(cancelled);
        log.add("body:cancelled");
        co_await weft::sleep(10ms);  // the children run on while the body cleans up
        log.add("body:clean");
        throw weft::CancelledError("from body");
      });
    };
    Task<void> task = weft::create_task(body());
    co_await weft::sleep(1ms);
    EXPECT_TRUE(task.cancel());
    std::string const seen = co_await outcome(task);
    EXPECT_EQ(seen, "CancelledError(from body)");
    EXPECT_TRUE(task.cancelled());
  });
  EXPECT_EQ(log.text(), "body:cancelled body:clean child:cancelled");
}

TEST_P(CancelledGroups, CancelFromOutsideWhileWaitingAtTheEndReachesTheChildrenAtOnce) {
  Log log;
  run([&]() -> Coro<> {
    auto body = [&]() -> Coro<> {
      co_await weft::task_group([&](weft::TaskGroup& tg) -> Coro<> {
        tg.start_soon(sleep_for_ever(log, "a"));
        tg.start_soon(sleep_for_ever(log, "b"));
        co_return;
      });
      log.add("never");
    };
    Task<void> task = weft::create_task(body());
    co_await weft::sleep(5ms);
    Elapsed const clock;
    task.cancel();
    std::string const seen = co_await outcome(task);
    EXPECT_EQ(seen, "CancelledError");
    EXPECT_EQ(clock.ms(), 0ms);
    EXPECT_EQ(task.cancelling(), 1);
  });
  EXPECT_EQ(log.words().size(), 2U);
  EXPECT_EQ(log.count("a:cancelled") + log.count("b:cancelled"), 2U);
}

// The body's release hands the lock over, then the end of the body cancels the child: the child has the lock, and the cancel waits for its next suspension.
// asyncio takes the lock back. The order is the same in both, and with one worker fixed: the child goes on after the cancel.
TEST_P(CancelledGroups, AChildThatTheCancelledBodyHandsALockToHasItAndIsCancelledLater) {
  for (int i = 0; i < 50; ++i) {
    Log log;
    run([&]() -> Coro<> {
      weft::Lock lock;
      auto child = [&]() -> Coro<> {
        auto guard = co_await lock.scoped();
        bool const asked = weft::current_task().cancelling() != 0;
        EXPECT_TRUE(asked || GetParam() != 1);
        log.add("child:has it");
        co_await sleep_for_ever(log, "child");
      };
      auto body = [&](weft::TaskGroup& tg) -> Coro<> {
        auto guard = co_await lock.scoped();
        tg.start_soon(child);
        co_await sleep_for_ever(log, "body");
      };
      auto block = [&](weft::Timeout&) -> Coro<> { co_await weft::task_group(body); };
      std::string const seen = co_await outcome(weft::timeout(5ms, block));
      EXPECT_EQ(seen, "TimeoutError");
      EXPECT_FALSE(lock.locked());
      EXPECT_EQ(weft::current_task().cancelling(), 0);
    });
    EXPECT_EQ(log.text(), "body:cancelled child:has it child:cancelled");
  }
}

// CPython 3.13 (TG _aexit): errors win, and the outside cancel is delivered at the next suspension.
TEST_P(CancelledGroups, CancelFromOutsideWithFailuresThrowsTheGroupAndCancelsAtTheNextSuspension) {
  Log log;
  run([&]() -> Coro<> {
    auto failing = []() -> Coro<> {
      bool cancelled = false;
      try {
        co_await weft::sleep(1h);
      } catch (weft::CancelledError const&) {
        cancelled = true;
      }
      EXPECT_TRUE(cancelled);
      throw Failure("cleanup");
    };
    auto body = [&]() -> Coro<> {
      std::string seen;
      try {
        co_await weft::task_group([&](weft::TaskGroup& tg) -> Coro<> {
          tg.start_soon(failing());
          co_return;
        });
      } catch (weft::ExceptionGroup const&) {
        seen = describe(std::current_exception());
      }
      log.add(seen);
      EXPECT_EQ(weft::current_task().cancelling(), 1);
      try {
        co_await weft::sleep(1ms);
        log.add("slept");
      } catch (weft::CancelledError const&) {
        log.add("cancelled");
        throw;
      }
    };
    Task<void> task = weft::create_task(body());
    co_await weft::sleep(1ms);
    task.cancel();
    std::string const end = co_await outcome(task);
    EXPECT_EQ(end, "CancelledError");
  });
  EXPECT_EQ(log.text(), "ExceptionGroup[Failure(cleanup)] cancelled");
}

Coro<> nap(std::chrono::milliseconds time) { co_await weft::sleep(time); }
Coro<> failing_group() {
  co_await weft::task_group([](weft::TaskGroup&) -> Coro<> {
    throw Failure("body");
    co_return;
  });
}
template <class Work>
Coro<> expect_end(Work work, std::string wanted) {
  std::string const end = co_await outcome(std::move(work));
  EXPECT_EQ(end, wanted);
}

TEST_P(CancelledGroups, WhatIsToBeSeenAgainIsPendingOutsideOfBlocksThatEndBefore) {
  for (int blocks = 0; blocks < 4; ++blocks) {
    run([&]() -> Coro<> {
      auto nested = [](auto self, int depth) -> Coro<> {
        if (depth == 0) {
          co_await expect_end(failing_group(), "ExceptionGroup[Failure(body)]");
          co_return;
        }
        co_await weft::timeout(1h, [&](weft::Timeout&) -> Coro<> { co_await self(self, depth - 1); });
      };
      auto body = [&](weft::Timeout&) -> Coro<> {
        co_await expect_end(nap(1h), "CancelledError");
        co_await nested(nested, blocks);
        co_await expect_end(nap(1h), "CancelledError");
        co_await weft::sleep(7ms);
      };
      Elapsed const clock;
      std::string const seen = co_await outcome(weft::timeout(2ms, body));
      EXPECT_EQ(seen, "ok");
      EXPECT_EQ(clock.ms(), 9ms);
      co_await weft::sleep(1ms);
    });
  }
}

TEST_P(CancelledGroups, WhatIsToBeSeenAgainIsSeenOnceInABlockAndNotAgainOutside) {
  run([]() -> Coro<> {
    auto body = []() -> Coro<> {
      co_await expect_end(nap(1h), "CancelledError");
      auto block = [](weft::Timeout&) -> Coro<> {
        auto inner = [](weft::Timeout&) -> Coro<> {
          co_await expect_end(failing_group(), "ExceptionGroup[Failure(body)]");
          Task<void> task = weft::create_task(nap(1h));
          // Handed down, once.
          co_await expect_end(task, "CancelledError");
          EXPECT_TRUE(task.cancelled());
          co_await weft::sleep(1ms);
        };
        co_await weft::timeout(1h, inner);
        co_await weft::sleep(1ms);
      };
      co_await weft::timeout(1h, block);
      co_await weft::sleep(1ms);
    };
    Task<void> task = weft::create_task(body());
    co_await weft::sleep(1ms);
    task.cancel();
    co_await expect_end(task, "ok");
    EXPECT_EQ(task.cancelling(), 1);
  });
}

TEST_P(CancelledGroups, WhatAPartIsToSeeAgainEndsWithThePart) {
  run([]() -> Coro<> {
    auto part = []() -> Coro<> {
      co_await expect_end(failing_group(), "ExceptionGroup[Failure(body)]");
      Task<void> task = weft::create_task(nap(1h));
      co_await expect_end(task, "CancelledError");
      co_await weft::sleep(1ms);
      co_await expect_end(failing_group(), "ExceptionGroup[Failure(body)]");
    };
    auto body = [&]() -> Coro<> {
      co_await expect_end(nap(1h), "CancelledError");
      co_await weft::timeout(1h, [&](weft::Timeout&) -> Coro<> {
        (void)co_await weft::gather(part(), part());
        co_await weft::sleep(1ms);
      });
      co_await weft::sleep(1ms);
    };
    Task<void> task = weft::create_task(body());
    co_await weft::sleep(1ms);
    task.cancel();
    co_await expect_end(task, "ok");
  });
}

TEST_P(CancelledGroups, CancelFromOutsideWhileAbortingIsNotLost) {
  Log log;
  run([&]() -> Coro<> {
    auto slow_cleanup = []() -> Coro<> {
      bool cancelled = false;
      try {
        co_await weft::sleep(1h);
      } catch (weft::CancelledError const&) {
        cancelled = true;
      }
      EXPECT_TRUE(cancelled);
      co_await weft::sleep(50ms);
    };
    auto body = [&]() -> Coro<> {
      std::string seen;
      try {
        co_await weft::task_group([&](weft::TaskGroup& tg) -> Coro<> {
          tg.start_soon(fail_after(10ms, "x"));
          tg.start_soon(slow_cleanup());
          co_await weft::sleep(1h);
        });
      } catch (weft::ExceptionGroup const&) {
        seen = describe(std::current_exception());
      }
      log.add(seen);
      co_await weft::sleep(1ms);
      log.add("never");
    };
    Task<void> task = weft::create_task(body());
    co_await weft::sleep(30ms);  // the group is aborting and waits for slow_cleanup
    task.cancel();
    std::string const end = co_await outcome(task);
    EXPECT_EQ(end, "CancelledError");
  });
  EXPECT_EQ(log.text(), "ExceptionGroup[Failure(x)]");
}

// A body that takes back what its group has asked for, and then asks for its own cancellation: the group takes that back when it ends, because there
// is one count.
TEST_P(CancelledGroups, AnEndTakesBackOneRequestWhicheverItIs) {
  for (bool const child_lives_on : {false, true}) {
    run([&]() -> Coro<> {
      weft::AnyTask self = weft::current_task();
      auto stays = []() -> Coro<> {
        std::string const seen = co_await outcome([]() -> Coro<> { co_await weft::sleep(1h); }());
        EXPECT_EQ(seen, "CancelledError");
        co_await weft::sleep(5ms);
      };
      auto body = [&](weft::TaskGroup& tg) -> Coro<> {
        tg.start_soon(fail_after(10ms, "child"));
        if (child_lives_on) tg.start_soon(stays());
        std::string const seen = co_await outcome([]() -> Coro<> { co_await weft::sleep(1h); }());
        EXPECT_EQ(seen, "CancelledError");
        EXPECT_EQ(self.uncancel(), 0);
        EXPECT_TRUE(self.cancel());
      };
      std::string const end = co_await outcome(weft::task_group(body));
      EXPECT_EQ(end, "ExceptionGroup[Failure(child)]");
      EXPECT_EQ(self.cancelling(), 0);
      co_await weft::checkpoint();
    });
  }
}

WEFT_TEST_AT_1_2_8_WORKERS(CancelledGroups);

}  // namespace
}  // namespace weft_test
