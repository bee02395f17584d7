// Task groups and cancellation, as CPython's test_taskgroups.py has them, 3.13 and what came later (TaskGroup.cancel): the caller is
// cancelled from outside; no cancel that a group makes leaks out of it; a group that is ended quietly.
#include "conformance/taskgroups_support.hpp"

namespace weft_test {
namespace {

class AsyncioGroupCancel : public AtWorkers {};

// ---------------------------------------------------------------- the caller is cancelled

TEST_P(AsyncioGroupCancel, ACancelOfTheCallerWhileItWaitsReachesEveryChild) {
  std::atomic<int> cancels{0};
  run([&]() -> Coro<> {
    auto runner = [&]() -> Coro<> {
      co_await weft::task_group([&](weft::TaskGroup& tg) -> Coro<> {
        for (int i = 0; i < 5; ++i) tg.create_task(count_cancel(cancels, 1));
        co_return;
      });
    };
    Task<void> task = weft::create_task(runner());
    co_await weft::sleep(100ms);
    EXPECT_FALSE(task.done());
    task.cancel("test");
    std::string const seen = co_await outcome(task);
    EXPECT_EQ(seen, "CancelledError(test)");
  });
  EXPECT_EQ(cancels.load(), 5);
}

TEST_P(AsyncioGroupCancel, ACancelOfTheCallerInTheBodyReachesBodyAndChildren) {
  std::atomic<int> cancels{0};
  run([&]() -> Coro<> {
    auto runner = [&]() -> Coro<> {
      co_await weft::task_group([&](weft::TaskGroup& tg) -> Coro<> {
        for (int i = 0; i < 5; ++i) tg.create_task(count_cancel(cancels, 1));
        co_await count_cancel(cancels, 10);
      });
    };
    Task<void> task = weft::create_task(runner());
    co_await weft::sleep(100ms);
    EXPECT_FALSE(task.done());
    task.cancel();
    std::string const seen = co_await outcome(task);
    EXPECT_EQ(seen, "CancelledError");
  });
  EXPECT_EQ(cancels.load(), 15);
}

TEST_P(AsyncioGroupCancel, ACancelOfTheCallerInTheBodyKeepsItsMessage) {
  run([]() -> Coro<> {
    auto runner = []() -> Coro<> {
      co_await weft::task_group([](weft::TaskGroup& tg) -> Coro<> {
        for (int i = 0; i < 5; ++i) tg.create_task(fail_after(200ms, "child"));
        co_await weft::sleep(10s);
      });
    };
    Task<void> task = weft::create_task(runner());
    co_await weft::sleep(100ms);
    EXPECT_FALSE(task.done());
    task.cancel("test");
    std::string const seen = co_await outcome(task);
    EXPECT_EQ(seen, "CancelledError(test)");
  });
}

TEST_P(AsyncioGroupCancel, ChildrenThatFailWhileTheCallersCancelEndsThemWinOverIt) {
  run([]() -> Coro<> {
    auto runner = []() -> Coro<> {
      co_await weft::task_group([](weft::TaskGroup& tg) -> Coro<> {
        for (int i = 0; i < 5; ++i) tg.create_task(fail_when_cancelled("child"));
        co_await weft::sleep(10s);
      });
    };
    Task<void> task = weft::create_task(runner());
    co_await weft::sleep(100ms);
    EXPECT_FALSE(task.done());
    task.cancel();
    std::string const seen = co_await outcome(task);
    EXPECT_EQ(seen, "ExceptionGroup[Failure(child), Failure(child), Failure(child), Failure(child), Failure(child)]");
  });
}

TEST_P(AsyncioGroupCancel, FailuresThatTheCallersCancelBringsInAnInnerGroupPassThroughAnOuterOne) {
  run([]() -> Coro<> {
    auto runner = []() -> Coro<> {
      co_await weft::task_group([](weft::TaskGroup&) -> Coro<> {
        co_await weft::task_group([](weft::TaskGroup& inner) -> Coro<> {
          for (int i = 0; i < 2; ++i) inner.create_task(fail_when_cancelled("child"));
          co_await weft::sleep(10s);
        });
      });
    };
    Task<void> task = weft::create_task(runner());
    co_await weft::sleep(100ms);
    EXPECT_FALSE(task.done());
    task.cancel();
    std::string const seen = co_await outcome(task);
    EXPECT_EQ(seen, "ExceptionGroup[ExceptionGroup[Failure(child), Failure(child)]]");
  });
}

TEST_P(AsyncioGroupCancel, TheOuterGroupsChildIsCancelledWhenTheInnerGroupFailsUnderACancel) {
  run([]() -> Coro<> {
    Task<void> outer_child;
    auto runner = [&]() -> Coro<> {
      co_await weft::task_group([&](weft::TaskGroup& outer) -> Coro<> {
        outer_child = outer.create_task(sleep_for(10s));
        co_await weft::task_group([](weft::TaskGroup& inner) -> Coro<> {
          for (int i = 0; i < 2; ++i) inner.create_task(fail_when_cancelled("child"));
          co_await weft::sleep(10s);
        });
      });
    };
    Task<void> task = weft::create_task(runner());
    co_await weft::sleep(100ms);
    EXPECT_FALSE(task.done());
    task.cancel();
    std::string const seen = co_await outcome(task);
    EXPECT_EQ(seen, "ExceptionGroup[ExceptionGroup[Failure(child), Failure(child)]]");
    EXPECT_TRUE(outer_child.cancelled());
  });
}

TEST_P(AsyncioGroupCancel, AChildThatFailsWhileTheCancelledBodyCleansUpWinsOverTheCancel) {
  run([]() -> Coro<> {
    auto runner = []() -> Coro<> {
      co_await weft::task_group([](weft::TaskGroup& tg) -> Coro<> {
        tg.create_task(fail_after(300ms, "child"));
        co_await clean_up_when_cancelled(500ms);
      });
    };
    Elapsed const clock;
    Task<void> task = weft::create_task(runner());
    co_await weft::sleep(100ms);
    EXPECT_FALSE(task.done());
    task.cancel();
    std::string const seen = co_await outcome(task);
    EXPECT_EQ(seen, "ExceptionGroup[Failure(child)]");
    EXPECT_EQ(clock.ms(), 300ms) << "the failure cancels the cleanup, too";
  });
}

TEST_P(AsyncioGroupCancel, ACancelHandedDownToATaskWithAGroupMeetsItsFailuresAsOneMadeThere) {
  run([]() -> Coro<> {
    auto nested = []() -> Coro<> {
      co_await weft::task_group([](weft::TaskGroup& tg) -> Coro<> {
        tg.create_task(fail_after(300ms, "child"));
        co_await clean_up_when_cancelled(500ms);
      });
    };
    auto runner = [&]() -> Coro<> {
      Task<void> const inner = weft::create_task(nested());
      co_await inner;
    };
    Task<void> task = weft::create_task(runner());
    co_await weft::sleep(100ms);
    EXPECT_FALSE(task.done());
    task.cancel();
    std::string const seen = co_await outcome(task);
    EXPECT_EQ(seen, "ExceptionGroup[Failure(child)]");
  });
}

TEST_P(AsyncioGroupCancel, ACancelOfTheCallerGoesThroughAGroupWithoutChildren) {
  std::atomic<int> cancels{0};
  run([&]() -> Coro<> {
    auto runner = [&]() -> Coro<> {
      co_await weft::task_group([&](weft::TaskGroup&) -> Coro<> { co_await count_cancel(cancels, 10); });
    };
    Task<void> task = weft::create_task(runner());
    co_await weft::sleep(100ms);
    EXPECT_FALSE(task.done());
    task.cancel();
    std::string const seen = co_await outcome(task);
    EXPECT_EQ(seen, "CancelledError");
  });
  EXPECT_EQ(cancels.load(), 10);
}

TEST_P(AsyncioGroupCancel, ABodyThatTurnsTheCallersCancelIntoAFailureFailsTheGroup) {
  run([]() -> Coro<> {
    auto runner = []() -> Coro<> {
      co_await weft::task_group([](weft::TaskGroup&) -> Coro<> { co_await fail_when_cancelled("body"); });
    };
    Task<void> task = weft::create_task(runner());
    co_await weft::sleep(100ms);
    EXPECT_FALSE(task.done());
    task.cancel();
    std::string const seen = co_await outcome(task);
    EXPECT_EQ(seen, "ExceptionGroup[Failure(body)]");
  });
}

TEST_P(AsyncioGroupCancel, ACancelOfTheCallerBeforeAnyChildEndsIsCancelledError) {
  run([]() -> Coro<> {
    auto runner = []() -> Coro<> {
      co_await weft::task_group([](weft::TaskGroup& tg) -> Coro<> {
        tg.create_task(value_after(1s, 42));
        tg.create_task(value_after(2s, 11));
        co_return;
      });
    };
    Task<void> task = weft::create_task(runner());
    co_await weft::sleep(50ms);
    task.cancel();
    std::string const seen = co_await outcome(task);
    EXPECT_EQ(seen, "CancelledError");
  });
}

// ---------------------------------------------------------------- no cancellation leaks

TEST_P(AsyncioGroupCancel, AGroupThatFailedLeavesNoCancelCounted) {
  run([]() -> Coro<> {
    auto runner = []() -> Coro<> {
      co_await weft::task_group([](weft::TaskGroup& tg) -> Coro<> {
        tg.create_task(fail_after(0ms, "child"));
        co_return;
      });
    };
    std::string const seen = co_await outcome(runner());
    EXPECT_EQ(seen, "ExceptionGroup[Failure(child)]");
    EXPECT_EQ(weft::current_task().cancelling(), 0);
  });
}

TEST_P(AsyncioGroupCancel, TheCancelOfAGroupThatFailedDoesNotReachTheNextSuspension) {
  run([]() -> Coro<> {
    auto fails = []() -> Coro<> {
      throw Failure("child");
      co_return;
    };
    auto runner = [&]() -> Coro<> {
      co_await weft::task_group([&](weft::TaskGroup& tg) -> Coro<> {
        tg.create_task(fails());
        co_return;
      });
    };
    std::string const seen = co_await outcome(runner());
    EXPECT_EQ(seen, "ExceptionGroup[Failure(child)]");
    co_await weft::yield_now();
    co_await weft::sleep(1ms);
  });
}

TEST_P(AsyncioGroupCancel, TwoNestedGroupsThatFailInOneTickBothThrow) {
  run([]() -> Coro<> {
    std::string inner_seen = "nothing";
    int between = -1;
    auto runner = [&]() -> Coro<> {
      co_await weft::task_group([&](weft::TaskGroup& outer) -> Coro<> {
        try {
          co_await weft::task_group([&](weft::TaskGroup& inner) -> Coro<> {
            // The inner one's failure is there when the outer one's comes: it cleans up while the outer one fails.
            inner.create_task(fail_after(1ms, "inner"));
            inner.create_task(clean_up_when_cancelled(10ms));
            outer.create_task(fail_after(5ms, "outer"));
            co_return;
          });
        } catch (weft::ExceptionGroup const&) {
          inner_seen = describe(std::current_exception());
        }
        between = weft::current_task().cancelling();
      });
    };
    std::string const seen = co_await outcome(runner());
    EXPECT_EQ(inner_seen, "ExceptionGroup[Failure(inner)]");
    EXPECT_EQ(between, 1);
    EXPECT_EQ(seen, "ExceptionGroup[Failure(outer)]");
    EXPECT_EQ(weft::current_task().cancelling(), 0);
  });
}

TEST_P(AsyncioGroupCancel, AFailureAndACancelOfTheCallerTogetherLeaveTheCancelForTheNextSuspension) {
  Log log;
  run([&]() -> Coro<> {
    weft::Event event;
    auto child = [&]() -> Coro<> {
      event.set();
      co_await weft::sleep(1ms);
      throw Failure("child");
    };
    auto cleaner = []() -> Coro<> { co_await clean_up_when_cancelled(20ms); };
    auto inner = [&]() -> Coro<> {
      std::string seen;
      try {
        co_await weft::task_group([&](weft::TaskGroup& tg) -> Coro<> {
          tg.create_task(child());
          tg.create_task(cleaner());
          co_await weft::sleep(1s);
          log.add("past the sleep in the group");
        });
      } catch (weft::ExceptionGroup const&) {
        seen = describe(std::current_exception());
        EXPECT_EQ(weft::current_task().cancelling(), 1);
      }
      EXPECT_EQ(seen, "ExceptionGroup[Failure(child)]");
      EXPECT_EQ(weft::current_task().cancelling(), 1);
      co_await weft::sleep(1s);
      log.add("past the sleep after the group");
    };
    Task<void> task = weft::create_task(inner());
    co_await event.wait();
    EXPECT_EQ(task.cancelling(), 0);
    co_await weft::sleep(10ms);  // the group is aborting
    task.cancel();
    std::string const seen = co_await outcome(task);
    EXPECT_EQ(seen, "CancelledError");
    EXPECT_TRUE(task.cancelled());
  });
  EXPECT_EQ(log.text(), "");
}

TEST_P(AsyncioGroupCancel, AChildCreatedByAChildThatFailsAtOnceCancelsItsCreator) {
  Log log;
  run([&]() -> Coro<> {
    auto third = []() -> Coro<> {
      throw Failure("third");
      co_return;
    };
    auto second = [&](weft::TaskGroup& tg) -> Coro<> {
      tg.create_task(third());
      co_await sleep_for_ever(log, "second");
    };
    auto runner = [&]() -> Coro<> {
      co_await weft::task_group([&](weft::TaskGroup& tg) -> Coro<> {
        tg.create_task(second(tg));
        co_return;
      });
    };
    std::string const seen = co_await outcome(runner());
    EXPECT_EQ(seen, "ExceptionGroup[Failure(third)]");
  });
  EXPECT_EQ(log.text(), "second:cancelled");
}

TEST_P(AsyncioGroupCancel, ANegativeTimeoutAroundAGroupIsATimeoutError) {
  run([]() -> Coro<> {
    auto runner = []() -> Coro<> {
      co_await weft::timeout(-1s, [](weft::Timeout&) -> Coro<> {
        co_await weft::task_group([](weft::TaskGroup&) -> Coro<> { co_await weft::sleep(10s); });
      });
    };
    std::string const seen = co_await outcome(runner());
    EXPECT_EQ(seen, "TimeoutError");
    EXPECT_EQ(weft::current_task().cancelling(), 0);
  });
}

// Reference counts take the place of the garbage collector: what a group threw is the catcher's alone.
TEST_P(AsyncioGroupCancel, TheGroupKeepsNothingOfWhatItThrew) {
  struct Counted {
    explicit Counted(std::atomic<int>& n) : live(n) {}
    Live live;
  };
  std::atomic<int> live{0};
  run([&]() -> Coro<> {
    auto nested = [&]() -> Coro<> {
      co_await weft::task_group([&](weft::TaskGroup&) -> Coro<> {
        throw Counted(live);
        co_return;
      });
    };
    bool caught = false;
    try {
      co_await weft::task_group([&](weft::TaskGroup& tg) -> Coro<> {
        tg.create_task(nested());
        co_return;
      });
    } catch (weft::ExceptionGroup const& e) {
      caught = e.contains<Counted>();
      EXPECT_GE(live.load(), 1);
    }
    EXPECT_TRUE(caught);
    EXPECT_EQ(live.load(), 0);
  });
}

// ---------------------------------------------------------------- TaskGroup.cancel (3.15)

TEST_P(AsyncioGroupCancel, CancelOfTheGroupEndsItsChildrenQuietly) {
  Log log;
  run([&]() -> Coro<> {
    Elapsed const clock;
    co_await weft::task_group([&](weft::TaskGroup& tg) -> Coro<> {
      tg.create_task(sleep_for_ever(log, "a"));
      tg.create_task(sleep_for_ever(log, "b"));
      co_await weft::sleep(1ms);
      tg.cancel();
    });
    EXPECT_EQ(clock.ms(), 1ms);
    EXPECT_EQ(weft::current_task().cancelling(), 0);
    co_await weft::sleep(1ms);
  });
  EXPECT_EQ(log.words().size(), 2U);
  EXPECT_EQ(log.count("a:cancelled") + log.count("b:cancelled"), 2U);
}

TEST_P(AsyncioGroupCancel, CancelOfTheGroupByAChildEndsTheBody) {
  Log log;
  run([&]() -> Coro<> {
    auto child = [](weft::TaskGroup& tg) -> Coro<> {
      co_await weft::sleep(1ms);
      tg.cancel();
    };
    co_await weft::task_group([&](weft::TaskGroup& tg) -> Coro<> {
      tg.create_task(child(tg));
      co_await sleep_for_ever(log, "body");
    });
    EXPECT_EQ(weft::current_task().cancelling(), 0);
    co_await weft::sleep(1ms);
  });
  EXPECT_EQ(log.text(), "body:cancelled");
}

TEST_P(AsyncioGroupCancel, CancelOfTheGroupInItsBodyIsDeliveredAtTheBodysNextSuspension) {
  Log log;
  run([&]() -> Coro<> {
    co_await weft::task_group([&](weft::TaskGroup& tg) -> Coro<> {
      tg.cancel();
      EXPECT_EQ(weft::current_task().cancelling(), 1);
      log.add("going on");
      co_await weft::sleep(1h);
      log.add("never");
    });
    EXPECT_EQ(weft::current_task().cancelling(), 0);
    log.add("after");
  });
  EXPECT_EQ(log.text(), "going on after");
}

TEST_P(AsyncioGroupCancel, CancelOfTheGroupMayBeRepeated) {
  Log log;
  run([&]() -> Coro<> {
    co_await weft::task_group([&](weft::TaskGroup& tg) -> Coro<> {
      tg.create_task(sleep_for_ever(log, "child"));
      co_await weft::sleep(1ms);
      tg.cancel();
      tg.cancel();
      EXPECT_EQ(weft::current_task().cancelling(), 1);
      co_await weft::sleep(1h);
    });
    EXPECT_EQ(weft::current_task().cancelling(), 0);
  });
  EXPECT_EQ(log.text(), "child:cancelled");
}

TEST_P(AsyncioGroupCancel, NothingIsCreatedInAGroupThatWasCancelled) {
  std::atomic<int> live{0};
  run([&]() -> Coro<> {
    auto late = [](Live) -> Coro<> { co_await weft::sleep(1s); };
    co_await weft::task_group([&](weft::TaskGroup& tg) -> Coro<> {
      tg.cancel();
      EXPECT_EQ(outcome_of_call([&] { tg.create_task(late(Live(live))); }), "RuntimeError");
      co_return;
    });
    EXPECT_EQ(live.load(), 0);
  });
}

TEST_P(AsyncioGroupCancel, CancelOfTheGroupByAChildBeforeItsFirstSuspensionCancelsThatChildToo) {
  Log log;
  run([&]() -> Coro<> {
    Task<void> child;
    auto cancels = [&](weft::TaskGroup& tg) -> Coro<> {
      tg.cancel();
      co_await sleep_for_ever(log, "child");
    };
    co_await weft::task_group([&](weft::TaskGroup& tg) -> Coro<> {
      child = tg.create_task(cancels(tg));
      co_return;
    });
    EXPECT_TRUE(child.cancelled());
  });
  EXPECT_EQ(log.text(), "child:cancelled");
}

TEST_P(AsyncioGroupCancel, AFailureOfTheBodyAfterCancelOfTheGroupIsThrown) {
  run([]() -> Coro<> {
    auto runner = []() -> Coro<> {
      co_await weft::task_group([](weft::TaskGroup& tg) -> Coro<> {
        tg.create_task(sleep_for(100ms));
        tg.cancel();
        EXPECT_EQ(weft::current_task().cancelling(), 1);
        throw Failure("body");
        co_return;
      });
    };
    std::string const seen = co_await outcome(runner());
    EXPECT_EQ(seen, "ExceptionGroup[Failure(body)]");
    EXPECT_EQ(weft::current_task().cancelling(), 0);
  });
}

TEST_P(AsyncioGroupCancel, CancelOfTheGroupAfterAFailureDropsNoFailure) {
  run([]() -> Coro<> {
    auto cancels_late = [](weft::TaskGroup& tg) -> Coro<> {
      bool cancelled = false;
      try {
        co_await weft::sleep(1h);
      } catch (weft::CancelledError const&) {
        cancelled = true;
      }
      EXPECT_TRUE(cancelled);
      tg.cancel();
    };
    auto runner = [&]() -> Coro<> {
      co_await weft::task_group([&](weft::TaskGroup& tg) -> Coro<> {
        tg.create_task(fail_after(1ms, "child"));
        tg.create_task(cancels_late(tg));
        co_return;
      });
    };
    std::string const seen = co_await outcome(runner());
    EXPECT_EQ(seen, "ExceptionGroup[Failure(child)]");
  });
}

TEST_P(AsyncioGroupCancel, ACancelOfTheCallerAfterCancelOfTheGroupIsNotLost) {
  run([]() -> Coro<> {
    auto runner = []() -> Coro<> {
      co_await weft::task_group([](weft::TaskGroup& tg) -> Coro<> {
        tg.create_task(clean_up_when_cancelled(100ms));
        co_await weft::sleep(1ms);
        tg.cancel();
      });
      co_await weft::sleep(1h);
    };
    Elapsed const clock;
    Task<void> task = weft::create_task(runner());
    co_await weft::sleep(10ms);
    EXPECT_FALSE(task.done());
    task.cancel("message");
    std::string const seen = co_await outcome(task);
    EXPECT_EQ(seen, "CancelledError(message)");
    EXPECT_EQ(clock.ms(), 101ms) << "not before the child has ended";
  });
}

TEST_P(AsyncioGroupCancel, ATimeoutWhileACancelledGroupEndsIsATimeoutError) {
  run([]() -> Coro<> {
    auto runner = []() -> Coro<> {
      co_await weft::timeout(500ms, [](weft::Timeout&) -> Coro<> {
        co_await weft::task_group([](weft::TaskGroup& tg) -> Coro<> {
          tg.create_task(clean_up_when_cancelled(1000ms));
          co_await weft::sleep(100ms);
          tg.cancel();
        });
      });
    };
    std::string const seen = co_await outcome(runner());
    EXPECT_EQ(seen, "TimeoutError");
    EXPECT_EQ(weft::current_task().cancelling(), 0);
  });
}

WEFT_TEST_AT_1_2_8_WORKERS(AsyncioGroupCancel);

}  // namespace
}  // namespace weft_test
