// sleep, sleep_until and yield_now: durations of every kind, order by deadline, many timers, cancelled timers.
#include "support.hpp"

#include <algorithm>
#include <limits>
#include <random>

namespace weft_test {
namespace {

class Sleep : public AtWorkers {};

TEST_P(Sleep, TakesExactlyItsTimeOnTheVirtualClock) {
  run([]() -> Coro<> {
    Clock::time_point const start = Clock::now();
    co_await weft::sleep(1ms);
    EXPECT_EQ(Clock::now() - start, 1ms);
    co_await weft::sleep(1'234'567ns);
    EXPECT_EQ(Clock::now() - start, 2'234'567ns);
    co_await weft::sleep(24h * 365);
    EXPECT_EQ(Clock::now() - start, 24h * 365 + 2'234'567ns);
    co_await weft::sleep(std::chrono::duration<double>(0.25));
    EXPECT_EQ(Clock::now() - start, 24h * 365 + 252'234'567ns);
    co_await weft::sleep(std::chrono::duration<float, std::milli>(0.5F));
    EXPECT_EQ(Clock::now() - start, 24h * 365 + 252'734'567ns);
  });
}

TEST_P(Sleep, UntilATimePointAndUntilThePast) {
  run([]() -> Coro<> {
    Clock::time_point const start = Clock::now();
    co_await weft::sleep_until(start + 15ms);
    EXPECT_EQ(Clock::now(), start + 15ms);
    co_await weft::sleep_until(start);
    co_await weft::sleep_until(Clock::time_point::min());
    EXPECT_EQ(Clock::now(), start + 15ms);
  });
}

TEST_P(Sleep, OfNothingOrLessIsAYield) {
  run([]() -> Coro<> {
    Elapsed const clock;
    std::atomic<int> other{0};
    auto body = [&]() -> Coro<> {
      other.store(1);
      co_return;
    };
    Task<void> const task = weft::create_task(body());
    while (other.load() == 0) {
      co_await weft::sleep(0ms);
      co_await weft::sleep(-1h);
      co_await weft::yield_now();
      co_await weft::sleep(std::chrono::duration<double>(-0.5));
      co_await weft::sleep(std::chrono::hours::min());
    }
    EXPECT_EQ(clock.ms(), 0ms);
    co_await task;
  });
}

TEST_P(Sleep, WakesInTheOrderOfTheDeadlines) {
  Log log;
  run([&]() -> Coro<> {
    auto body = [&](int ms) -> Coro<> {
      co_await weft::sleep(milliseconds(ms));
      log.add(std::to_string(ms));
    };
    std::vector<Coro<>> many;
    for (int const ms : {500, 3, 70, 1, 64, 65, 4096, 4095, 63, 100'000, 2}) many.push_back(body(ms));
    auto results = co_await weft::gather(std::move(many));
    (void)results;
  });
  EXPECT_EQ(log.text(), "1 2 3 63 64 65 70 500 4095 4096 100000");
}

TEST_P(Sleep, ManyRandomDeadlinesEachWakeOnTime) {
  std::atomic<int> wrong{0};
  std::atomic<int> woke{0};
  run([&]() -> Coro<> {
    Clock::time_point const start = Clock::now();
    auto body = [&](std::int64_t ns) -> Coro<> {
      co_await weft::sleep(std::chrono::nanoseconds(ns));
      if (Clock::now() - start != std::chrono::nanoseconds(ns)) wrong.fetch_add(1);
      woke.fetch_add(1);
    };
    std::mt19937_64 random(7);
    co_await weft::task_group([&](weft::TaskGroup& tg) -> Coro<> {
      for (int i = 0; i < 5000; ++i) {
        std::uint64_t const magnitude = random() % 50;
        tg.start_soon(body(static_cast<std::int64_t>(1 + random() % ((std::uint64_t{1} << magnitude) + 1))));
      }
      co_return;
    });
  });
  EXPECT_EQ(woke.load(), 5000);
  EXPECT_EQ(wrong.load(), 0);
}

TEST_P(Sleep, ForeverIsEndedByACancel) {
  run([]() -> Coro<> {
    auto infinite = []() -> Coro<> { co_await weft::sleep(std::chrono::duration<double>(std::numeric_limits<double>::infinity())); };
    auto huge = []() -> Coro<> { co_await weft::sleep(std::chrono::hours::max()); };
    auto far = []() -> Coro<> { co_await weft::sleep_until(Clock::time_point::max()); };
    Task<void> tasks[] = {weft::create_task(infinite()), weft::create_task(huge()), weft::create_task(far())};
    co_await weft::sleep(24h * 3650);
    for (Task<void>& t : tasks) {
      EXPECT_FALSE(t.done());
      t.cancel();
      std::string const seen = co_await outcome(t);
      EXPECT_EQ(seen, "CancelledError");
    }
  });
}

TEST_P(Sleep, CancelledTimersDoNotMoveTheClock) {
  run([]() -> Coro<> {
    Elapsed const clock;
    std::vector<Task<int>> tasks;
    for (int i = 0; i < 200; ++i) tasks.push_back(weft::create_task(value_after(milliseconds(100 + i), i)));
    co_await weft::sleep(1ms);
    for (Task<int>& t : tasks) t.cancel();
    co_await weft::sleep(1ms);
    for (Task<int> const& t : tasks) EXPECT_TRUE(t.cancelled());
    co_await weft::sleep(1s);
    EXPECT_EQ(clock.ms(), 1002ms);
  });
}

TEST_P(Sleep, OneMillisecondAThousandTimes) {
  run([]() -> Coro<> {
    Elapsed const clock;
    for (int i = 0; i < 1000; ++i) co_await weft::sleep(1ms);
    EXPECT_EQ(clock.ms(), 1000ms);
  });
}

TEST_P(Sleep, OnTheSteadyClockIsNeverTooShort) {
  weft::Options o = options();
  o.clock = weft::ClockKind::steady;
  weft::Runtime runtime(o);
  runtime.run([]() -> Coro<> {
    for (int i = 0; i < 5; ++i) {
      Clock::time_point const start = Clock::now();
      auto results = co_await weft::gather(weft::sleep(1ms), weft::sleep(3ms), weft::sleep(2ms));
      (void)results;
      EXPECT_GE(Clock::now() - start, 3ms);
    }
  });
}

// The two documents' first program: about two seconds, not three.
TEST_P(Sleep, GatheredSleepsOverlap) {
  run([]() -> Coro<> {
    auto asyncfoo = [](std::string name, std::chrono::seconds delay) -> Coro<std::string> {
      co_await weft::sleep(delay);
      co_return "asyncfoo " + name + " complete";
    };
    Elapsed const clock;
    auto const [a, b] = co_await weft::gather(asyncfoo("A", 2s), asyncfoo("B", 1s));
    EXPECT_EQ(a + ", " + b, "asyncfoo A complete, asyncfoo B complete");
    EXPECT_EQ(clock.ms(), 2000ms);
  });
}

TEST_P(Sleep, YieldLetsOthersRunInTurn) {
  if (GetParam() != 1) return;  // the order is exact with one worker only
  Log log;
  run([&]() -> Coro<> {
    auto body = [&](std::string name) -> Coro<> {
      for (int i = 0; i < 3; ++i) {
        log.add(name + std::to_string(i));
        co_await weft::yield_now();
      }
    };
    Task<void> const a = weft::create_task(body("a"));
    Task<void> const b = weft::create_task(body("b"));
    Task<void> const c = weft::create_task(body("c"));
    co_await a;
    co_await b;
    co_await c;
  });
  EXPECT_EQ(log.text(), "a0 b0 c0 a1 b1 c1 a2 b2 c2");
}

WEFT_TEST_AT_1_2_8_WORKERS(Sleep);

}  // namespace
}  // namespace weft_test
