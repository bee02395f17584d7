// Bare gather: coroutines that run in parallel as parts of the calling task. Argument order, nothing started before the
// await, all waited for, first failure in time, the captured and the cancelling form, and how a cancel of the caller
// reaches every part.
#include "support.hpp"

#include <algorithm>
#include <array>
#include <deque>
#include <ranges>
#include <span>

namespace weft_test {
namespace {

class Gather : public AtWorkers {};

TEST_P(Gather, GivesResultsInArgumentOrderWhateverEndsFirst) {
  run([]() -> Coro<> {
    Elapsed const clock;
    auto const [a, b, c] = co_await weft::gather(value_after(30ms, 1), value_after(10ms, 2), value_after(20ms, 3));
    EXPECT_EQ(a, 1);
    EXPECT_EQ(b, 2);
    EXPECT_EQ(c, 3);
    EXPECT_EQ(clock.ms(), 30ms);
    std::vector<Coro<int>> many;
    for (int i = 0; i < 100; ++i) many.push_back(value_after(milliseconds(100 - i), i));
    std::vector<int> const all = co_await weft::gather(std::move(many));
    for (int i = 0; i < 100; ++i) EXPECT_EQ(all.at(static_cast<std::size_t>(i)), i);
    EXPECT_EQ(clock.ms(), 130ms);
  });
}

TEST_P(Gather, TakesDifferentTypesAndAnyRvalueRange) {
  run([]() -> Coro<> {
    auto text = []() -> Coro<std::string> { co_return "text"; };
    auto nothing = []() -> Coro<> { co_return; };
    auto const [s, n, u] = co_await weft::gather(text(), value_after(1ms, 2), nothing());
    EXPECT_EQ(s, "text");
    EXPECT_EQ(n, 2);
    static_assert(std::is_same_v<std::remove_cv_t<decltype(u)>, std::monostate>);
    std::deque<Coro<int>> range;
    for (int i = 0; i < 5; ++i) range.push_back(value_after(1ms, i));
    std::vector<int> const v = co_await weft::gather(std::move(range));
    EXPECT_EQ(v, (std::vector<int>{0, 1, 2, 3, 4}));
  });
}

TEST_P(Gather, OfNothingFinishesAtOnce) {
  run([]() -> Coro<> {
    std::tuple<> const none = co_await weft::gather();
    (void)none;
    std::vector<int> const v = co_await weft::gather(std::vector<Coro<int>>{});
    EXPECT_TRUE(v.empty());
    auto const r = co_await weft::gather(weft::return_exceptions, std::vector<Coro<int>>{});
    EXPECT_TRUE(r.empty());
    auto const c = co_await weft::gather(weft::cancel_on_error, std::vector<Coro<int>>{});
    EXPECT_TRUE(c.empty());
  });
}

TEST_P(Gather, IntoStorageFillsItsFrontInArgumentOrder) {
  run([]() -> Coro<> {
    std::array<int, 8> storage;
    storage.fill(-1);
    std::vector<Coro<int>> children;
    for (int i = 0; i < 5; ++i) children.push_back(value_after(milliseconds(10 - i), i));
    std::span<int> const filled = co_await weft::gather(weft::into(storage), std::move(children));
    EXPECT_EQ(filled.data(), storage.data());
    EXPECT_EQ(filled.size(), 5u);
    EXPECT_EQ(storage, (std::array{0, 1, 2, 3, 4, -1, -1, -1}));
    // A range that is as long as the storage, one of unknown length, and of another class of result; bools are objects in an array.
    struct Point {
      int x, y;
    };
    std::vector<Point> points(3);
    auto point = [](int i) -> Coro<Point> { co_return Point{i, -i}; };
    (void)co_await weft::gather(weft::into(points), std::views::iota(0, 3) | std::views::transform(point));
    EXPECT_EQ(points[2].y, -2);
    std::array<bool, 4> odd{};
    auto is_odd = [](int i) -> Coro<bool> { co_return i % 2 != 0; };
    auto some = std::views::iota(0, 5) | std::views::filter([](int i) { return i != 2; }) | std::views::transform(is_odd);
    std::span<bool> const answers = co_await weft::gather(weft::cancel_on_error, weft::into(std::span(odd)), std::move(some));
    EXPECT_EQ(std::vector<bool>(answers.begin(), answers.end()), (std::vector<bool>{false, true, true, false}));
    std::span<int> const none = co_await weft::gather(weft::into(storage), std::vector<Coro<int>>{});
    EXPECT_TRUE(none.empty());
  });
}

TEST_P(Gather, IntoStorageThatIsTooShortStartsNothing) {
  std::atomic<int> live{0};
  Log log;
  run([&]() -> Coro<> {
    auto body = [](Log& l, Live) -> Coro<int> {
      l.add("ran");
      co_return 1;
    };
    auto three = [&]() -> Coro<> {
      std::array<int, 2> storage;
      std::vector<Coro<int>> children;
      for (int i = 0; i < 3; ++i) children.push_back(body(log, Live(live)));
      (void)co_await weft::gather(weft::into(storage), std::move(children));
    };
    std::string const seen = co_await outcome(three());
    EXPECT_EQ(seen.substr(0, 10), "ValueError");
    EXPECT_EQ(live.load(), 0);
  });
  EXPECT_EQ(log.text(), "");
}

TEST_P(Gather, IntoStorageAFailureIsThrownWhenAllHaveEnded) {
  std::array<int, 3> storage{7, 7, 7};
  run([&]() -> Coro<> {
    auto body = [&]() -> Coro<> {
      std::vector<Coro<int>> children;
      children.push_back(value_after(20ms, 1));
      children.push_back([]() -> Coro<int> {
        co_await weft::sleep(10ms);
        throw Failure("x");
      }());
      children.push_back(value_after(5ms, 3));
      (void)co_await weft::gather(weft::into(storage), std::move(children));
    };
    std::string const seen = co_await outcome(body());
    EXPECT_EQ(seen, "Failure(x)");
  });
  EXPECT_EQ(storage, (std::array{1, 7, 3}));
}

TEST_P(Gather, StartsNothingBeforeItIsAwaited) {
  Log log;
  run([&]() -> Coro<> {
    auto body = [](Log& l, std::string word) -> Coro<> {
      l.add(word);
      co_return;
    };
    auto stored = weft::gather(body(log, "child"), body(log, "child"));
    co_await weft::sleep(5ms);
    log.add("await");
    auto results = co_await std::move(stored);
    (void)results;
  });
  EXPECT_EQ(log.text(), "await child child");
}

TEST_P(Gather, DroppedUnawaitedDestroysItsCoroutinesUnstarted) {
  Log log;
  std::atomic<int> live{0};
  run([&]() -> Coro<> {
    auto body = [](Log& l, Live) -> Coro<> {
      l.add("ran");
      co_return;
    };
    {
      auto dropped = weft::gather(body(log, Live(live)), body(log, Live(live)));
      (void)dropped;
      EXPECT_EQ(live.load(), 2);
    }
    EXPECT_EQ(live.load(), 0);
    co_return;
  });
  EXPECT_EQ(log.text(), "");
}

TEST_P(Gather, ThrowsTheFirstExceptionInTimeWhenAllHaveEnded) {
  Log log;
  run([&]() -> Coro<> {
    auto survivor = [&]() -> Coro<int> {
      co_await weft::sleep(50ms);
      log.add("survivor ended");
      co_return 1;
    };
    auto body = [&]() -> Coro<> {
      auto results = co_await weft::gather(fail_after(20ms, "second"), fail_after(10ms, "first"), survivor());
      (void)results;
    };
    Elapsed const clock;
    std::string const seen = co_await outcome(body());
    EXPECT_EQ(seen, "Failure(first)");
    EXPECT_EQ(clock.ms(), 50ms);
  });
  EXPECT_EQ(log.text(), "survivor ended");
}

TEST_P(Gather, SiblingsOfAFailureAreNotCancelled) {
  run([]() -> Coro<> {
    int ended = 0;
    auto sibling = [&]() -> Coro<> {
      co_await weft::sleep(5ms);
      co_await weft::sleep(5ms);
      ended = 1;
    };
    auto body = [&]() -> Coro<> {
      auto results = co_await weft::gather(fail_after(1ms, "x"), sibling());
      (void)results;
    };
    std::string const seen = co_await outcome(body());
    EXPECT_EQ(seen, "Failure(x)");
    EXPECT_EQ(ended, 1);
  });
}

TEST_P(Gather, ReturnExceptionsKeepsEachOutcome) {
  run([]() -> Coro<> {
    auto self_cancelled = []() -> Coro<int> {
      throw weft::CancelledError("own");
      co_return 0;
    };
    auto [good, bad, own] =
        co_await weft::gather(weft::return_exceptions, value_after(1ms, 4), fail_after(2ms, "bad"), self_cancelled());
    EXPECT_TRUE(good.has_value());
    EXPECT_TRUE(static_cast<bool>(good));
    EXPECT_EQ(good.value(), 4);
    EXPECT_EQ(*good, 4);
    EXPECT_EQ(good.error(), nullptr);
    EXPECT_FALSE(good.cancelled());
    EXPECT_EQ(outcome_of_call([&r = good] { r.rethrow_if_error(); }), "ok");
    EXPECT_FALSE(bad.has_value());
    EXPECT_EQ(describe(bad.error()), "Failure(bad)");
    EXPECT_EQ(bad.value_or(9), 9);
    EXPECT_EQ(outcome_of_call([&r = bad] { (void)r.value(); }), "Failure(bad)");
    EXPECT_EQ(outcome_of_call([&r = bad] { r.rethrow_if_error(); }), "Failure(bad)");
    EXPECT_FALSE(bad.cancelled());
    EXPECT_TRUE(own.cancelled());
    EXPECT_EQ(describe(own.error()), "CancelledError(own)");
  });
}

TEST_P(Gather, CancelOnErrorCancelsTheOthersWaitsAndThrowsTheFirst) {
  Log log;
  run([&]() -> Coro<> {
    auto slow = [&]() -> Coro<int> {
      bool cancelled = false;
      try {
        co_await weft::sleep(1h);
      } catch (weft::CancelledError const&) {
        cancelled = true;
      }
      EXPECT_TRUE(cancelled);
      co_await weft::sleep(30ms);
      log.add("slow cleaned up");
      co_return 1;
    };
    auto body = [&]() -> Coro<> {
      auto results = co_await weft::gather(weft::cancel_on_error, slow(), fail_after(10ms, "first"), slow());
      (void)results;
    };
    Elapsed const clock;
    std::string const seen = co_await outcome(body());
    EXPECT_EQ(seen, "Failure(first)");
    EXPECT_EQ(clock.ms(), 40ms);
    EXPECT_EQ(weft::current_task().cancelling(), 0);
    co_await weft::sleep(1ms);  // and no cancellation is left over
  });
  EXPECT_EQ(log.text(), "slow cleaned up slow cleaned up");
}

TEST_P(Gather, CancelOnErrorWithoutFailureIsPlain) {
  run([]() -> Coro<> {
    auto const [a, b] = co_await weft::gather(weft::cancel_on_error, value_after(2ms, 1), value_after(1ms, 2));
    EXPECT_EQ(a * 10 + b, 12);
  });
}

TEST_P(Gather, CancelOfTheCallerReachesEveryPartAtOnceAndWaitsForAll) {
  Log log;
  run([&]() -> Coro<> {
    auto tidy = [&](int i) -> Coro<> {
      bool cancelled = false;
      try {
        co_await weft::sleep(1h);
      } catch (weft::CancelledError const&) {
        cancelled = true;
      }
      EXPECT_TRUE(cancelled);
      co_await weft::sleep(milliseconds(10 * i));
      log.add("part" + std::to_string(i));
    };
    Task<void> task = weft::create_task([&]() -> Coro<> {
      auto results = co_await weft::gather(tidy(3), tidy(1), tidy(2));
      (void)results;
    });
    co_await weft::sleep(5ms);
    Elapsed const clock;
    EXPECT_TRUE(task.cancel());
    std::string const seen = co_await outcome(task);
    log.add(seen);
    EXPECT_EQ(clock.ms(), 30ms);
    EXPECT_TRUE(task.cancelled());
  });
  EXPECT_EQ(log.text(), "part1 part2 part3 CancelledError");
}

TEST_P(Gather, CancelOfTheCallerGivesCancelledErrorWhateverThePartsReturn) {
  run([]() -> Coro<> {
    auto swallow = []() -> Coro<int> {
      try {
        co_await weft::sleep(1h);
      } catch (weft::CancelledError const&) {
      }
      co_return 1;
    };
    std::string seen = "nothing";
    auto body = [&]() -> Coro<> {
      try {
        auto [a, b] = co_await weft::gather(swallow(), swallow());
        seen = "values " + std::to_string(a + b);
      } catch (weft::CancelledError const&) {
        seen = "cancelled";
      }
      co_await weft::sleep(5ms);  // delivered once: this sleep is undisturbed
      seen += " and slept";
    };
    Task<void> task = weft::create_task(body());
    co_await weft::sleep(1ms);
    task.cancel();
    co_await task;
    EXPECT_EQ(seen, "cancelled and slept");
    EXPECT_EQ(task.cancelling(), 1);
  });
}

TEST_P(Gather, CancelWithReturnExceptionsAlsoThrowsInTheCaller) {
  run([]() -> Coro<> {
    auto body = []() -> Coro<> {
      auto results = co_await weft::gather(weft::return_exceptions, value_after(1h, 1), value_after(1h, 2));
      (void)results;
    };
    Task<void> task = weft::create_task(body());
    co_await weft::sleep(1ms);
    task.cancel();
    std::string const seen = co_await outcome(task);
    EXPECT_EQ(seen, "CancelledError");
  });
}

TEST_P(Gather, CancelAfterTheLastChildHasEndedWaitsForTheNextSuspension) {
  run([]() -> Coro<> {
    std::string seen;
    auto body = [&]() -> Coro<> {
      auto const [a, b] = co_await weft::gather(value_after(1ms, 1), value_after(2ms, 2));
      seen = std::to_string(a + b);
      weft::current_task().cancel();
      seen += " going on";
      co_await weft::sleep(1ms);
      seen += " never";
    };
    Task<void> const task = weft::create_task(body());
    std::string const end = co_await outcome(task);
    EXPECT_EQ(end, "CancelledError");
    EXPECT_EQ(seen, "3 going on");
  });
}

TEST_P(Gather, PendingCancelIsDeliveredAtAGatherThatHasChildrenAndStartsNone) {
  Log log;
  std::atomic<int> live{0};
  run([&]() -> Coro<> {
    auto part = [](Log& l, Live) -> Coro<> {
      l.add("part");
      co_return;
    };
    auto body = [&]() -> Coro<> {
      weft::current_task().cancel();
      auto none = co_await weft::gather();
      (void)none;
      log.add("empty gather passed");
      auto results = co_await weft::gather(part(log, Live(live)), part(log, Live(live)));
      (void)results;
      log.add("never");
    };
    Task<void> const task = weft::create_task(body());
    std::string const end = co_await outcome(task);
    EXPECT_EQ(end, "CancelledError");
    EXPECT_EQ(live.load(), 0);
  });
  EXPECT_EQ(log.text(), "empty gather passed");
}

TEST_P(Gather, PartsRunInTheCallersTask) {
  run([]() -> Coro<> {
    weft::AnyTask const me = weft::current_task();
    auto who = [](int ms) -> Coro<weft::AnyTask> {
      if (ms > 0) co_await weft::sleep(milliseconds(ms));
      co_return weft::current_task();
    };
    auto const [a, b, c] = co_await weft::gather(who(0), who(1), who(2));
    EXPECT_TRUE(a == me && b == me && c == me);
    EXPECT_EQ(weft::all_tasks().size(), 1U);
  });
}

TEST_P(Gather, PartsLocalsAndFramesAreGoneWhenTheCallerResumes) {
  std::atomic<int> live{0};
  run([&]() -> Coro<> {
    auto body = [](Live, int ms) -> Coro<> {
      if (ms > 0) co_await weft::sleep(milliseconds(ms));
    };
    for (int i = 0; i < 20; ++i) {
      auto results = co_await weft::gather(body(Live(live), 0), body(Live(live), i % 3), body(Live(live), 0));
      (void)results;
      EXPECT_EQ(live.load(), 0);
    }
  });
}

TEST_P(Gather, NestsAsForkJoin) {
  struct Fib {
    static Coro<long> fib(int n) {
      if (n < 2) co_return n;
      auto const [a, b] = co_await weft::gather(fib(n - 1), fib(n - 2));
      co_return a + b;
    }
    static Coro<long> fib_asleep(int n) {
      if (n % 4 == 0) co_await weft::sleep(milliseconds(n));
      if (n < 2) co_return n;
      auto const [a, b] = co_await weft::gather(fib_asleep(n - 1), fib_asleep(n - 2));
      co_return a + b;
    }
  };
  EXPECT_EQ(run(Fib::fib, 18), 2584);
  EXPECT_EQ(run(Fib::fib_asleep, 14), 377);
}

TEST_P(Gather, FailureDeepInATreeComesUpAndEveryOtherLeafRuns) {
  struct Tree {
    static Coro<int> node(std::atomic<int>& leaves, int depth, int path) {
      if (depth == 0) {
        co_await weft::sleep(milliseconds(path % 5));
        leaves.fetch_add(1);
        if (path == 77) throw Failure("leaf 77");
        co_return 1;
      }
      auto const [a, b] = co_await weft::gather(node(leaves, depth - 1, path * 2), node(leaves, depth - 1, path * 2 + 1));
      co_return a + b;
    }
  };
  std::atomic<int> leaves{0};
  run([&]() -> Coro<> {
    std::string const seen = co_await outcome(Tree::node(leaves, 7, 0));
    EXPECT_EQ(seen, "Failure(leaf 77)");
  });
  EXPECT_EQ(leaves.load(), 128);
}

TEST_P(Gather, DroppedFailuresOfABareGatherAreNotReported) {
  run([]() -> Coro<> {
    auto body = []() -> Coro<> {
      auto results = co_await weft::gather(fail_after(1ms, "a"), fail_after(2ms, "b"), fail_after(3ms, "c"));
      (void)results;
    };
    std::string const seen = co_await outcome(body());
    EXPECT_EQ(seen, "Failure(a)");
  });
  EXPECT_TRUE(take_unhandled().empty());
}

WEFT_TEST_AT_1_2_8_WORKERS(Gather);

}  // namespace
}  // namespace weft_test
