// How failures travel: through frames, out of tasks, parts and groups, across workers; the ExceptionGroup that groups
// throw; the report of a failure that nobody retrieved, once each.
#include "support.hpp"

namespace weft_test {
namespace {

class ExceptionFlow : public AtWorkers {};

TEST_P(ExceptionFlow, PassesThroughFramesAndUnwindsEachOnce) {
  Log log;
  run([&]() -> Coro<> {
    auto inner = [&](bool asleep) -> Coro<> {
      OnExit const guard(log, "inner");
      if (asleep) co_await weft::sleep(1ms);
      throw Failure("deep");
    };
    auto middle = [&](bool asleep) -> Coro<> {
      OnExit const guard(log, "middle");
      co_await inner(asleep);
      log.add("never");
    };
    std::vector<int> const ways{0, 1};
    for (int const way : ways) {
      bool const asleep = way == 1;
      std::string const seen = co_await outcome(middle(asleep));
      log.add(seen);
    }
  });
  EXPECT_EQ(log.text(), "inner middle Failure(deep) inner middle Failure(deep)");
}

TEST_P(ExceptionFlow, KeepsTheDynamicTypeAndIsTheSameObjectForEachAwaiter) {
  run([]() -> Coro<> {
    Task<int> const task = weft::create_task(fail_after(1ms, "typed"));
    void const* first = nullptr;
    void const* second = nullptr;
    try {
      int const v = co_await task;
      (void)v;
    } catch (std::runtime_error const& e) {
      first = dynamic_cast<Failure const*>(&e);
    }
    try {
      int const v = co_await task;
      (void)v;
    } catch (Failure const& e) {
      second = &e;
    }
    EXPECT_NE(first, nullptr);
    EXPECT_EQ(first, second);
  });
}

TEST_P(ExceptionFlow, ThingsThatAreNoStdExceptionTravelToo) {
  run([]() -> Coro<> {
    auto thrower = []() -> Coro<int> {
      co_await weft::sleep(1ms);
      throw 42;
    };
    int seen = 0;
    try {
      auto results = co_await weft::gather(thrower(), value_after(2ms, 1));
      (void)results;
    } catch (int e) {
      seen = e;
    }
    EXPECT_EQ(seen, 42);
  });
}

TEST_P(ExceptionFlow, CatchStdExceptionDoesNotSwallowACancellation) {
  run([]() -> Coro<> {
    auto body = []() -> Coro<> {
      for (int i = 0; i < 3; ++i) {
        try {
          co_await weft::sleep(1h);
        } catch (std::exception const&) {
          ADD_FAILURE() << "a cancellation is no std::exception";
        }
      }
    };
    Task<void> task = weft::create_task(body());
    co_await weft::sleep(1ms);
    task.cancel();
    std::string const seen = co_await outcome(task);
    EXPECT_EQ(seen, "CancelledError");
  });
}

TEST_P(ExceptionFlow, RethrownInACatchBlockGoesOn) {
  run([]() -> Coro<> {
    auto body = []() -> Coro<> {
      try {
        int const v = co_await fail_after(1ms, "x");
        (void)v;
      } catch (Failure const&) {
        throw OtherFailure("translated");
      }
    };
    std::string const seen = co_await outcome(body());
    EXPECT_EQ(seen, "OtherFailure(translated)");
  });
}

TEST_P(ExceptionFlow, CaughtExceptionsDoNotDisturbConcurrentOnes) {
  run([]() -> Coro<> {
    auto body = [](int i) -> Coro<int> {
      int caught = 0;
      for (int k = 0; k < 20; ++k) {
        try {
          int const v = co_await fail_after(milliseconds(k % 2), std::to_string(i));
          (void)v;
        } catch (Failure const& e) {
          if (e.what() == std::to_string(i)) ++caught;
        }
      }
      co_return caught;
    };
    std::vector<Coro<int>> many;
    for (int i = 0; i < 32; ++i) many.push_back(body(i));
    std::vector<int> const all = co_await weft::gather(std::move(many));
    for (int const caught : all) EXPECT_EQ(caught, 20);
  });
}

TEST_P(ExceptionFlow, GroupsSplitByTypeAndKeepTheirStructure) {
  run([]() -> Coro<> {
    auto other = [](milliseconds d) -> Coro<> {
      co_await weft::sleep(d);
      throw OtherFailure("o");
    };
    auto uncancelled = [](milliseconds d, std::string name) -> Coro<> {
      try {
        co_await weft::sleep(1h);
      } catch (weft::CancelledError const&) {
      }
      co_await weft::sleep(d);
      throw Failure(name);
    };
    std::exception_ptr caught;
    try {
      co_await weft::task_group([&](weft::TaskGroup& tg) -> Coro<> {
        tg.start_soon(other(1ms));
        co_await weft::task_group([&](weft::TaskGroup& inner) -> Coro<> {
          inner.start_soon(uncancelled(1ms, "a"));
          inner.start_soon(uncancelled(2ms, "b"));
          co_return;
        });
      });
    } catch (weft::ExceptionGroup const&) {
      caught = std::current_exception();
    }
    EXPECT_EQ(describe(caught), "ExceptionGroup[OtherFailure(o), ExceptionGroup[Failure(a), Failure(b)]]");
    try {
      if (caught) std::rethrow_exception(caught);
    } catch (weft::ExceptionGroup const& e) {
      EXPECT_TRUE(e.contains<Failure>());
      EXPECT_TRUE(e.contains<OtherFailure>());
      EXPECT_TRUE(e.contains<std::runtime_error>());
      EXPECT_FALSE(e.contains<weft::TimeoutError>());
      EXPECT_EQ(e.flatten().size(), 3U);
      EXPECT_EQ(describe(e.flatten().at(2)), "Failure(b)");
      auto const [matching, rest] = e.split<Failure>();
      EXPECT_TRUE(matching.has_value() && rest.has_value());
      if (matching && rest) {
        EXPECT_EQ(describe(std::make_exception_ptr(*matching)), "ExceptionGroup[ExceptionGroup[Failure(a), Failure(b)]]");
        EXPECT_EQ(describe(std::make_exception_ptr(*rest)), "ExceptionGroup[OtherFailure(o)]");
        EXPECT_EQ(matching->message(), e.message());
      }
      std::optional<weft::ExceptionGroup> const only = e.subgroup<OtherFailure>();
      EXPECT_TRUE(only.has_value());
      if (only) {
        EXPECT_EQ(describe(std::make_exception_ptr(*only)), "ExceptionGroup[OtherFailure(o)]");
      }
      EXPECT_FALSE(e.subgroup<weft::TimeoutError>().has_value());
      auto const [all, none] = e.split<std::runtime_error>();
      EXPECT_TRUE(all.has_value());
      EXPECT_FALSE(none.has_value());
    }
  });
}

TEST(ExceptionGroupByItself, HoldsWhatItWasGivenAndPrintsTheTree) {
  auto const leaf = [](char const* name) { return std::make_exception_ptr(Failure(name)); };
  weft::ExceptionGroup const inner("inner", {leaf("x")});
  weft::ExceptionGroup const outer("outer", {leaf("y"), std::make_exception_ptr(inner)});
  EXPECT_EQ(outer.message(), "outer");
  EXPECT_EQ(outer.exceptions().size(), 2U);
  EXPECT_EQ(outer.flatten().size(), 2U);
  std::string const what = outer.what();
  std::size_t const at_outer = what.find("outer");
  std::size_t const at_y = what.find('y', at_outer + 5);
  std::size_t const at_inner = what.find("inner");
  std::size_t const at_x = what.find('x', at_inner == std::string::npos ? 0 : at_inner);
  EXPECT_NE(at_outer, std::string::npos);
  EXPECT_NE(at_y, std::string::npos);
  EXPECT_NE(at_inner, std::string::npos);
  EXPECT_NE(at_x, std::string::npos);
  EXPECT_LT(at_outer, at_inner);
  weft::ExceptionGroup const copy = outer;
  EXPECT_EQ(std::string(copy.what()), what);
}

TEST_P(ExceptionFlow, FailureThatNobodyRetrievesIsReportedOnceWhenTheLastHandleGoes) {
  run([&]() -> Coro<> {
    Task<int> kept = weft::create_task(fail_after(1ms, "lost"));
    Task<int> copy = kept;
    co_await weft::sleep(5ms);
    kept = Task<int>();
    EXPECT_TRUE(take_unhandled().empty()) << "a handle is left";
    copy = Task<int>();
    co_await weft::sleep(5ms);
    EXPECT_EQ(take_unhandled(), std::vector<std::string>{"Failure(lost)"});
  });
}

TEST_P(ExceptionFlow, FailureOfATaskWithoutHandlesIsReportedOnce) {
  run([&]() -> Coro<> {
    weft::create_task(fail_after(1ms, "dropped"));
    co_await weft::sleep(5ms);
    EXPECT_EQ(take_unhandled(), std::vector<std::string>{"Failure(dropped)"});
  });
}

TEST_P(ExceptionFlow, FailureIsReportedAtTheEndOfRunWhileAHandleIsLeft) {
  Task<int> outlives;
  run([&]() -> Coro<> {
    outlives = weft::create_task(fail_after(1ms, "kept"));
    co_await weft::sleep(5ms);
  });
  EXPECT_EQ(take_unhandled(), std::vector<std::string>{"Failure(kept)"});
  outlives = Task<int>();
  EXPECT_TRUE(take_unhandled().empty()) << "once is enough";
}

TEST_P(ExceptionFlow, ResultExceptionAwaitGatherAndResultObjectsRetrieve) {
  run([]() -> Coro<> {
    auto fails = []() { return weft::create_task(fail_after(1ms, "seen")); };
    Task<int> const by_result = fails();
    Task<int> const by_exception = fails();
    Task<int> const by_await = fails();
    Task<int> const by_gather = fails();
    Task<int> const by_captured = fails();
    Task<int> const by_as_result = fails();
    co_await weft::sleep(5ms);
    EXPECT_EQ(outcome_of_call([&] { (void)by_result.result(); }), "Failure(seen)");
    EXPECT_EQ(describe(by_exception.exception()), "Failure(seen)");
    std::string const awaited = co_await outcome(by_await);
    EXPECT_EQ(awaited, "Failure(seen)");
    auto gathered = [&]() -> Coro<> {
      auto r = co_await weft::gather(by_gather, by_gather);
      (void)r;
    };
    std::string const of_gather = co_await outcome(gathered());
    EXPECT_EQ(of_gather, "Failure(seen)");
    std::vector<Task<int>> const one{by_captured};
    auto captured = co_await weft::gather(weft::return_exceptions, one);
    EXPECT_EQ(describe(captured.at(0).error()), "Failure(seen)");
    auto as_result = co_await weft::as_result(by_as_result);
    EXPECT_EQ(describe(as_result.error()), "Failure(seen)");
  });
  EXPECT_TRUE(take_unhandled().empty());
}

TEST_P(ExceptionFlow, CancelledTasksAndGroupChildrenAreNoUnhandledFailures) {
  run([]() -> Coro<> {
    {
      Task<int> gone = weft::create_task(value_after(1h, 1));
      gone.cancel();
    }
    auto body = []() -> Coro<> {
      co_await weft::task_group([](weft::TaskGroup& tg) -> Coro<> {
        tg.create_task(fail_after(1ms, "a"));
        tg.start_soon(fail_after(1ms, "a"));
        co_return;
      });
    };
    std::string const seen = co_await outcome(body());
    EXPECT_EQ(seen.substr(0, 24), "ExceptionGroup[Failure(a");
    co_await weft::sleep(5ms);
  });
  EXPECT_TRUE(take_unhandled().empty());
}

TEST_P(ExceptionFlow, AsResultThrowsNothing) {
  run([]() -> Coro<> {
    auto good = co_await weft::as_result(value_after(1ms, 3));
    EXPECT_EQ(good.value(), 3);
    auto bad = co_await weft::as_result(fail_after(1ms, "x"));
    EXPECT_EQ(describe(bad.error()), "Failure(x)");
    auto nothing = co_await weft::as_result(weft::sleep(1ms));
    EXPECT_TRUE(nothing.has_value());
    auto body = []() -> Coro<std::string> {
      auto r = co_await weft::as_result(weft::sleep(1h));
      co_return r.cancelled() ? describe(r.error()) : "slept";
    };
    Task<std::string> task = weft::create_task(body());
    co_await weft::sleep(1ms);
    task.cancel("m");
    std::string const seen = co_await task;
    EXPECT_EQ(seen, "CancelledError(m)");
    EXPECT_EQ(task.cancelling(), 1);
  });
}

TEST_P(ExceptionFlow, FinallyRunsItsCleanupOnEveryWayOut) {
  Log log;
  run([&]() -> Coro<> {
    auto cleanup = [](Log& l, std::string word) -> Coro<> {
      co_await weft::sleep(5ms);
      l.add(word);
    };
    int const v = co_await weft::finally_(value_after(1ms, 6), cleanup(log, "value"));
    EXPECT_EQ(v, 6);
    auto failing = [&]() -> Coro<> {
      int const x = co_await weft::finally_(fail_after(1ms, "body"), cleanup(log, "error"));
      (void)x;
    };
    std::string const of_failing = co_await outcome(failing());
    EXPECT_EQ(of_failing, "Failure(body)");
    auto both = [&]() -> Coro<> {
      auto bad = []() -> Coro<> {
        co_await weft::sleep(1ms);
        throw OtherFailure("cleanup");
      };
      int const x = co_await weft::finally_(fail_after(1ms, "body"), bad());
      (void)x;
    };
    std::string const of_both = co_await outcome(both());
    EXPECT_EQ(of_both, "OtherFailure(cleanup)");
    auto cancelled = [&]() -> Coro<> {
      int const x = co_await weft::finally_(value_after(1h, 1), cleanup(log, "cancelled"));
      (void)x;
    };
    Task<void> task = weft::create_task(cancelled());
    co_await weft::sleep(1ms);
    task.cancel();
    std::string const of_cancelled = co_await outcome(task);
    EXPECT_EQ(of_cancelled, "CancelledError");
  });
  EXPECT_EQ(log.text(), "value error cancelled");
}

WEFT_TEST_AT_1_2_8_WORKERS(ExceptionFlow);

}  // namespace
}  // namespace weft_test
