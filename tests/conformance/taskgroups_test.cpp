// Task groups as CPython's test_taskgroups.py has them, 3.13 and what came later (TaskGroup.cancel): the table in
// docs/conformance says which of its tests each of these stands for. Times are CPython's, in virtual milliseconds; where
// two things of one tick would race on several workers, one of them is moved.
#include "unit/support.hpp"

#include <optional>

namespace weft_test {
namespace {

class AsyncioTaskGroups : public AtWorkers {};

// Sleeps; when it is cancelled, it fails instead: `finally: raise`.
Coro<> fail_when_cancelled(std::string name) {
  try {
    co_await weft::sleep(10s);
  } catch (weft::CancelledError const&) {
    throw Failure(name);
  }
}

// Sleeps, and counts if it is cancelled.
Coro<> count_cancel(std::atomic<int>& cancels, int weight) {
  try {
    co_await weft::sleep(10s);
  } catch (weft::CancelledError const&) {
    cancels.fetch_add(weight);
    throw;
  }
}

// When it is cancelled it cleans up for a while, and goes on being cancelled.
Coro<> clean_up_when_cancelled(milliseconds cleanup) {
  std::optional<weft::CancelledError> cancelled;
  try {
    co_await weft::sleep(10s);
  } catch (weft::CancelledError const& e) {
    cancelled = e;
  }
  EXPECT_TRUE(cancelled.has_value());
  co_await weft::sleep(cleanup);
  throw weft::CancelledError(*cancelled);
}

Coro<> sleep_for(milliseconds delay) { co_await weft::sleep(delay); }

// ---------------------------------------------------------------- results

TEST_P(AsyncioTaskGroups, ResultsOfAllChildrenAreThereAfterTheBlock) {
  run([]() -> Coro<> {
    Task<int> a, b;
    co_await weft::task_group([&](weft::TaskGroup& tg) -> Coro<> {
      a = tg.create_task(value_after(100ms, 42));
      b = tg.create_task(value_after(200ms, 11));
      co_return;
    });
    EXPECT_EQ(a.result(), 42);
    EXPECT_EQ(b.result(), 11);
  });
}

TEST_P(AsyncioTaskGroups, AChildMayBeCreatedAfterAnotherHasEnded) {
  run([]() -> Coro<> {
    Task<int> a, b;
    co_await weft::task_group([&](weft::TaskGroup& tg) -> Coro<> {
      a = tg.create_task(value_after(100ms, 42));
      co_await weft::sleep(150ms);
      EXPECT_TRUE(a.done());
      b = tg.create_task(value_after(200ms, 11));
    });
    EXPECT_EQ(a.result(), 42);
    EXPECT_EQ(b.result(), 11);
  });
}

TEST_P(AsyncioTaskGroups, ACancelledChildLetsTheGroupGoOn) {
  run([]() -> Coro<> {
    Task<int> a, b;
    co_await weft::task_group([&](weft::TaskGroup& tg) -> Coro<> {
      a = tg.create_task(value_after(1s, 42));
      co_await weft::sleep(150ms);
      a.cancel();
      b = tg.create_task(value_after(200ms, 11));
    });
    EXPECT_TRUE(a.cancelled());
    EXPECT_EQ(b.result(), 11);
  });
}

// ---------------------------------------------------------------- failures

TEST_P(AsyncioTaskGroups, AFailingChildCancelsItsSiblingAndWhatFollowsTheBlockDoesNotRun) {
  Log log;
  run([&]() -> Coro<> {
    Task<void> sibling;
    auto runner = [&]() -> Coro<> {
      co_await weft::task_group([&](weft::TaskGroup& tg) -> Coro<> {
        tg.create_task(fail_after(100ms, "child"));
        sibling = tg.create_task(sleep_for_ever(log, "sibling"));
        co_return;
      });
      log.add("after");
    };
    std::string const seen = co_await outcome(weft::create_task(runner()));
    EXPECT_EQ(seen, "ExceptionGroup[Failure(child)]");
    EXPECT_TRUE(sibling.cancelled());
  });
  EXPECT_EQ(log.text(), "sibling:cancelled");
}

TEST_P(AsyncioTaskGroups, AFailingChildCancelsSiblingsAndBody) {
  Log log;
  run([&]() -> Coro<> {
    auto runner = [&]() -> Coro<> {
      co_await weft::task_group([&](weft::TaskGroup& tg) -> Coro<> {
        for (int i = 0; i < 3; ++i) tg.create_task(fail_after(100ms, "child"));
        tg.create_task(sleep_for_ever(log, "sibling"));
        co_await sleep_for_ever(log, "body");
      });
      log.add("after");
    };
    std::exception_ptr error;
    try {
      co_await weft::create_task(runner());
    } catch (weft::ExceptionGroup const& e) {
      // How many of the three fail in that tick and how many are cancelled in it is open.
      EXPECT_GE(e.exceptions().size(), 1U);
      for (std::exception_ptr const& member : e.exceptions()) EXPECT_EQ(describe(member), "Failure(child)");
      error = std::current_exception();
    }
    EXPECT_TRUE(error);
  });
  EXPECT_EQ(log.words().size(), 2U);
  EXPECT_EQ(log.count("sibling:cancelled"), 1U);
  EXPECT_EQ(log.count("body:cancelled"), 1U);
}

TEST_P(AsyncioTaskGroups, AFailureOfTheBodyAfterAWhileCancelsTheChildren) {
  run([]() -> Coro<> {
    Task<int> a, b;
    auto runner = [&]() -> Coro<> {
      co_await weft::task_group([&](weft::TaskGroup& tg) -> Coro<> {
        a = tg.create_task(value_after(1s, 42));
        b = tg.create_task(value_after(2s, 11));
        co_await weft::sleep(100ms);
        throw Failure("body");
      });
    };
    std::string const seen = co_await outcome(runner());
    EXPECT_EQ(seen, "ExceptionGroup[Failure(body)]");
    EXPECT_TRUE(a.cancelled());
    EXPECT_TRUE(b.cancelled());
  });
}

TEST_P(AsyncioTaskGroups, AFailureOfTheBodyAtOnceCancelsTheChildren) {
  run([]() -> Coro<> {
    Task<int> a, b;
    auto runner = [&]() -> Coro<> {
      co_await weft::task_group([&](weft::TaskGroup& tg) -> Coro<> {
        a = tg.create_task(value_after(1s, 42));
        b = tg.create_task(value_after(2s, 11));
        throw Failure("body");
        co_return;
      });
    };
    std::string const seen = co_await outcome(runner());
    EXPECT_EQ(seen, "ExceptionGroup[Failure(body)]");
    EXPECT_TRUE(a.cancelled());
    EXPECT_TRUE(b.cancelled());
  });
}

TEST_P(AsyncioTaskGroups, AnOuterChildsFailureCancelsTheInnerGroupQuietly) {
  run([]() -> Coro<> {
    auto runner = []() -> Coro<> {
      co_await weft::task_group([](weft::TaskGroup& outer) -> Coro<> {
        outer.create_task(fail_after(100ms, "outer"));
        co_await weft::task_group([](weft::TaskGroup& inner) -> Coro<> {
          inner.create_task(fail_after(10s, "inner"));
          co_return;
        });
      });
    };
    std::string const seen = co_await outcome(weft::create_task(runner()));
    EXPECT_EQ(seen, "ExceptionGroup[Failure(outer)]");
  });
}

TEST_P(AsyncioTaskGroups, AnInnerGroupsFailureIsAGroupWithinTheOuterOnes) {
  run([]() -> Coro<> {
    auto runner = []() -> Coro<> {
      co_await weft::task_group([](weft::TaskGroup& outer) -> Coro<> {
        outer.create_task(fail_after(10s, "outer"));
        co_await weft::task_group([](weft::TaskGroup& inner) -> Coro<> {
          inner.create_task(fail_after(100ms, "inner"));
          co_return;
        });
      });
    };
    std::string const seen = co_await outcome(weft::create_task(runner()));
    EXPECT_EQ(seen, "ExceptionGroup[ExceptionGroup[Failure(inner)]]");
  });
}

TEST_P(AsyncioTaskGroups, FailuresOfAChildAndOfTheBodyItCancelsAreBothReported) {
  run([]() -> Coro<> {
    auto runner = []() -> Coro<> {
      co_await weft::task_group([](weft::TaskGroup& tg) -> Coro<> {
        tg.create_task(fail_after(100ms, "child"));
        co_await fail_when_cancelled("body");
      });
    };
    std::string const seen = co_await outcome(weft::create_task(runner()));
    EXPECT_EQ(seen, "ExceptionGroup[Failure(child), Failure(body)]");
  });
}

// Python's BaseExceptions that are no Exceptions: in C++ whatever is thrown is a failure like any other.
TEST_P(AsyncioTaskGroups, ABodysFailureOfAnyTypeIsInTheGroup) {
  run([]() -> Coro<> {
    struct NoStdException {};
    auto body = []() -> Coro<> {
      try {
        co_await weft::sleep(10s);
      } catch (weft::CancelledError const&) {
        throw NoStdException();
      }
    };
    std::vector<std::exception_ptr> seen;
    try {
      co_await weft::task_group([&](weft::TaskGroup& tg) -> Coro<> {
        tg.create_task(fail_after(100ms, "child"));
        co_await body();
      });
    } catch (weft::ExceptionGroup const& e) {
      seen = e.exceptions();
      EXPECT_TRUE(e.contains<NoStdException>());
      EXPECT_TRUE(e.contains<Failure>());
    }
    EXPECT_EQ(seen.size(), 2U);
  });
}

TEST_P(AsyncioTaskGroups, AChildsFailureOfAnyTypeIsInTheGroup) {
  run([]() -> Coro<> {
    struct NoStdException {};
    auto child = []() -> Coro<> {
      co_await weft::sleep(100ms);
      throw NoStdException();
    };
    std::vector<std::exception_ptr> seen;
    try {
      co_await weft::task_group([&](weft::TaskGroup& tg) -> Coro<> {
        tg.create_task(child());
        co_await fail_when_cancelled("body");
      });
    } catch (weft::ExceptionGroup const& e) {
      seen = e.exceptions();
      EXPECT_TRUE(e.contains<NoStdException>());
      EXPECT_TRUE(e.contains<Failure>());
    }
    EXPECT_EQ(seen.size(), 2U);
  });
}

TEST_P(AsyncioTaskGroups, CleanupInTheBodyThatFailsBesideAChildGivesTwoFailuresAndNoCancelIsLeft) {
  run([]() -> Coro<> {
    auto work = []() -> Coro<> {
      std::string seen;
      try {
        co_await weft::task_group([](weft::TaskGroup& tg) -> Coro<> {
          auto const child = []() -> Coro<> {
            throw Failure("child");
            co_return;
          };
          auto const fails = []() -> Coro<> {
            throw Failure("cleanup");
            co_return;
          };
          tg.create_task(child());
          co_await weft::finally_(sleep_for(1s), fails());
        });
      } catch (weft::ExceptionGroup const&) {
        seen = describe(std::current_exception());
        EXPECT_EQ(weft::current_task().cancelling(), 0);
      }
      EXPECT_EQ(seen, "ExceptionGroup[Failure(child), Failure(cleanup)]");
    };
    co_await weft::create_task(work());
  });
}

// ---------------------------------------------------------------- the caller is cancelled

TEST_P(AsyncioTaskGroups, ACancelOfTheCallerWhileItWaitsReachesEveryChild) {
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

TEST_P(AsyncioTaskGroups, ACancelOfTheCallerInTheBodyReachesBodyAndChildren) {
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

TEST_P(AsyncioTaskGroups, ACancelOfTheCallerInTheBodyKeepsItsMessage) {
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

TEST_P(AsyncioTaskGroups, ChildrenThatFailWhileTheCallersCancelEndsThemWinOverIt) {
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

TEST_P(AsyncioTaskGroups, FailuresThatTheCallersCancelBringsInAnInnerGroupPassThroughAnOuterOne) {
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

TEST_P(AsyncioTaskGroups, TheOuterGroupsChildIsCancelledWhenTheInnerGroupFailsUnderACancel) {
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

TEST_P(AsyncioTaskGroups, AChildThatFailsWhileTheCancelledBodyCleansUpWinsOverTheCancel) {
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

TEST_P(AsyncioTaskGroups, ACancelHandedDownToATaskWithAGroupMeetsItsFailuresAsOneMadeThere) {
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

TEST_P(AsyncioTaskGroups, ACancelOfTheCallerGoesThroughAGroupWithoutChildren) {
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

TEST_P(AsyncioTaskGroups, ABodyThatTurnsTheCallersCancelIntoAFailureFailsTheGroup) {
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

TEST_P(AsyncioTaskGroups, ACancelOfTheCallerBeforeAnyChildEndsIsCancelledError) {
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

// ---------------------------------------------------------------- children come and go

TEST_P(AsyncioTaskGroups, ChildrenThatEndedAreNoLongerAlive) {
  run([]() -> Coro<> {
    co_await weft::task_group([](weft::TaskGroup& tg) -> Coro<> {
      for (int i = 0; i < 10; ++i) {
        co_await weft::sleep(100ms);
        tg.create_task(sleep_for(310ms));
        // The main task and the last four children at most.
        EXPECT_LE(weft::all_tasks().size(), 5U);
      }
      co_await weft::sleep(1350ms);
      EXPECT_EQ(weft::all_tasks().size(), 1U);
    });
  });
}

TEST_P(AsyncioTaskGroups, AChildMayCreateTheGroupsLastChildren) {
  run([]() -> Coro<> {
    Elapsed const clock;
    auto root = [](weft::TaskGroup& tg) -> Coro<> {
      co_await weft::sleep(100ms);
      tg.create_task(sleep_for(100ms));
      tg.create_task(sleep_for(200ms));
    };
    co_await weft::task_group([&](weft::TaskGroup& tg) -> Coro<> {
      tg.create_task(root(tg));
      co_return;
    });
    EXPECT_EQ(clock.ms(), 300ms);
  });
}

TEST_P(AsyncioTaskGroups, ChildrenThatMultiplyEndWhenOneFails) {
  struct Hydra {
    static Coro<> grow(weft::TaskGroup& tg, std::atomic<int>& heads) {
      heads.fetch_add(1);
      co_await weft::sleep(10ms);
      tg.start_soon(grow(tg, heads));
      tg.start_soon(grow(tg, heads));
    }
  };
  std::atomic<int> heads{0};
  run([&]() -> Coro<> {
    auto hercules = [&]() -> Coro<> {
      while (heads.load() < 10) co_await weft::sleep(15ms);
      throw Failure("enough");
    };
    auto runner = [&]() -> Coro<> {
      co_await weft::task_group([&](weft::TaskGroup& tg) -> Coro<> {
        tg.create_task(Hydra::grow(tg, heads));
        tg.create_task(hercules());
        co_return;
      });
    };
    std::exception_ptr error;
    try {
      co_await runner();
    } catch (weft::ExceptionGroup const& e) {
      error = std::current_exception();
      EXPECT_TRUE(e.contains<Failure>());
      // A head that wakes in the tick of the failure may find the group shut: that is a failure, too.
      if (GetParam() == 1) {
        EXPECT_EQ(e.exceptions().size(), 1U);
      }
    }
    EXPECT_TRUE(error);
  });
  EXPECT_GE(heads.load(), 10);
}

TEST_P(AsyncioTaskGroups, AChildHasTheNameThatItWasCreatedWith) {
  run([]() -> Coro<> {
    co_await weft::task_group([](weft::TaskGroup& tg) -> Coro<> {
      Task<void> const child = tg.create_task(sleep_for(0ms), {.name = "yolo"});
      EXPECT_EQ(child.name(), "yolo");
      co_return;
    });
  });
}

TEST_P(AsyncioTaskGroups, AChildFindsItsNameInCurrentTask) {
  std::string name;
  run([&]() -> Coro<> {
    auto child = [&]() -> Coro<> {
      name = weft::current_task().name();
      co_return;
    };
    co_await weft::task_group([&](weft::TaskGroup& tg) -> Coro<> {
      tg.create_task(child(), {.name = "example name"});
      co_return;
    });
  });
  EXPECT_EQ(name, "example name");
}

TEST_P(AsyncioTaskGroups, NothingIsCreatedInAGroupThatIsShuttingDown) {
  std::atomic<int> live{0};
  std::string creating;
  run([&]() -> Coro<> {
    auto late = [](Live) -> Coro<> { co_await weft::sleep(1ms); };
    auto child = [&](weft::TaskGroup& tg) -> Coro<> {
      try {
        co_await weft::sleep(1s);
      } catch (weft::CancelledError const&) {
        creating = outcome_of_call([&] { tg.create_task(late(Live(live))); });
      }
    };
    auto runner = [&]() -> Coro<> {
      co_await weft::task_group([&](weft::TaskGroup& tg) -> Coro<> {
        tg.create_task(fail_after(1ms, "first"));
        tg.create_task(child(tg));
        co_return;
      });
    };
    std::string const seen = co_await outcome(runner());
    EXPECT_EQ(seen, "ExceptionGroup[Failure(first)]");
  });
  EXPECT_EQ(creating, "RuntimeError");
  EXPECT_EQ(live.load(), 0) << "the coroutine that was refused is destroyed";
}

// ---------------------------------------------------------------- no cancellation leaks

TEST_P(AsyncioTaskGroups, AGroupThatFailedLeavesNoCancelCounted) {
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

TEST_P(AsyncioTaskGroups, TheCancelOfAGroupThatFailedDoesNotReachTheNextSuspension) {
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

TEST_P(AsyncioTaskGroups, TwoNestedGroupsThatFailInOneTickBothThrow) {
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

TEST_P(AsyncioTaskGroups, AFailureAndACancelOfTheCallerTogetherLeaveTheCancelForTheNextSuspension) {
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

TEST_P(AsyncioTaskGroups, AChildCreatedByAChildThatFailsAtOnceCancelsItsCreator) {
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

TEST_P(AsyncioTaskGroups, ANegativeTimeoutAroundAGroupIsATimeoutError) {
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
TEST_P(AsyncioTaskGroups, TheGroupKeepsNothingOfWhatItThrew) {
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

TEST_P(AsyncioTaskGroups, CancelOfTheGroupEndsItsChildrenQuietly) {
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

TEST_P(AsyncioTaskGroups, CancelOfTheGroupByAChildEndsTheBody) {
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

TEST_P(AsyncioTaskGroups, CancelOfTheGroupInItsBodyIsDeliveredAtTheBodysNextSuspension) {
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

TEST_P(AsyncioTaskGroups, CancelOfTheGroupMayBeRepeated) {
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

TEST_P(AsyncioTaskGroups, NothingIsCreatedInAGroupThatWasCancelled) {
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

TEST_P(AsyncioTaskGroups, CancelOfTheGroupByAChildBeforeItsFirstSuspensionCancelsThatChildToo) {
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

TEST_P(AsyncioTaskGroups, AFailureOfTheBodyAfterCancelOfTheGroupIsThrown) {
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

TEST_P(AsyncioTaskGroups, CancelOfTheGroupAfterAFailureDropsNoFailure) {
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

TEST_P(AsyncioTaskGroups, ACancelOfTheCallerAfterCancelOfTheGroupIsNotLost) {
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

TEST_P(AsyncioTaskGroups, ATimeoutWhileACancelledGroupEndsIsATimeoutError) {
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

WEFT_TEST_AT_1_2_8_WORKERS(AsyncioTaskGroups);

}  // namespace
}  // namespace weft_test
