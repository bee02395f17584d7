// Cancellation of a task whose parts (bare gather children) run in parallel: every part sees each cancel once, at its next
// await or gather, wherever it runs; what cancelling() counts in a part; fork-join trees that never sleep stop.
#include "support.hpp"

#include <thread>

namespace weft_test {
namespace {

class CancelParts : public AtWorkers {};

TEST_P(CancelParts, EachSeesEachCancelOnce) {
  Log log;
  run([&]() -> Coro<> {
    auto part = [&](std::string name) -> Coro<> {
      for (int i = 0; i < 4; ++i) {
        try {
          co_await weft::sleep(20ms);
          log.add(name + ":slept");
        } catch (weft::CancelledError const&) {
          log.add(name + ":cancelled");
        }
      }
    };
    auto body = [&]() -> Coro<> {
      auto results = co_await weft::gather(part("a"), part("b"), part("c"));
      (void)results;
    };
    Task<void> task = weft::create_task(body());
    co_await weft::sleep(5ms);
    task.cancel();
    co_await weft::sleep(5ms);
    task.cancel();
    std::string const seen = co_await outcome(task);
    EXPECT_EQ(seen, "CancelledError") << "whatever the parts return";
    EXPECT_EQ(task.cancelling(), 2);
  });
  for (std::string const name : {"a", "b", "c"}) {
    EXPECT_EQ(log.count(name + ":cancelled"), 2U);
    EXPECT_EQ(log.count(name + ":slept"), 2U);
  }
}

TEST_P(CancelParts, PartAtWorkSeesItAtItsNextAwaitAlthoughItsSiblingsSawItAlready) {
  Log log;
  run([&]() -> Coro<> {
    auto asleep = [&]() -> Coro<> { co_await sleep_for_ever(log, "asleep"); };
    auto cancels = [&]() -> Coro<> {
      co_await weft::sleep(1ms);
      weft::current_task().cancel();
      log.add("at work");
      co_await sleep_for_ever(log, "worker");
    };
    auto body = [&]() -> Coro<> {
      auto results = co_await weft::gather(asleep(), cancels());
      (void)results;
    };
    Task<void> const task = weft::create_task(body());
    std::string const seen = co_await outcome(task);
    EXPECT_EQ(seen, "CancelledError");
  });
  EXPECT_EQ(log.count("asleep:cancelled"), 1U);
  EXPECT_EQ(log.count("worker:cancelled"), 1U);
  EXPECT_EQ(log.count("at work"), 1U);
}

TEST_P(CancelParts, CancellingInAPartCountsTheTasksCancelsAndEnclosingBlocksNeverASiblings) {
  run([]() -> Coro<> {
    auto grouped = []() -> Coro<> {
      std::string seen;
      try {
        co_await weft::task_group([](weft::TaskGroup& tg) -> Coro<> {
          tg.start_soon(fail_after(5ms, "x"));
          bool cancelled = false;
          try {
            co_await weft::sleep(1h);
          } catch (weft::CancelledError const&) {
            cancelled = true;
          }
          EXPECT_TRUE(cancelled);
          EXPECT_EQ(weft::current_task().cancelling(), 1) << "as CPython inside a body that its group is cancelling";
          co_await weft::sleep(20ms);
        });
      } catch (weft::ExceptionGroup const&) {
        seen = "group";
      }
      EXPECT_EQ(seen, "group");
      EXPECT_EQ(weft::current_task().cancelling(), 0);
    };
    auto sibling = []() -> Coro<> {
      co_await weft::sleep(15ms);
      EXPECT_EQ(weft::current_task().cancelling(), 0) << "the cancel is the other part's group's";
      co_await weft::sleep(20ms);
      weft::current_task().cancel();
      EXPECT_EQ(weft::current_task().cancelling(), 1);
      weft::current_task().uncancel();
      EXPECT_EQ(weft::current_task().cancelling(), 0);
    };
    auto results = co_await weft::gather(grouped(), sibling());
    (void)results;
  });
}

TEST_P(CancelParts, CancelledErrorOfAPartsOwnIsItsFailureAndSiblingsRunOn) {
  Log log;
  run([&]() -> Coro<> {
    auto own = []() -> Coro<> {
      co_await weft::sleep(1ms);
      throw weft::CancelledError("own");
    };
    auto sibling = [&]() -> Coro<> {
      co_await weft::sleep(20ms);
      log.add("sibling ended");
    };
    auto body = [&]() -> Coro<> {
      auto results = co_await weft::gather(own(), sibling());
      (void)results;
    };
    std::string const seen = co_await outcome(body());
    EXPECT_EQ(seen, "CancelledError(own)");
    EXPECT_EQ(weft::current_task().cancelling(), 0);
  });
  EXPECT_EQ(log.text(), "sibling ended");
}

TEST_P(CancelParts, ReachesPartsOfPartsOfParts) {
  std::atomic<int> cancelled{0};
  struct Tree {
    static Coro<> node(std::atomic<int>& n, int depth) {
      if (depth == 0) {
        try {
          co_await weft::sleep(1h);
        } catch (weft::CancelledError const&) {
          n.fetch_add(1);
          throw;
        }
      } else {
        auto results = co_await weft::gather(node(n, depth - 1), node(n, depth - 1), node(n, depth - 1));
        (void)results;
      }
    }
  };
  run([&]() -> Coro<> {
    Task<void> task = weft::create_task(Tree::node(cancelled, 5));
    co_await weft::sleep(1ms);
    Elapsed const clock;
    task.cancel();
    std::string const seen = co_await outcome(task);
    EXPECT_EQ(seen, "CancelledError");
    EXPECT_EQ(clock.ms(), 0ms);
  });
  EXPECT_EQ(cancelled.load(), 243);
}

// A tree that never sleeps and would run for years: cancel reaches it at its next gather. The canceller is a thread of its
// own, since with one worker no task gets a turn.
TEST_P(CancelParts, StopsAForkJoinTreeThatNeverSleeps) {
  struct Endless {
    static Coro<long> node(std::atomic<bool>& begun, int depth) {
      begun.store(true);
      if (depth == 0) co_return 1;
      auto const [a, b] = co_await weft::gather(node(begun, depth - 1), node(begun, depth - 1));
      co_return a + b;
    }
  };
  std::atomic<bool> begun{false};
  weft::Runtime runtime(options());
  Task<long> task = runtime.create_task(Endless::node(begun, 60));
  while (!begun.load()) std::this_thread::yield();
  EXPECT_TRUE(task.cancel("stop"));
  EXPECT_EQ(outcome_of_call([&] { (void)task.get(); }), "CancelledError(stop)");
  EXPECT_TRUE(task.cancelled());
}

TEST_P(CancelParts, ReachesAPartThatAwaitsATaskAndHandsItDown) {
  Log log;
  run([&]() -> Coro<> {
    Task<void> const inner = weft::create_task(sleep_for_ever(log, "inner"));
    auto part = [&]() -> Coro<> { co_await inner; };
    auto body = [&]() -> Coro<> {
      auto results = co_await weft::gather(part(), sleep_for_ever(log, "part"));
      (void)results;
    };
    Task<void> task = weft::create_task(body());
    co_await weft::sleep(1ms);
    task.cancel();
    std::string const seen = co_await outcome(task);
    EXPECT_EQ(seen, "CancelledError");
    EXPECT_TRUE(inner.cancelled());
  });
  EXPECT_EQ(log.count("inner:cancelled"), 1U);
  EXPECT_EQ(log.count("part:cancelled"), 1U);
}

TEST_P(CancelParts, CancelOnErrorDoesNotRaiseTheTasksCount) {
  run([]() -> Coro<> {
    auto watches = []() -> Coro<> {
      bool cancelled = false;
      try {
        co_await weft::sleep(1h);
      } catch (weft::CancelledError const&) {
        cancelled = true;
      }
      EXPECT_TRUE(cancelled);
      EXPECT_EQ(weft::current_task().cancelling(), 1) << "cancel_on_error counts as an enclosing block";
    };
    auto body = [&]() -> Coro<> {
      auto results = co_await weft::gather(weft::cancel_on_error, watches(), fail_after(5ms, "x"));
      (void)results;
    };
    Task<void> const task = weft::create_task(body());
    co_await weft::sleep(6ms);
    std::string const seen = co_await outcome(task);
    EXPECT_EQ(seen, "Failure(x)");
    EXPECT_EQ(task.cancelling(), 0);
  });
}

TEST_P(CancelParts, StartedAfterASwallowedCancelAreNotCancelled) {
  run([]() -> Coro<> {
    auto body = []() -> Coro<int> {
      bool cancelled = false;
      try {
        co_await weft::sleep(1h);
      } catch (weft::CancelledError const&) {
        cancelled = true;
      }
      EXPECT_TRUE(cancelled);
      auto const [a, b] = co_await weft::gather(value_after(5ms, 1), value_after(5ms, 2));
      co_return a + b;
    };
    Task<int> task = weft::create_task(body());
    co_await weft::sleep(1ms);
    task.cancel();
    int const v = co_await task;
    EXPECT_EQ(v, 3);
  });
}

WEFT_TEST_AT_1_2_8_WORKERS(CancelParts);

}  // namespace
}  // namespace weft_test
