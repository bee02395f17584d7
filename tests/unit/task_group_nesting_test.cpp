// Task groups inside task groups, three deep, with failures and cancels at each level; groups quietly ended by
// tg.cancel(); groups inside gather and beside it.
#include "support.hpp"

namespace weft_test {
namespace {

class NestedGroups : public AtWorkers {};

TEST_P(NestedGroups, FailureInTheInnermostComesOutAsGroupsInGroups) {
  Log log;
  run([&]() -> Coro<> {
    auto level3 = [&](weft::TaskGroup& tg) -> Coro<> {
      tg.start_soon(sleep_for_ever(log, "c3"));
      tg.start_soon(fail_after(5ms, "deep"));
      co_return;
    };
    auto level2 = [&](weft::TaskGroup& tg) -> Coro<> {
      tg.start_soon(sleep_for_ever(log, "c2"));
      co_await weft::task_group(level3);
    };
    auto level1 = [&](weft::TaskGroup& tg) -> Coro<> {
      tg.start_soon(sleep_for_ever(log, "c1"));
      co_await weft::task_group(level2);
    };
    auto body = [&]() -> Coro<> { co_await weft::task_group(level1); };
    std::string const seen = co_await outcome(body());
    EXPECT_EQ(seen, "ExceptionGroup[ExceptionGroup[ExceptionGroup[Failure(deep)]]]");
    EXPECT_EQ(weft::current_task().cancelling(), 0);
  });
  EXPECT_EQ(log.text(), "c3:cancelled c2:cancelled c1:cancelled");
}

TEST_P(NestedGroups, FailureInTheOutermostCancelsAllThreeLevels) {
  Log log;
  run([&]() -> Coro<> {
    auto level3 = [&](weft::TaskGroup& tg) -> Coro<> {
      tg.start_soon(sleep_for_ever(log, "c3"));
      co_return;
    };
    auto level2 = [&](weft::TaskGroup& tg) -> Coro<> {
      tg.start_soon(sleep_for_ever(log, "c2"));
      co_await weft::task_group(level3);
    };
    auto body = [&]() -> Coro<> {
      co_await weft::task_group([&](weft::TaskGroup& tg) -> Coro<> {
        tg.start_soon(sleep_for_ever(log, "c1"));
        tg.start_soon(fail_after(5ms, "top"));
        co_await weft::task_group(level2);
      });
    };
    Elapsed const clock;
    std::string const seen = co_await outcome(body());
    EXPECT_EQ(seen, "ExceptionGroup[Failure(top)]");
    EXPECT_EQ(clock.ms(), 5ms);
    EXPECT_EQ(weft::current_task().cancelling(), 0);
    co_await weft::sleep(1ms);
  });
  EXPECT_EQ(log.count("c1:cancelled"), 1U);
  EXPECT_EQ(log.count("c2:cancelled"), 1U);
  EXPECT_EQ(log.count("c3:cancelled"), 1U);
}

TEST_P(NestedGroups, CancelFromOutsideReachesThreeLevelsInsideChildTasks) {
  std::atomic<int> cancelled{0};
  struct Deep {
    static Coro<> level(std::atomic<int>& n, int depth) {
      bool was = false;
      try {
        if (depth == 0) {
          co_await weft::sleep(1h);
        } else {
          co_await weft::task_group([&n, depth](weft::TaskGroup& tg) -> Coro<> {
            for (int i = 0; i < 3; ++i) tg.start_soon(level(n, depth - 1));
            co_return;
          });
        }
      } catch (weft::CancelledError const&) {
        was = true;
      }
      EXPECT_TRUE(was);
      n.fetch_add(1);
      if (was) throw weft::CancelledError();
    }
  };
  run([&]() -> Coro<> {
    Task<void> task = weft::create_task(Deep::level(cancelled, 3));
    co_await weft::sleep(5ms);
    Elapsed const clock;
    task.cancel();
    std::string const seen = co_await outcome(task);
    EXPECT_EQ(seen, "CancelledError");
    EXPECT_EQ(clock.ms(), 0ms);
  });
  EXPECT_EQ(cancelled.load(), 1 + 3 + 9 + 27);
}

TEST_P(NestedGroups, InnerGroupsFailureCaughtInsideLeavesTheOuterUntouched) {
  Log log;
  run([&]() -> Coro<> {
    co_await weft::task_group([&](weft::TaskGroup& outer) -> Coro<> {
      auto quiet = [&]() -> Coro<> {
        co_await weft::sleep(20ms);
        log.add("outer child");
      };
      outer.start_soon(quiet);
      std::string seen;
      try {
        co_await weft::task_group([](weft::TaskGroup& inner) -> Coro<> {
          inner.start_soon(fail_after(5ms, "inner"));
          co_await weft::sleep(1h);
        });
      } catch (weft::ExceptionGroup const&) {
        seen = describe(std::current_exception());
      }
      EXPECT_EQ(seen, "ExceptionGroup[Failure(inner)]");
      EXPECT_EQ(weft::current_task().cancelling(), 0);
      co_await weft::sleep(5ms);
      log.add("body");
    });
  });
  EXPECT_EQ(log.text(), "body outer child");
}

TEST_P(NestedGroups, FailuresOfBothLevelsAreKept) {
  run([]() -> Coro<> {
    auto fails_when_cancelled = [](std::string name) -> Coro<> {
      bool cancelled = false;
      try {
        co_await weft::sleep(1h);
      } catch (weft::CancelledError const&) {
        cancelled = true;
      }
      EXPECT_TRUE(cancelled);
      throw Failure(name);
    };
    auto body = [&]() -> Coro<> {
      co_await weft::task_group([&](weft::TaskGroup& outer) -> Coro<> {
        outer.start_soon(fail_after(5ms, "outer"));
        co_await weft::task_group([&](weft::TaskGroup& inner) -> Coro<> {
          inner.start_soon(fails_when_cancelled("inner"));
          co_return;
        });
      });
    };
    std::string const seen = co_await outcome(body());
    EXPECT_EQ(seen, "ExceptionGroup[Failure(outer), ExceptionGroup[Failure(inner)]]");
    EXPECT_EQ(weft::current_task().cancelling(), 0);
  });
}

TEST_P(NestedGroups, CancelEndsTheGroupQuietly) {
  Log log;
  run([&]() -> Coro<> {
    Elapsed const clock;
    int const r = co_await weft::task_group([&](weft::TaskGroup& tg) -> Coro<int> {
      tg.start_soon(sleep_for_ever(log, "child"));
      co_await weft::sleep(5ms);
      tg.cancel();
      co_return 3;
    });
    EXPECT_EQ(r, 3);
    EXPECT_EQ(clock.ms(), 5ms);
    EXPECT_EQ(weft::current_task().cancelling(), 0);
    co_await weft::sleep(1ms);
  });
  EXPECT_EQ(log.text(), "child:cancelled");
}

TEST_P(NestedGroups, CancelByAChildEndsAVoidBodyQuietly) {
  Log log;
  run([&]() -> Coro<> {
    co_await weft::task_group([&](weft::TaskGroup& tg) -> Coro<> {
      auto ender = [](weft::TaskGroup& g) -> Coro<> {
        co_await weft::sleep(5ms);
        g.cancel();
        g.cancel();
      };
      tg.start_soon(ender(tg));
      tg.start_soon(sleep_for_ever(log, "child"));
      co_await sleep_for_ever(log, "body");
    });
    log.add("after");
    EXPECT_EQ(weft::current_task().cancelling(), 0);
  });
  EXPECT_EQ(log.words().size(), 3U);
  EXPECT_EQ(log.words().back(), "after");
}

TEST_P(NestedGroups, CancelWithoutAValueOfTheBodyThrowsCancelledError) {
  run([]() -> Coro<> {
    auto body = []() -> Coro<> {
      int const v = co_await weft::task_group([](weft::TaskGroup& tg) -> Coro<int> {
        tg.cancel();
        co_await weft::sleep(1h);
        co_return 1;
      });
      (void)v;
    };
    std::string const seen = co_await outcome(body());
    EXPECT_EQ(seen, "CancelledError");
    EXPECT_EQ(weft::current_task().cancelling(), 0);
    co_await weft::sleep(1ms);
  });
}

TEST_P(NestedGroups, ChildrenThatFailWhileCancelEndsThemStillGiveAnExceptionGroup) {
  run([]() -> Coro<> {
    auto body = []() -> Coro<> {
      co_await weft::task_group([](weft::TaskGroup& tg) -> Coro<> {
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
        tg.start_soon(failing());
        co_await weft::sleep(1ms);
        tg.cancel();
      });
    };
    std::string const seen = co_await outcome(body());
    EXPECT_EQ(seen, "ExceptionGroup[Failure(cleanup)]");
  });
}

TEST_P(NestedGroups, OutsideCancelBesideAGroupCancelStillArrives) {
  run([]() -> Coro<> {
    auto body = []() -> Coro<> {
      co_await weft::task_group([](weft::TaskGroup& tg) -> Coro<> {
        weft::AnyTask me = weft::current_task();
        tg.cancel();
        me.cancel("outside");
        co_await weft::sleep(1h);
      });
      co_await weft::sleep(1h);
    };
    Task<void> task = weft::create_task(body());
    std::string const seen = co_await outcome(task);
    EXPECT_EQ(seen.substr(0, 14), "CancelledError");
    EXPECT_TRUE(task.cancelled());
  });
}

TEST_P(NestedGroups, CreateTaskAfterCancelThrowsRuntimeError) {
  run([]() -> Coro<> {
    co_await weft::task_group([](weft::TaskGroup& tg) -> Coro<> {
      tg.cancel();
      EXPECT_EQ(outcome_of_call([&] { tg.start_soon(value_after(1ms, 1)); }), "RuntimeError");
      co_return;
    });
  });
}

// A group inside a part of gather is that part's: its abort cancels neither the sibling part nor the caller.
TEST_P(NestedGroups, GroupInsideAPartOfGatherAbortsOnlyThere) {
  run([]() -> Coro<> {
    auto grouped = []() -> Coro<std::string> {
      std::string seen;
      try {
        co_await weft::task_group([](weft::TaskGroup& tg) -> Coro<> {
          tg.start_soon(fail_after(5ms, "x"));
          co_await weft::sleep(1h);
        });
      } catch (weft::ExceptionGroup const&) {
        seen = describe(std::current_exception());
      }
      EXPECT_EQ(weft::current_task().cancelling(), 0);
      co_return seen;
    };
    auto const [seen, v] = co_await weft::gather(grouped(), value_after(20ms, 4));
    EXPECT_EQ(seen, "ExceptionGroup[Failure(x)]");
    EXPECT_EQ(v, 4);
  });
}

TEST_P(NestedGroups, GatherInsideABodyIsCancelledByTheGroupsAbort) {
  Log log;
  run([&]() -> Coro<> {
    auto body = [&]() -> Coro<> {
      co_await weft::task_group([&](weft::TaskGroup& tg) -> Coro<> {
        tg.start_soon(fail_after(5ms, "x"));
        auto results = co_await weft::gather(sleep_for_ever(log, "p1"), sleep_for_ever(log, "p2"));
        (void)results;
      });
    };
    std::string const seen = co_await outcome(body());
    EXPECT_EQ(seen, "ExceptionGroup[Failure(x)]");
  });
  EXPECT_EQ(log.count("p1:cancelled") + log.count("p2:cancelled"), 2U);
}

TEST_P(NestedGroups, ManyGroupsAbortAtTheSameTime) {
  std::atomic<int> groups{0};
  run([&]() -> Coro<> {
    auto one = [&](int i) -> Coro<> {
      std::string seen;
      try {
        co_await weft::task_group([i](weft::TaskGroup& tg) -> Coro<> {
          for (int k = 0; k < 4; ++k) tg.start_soon(fail_after(5ms, "x"));
          tg.start_soon(value_after(1h, i));
          co_await weft::sleep(1h);
        });
      } catch (weft::ExceptionGroup const& e) {
        seen = e.contains<Failure>() ? "failures" : "else";
        EXPECT_GE(e.exceptions().size(), 1U);
        EXPECT_LE(e.exceptions().size(), 4U);
      }
      EXPECT_EQ(seen, "failures");
      groups.fetch_add(1);
    };
    std::vector<Coro<>> many;
    for (int i = 0; i < 100; ++i) many.push_back(one(i));
    auto results = co_await weft::gather(std::move(many));
    (void)results;
  });
  EXPECT_EQ(groups.load(), 100);
}

WEFT_TEST_AT_1_2_8_WORKERS(NestedGroups);

}  // namespace
}  // namespace weft_test
