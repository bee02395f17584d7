// TaskGroup after CPython's test_taskgroups: what ends the block, who is cancelled when, which failures are reported and
// in what shape, and that no cancellation made by the group leaks out of it.
#include "support.hpp"

namespace weft_test {
namespace {

class TaskGroups : public AtWorkers {};

TEST_P(TaskGroups, WaitsForTheBodyAndEveryChild) {
  run([]() -> Coro<> {
    Elapsed const clock;
    int const r = co_await weft::task_group([](weft::TaskGroup& tg) -> Coro<int> {
      tg.create_task(value_after(30ms, 1));
      tg.start_soon(value_after(20ms, 2));
      co_await weft::sleep(10ms);
      co_return 5;
    });
    EXPECT_EQ(r, 5);
    EXPECT_EQ(clock.ms(), 30ms);
  });
}

TEST_P(TaskGroups, HandlesOfChildrenHoldTheirResults) {
  run([]() -> Coro<> {
    Task<int> kept;
    co_await weft::task_group([&](weft::TaskGroup& tg) -> Coro<> {
      Task<int> const a = tg.create_task(value_after(5ms, 1));
      kept = tg.create_task(value_after(10ms, 2), {.name = "kept"});
      EXPECT_EQ(kept.name(), "kept");
      int const v = co_await a;
      EXPECT_EQ(v, 1);
      EXPECT_FALSE(kept.done());
    });
    EXPECT_EQ(kept.result(), 2);
  });
}

TEST_P(TaskGroups, EmptyGroupReturnsTheBodysValue) {
  run([]() -> Coro<> {
    std::string const s = co_await weft::task_group([](weft::TaskGroup&) -> Coro<std::string> { co_return "body"; });
    EXPECT_EQ(s, "body");
  });
}

TEST_P(TaskGroups, TakesCallablesAndArgumentsForBodyAndChildren) {
  std::atomic<int> sum{0};
  run([&]() -> Coro<> {
    auto child = [](std::atomic<int>* s, std::string text) -> Coro<> {
      co_await weft::sleep(1ms);
      s->fetch_add(static_cast<int>(text.size()));
    };
    co_await weft::task_group(
        [](weft::TaskGroup& tg, decltype(child) c, std::atomic<int>* s) -> Coro<> {
          tg.start_soon(c, s, "four");
          tg.create_task(c, s, std::string("seven__"));
          Task<void> const named = tg.create_task(weft::TaskOptions{.name = "n"}, c, s, "x");
          EXPECT_EQ(named.name(), "n");
          co_return;
        },
        child, &sum);
  });
  EXPECT_EQ(sum.load(), 12);
}

TEST_P(TaskGroups, ChildrenMayCreateChildren) {
  std::atomic<int> ran{0};
  struct Grow {
    static Coro<> up(weft::TaskGroup& tg, std::atomic<int>& n, int depth) {
      n.fetch_add(1);
      if (depth % 2 == 0) co_await weft::sleep(1ms);
      if (depth > 0) {
        tg.start_soon(up(tg, n, depth - 1));
        tg.start_soon(up(tg, n, depth - 1));
      }
    }
  };
  run([&]() -> Coro<> {
    co_await weft::task_group([&](weft::TaskGroup& tg) -> Coro<> {
      tg.start_soon(Grow::up(tg, ran, 7));
      co_return;
    });
    EXPECT_EQ(ran.load(), 255);
  });
}

TEST_P(TaskGroups, FirstFailureOfAChildCancelsTheRestAndTheBody) {
  Log log;
  run([&]() -> Coro<> {
    auto body = [&]() -> Coro<> {
      co_await weft::task_group([&](weft::TaskGroup& tg) -> Coro<> {
        tg.start_soon(fail_after(10ms, "child"));
        tg.start_soon(sleep_for_ever(log, "sibling"));
        co_await sleep_for_ever(log, "body");
      });
    };
    Elapsed const clock;
    std::string const seen = co_await outcome(body());
    EXPECT_EQ(seen, "ExceptionGroup[Failure(child)]");
    EXPECT_EQ(clock.ms(), 10ms);
    EXPECT_EQ(weft::current_task().cancelling(), 0);
    co_await weft::sleep(1ms);
  });
  EXPECT_EQ(log.count("sibling:cancelled"), 1U);
  EXPECT_EQ(log.count("body:cancelled"), 1U);
}

TEST_P(TaskGroups, MessageIsAsyncios) {
  run([]() -> Coro<> {
    std::string message;
    std::string what;
    try {
      co_await weft::task_group([](weft::TaskGroup& tg) -> Coro<> {
        tg.start_soon(fail_after(1ms, "leaf"));
        co_return;
      });
    } catch (weft::ExceptionGroup const& e) {
      message = e.message();
      what = e.what();
    }
    EXPECT_EQ(message, "unhandled errors in a TaskGroup");
    EXPECT_NE(what.find("unhandled errors in a TaskGroup"), std::string::npos);
    EXPECT_NE(what.find("leaf"), std::string::npos) << "what() prints the tree";
  });
}

TEST_P(TaskGroups, EveryFailureIsInTheGroupInTheirOrderInTime) {
  run([]() -> Coro<> {
    auto fails_when_cancelled = [](milliseconds later, std::string name) -> Coro<> {
      bool cancelled = false;
      try {
        co_await weft::sleep(1h);
      } catch (weft::CancelledError const&) {
        cancelled = true;
      }
      EXPECT_TRUE(cancelled);
      co_await weft::sleep(later);
      throw Failure(name);
    };
    auto body = [&]() -> Coro<> {
      co_await weft::task_group([&](weft::TaskGroup& tg) -> Coro<> {
        tg.start_soon(fails_when_cancelled(20ms, "late"));
        tg.start_soon(fail_after(1ms, "first"));
        tg.start_soon(fails_when_cancelled(10ms, "middle"));
        co_return;
      });
    };
    std::string const seen = co_await outcome(body());
    EXPECT_EQ(seen, "ExceptionGroup[Failure(first), Failure(middle), Failure(late)]");
  });
}

TEST_P(TaskGroups, ErrorOfTheBodyCancelsTheChildrenAndComesLast) {
  Log log;
  run([&]() -> Coro<> {
    auto fails_when_cancelled = []() -> Coro<> {
      bool cancelled = false;
      try {
        co_await weft::sleep(1h);
      } catch (weft::CancelledError const&) {
        cancelled = true;
      }
      EXPECT_TRUE(cancelled);
      throw Failure("child");
    };
    auto body = [&]() -> Coro<> {
      co_await weft::task_group([&](weft::TaskGroup& tg) -> Coro<> {
        tg.start_soon(fails_when_cancelled());
        tg.start_soon(sleep_for_ever(log, "child"));
        co_await weft::sleep(1ms);
        throw Failure("body");
      });
    };
    std::string const seen = co_await outcome(body());
    EXPECT_EQ(seen, "ExceptionGroup[Failure(child), Failure(body)]");
  });
  EXPECT_EQ(log.text(), "child:cancelled");
}

TEST_P(TaskGroups, BodyThatFailsAtOnceCancelsChildrenBeforeTheyStart) {
  std::atomic<int> live{0};
  run([&]() -> Coro<> {
    auto child = [](Live) -> Coro<> { co_await weft::sleep(1h); };
    auto body = [&]() -> Coro<> {
      co_await weft::task_group([&](weft::TaskGroup& tg) -> Coro<> {
        for (int i = 0; i < 10; ++i) tg.start_soon(child(Live(live)));
        throw Failure("body");
        co_return;
      });
    };
    Elapsed const clock;
    std::string const seen = co_await outcome(body());
    EXPECT_EQ(seen, "ExceptionGroup[Failure(body)]");
    EXPECT_EQ(clock.ms(), 0ms);
    EXPECT_EQ(live.load(), 0);
  });
}

TEST_P(TaskGroups, AChildThatEndsCancelledIsNoFailure) {
  run([]() -> Coro<> {
    Elapsed const clock;
    co_await weft::task_group([](weft::TaskGroup& tg) -> Coro<> {
      Task<int> victim = tg.create_task(value_after(1h, 1));
      Task<int> const sibling = tg.create_task(value_after(20ms, 2));
      auto own = []() -> Coro<> {
        throw weft::CancelledError("own");
        co_return;
      };
      tg.start_soon(own());
      co_await weft::sleep(5ms);
      victim.cancel();
      int const v = co_await sibling;
      EXPECT_EQ(v, 2);
    });
    EXPECT_EQ(clock.ms(), 20ms);
  });
}

TEST_P(TaskGroups, BodyThatThrowsCancelledErrorOfItsOwnAbortsAndThrowsIt) {
  Log log;
  run([&]() -> Coro<> {
    auto body = [&]() -> Coro<> {
      co_await weft::task_group([&](weft::TaskGroup& tg) -> Coro<> {
        tg.start_soon(sleep_for_ever(log, "child"));
        co_await weft::sleep(1ms);
        throw weft::CancelledError("own");
      });
    };
    std::string const seen = co_await outcome(body());
    EXPECT_EQ(seen, "CancelledError(own)");
  });
  EXPECT_EQ(log.text(), "child:cancelled");
}

TEST_P(TaskGroups, CreateTaskAfterAbortThrowsRuntimeErrorAndDestroysTheCoroutineUnstarted) {
  Log log;
  std::atomic<int> live{0};
  run([&]() -> Coro<> {
    auto late = [](Log& l, Live) -> Coro<> {
      l.add("ran");
      co_return;
    };
    auto body = [&]() -> Coro<> {
      co_await weft::task_group([&](weft::TaskGroup& tg) -> Coro<> {
        tg.start_soon(fail_after(1ms, "x"));
        bool cancelled = false;
        try {
          co_await weft::sleep(1h);
        } catch (weft::CancelledError const&) {
          cancelled = true;
        }
        EXPECT_TRUE(cancelled);
        EXPECT_EQ(outcome_of_call([&] { tg.create_task(late(log, Live(live))); }), "RuntimeError");
        EXPECT_EQ(outcome_of_call([&] { tg.start_soon(late(log, Live(live))); }), "RuntimeError");
        EXPECT_EQ(outcome_of_call([&] { tg.start_soon(late, std::ref(log), Live(live)); }), "RuntimeError");
        EXPECT_EQ(live.load(), 0);
      });
    };
    std::string const seen = co_await outcome(body());
    EXPECT_EQ(seen, "ExceptionGroup[Failure(x)]");
  });
  EXPECT_EQ(log.text(), "");
}

TEST_P(TaskGroups, ChildFramesAreGoneWhenTheBlockHasEnded) {
  std::atomic<int> live{0};
  run([&]() -> Coro<> {
    auto child = [](Live, int ms) -> Coro<> {
      if (ms > 0) co_await weft::sleep(milliseconds(ms));
    };
    for (int round = 0; round < 20; ++round) {
      co_await weft::task_group([&](weft::TaskGroup& tg) -> Coro<> {
        for (int i = 0; i < 10; ++i) tg.start_soon(child(Live(live), i % 3));
        co_return;
      });
      EXPECT_EQ(live.load(), 0);
    }
  });
}

TEST_P(TaskGroups, TenThousandChildrenThatFinishInAllOrders) {
  std::atomic<int> ran{0};
  run([&]() -> Coro<> {
    co_await weft::task_group([&](weft::TaskGroup& tg) -> Coro<> {
      auto child = [&](int i) -> Coro<> {
        if (i % 4 == 1) co_await weft::yield_now();
        if (i % 4 == 2) co_await weft::sleep(milliseconds(i % 40));
        ran.fetch_add(1);
      };
      for (int i = 0; i < 10'000; ++i) tg.start_soon(child, i);
      co_await weft::sleep(10ms);
    });
    EXPECT_EQ(ran.load(), 10'000);
  });
}

// What a child refers to: its text is gone when it has been destroyed.
class Mortal {
 public:
  explicit Mortal(std::string text) : text_(std::move(text)) {}
  Mortal(Mortal const&) = default;
  Mortal& operator=(Mortal const&) = default;
  ~Mortal() { text_ = "destroyed"; }
  std::string const& text() const { return text_; }

 private:
  std::string text_;
};

TEST_P(TaskGroups, KeepCallableAndArgumentsUntilTheChildrenHaveEnded) {
  run([]() -> Coro<> {
    static std::string seen;
    auto child = [](Mortal const* mortal) -> Coro<> {
      co_await weft::sleep(20ms);
      seen += mortal->text() + " ";
    };
    seen.clear();
    auto captures = [mortal = Mortal("a capture"), child](weft::TaskGroup& tg) -> Coro<> {
      tg.start_soon(child, &mortal);
      co_return;
    };
    co_await weft::task_group(captures);
    auto takes = [child](weft::TaskGroup& tg, Mortal const& mortal) -> Coro<int> {
      tg.start_soon(child, &mortal);
      co_return 1;
    };
    int const value = co_await weft::task_group(takes, Mortal("an argument"));
    EXPECT_EQ(value, 1);
    EXPECT_EQ(seen, "a capture an argument ");
  });
}

WEFT_TEST_AT_1_2_8_WORKERS(TaskGroups);

}  // namespace
}  // namespace weft_test
