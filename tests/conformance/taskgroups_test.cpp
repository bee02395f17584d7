// Task groups as CPython's test_taskgroups.py has them: results, failures, children that come and go. What cancels a group, or is cancelled
// by one, is in taskgroups_cancel_test.cpp. The table in docs/conformance says which of CPython's tests each of these stands for. Times are
// CPython's, in virtual milliseconds; where two things of one tick would race on several workers, one of them is moved.
#include "conformance/taskgroups_support.hpp"

namespace weft_test {
namespace {

class AsyncioTaskGroups : public AtWorkers {};

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
      // Clang takes a coroutine that makes itself unconditionally for an endless recursion.
      for (int heads_more = 2; heads_more != 0; --heads_more) tg.start_soon(grow(tg, heads));
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

WEFT_TEST_AT_1_2_8_WORKERS(AsyncioTaskGroups);

}  // namespace
}  // namespace weft_test
