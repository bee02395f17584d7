// Coro: a lazy coroutine, awaited once, run in the task of its awaiter. What is checked: nothing runs before the await,
// values and exceptions come back, where arguments and locals die, what misuse throws, and that awaiting a Coro is no
// trip through the scheduler.
#include "support.hpp"

#include <memory>

namespace weft_test {
namespace {

class Coroutine : public AtWorkers {};

Coro<int> add(int a, int b) { co_return a + b; }

Coro<> write(Log& log, std::string word) {
  log.add(word);
  co_return;
}

TEST_P(Coroutine, GivesItsValueToTheAwaiter) {
  int const r = run([]() -> Coro<int> {
    int const x = co_await add(1, 2);
    int const y = co_await add(x, 10);
    co_return y;
  });
  EXPECT_EQ(r, 13);
}

TEST_P(Coroutine, RunsNothingBeforeItIsAwaited) {
  Log log;
  run([&]() -> Coro<> {
    Coro<> later = write(log, "child");
    log.add("parent");
    co_await weft::sleep(1ms);
    co_await std::move(later);
  });
  EXPECT_EQ(log.text(), "parent child");
}

TEST_P(Coroutine, DroppedUnawaitedNeverRunsAndDestroysItsArguments) {
  Log log;
  std::atomic<int> live{0};
  run([&]() -> Coro<> {
    auto body = [](Log& l, Live) -> Coro<> {
      l.add("ran");
      co_return;
    };
    {
      Coro<> dropped = body(log, Live(live));
      EXPECT_GE(live.load(), 1);
    }
    EXPECT_EQ(live.load(), 0);
    co_return;
  });
  EXPECT_EQ(log.text(), "");
}

TEST_P(Coroutine, IsMovable) {
  int const r = run([]() -> Coro<int> {
    Coro<int> a = add(2, 3);
    Coro<int> b = std::move(a);
    Coro<int> c = add(0, 0);
    c = std::move(b);
    int const v = co_await std::move(c);
    co_return v;
  });
  EXPECT_EQ(r, 5);
}

TEST_P(Coroutine, CanBeMadeOutsideTheRuntimeAndOutliveNothing) {
  std::atomic<int> live{0};
  auto body = [](Live) -> Coro<int> { co_return 7; };
  {
    Coro<int> main = body(Live(live));
    weft::Runtime runtime(options());
    int const r = runtime.run(std::move(main));
    EXPECT_EQ(r, 7);
    EXPECT_EQ(live.load(), 0) << "the frame of main must be gone when run returns";
  }
  EXPECT_EQ(live.load(), 0);
}

TEST_P(Coroutine, AwaitedAfterBeingMovedFromThrowsRuntimeError) {
  std::string seen;
  run([&]() -> Coro<> {
    Coro<int> a = add(1, 1);
    Coro<int> b = std::move(a);
    try {
      int const v = co_await std::move(a);
      seen = std::to_string(v);
    } catch (weft::RuntimeError const&) {
      seen = "RuntimeError";
    }
    int const v = co_await std::move(b);
    EXPECT_EQ(v, 2);
  });
  EXPECT_EQ(seen, "RuntimeError");
}

TEST_P(Coroutine, MovedFromGivenToCreateTaskGatherOrRunThrowsRuntimeErrorAndStartsNothing) {
  Log log;
  std::vector<std::string> seen;
  auto const spent = []() {
    Coro<int> a = add(1, 1);
    Coro<int> b = std::move(a);
    return a;
  };
  run([&]() -> Coro<> {
    seen.push_back(outcome_of_call([&] { (void)weft::create_task(spent()); }));
    auto const in_gather = [](Log& l, Coro<int> empty) -> Coro<> {
      auto results = co_await weft::gather(write(l, "sibling"), std::move(empty));
      (void)results;
    };
    std::string const of_gather = co_await outcome(in_gather(log, spent()));
    seen.push_back(of_gather);
  });
  {
    weft::Runtime runtime(options());
    seen.push_back(outcome_of_call([&] { (void)runtime.run(spent()); }));
  }
  EXPECT_EQ(seen, (std::vector<std::string>{"RuntimeError", "RuntimeError", "RuntimeError"}));
  EXPECT_EQ(log.text(), "");
}

TEST_P(Coroutine, DestroysLocalsThenArgumentsBeforeTheAwaiterResumes) {
  Log log;
  run([&]() -> Coro<> {
    auto body = [](Log& l, OnExit) -> Coro<> {
      OnExit const local(l, "local");
      co_await weft::sleep(1ms);
      l.add("end");
    };
    co_await body(log, OnExit(log, "argument"));
    log.add("resumed");
  });
  EXPECT_EQ(log.text(), "end local argument resumed");
}

TEST_P(Coroutine, ThatDoesNotSuspendDestroysItsFrameBeforeTheAwaiterResumesToo) {
  Log log;
  run([&]() -> Coro<> {
    auto body = [](Log& l, OnExit) -> Coro<int> {
      OnExit const local(l, "local");
      co_return 1;
    };
    int const v = co_await body(log, OnExit(log, "argument"));
    EXPECT_EQ(v, 1);
    log.add("resumed");
  });
  EXPECT_EQ(log.text(), "local argument resumed");
}

TEST_P(Coroutine, RunsInTheTaskOfItsAwaiter) {
  run([]() -> Coro<> {
    weft::AnyTask const me = weft::current_task();
    auto inner = []() -> Coro<weft::AnyTask> {
      co_await weft::sleep(1ms);
      co_return weft::current_task();
    };
    auto middle = [&]() -> Coro<weft::AnyTask> {
      weft::AnyTask t = co_await inner();
      co_return t;
    };
    weft::AnyTask const there = co_await middle();
    EXPECT_TRUE(there == me);
  });
}

// Nothing else gets a turn at an await that does not suspend: at one worker the order below is exact.
TEST(CoroutineAtOneWorker, AwaitingItIsNoTripThroughTheScheduler) {
  Log log;
  weft::Options o;
  o.workers = 1;
  o.clock = weft::ClockKind::virtual_time;
  weft::Runtime runtime(o);
  runtime.run([&]() -> Coro<> {
    Task<void> const other = weft::create_task(write(log, "task"));
    for (int i = 0; i < 3; ++i) co_await write(log, "await");
    log.add("yield");
    co_await other;
  });
  EXPECT_EQ(log.text(), "await await await yield task");
}

TEST_P(Coroutine, TakesCallableAndArgumentsAndKeepsThemAlive) {
  std::atomic<int> live{0};
  Log log;
  {
    weft::Runtime runtime(options());
    Live token(live);
    auto body = [token, &live, &log](std::string text, std::unique_ptr<int> number) -> Coro<int> {
      co_await weft::sleep(1ms);
      EXPECT_GE(live.load(), 2);
      log.add(text);
      co_return* number;
    };
    int const v = runtime.run(std::move(body), std::string("kept"), std::make_unique<int>(9));
    EXPECT_EQ(v, 9);
  }
  EXPECT_EQ(live.load(), 0);
  EXPECT_EQ(log.text(), "kept");
}

TEST_P(Coroutine, CallableThatThrowsIsTheTasksException) {
  run([]() -> Coro<> {
    auto body = [](int) -> Coro<int> { throw Failure("before the coroutine"); };
    static_assert(std::is_same_v<decltype(body(1)), Coro<int>>);
    Task<int> const t = weft::create_task(body, 1);
    std::string const seen = co_await outcome(t);
    EXPECT_EQ(seen, "Failure(before the coroutine)");
  });
}

// A callable that is no coroutine itself but makes one, with what it throws before it does.
TEST_P(Coroutine, PlainFunctionThatThrowsInsteadOfReturningItsCoroutine) {
  auto make = [](bool good) -> Coro<int> (*)(int) {
    if (good) return [](int x) -> Coro<int> { co_return x; };
    return [](int) -> Coro<int> { throw Failure("plain"); return add(0, 0); };
  };
  EXPECT_EQ(run(make(true), 4), 4);
  EXPECT_EQ(outcome_of_call([&] { (void)run(make(false), 4); }), "Failure(plain)");
}

TEST_P(Coroutine, AwaitsDeepChainsOfOrdinaryDepth) {
  struct Chain {
    static Coro<long> down(int depth) {
      if (depth == 0) co_return 0;
      long const below = co_await down(depth - 1);
      co_return below + 1;
    }
    static Coro<long> down_asleep(int depth) {
      if (depth == 0) {
        co_await weft::sleep(1ms);
        co_return 0;
      }
      long const below = co_await down_asleep(depth - 1);
      co_return below + 1;
    }
  };
  long const n = run([]() -> Coro<long> {
    long const a = co_await Chain::down(20'000);
    long const b = co_await Chain::down_asleep(20'000);
    co_return a + b;
  });
  EXPECT_EQ(n, 40'000);
}

WEFT_TEST_AT_1_2_8_WORKERS(Coroutine);

}  // namespace
}  // namespace weft_test
