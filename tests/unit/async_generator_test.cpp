// AsyncGenerator: values one after the other, with awaits in between; its life, its errors, its consumers.
#include "support.hpp"

#include <memory>

namespace weft_test {
namespace {

class AsyncGenerator : public AtWorkers {};

weft::AsyncGenerator<int> at_once(int n) {
  for (int i = 0; i < n; ++i) co_yield i;
}

weft::AsyncGenerator<int> slowly(int n) {
  for (int i = 0; i < n; ++i) {
    co_await weft::sleep(1ms);
    co_yield i;
  }
}

// Suspends before every other value, so that attached and detached hand-backs alternate.
weft::AsyncGenerator<int> now_and_then(int n) {
  for (int i = 0; i < n; ++i) {
    if (i % 2 == 1) co_await weft::yield_now();
    co_yield i;
  }
  co_await weft::yield_now();
}

Coro<int> sum(weft::AsyncGenerator<int> numbers) {
  int total = 0;
  while (auto n = co_await numbers.next()) total += *n;
  auto const after = co_await numbers.next();
  EXPECT_FALSE(after.has_value()) << "it stays at its end";
  co_return total;
}

TEST_P(AsyncGenerator, GivesItsValuesAndThenNothing) {
  run([]() -> Coro<> {
    int const a = co_await sum(at_once(10));
    int const b = co_await sum(slowly(10));
    int const c = co_await sum(now_and_then(10));
    int const d = co_await sum(at_once(0));
    EXPECT_EQ(a, 45);
    EXPECT_EQ(b, 45);
    EXPECT_EQ(c, 45);
    EXPECT_EQ(d, 0);
  });
}

TEST_P(AsyncGenerator, RunsNothingBeforeTheFirstNextNorBetween) {
  Log log;
  run([&]() -> Coro<> {
    auto body = [&]() -> weft::AsyncGenerator<int> {
      log.add("begin");
      co_yield 1;
      log.add("more");
      co_yield 2;
      log.add("end");
    };
    auto generator = body();
    log.add("made");
    for (int i = 0; i < 3; ++i) {
      auto const value = co_await generator.next();
      log.add(value ? std::to_string(*value) : "none");
    }
  });
  EXPECT_EQ(log.text(), "made begin 1 more 2 end none");
}

TEST_P(AsyncGenerator, RunsInTheTaskOfItsConsumer) {
  run([]() -> Coro<> {
    auto who = []() -> weft::AsyncGenerator<weft::AnyTask> {
      for (;;) {
        co_await weft::yield_now();
        co_yield weft::current_task();
      }
    };
    auto generator = who();
    auto const here = co_await generator.next();
    EXPECT_TRUE(*here == weft::current_task());
    Task<bool> other = weft::create_task([&]() -> Coro<bool> {
      auto const there = co_await generator.next();
      co_return *there == weft::current_task();
    });
    bool const its_own = co_await other;
    EXPECT_TRUE(its_own);
  });
}

TEST_P(AsyncGenerator, WhatItThrowsComesOutOfNextAndThenItHasEnded) {
  run([]() -> Coro<> {
    for (bool const suspends : {false, true}) {
      auto body = [](bool waits) -> weft::AsyncGenerator<int> {
        co_yield 1;
        if (waits) co_await weft::yield_now();
        throw Failure("x");
      };
      auto generator = body(suspends);
      auto const first = co_await generator.next();
      EXPECT_EQ(*first, 1);
      auto step = [&]() -> Coro<> {
        auto value = co_await generator.next();
        (void)value;
      };
      std::string const seen = co_await outcome(step());
      EXPECT_EQ(seen, "Failure(x)");
      auto const after = co_await generator.next();
      EXPECT_FALSE(after.has_value());
    }
  });
}

TEST_P(AsyncGenerator, ACancelIsDeliveredAtItsInnerAwaitAndItsCleanupRuns) {
  Log log;
  run([&]() -> Coro<> {
    auto body = [&]() -> weft::AsyncGenerator<int> {
      OnExit const guard(log, "destroyed");
      co_yield 1;
      co_await sleep_for_ever(log, "inner");
      co_yield 2;
    };
    Task<void> consumer = weft::create_task([&]() -> Coro<> {
      auto generator = body();
      while (auto value = co_await generator.next()) log.add(std::to_string(*value));
    });
    co_await weft::sleep(5ms);
    consumer.cancel();
    std::string const seen = co_await outcome(consumer);
    log.add(seen);
  });
  EXPECT_EQ(log.text(), "1 inner:cancelled destroyed CancelledError");
}

TEST_P(AsyncGenerator, OneThatSwallowsACancelGoesOn) {
  run([]() -> Coro<> {
    auto body = []() -> weft::AsyncGenerator<int> {
      bool cancelled = false;
      try {
        co_await weft::sleep(1h);
      } catch (weft::CancelledError const&) {
        cancelled = true;
      }
      co_yield cancelled ? 1 : 0;
      co_await weft::sleep(1ms);
      co_yield 2;
    };
    Task<int> consumer = weft::create_task([&]() -> Coro<int> {
      auto generator = body();
      int total = 0;
      while (auto value = co_await generator.next()) total = total * 10 + *value;
      co_return total;
    });
    co_await weft::sleep(5ms);
    consumer.cancel();
    int const total = co_await consumer;
    EXPECT_EQ(total, 12);
  });
}

TEST_P(AsyncGenerator, DroppingItDestroysItsFrameWhereItStands) {
  Log log;
  run([&]() -> Coro<> {
    auto body = [&](OnExit) -> weft::AsyncGenerator<int> {
      OnExit const guard(log, "local");
      co_yield 1;
      co_yield 2;
      log.add("never");
    };
    {
      auto unstarted = body(OnExit(log, "argument"));
      (void)unstarted;
    }
    log.add("|");
    auto generator = body(OnExit(log, "argument"));
    auto const first = co_await generator.next();
    EXPECT_EQ(*first, 1);
    generator = at_once(1);
    log.add("|");
    auto const other = co_await generator.next();
    EXPECT_EQ(*other, 0);
  });
  EXPECT_EQ(log.text(), "argument | local argument |");
}

TEST_P(AsyncGenerator, ItsArgumentsDieBeforeTheConsumerSeesTheEnd) {
  Log log;
  run([&]() -> Coro<> {
    auto body = [](OnExit, bool waits) -> weft::AsyncGenerator<int> {
      co_yield 1;
      if (waits) co_await weft::sleep(1ms);
    };
    for (bool const waits : {false, true}) {
      auto generator = body(OnExit(log, "argument"), waits);
      while (auto value = co_await generator.next()) log.add("value");
      log.add("end");
    }
  });
  EXPECT_EQ(log.text(), "value argument end value argument end");
}

TEST_P(AsyncGenerator, MoveOnlyValuesAndReferences) {
  run([]() -> Coro<> {
    auto pointers = []() -> weft::AsyncGenerator<std::unique_ptr<int>> {
      auto p = std::make_unique<int>(1);
      co_yield std::move(p);
      co_await weft::yield_now();
      co_yield std::make_unique<int>(2);
    };
    auto moved = pointers();
    int total = 0;
    while (auto p = co_await moved.next()) total = total * 10 + **p;
    EXPECT_EQ(total, 12);

    std::vector<int> numbers{1, 2, 3};
    auto references = [&]() -> weft::AsyncGenerator<int&> {
      for (int& n : numbers) {
        co_await weft::yield_now();
        co_yield n;
      }
    };
    auto referring = references();
    while (auto n = co_await referring.next()) n->get() *= 2;
    EXPECT_EQ(numbers, (std::vector<int>{2, 4, 6}));

    auto texts = []() -> weft::AsyncGenerator<std::string> {
      std::string kept = "kept";
      co_yield kept;
      co_yield kept;
      co_yield "literal";
    };
    auto words = texts();
    std::string all;
    while (auto word = co_await words.next()) all += *word + " ";
    EXPECT_EQ(all, "kept kept literal ") << "an lvalue is copied";
  });
}

TEST_P(AsyncGenerator, ASecondConsumerAtTheSameTimeIsRefused) {
  run([]() -> Coro<> {
    auto generator = slowly(3);
    Task<void> first = weft::create_task([&]() -> Coro<> {
      auto value = co_await generator.next();
      EXPECT_EQ(*value, 0);
    });
    co_await weft::sleep(500us);
    auto second = [&]() -> Coro<> {
      auto value = co_await generator.next();
      (void)value;
    };
    std::string const seen = co_await outcome(second());
    EXPECT_EQ(seen, "RuntimeError");
    co_await first;
    auto const next = co_await generator.next();
    EXPECT_EQ(*next, 1);
  });
}

TEST_P(AsyncGenerator, BlocksAndGathersWorkInside) {
  run([]() -> Coro<> {
    auto body = []() -> weft::AsyncGenerator<int> {
      auto const [a, b] = co_await weft::gather(value_after(2ms, 1), value_after(1ms, 2));
      co_yield a * 10 + b;
      auto limited = []() -> Coro<int> { co_return co_await weft::wait_for(value_after(1h, 1), 1ms); };
      weft::Result<int> const late = co_await weft::as_result(limited());
      co_yield late.has_value() ? 1 : 0;
    };
    auto generator = body();
    auto const first = co_await generator.next();
    EXPECT_EQ(*first, 12);
    auto const second = co_await weft::wait_for(generator.next(), 1s);
    EXPECT_EQ(*second, 0);
  });
}

// A tower of generators, each passing on what the one below gives.
weft::AsyncGenerator<int> tower(int height, bool waits) {
  if (height == 0) {
    for (int i = 0; i < 3; ++i) {
      if (waits) co_await weft::yield_now();
      co_yield i;
    }
    co_return;
  }
  auto below = tower(height - 1, waits);
  while (auto value = co_await below.next()) co_yield *value + 1;
}

Coro<int> sum_of_tower(int height, bool waits) {
  auto generator = tower(height, waits);
  int total = 0;
  while (auto value = co_await generator.next()) total += *value;
  co_return total;
}

TEST_P(AsyncGenerator, ATowerOfThemNeedsABoundedStack) {
  run([]() -> Coro<> {
    constexpr int height = sanitized ? 20000 : 100000;
    for (bool const waits : {false, true}) {
      int const total = co_await sum_of_tower(height, waits);
      EXPECT_EQ(total, 3 * height + 3);
    }
  });
}

TEST_P(AsyncGenerator, SoDoesATowerOnAStrand) {
  run([]() -> Coro<> {
    weft::Strand strand;
    constexpr int height = sanitized ? 2000 : 20000;
    for (bool const waits : {false, true}) {
      Task<int> const summing = strand.create_task(sum_of_tower(height, waits));
      int const total = co_await summing;
      EXPECT_EQ(total, 3 * height + 3);
    }
  });
}

TEST_P(AsyncGenerator, AMoveThatThrowsFailsThatNextOnly) {
  struct Fragile {
    explicit Fragile(bool breaks) : breaks_(breaks) {}
    Fragile(Fragile&& other) : breaks_(other.breaks_) {
      if (breaks_) throw Failure("move");
    }
    bool breaks_;
  };
  run([]() -> Coro<> {
    auto body = []() -> weft::AsyncGenerator<Fragile> {
      co_yield true;
      co_yield false;
    };
    auto generator = body();
    auto step = [&]() -> Coro<> {
      auto value = co_await generator.next();
      EXPECT_TRUE(value.has_value());
    };
    std::string const first = co_await outcome(step());
    std::string const second = co_await outcome(step());
    EXPECT_EQ(first + " " + second, "Failure(move) ok");
  });
}

TEST_P(AsyncGenerator, ManyOfThemSideBySideWithCancels) {
  run([]() -> Coro<> {
    constexpr int rounds = sanitized ? 30 : 150;
    for (int round = 0; round < rounds; ++round) {
      std::vector<Task<int>> tasks;
      for (int i = 0; i < 16; ++i) tasks.push_back(weft::create_task(sum(now_and_then(40))));
      co_await weft::yield_now();
      for (std::size_t i = 0; i < tasks.size(); i += 2) tasks[i].cancel();
      for (auto const& task : tasks) {
        weft::Result<int> const result = co_await weft::as_result(task);
        EXPECT_TRUE(result.cancelled() || result.value() == 780);
      }
    }
  });
}

WEFT_TEST_AT_1_2_8_WORKERS(AsyncGenerator);

}  // namespace
}  // namespace weft_test
