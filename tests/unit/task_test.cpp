// Task: the handle of a coroutine that runs in the background. Its members, how it is awaited and by whom, how long it
// lives, and what circles of awaiting tasks get.
#include "support.hpp"

#include <algorithm>
#include <memory>
#include <set>

namespace weft_test {
namespace {

class TaskHandle : public AtWorkers {};

TEST_P(TaskHandle, RunsInTheBackgroundWhileItsMakerGoesOn) {
  run([]() -> Coro<> {
    Elapsed const clock;
    Task<int> const task = weft::create_task(value_after(30ms, 1));
    co_await weft::sleep(20ms);
    EXPECT_FALSE(task.done());
    int const v = co_await task;
    EXPECT_EQ(v, 1);
    EXPECT_EQ(clock.ms(), 30ms);
    EXPECT_TRUE(task.done());
  });
}

TEST_P(TaskHandle, TasksRunConcurrently) {
  run([]() -> Coro<> {
    Elapsed const clock;
    std::vector<Task<int>> tasks;
    for (int i = 1; i <= 100; ++i) tasks.push_back(weft::create_task(value_after(milliseconds(i), i)));
    int sum = 0;
    for (Task<int> const& t : tasks) {
      int const v = co_await t;
      sum += v;
    }
    EXPECT_EQ(sum, 5050);
    EXPECT_EQ(clock.ms(), 100ms);
  });
}

TEST_P(TaskHandle, DoneCancelledResultAndExceptionOfEachOutcome) {
  run([]() -> Coro<> {
    Task<int> const good = weft::create_task(value_after(1ms, 5));
    Task<int> const bad = weft::create_task(fail_after(1ms, "bad"));
    Task<int> const gone = weft::create_task(value_after(1h, 5));
    co_await weft::sleep(2ms);
    Task<int> cancelling = gone;
    cancelling.cancel("why");
    co_await weft::sleep(1ms);

    EXPECT_TRUE(good.done());
    EXPECT_FALSE(good.cancelled());
    EXPECT_EQ(good.result(), 5);
    EXPECT_EQ(good.exception(), nullptr);

    EXPECT_TRUE(bad.done());
    EXPECT_FALSE(bad.cancelled());
    EXPECT_EQ(describe(bad.exception()), "Failure(bad)");
    EXPECT_EQ(outcome_of_call([&] { (void)bad.result(); }), "Failure(bad)");

    EXPECT_TRUE(gone.done());
    EXPECT_TRUE(gone.cancelled());
    EXPECT_EQ(outcome_of_call([&] { (void)gone.result(); }), "CancelledError(why)");
    EXPECT_EQ(outcome_of_call([&] { (void)gone.exception(); }), "CancelledError(why)");
  });
}

TEST_P(TaskHandle, ResultAndExceptionOfAnUnfinishedTaskThrowInvalidStateError) {
  run([]() -> Coro<> {
    Task<int> const task = weft::create_task(value_after(1ms, 5));
    Task<void> const nothing = weft::create_task([]() -> Coro<> { co_await weft::sleep(1ms); });
    EXPECT_EQ(outcome_of_call([&] { (void)task.result(); }), "InvalidStateError");
    EXPECT_EQ(outcome_of_call([&] { (void)task.exception(); }), "InvalidStateError");
    EXPECT_EQ(outcome_of_call([&] { nothing.result(); }), "InvalidStateError");
    weft::AnyTask const any = task;
    EXPECT_EQ(outcome_of_call([&] { (void)any.exception(); }), "InvalidStateError");
    co_await task;
    co_await nothing;
  });
}

TEST_P(TaskHandle, MayBeAwaitedByAnyNumberOfTasksAtTheSameTime) {
  run([]() -> Coro<> {
    Task<int> const shared = weft::create_task(value_after(5ms, 3));
    auto reader = [](Task<int> t) -> Coro<int> {
      int const& v = co_await t;
      co_return v;
    };
    std::vector<Task<int>> readers;
    for (int i = 0; i < 20; ++i) readers.push_back(weft::create_task(reader, shared));
    int sum = 0;
    for (Task<int> const& r : readers) {
      int const v = co_await r;
      sum += v;
    }
    EXPECT_EQ(sum, 60);
    int const again = co_await shared;
    EXPECT_EQ(again, 3);
  });
}

TEST_P(TaskHandle, EachAwaiterOfAFailedTaskGetsItsException) {
  run([]() -> Coro<> {
    Task<int> const shared = weft::create_task(fail_after(5ms, "shared"));
    for (int i = 0; i < 3; ++i) {
      std::string const seen = co_await outcome(shared);
      EXPECT_EQ(seen, "Failure(shared)");
    }
  });
}

TEST_P(TaskHandle, AwaitedAsLvalueGivesAReferenceAsRvalueMovesTheValueOut) {
  run([]() -> Coro<> {
    auto body = []() -> Coro<std::string> { co_return std::string(100, 'x'); };
    Task<std::string> task = weft::create_task(body());
    std::string const& one = co_await task;
    std::string const& two = co_await task;
    EXPECT_EQ(&one, &two);
    EXPECT_EQ(&one, &task.result());
    Task<std::string> const copy = task;
    std::string const taken = co_await std::move(task);
    EXPECT_EQ(taken.size(), 100U);
    EXPECT_TRUE(copy.result().empty()) << "other holders see a moved-from string";
  });
}

TEST_P(TaskHandle, LivesWhenEveryHandleIsDropped) {
  Log log;
  run([&]() -> Coro<> {
    auto body = [&]() -> Coro<> {
      co_await weft::sleep(5ms);
      log.add("finished");
    };
    weft::create_task(body());
    co_await weft::sleep(10ms);
    log.add("main");
  });
  EXPECT_EQ(log.text(), "finished main");
}

TEST_P(TaskHandle, FrameAndArgumentsAreDestroyedBeforeTheAwaiterResumes) {
  Log log;
  run([&]() -> Coro<> {
    auto body = [](Log& l, OnExit) -> Coro<> {
      OnExit const local(l, "local");
      co_await weft::sleep(1ms);
    };
    Task<void> const task = weft::create_task(body(log, OnExit(log, "argument")));
    co_await task;
    log.add("resumed");
  });
  EXPECT_EQ(log.text(), "local argument resumed");
}

TEST_P(TaskHandle, CallableAndItsArgumentsLiveUntilTheTaskHasEnded) {
  std::atomic<int> live{0};
  run([&]() -> Coro<> {
    Live const token(live);
    {
      auto body = [token, &live](Live) -> Coro<> {
        co_await weft::sleep(5ms);
        EXPECT_GE(live.load(), 3);
      };
      Task<void> const task = weft::create_task(std::move(body), Live(live));
      co_await task;
    }
    EXPECT_EQ(live.load(), 1);
  });
  EXPECT_EQ(live.load(), 0);
}

TEST_P(TaskHandle, NamesAndIds) {
  run([]() -> Coro<> {
    auto body = []() -> Coro<std::string> { co_return weft::current_task().name(); };
    std::string name = "from a string that changes";
    Task<std::string> const named = weft::create_task(body(), {.name = name});
    name.assign(name.size(), '-');
    EXPECT_EQ(named.name(), "from a string that changes");
    std::string const inside = co_await named;
    EXPECT_EQ(inside, "from a string that changes");

    Task<std::string> with_callable = weft::create_task(weft::TaskOptions{.name = "callable"}, body);
    std::string const of_callable = co_await with_callable;
    EXPECT_EQ(of_callable, "callable");
    with_callable.set_name("renamed");
    EXPECT_EQ(with_callable.name(), "renamed");

    std::set<std::string> names;
    std::set<std::uint64_t> ids;
    for (int i = 0; i < 50; ++i) {
      Task<std::string> const anonymous = weft::create_task(body());
      names.insert(anonymous.name());
      ids.insert(anonymous.id());
      std::string const own = co_await anonymous;
      EXPECT_EQ(own, anonymous.name());
    }
    EXPECT_EQ(ids.size(), 50U);
    EXPECT_EQ(names.size(), 50U) << "unnamed tasks get names of their own, as Task-1, Task-2";
  });
}

TEST_P(TaskHandle, EqualityIsIdentity) {
  run([]() -> Coro<> {
    Task<int> const a = weft::create_task(value_after(1ms, 1));
    Task<int> const b = weft::create_task(value_after(1ms, 1));
    Task<int> const copy = a;
    EXPECT_TRUE(a == copy);
    EXPECT_FALSE(a == b);
    weft::AnyTask const any = a;
    weft::AnyTask const any_copy = copy;
    weft::AnyTask const any_other = b;
    EXPECT_TRUE(any == any_copy);
    EXPECT_FALSE(any == any_other);
    EXPECT_EQ(any.id(), a.id());
    co_await a;
    co_await b;
  });
}

TEST_P(TaskHandle, CurrentTaskIsTheOneThatRuns) {
  run([]() -> Coro<> {
    // The id, not the handle: a task that holds a handle of itself in its result would never be freed.
    auto body = []() -> Coro<std::uint64_t> {
      co_await weft::sleep(1ms);
      co_return weft::current_task().id();
    };
    Task<std::uint64_t> const task = weft::create_task(body());
    std::uint64_t const inside = co_await task;
    EXPECT_EQ(inside, task.id());
    EXPECT_NE(weft::current_task().id(), inside);
    EXPECT_TRUE(weft::current_task() == weft::current_task());
  });
}

TEST_P(TaskHandle, AllTasksAreTheLiveOnes) {
  run([]() -> Coro<> {
    auto const has = [](weft::AnyTask const& wanted) {
      std::vector<weft::AnyTask> const all = weft::all_tasks();
      return std::count(all.begin(), all.end(), wanted) == 1;
    };
    Task<int> const a = weft::create_task(value_after(1ms, 1));
    Task<int> const b = weft::create_task(value_after(5ms, 1));
    EXPECT_TRUE(has(weft::current_task()));
    EXPECT_TRUE(has(a));
    EXPECT_TRUE(has(b));
    EXPECT_EQ(weft::all_tasks().size(), 3U);
    co_await weft::sleep(2ms);
    EXPECT_FALSE(has(a));
    EXPECT_EQ(weft::all_tasks().size(), 2U);
    co_await b;
    EXPECT_EQ(weft::all_tasks().size(), 1U);
  });
}

TEST_P(TaskHandle, ThatAwaitsItselfGetsRuntimeError) {
  run([]() -> Coro<> {
    Task<int> self;
    auto body = [&]() -> Coro<int> {
      co_await weft::sleep(1ms);
      int const v = co_await self;
      co_return v;
    };
    self = weft::create_task(body());
    std::string const seen = co_await outcome(self);
    EXPECT_EQ(seen, "RuntimeError");
  });
}

TEST_P(TaskHandle, ThatClosesACircleOfAwaitsGetsRuntimeError) {
  run([]() -> Coro<> {
    std::vector<Task<int>> ring(3);
    auto link = [&](std::size_t i) -> Coro<int> {
      co_await weft::sleep(milliseconds(i + 1));
      int const v = co_await ring[(i + 1) % 3];
      co_return v;
    };
    for (std::size_t i = 0; i < 3; ++i) ring[i] = weft::create_task(link(i));
    for (std::size_t i = 0; i < 3; ++i) {
      std::string const seen = co_await outcome(ring[i]);
      EXPECT_EQ(seen, "RuntimeError") << i;
    }
  });
}

TEST_P(TaskHandle, EmptyAndMovedFromHandlesThrowRuntimeErrorWhenAwaited) {
  run([]() -> Coro<> {
    Task<int> const empty;
    std::string const seen = co_await outcome(empty);
    EXPECT_EQ(seen, "RuntimeError");
    Task<int> task = weft::create_task(value_after(1ms, 1));
    Task<int> const other = std::move(task);
    std::string const of_moved = co_await outcome(task);
    EXPECT_EQ(of_moved, "RuntimeError");
    auto in_gather = [&]() -> Coro<> {
      auto results = co_await weft::gather(other, empty);
      (void)results;
    };
    std::string const of_gather = co_await outcome(in_gather());
    EXPECT_EQ(of_gather, "RuntimeError");
    int const v = co_await other;
    EXPECT_EQ(v, 1);
  });
}

TEST_P(TaskHandle, AwaitingAFinishedTaskDoesNotSuspend) {
  run([]() -> Coro<> {
    Task<int> const task = weft::create_task(value_after(1ms, 1));
    co_await weft::sleep(2ms);
    Task<void> cancels_me = weft::create_task([](weft::AnyTask me) -> Coro<> {
      me.cancel();
      co_return;
    }, weft::current_task());
    (void)cancels_me;
    Task<int> const same = task;
    bool finished = false;
    try {
      int const v = co_await same;  // may be reached before or after the cancel: it is no delivery point either way
      finished = v == 1;
      co_await weft::sleep(1s);
      finished = false;
    } catch (weft::CancelledError const&) {
    }
    EXPECT_TRUE(finished);
  });
}

TEST_P(TaskHandle, TenThousandAtOnce) {
  std::atomic<int> ran{0};
  run([&]() -> Coro<> {
    auto body = [&](int i) -> Coro<int> {
      if (i % 3 == 0) co_await weft::yield_now();
      if (i % 3 == 1) co_await weft::sleep(milliseconds(i % 50));
      ran.fetch_add(1);
      co_return i;
    };
    std::vector<Task<int>> tasks;
    for (int i = 0; i < 10'000; ++i) tasks.push_back(weft::create_task(body(i)));
    long sum = 0;
    for (Task<int>& t : tasks) {
      int const v = co_await t;
      sum += v;
    }
    EXPECT_EQ(sum, 9'999L * 10'000 / 2);
  });
  EXPECT_EQ(ran.load(), 10'000);
}

WEFT_TEST_AT_1_2_8_WORKERS(TaskHandle);

}  // namespace
}  // namespace weft_test
