// race: the first end wins, whatever it is; the others are cancelled and waited for.
#include "support.hpp"

#include <variant>

namespace weft_test {
namespace {

class Race : public AtWorkers {};

Coro<> nothing_after(milliseconds delay) { co_await weft::sleep(delay); }

TEST_P(Race, TheFirstValueWinsAndTheLosersAreCancelledAndWaitedFor) {
  Log log;
  run([&]() -> Coro<> {
    auto loser = [&]() -> Coro<std::string> {
      bool cancelled = false;
      try {
        co_await weft::sleep(1h);
      } catch (weft::CancelledError const&) {
        cancelled = true;
      }
      EXPECT_TRUE(cancelled);
      co_await weft::sleep(20ms);
      log.add("cleaned");
      co_return "late";
    };
    Elapsed const clock;
    auto const winner = co_await weft::race(loser(), value_after(10ms, 7));
    log.add("over");
    EXPECT_EQ(winner.index(), 1U);
    EXPECT_EQ(std::get<1>(winner), 7);
    EXPECT_EQ(clock.ms(), 30ms);
    EXPECT_EQ(weft::current_task().cancelling(), 0);
  });
  EXPECT_EQ(log.text(), "cleaned over");
}

TEST_P(Race, OneThatEndsAtOnceLeavesTheOthersUnstarted) {
  Log log;
  run([&]() -> Coro<> {
    auto at_once = []() -> Coro<int> { co_return 1; };
    auto started = [&]() -> Coro<int> {
      log.add("started");
      co_await weft::sleep(1h);
      co_return 2;
    };
    auto const winner = co_await weft::race(at_once(), started());
    // With several workers the second may have been stolen and started before the first had ended.
    EXPECT_LE(winner.index(), 1U);
    EXPECT_EQ(std::get<0>(winner), 1);
  });
  if (GetParam() == 1) {
    EXPECT_EQ(log.text(), "");
  }
}

TEST_P(Race, AFailingWinnerThrows) {
  Log log;
  run([&]() -> Coro<> {
    auto body = [&]() -> Coro<> {
      auto winner = co_await weft::race(sleep_for_ever(log, "loser"), fail_after(5ms, "first"));
      (void)winner;
    };
    Elapsed const clock;
    std::string const seen = co_await outcome(body());
    EXPECT_EQ(seen, "Failure(first)");
    EXPECT_EQ(clock.ms(), 5ms);
  });
  EXPECT_EQ(log.text(), "loser:cancelled");
}

TEST_P(Race, WhatLosersThrowIsDropped) {
  run([]() -> Coro<> {
    auto spiteful = []() -> Coro<int> {
      try {
        co_await weft::sleep(1h);
      } catch (weft::CancelledError const&) {
      }
      throw Failure("spite");
    };
    auto const winner = co_await weft::race(spiteful(), value_after(5ms, 2));
    EXPECT_EQ(std::get<1>(winner), 2);
  });
}

TEST_P(Race, ACancellationOfAnArmsOwnIsAnEnd) {
  run([]() -> Coro<> {
    auto gives_up = []() -> Coro<int> {
      co_await weft::sleep(1ms);
      throw weft::CancelledError("mine");
    };
    auto body = [&]() -> Coro<> {
      auto winner = co_await weft::race(gives_up(), value_after(5ms, 2));
      (void)winner;
    };
    std::string const seen = co_await outcome(body());
    EXPECT_EQ(seen, "CancelledError(mine)");
  });
}

TEST_P(Race, ACancelOfTheCallerReachesEveryArm) {
  Log log;
  run([&]() -> Coro<> {
    auto stubborn = [&]() -> Coro<int> {
      try {
        co_await weft::sleep(1h);
      } catch (weft::CancelledError const&) {
      }
      log.add("stubborn");
      co_return 1;
    };
    Task<void> racer = weft::create_task([&]() -> Coro<> {
      auto winner = co_await weft::race(sleep_for_ever(log, "a"), stubborn(), sleep_for_ever(log, "a"));
      (void)winner;
    });
    co_await weft::sleep(5ms);
    racer.cancel("stop");
    std::string const seen = co_await outcome(racer);
    EXPECT_EQ(seen, "CancelledError(stop)");
  });
  EXPECT_EQ(log.count("a:cancelled"), 2U);
  EXPECT_EQ(log.count("stubborn"), 1U);
}

TEST_P(Race, ACancelThatIsPendingStartsNothing) {
  Log log;
  run([&]() -> Coro<> {
    Task<void> racer = weft::create_task([&]() -> Coro<> {
      weft::current_task().cancel();
      auto winner = co_await weft::race(sleep_for_ever(log, "a"), sleep_for_ever(log, "b"));
      (void)winner;
    });
    std::string const seen = co_await outcome(racer);
    EXPECT_EQ(seen, "CancelledError");
  });
  EXPECT_EQ(log.text(), "");
}

TEST_P(Race, CountsAsAnEnclosingBlock) {
  run([]() -> Coro<> {
    std::atomic<int> inside{-1};
    auto loser = [&]() -> Coro<> {
      try {
        co_await weft::sleep(1h);
      } catch (weft::CancelledError const&) {
        inside = weft::current_task().cancelling();
      }
    };
    auto const winner = co_await weft::race(nothing_after(5ms), loser());
    EXPECT_EQ(winner.index(), 0U);
    EXPECT_EQ(inside.load(), 1);
    EXPECT_EQ(weft::current_task().cancelling(), 0);
  });
}

TEST_P(Race, ArmsAreParts) {
  run([]() -> Coro<> {
    auto who = []() -> Coro<weft::AnyTask> {
      co_await weft::sleep(1ms);
      co_return weft::current_task();
    };
    auto const winner = co_await weft::race(who());
    EXPECT_TRUE(std::get<0>(winner) == weft::current_task());
  });
}

TEST_P(Race, TakesEveryAwaitable) {
  run([]() -> Coro<> {
    weft::Queue<int> queue;
    weft::Event event;
    weft::Lock lock;
    weft::Promise<int> never;
    Task<int> slow = weft::create_task(value_after(1h, 1));
    Task<int> fast = weft::create_task(value_after(10ms, 2));
    auto const winner = co_await weft::race(queue.get(), event.wait(), never.future(), slow, fast, weft::sleep(1h),
                                            weft::gather(value_after(1h, 1), value_after(1h, 2)), weft::to_thread([] {}));
    EXPECT_TRUE(winner.index() == 4U || winner.index() == 7U);
    EXPECT_TRUE(slow.cancelled()) << "a task that loses is cancelled, and has ended";
    EXPECT_TRUE(never.future().cancelled());
    EXPECT_TRUE(queue.empty());
  });
}

TEST_P(Race, ReferencesVoidAndMoveOnlyResults) {
  run([]() -> Coro<> {
    static int target = 5;
    auto reference = []() -> Coro<int&> { co_return target; };
    auto pointer = []() -> Coro<std::unique_ptr<int>> { co_return std::make_unique<int>(6); };
    auto const a = co_await weft::race(reference(), nothing_after(1h));
    EXPECT_EQ(&std::get<0>(a).get(), &target);
    auto const b = co_await weft::race(pointer(), nothing_after(1h));
    EXPECT_EQ(*std::get<0>(b), 6);
    auto const c = co_await weft::race(nothing_after(1ms), nothing_after(1h));
    EXPECT_EQ(c.index(), 0U);
    static_assert(std::is_same_v<decltype(c), std::variant<std::monostate, std::monostate> const>);
  });
}

TEST_P(Race, AValueThatCannotBeMovedOutFailsTheRace) {
  struct Bad {
    Bad() = default;
    Bad(Bad&&) { throw Failure("move"); }
  };
  run([]() -> Coro<> {
    auto bad = []() -> Coro<Bad> { co_return Bad(); };
    auto body = [&]() -> Coro<> {
      auto winner = co_await weft::race(bad(), nothing_after(1h));
      (void)winner;
    };
    std::string const seen = co_await outcome(body());
    EXPECT_EQ(seen, "Failure(move)");
  });
}

TEST_P(Race, AMovedFromCoroStartsNothing) {
  Log log;
  run([&]() -> Coro<> {
    Coro<int> gone = value_after(1ms, 1);
    Coro<int> const taken = std::move(gone);
    auto body = [&]() -> Coro<> {
      auto winner = co_await weft::race(sleep_for_ever(log, "x"), std::move(gone));
      (void)winner;
    };
    std::string const seen = co_await outcome(body());
    EXPECT_EQ(seen, "RuntimeError");
  });
  EXPECT_EQ(log.text(), "");
}

TEST_P(Race, ATimeoutAroundItIsNotSwallowed) {
  Log log;
  run([&]() -> Coro<> {
    auto body = [&]() -> Coro<> {
      auto winner = co_await weft::wait_for(weft::race(sleep_for_ever(log, "a"), sleep_for_ever(log, "a")), 10ms);
      (void)winner;
    };
    std::string const seen = co_await outcome(body());
    EXPECT_EQ(seen, "TimeoutError");
  });
  EXPECT_EQ(log.text(), "a:cancelled a:cancelled");
}

TEST_P(Race, ManyEndsAndACancelAtOnce) {
  run([]() -> Coro<> {
    constexpr int rounds = sanitized ? 200 : 1000;
    for (int round = 0; round < rounds; ++round) {
      auto arm = [](int n) -> Coro<int> {
        for (int i = 0; i < n % 3; ++i) co_await weft::yield_now();
        co_await weft::sleep(1ms);
        co_return n;
      };
      Task<int> racer = weft::create_task([&]() -> Coro<int> {
        auto const winner = co_await weft::race(arm(1), arm(2), arm(3), arm(4));
        co_return static_cast<int>(winner.index());
      });
      co_await weft::sleep(1ms);
      racer.cancel();
      std::string const seen = co_await outcome(racer);
      EXPECT_TRUE(seen == "ok" || seen == "CancelledError") << seen;
    }
  });
}

WEFT_TEST_AT_1_2_8_WORKERS(Race);

}  // namespace
}  // namespace weft_test
