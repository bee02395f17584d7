// Tasks as CPython's test_tasks.py has them: how they are made and named, what awaiting one gives, current_task,
// sleep, and what becomes of failures. Cancellation is in tasks_cancel_test.cpp; docs/conformance says which of CPython's
// tests each of these stands for.
#include "unit/support.hpp"

#include <cmath>
#include <coroutine>
#include <functional>
#include <memory>
#include <set>

namespace weft_test {
namespace {

class AsyncioTasks : public AtWorkers {};

Coro<std::string> not_much() { co_return "ok"; }

Coro<> nothing() { co_return; }

// ---------------------------------------------------------------- making and awaiting

TEST_P(AsyncioTasks, ATaskThatEndedHasItsResult) {
  run([]() -> Coro<> {
    Task<std::string> const task = weft::create_task(not_much());
    std::string const got = co_await task;
    EXPECT_EQ(got, "ok");
    EXPECT_TRUE(task.done());
    EXPECT_EQ(task.result(), "ok");
  });
}

TEST_P(AsyncioTasks, ATaskMayBeReturnedFromMainAndReadAfterTheRun) {
  Task<std::string> kept;
  run([&]() -> Coro<> {
    auto makes = []() -> Coro<Task<std::string>> { co_return weft::create_task(not_much()); };
    kept = co_await makes();
    co_await kept;
  });
  EXPECT_TRUE(kept.done());
  EXPECT_EQ(kept.result(), "ok");
}

TEST_P(AsyncioTasks, CreateTaskOutsideATaskThrowsAndTheCoroutineIsDestroyed) {
  std::atomic<int> live{0};
  auto work = [](Live) -> Coro<> { co_return; };
  EXPECT_EQ(outcome_of_call([&] { (void)weft::create_task(work(Live(live))); }), "RuntimeError");
  EXPECT_EQ(live.load(), 0);
}

TEST_P(AsyncioTasks, ACopiedHandleIsTheSameTask) {
  run([]() -> Coro<> {
    Task<std::string> const task = weft::create_task(not_much());
    Task<std::string> const copy = task;
    EXPECT_TRUE(copy == task);
    Task<std::string> const another = weft::create_task(not_much());
    EXPECT_FALSE(another == task);
    std::string const got = co_await copy;
    EXPECT_EQ(got, "ok");
    EXPECT_EQ(task.result(), "ok");
    co_await another;
  });
}

// An object that is no coroutine and that can be awaited.
struct ReadyAwaitable {
  bool await_ready() const noexcept { return true; }
  void await_suspend(std::coroutine_handle<>) const noexcept {}
  std::string await_resume() const { return "ok"; }
};

// An object whose operator gives one of ours.
struct TaskInside {
  Task<std::string> task;
  auto operator co_await() const { return task.operator co_await(); }
};

TEST_P(AsyncioTasks, AnyAwaitableMayBeAwaitedInATask) {
  run([]() -> Coro<> {
    auto awaits = []() -> Coro<std::string> {
      std::string const got = co_await ReadyAwaitable();
      co_return got;
    };
    Task<std::string> const task = weft::create_task(awaits());
    std::string const got = co_await task;
    EXPECT_EQ(got, "ok");
  });
}

TEST_P(AsyncioTasks, AnAwaitableThatSuspendsMayBeAwaitedInATask) {
  run([]() -> Coro<> {
    auto slow = []() -> Coro<std::string> {
      co_await weft::sleep(0ms);
      co_return "ok";
    };
    auto awaits = [&]() -> Coro<std::string> {
      TaskInside const inside{weft::create_task(slow())};
      std::string const got = co_await inside.task;
      co_return got;
    };
    Task<std::string> const task = weft::create_task(awaits());
    std::string const got = co_await task;
    EXPECT_EQ(got, "ok");
  });
}

TEST_P(AsyncioTasks, CreateTaskTakesACoroutineFunctionAgainAndAgain) {
  run([]() -> Coro<> {
    for (int i = 0; i < 2; ++i) {
      Task<std::string> const task = weft::create_task(not_much);
      std::string const got = co_await task;
      EXPECT_EQ(got, "ok");
    }
  });
}

TEST_P(AsyncioTasks, AwaitingACreatedTaskGivesItsValue) {
  run([]() -> Coro<> {
    Task<int> const task = weft::create_task(value_after(0ms, 1));
    int const got = co_await task;
    EXPECT_EQ(got, 1);
  });
}

TEST_P(AsyncioTasks, CoroutinesAwaitedInTurnRunInTheCallersTask) {
  int const sum = run([]() -> Coro<int> {
    weft::AnyTask const caller = weft::current_task();
    auto inner = [caller](int value) -> Coro<int> {
      EXPECT_TRUE(weft::current_task() == caller);
      co_return value;
    };
    int const a = co_await inner(42);
    int const b = co_await inner(1000);
    co_return a + b;
  });
  EXPECT_EQ(sum, 1042);
}

TEST_P(AsyncioTasks, ATaskThatAwaitsItselfGetsRuntimeError) {
  run([]() -> Coro<> {
    Task<void> task;
    weft::Event known;
    auto awaits_itself = [&]() -> Coro<> {
      co_await known.wait();
      co_await task;
    };
    task = weft::create_task(awaits_itself());
    known.set();
    std::string const seen = co_await outcome(task);
    EXPECT_EQ(seen, "RuntimeError");
  });
}

TEST_P(AsyncioTasks, ATaskThatACoroutineReturnsIsNotAwaitedForIt) {
  run([]() -> Coro<> {
    weft::Event event;
    auto waits = [&]() -> Coro<std::string> {
      co_await event.wait();
      co_return "test";
    };
    auto returns_task = [&]() -> Coro<Task<std::string>> { co_return weft::create_task(waits()); };
    Task<Task<std::string>> const outer = weft::create_task(returns_task());
    Task<std::string> const inner = co_await outer;
    EXPECT_TRUE(outer.done());
    EXPECT_FALSE(inner.done());
    event.set();
    std::string const got = co_await inner;
    EXPECT_EQ(got, "test");
  });
}

// asyncio: a task that nothing refers to may be collected while it waits, which is reported. Here the runtime keeps it.
TEST_P(AsyncioTasks, ATaskWithoutHandlesRunsToItsEnd) {
  Log log;
  run([&]() -> Coro<> {
    weft::Event event, ended;
    auto work = [&]() -> Coro<> {
      co_await event.wait();
      log.add("ran");
      ended.set();
    };
    { Task<void> const dropped = weft::create_task(work()); }
    co_await weft::sleep(1ms);
    event.set();
    co_await ended.wait();
  });
  EXPECT_EQ(log.text(), "ran");
}

// asyncio refuses a future of another loop; tasks of another runtime may be awaited here.
TEST_P(AsyncioTasks, ATaskOfAnotherRuntimeMayBeAwaited) {
  weft::Options other_options = options();
  other_options.clock = weft::ClockKind::steady;
  weft::Runtime other(other_options);
  weft::Options own_options = other_options;
  weft::Runtime own(own_options);
  Task<int> const task = other.create_task(value_after(5ms, 7));
  int const got = own.run([&]() -> Coro<int> {
    int const value = co_await task;
    co_return value;
  });
  EXPECT_EQ(got, 7);
}

// Python: a result whose destructor runs the garbage collector. In C++ it is one that runs code of ours.
TEST_P(AsyncioTasks, ResultsMayUseTheRuntimeWhenTheyAreDestroyed) {
  struct Evil {
    Evil(std::atomic<int>& n, weft::Event& e) : live(n), event(&e) {}
    Evil(Evil const&) = default;
    Evil& operator=(Evil const&) = delete;
    ~Evil() { event->set(); }
    Live live;
    weft::Event* event;
  };
  std::atomic<int> live{0};
  weft::Event destroyed;
  run([&]() -> Coro<> {
    auto waits = [&]() -> Coro<> { co_await destroyed.wait(); };
    Task<void> const woken = weft::create_task(waits());
    auto makes = [&]() -> Coro<Evil> { co_return Evil(live, destroyed); };
    std::vector<Task<Evil>> tasks;
    for (int i = 0; i < 100; ++i) tasks.push_back(weft::create_task(makes()));
    {
      std::vector<Evil> const all = co_await weft::gather(tasks);
      EXPECT_EQ(all.size(), 100U);
    }
    tasks.clear();
    co_await woken;
  });
  EXPECT_EQ(live.load(), 0);
}

// ---------------------------------------------------------------- names

TEST_P(AsyncioTasks, NamesThatAreNotGivenAreNumberedAndRise) {
  run([]() -> Coro<> {
    Task<void> const first = weft::create_task(nothing());
    Task<void> const second = weft::create_task(nothing());
    std::string const a = first.name(), b = second.name();
    EXPECT_NE(a, b);
    EXPECT_EQ(a.rfind("Task-", 0), 0U) << a;
    EXPECT_EQ(b.rfind("Task-", 0), 0U) << b;
    EXPECT_LT(std::stoull(a.substr(5)), std::stoull(b.substr(5)));
    co_await first;
    co_await second;
  });
}

TEST_P(AsyncioTasks, ANameMayBeGivenAndChanged) {
  run([]() -> Coro<> {
    Task<void> task = weft::create_task(nothing(), {.name = "987654321"});
    EXPECT_EQ(task.name(), "987654321");
    task.set_name("123456789");
    EXPECT_EQ(task.name(), "123456789");
    co_await task;
    EXPECT_EQ(task.name(), "123456789");
  });
}

TEST_P(AsyncioTasks, CreateTaskTakesAName) {
  run([]() -> Coro<> {
    Task<void> const task = weft::create_task(nothing(), {.name = "No-op"});
    EXPECT_EQ(task.name(), "No-op");
    co_await task;
  });
}

TEST_P(AsyncioTasks, TheTaskTreeSaysWhatATaskWaitsFor) {
  run([]() -> Coro<> {
    weft::Event event;
    auto waits = [&]() -> Coro<> { co_await event.wait(); };
    Task<void> const inner = weft::create_task(waits(), {.name = "the inner one"});
    auto awaits = [&]() -> Coro<> { co_await inner; };
    Task<void> const outer = weft::create_task(awaits(), {.name = "the outer one"});
    co_await weft::sleep(1ms);
    std::string const tree = weft::task_tree();
    EXPECT_NE(tree.find("the inner one"), std::string::npos) << tree;
    EXPECT_NE(tree.find("the outer one"), std::string::npos) << tree;
    event.set();
    co_await outer;
    std::string const later = weft::task_tree();
    EXPECT_EQ(later.find("the outer one"), std::string::npos) << later;
  });
}

// ---------------------------------------------------------------- current_task

TEST_P(AsyncioTasks, CurrentTaskIsTheTaskItselfAndNoneOutside) {
  EXPECT_EQ(outcome_of_call([] { (void)weft::current_task(); }), "RuntimeError");
  run([]() -> Coro<> {
    // Through a variable: a task whose result is its own handle would keep itself alive.
    weft::AnyTask seen;
    Task<void> const task = weft::create_task([&]() -> Coro<> {
      seen = weft::current_task();
      co_await weft::sleep(0ms);
      EXPECT_TRUE(weft::current_task() == seen);
    });
    co_await task;
    EXPECT_TRUE(seen == weft::AnyTask(task));
    EXPECT_FALSE(seen == weft::current_task());
  });
  EXPECT_EQ(outcome_of_call([] { (void)weft::current_task(); }), "RuntimeError");
}

TEST_P(AsyncioTasks, CurrentTaskIsRightWhenTwoTasksWakeEachOther) {
  run([]() -> Coro<> {
    weft::Event first_may, second_may, known;
    Task<void> first, second;
    auto one = [&]() -> Coro<> {
      co_await known.wait();
      EXPECT_TRUE(weft::current_task() == first);
      co_await first_may.wait();
      EXPECT_TRUE(weft::current_task() == first);
      second_may.set();
    };
    auto two = [&]() -> Coro<> {
      co_await known.wait();
      EXPECT_TRUE(weft::current_task() == second);
      first_may.set();
      co_await second_may.wait();
      EXPECT_TRUE(weft::current_task() == second);
    };
    first = weft::create_task(one());
    second = weft::create_task(two());
    known.set();
    co_await first;
    co_await second;
  });
}

// ---------------------------------------------------------------- sleep

TEST_P(AsyncioTasks, SleepsAddUp) {
  run([]() -> Coro<> {
    auto sleeper = []() -> Coro<std::string> {
      co_await weft::sleep(50ms);
      co_await weft::sleep(50ms);
      co_return "yeah";
    };
    Elapsed const clock;
    Task<std::string> const task = weft::create_task(sleeper());
    co_await task;
    EXPECT_TRUE(task.done());
    EXPECT_EQ(task.result(), "yeah");
    EXPECT_EQ(clock.ms(), 100ms);
  });
}

TEST_P(AsyncioTasks, SleepOfNanIsAValueError) {
  run([]() -> Coro<> {
    auto sleeper = []() -> Coro<> { co_await weft::sleep(std::chrono::duration<double>(std::nan(""))); };
    std::string const seen = co_await outcome(weft::create_task(sleeper()));
    EXPECT_EQ(seen, "ValueError");
  });
}

TEST_P(AsyncioTasks, ACancelledSleepLeavesNoTimer) {
  weft::Runtime runtime(options());
  runtime.run([&]() -> Coro<> {
    Task<void> task = weft::create_task([]() -> Coro<> { co_await weft::sleep(10s); });
    co_await weft::sleep(1ms);
    EXPECT_EQ(runtime.metrics().timers, 1U);
    task.cancel();
    std::string const seen = co_await outcome(task);
    EXPECT_EQ(seen, "CancelledError");
    EXPECT_EQ(runtime.metrics().timers, 0U);
  });
}

// With one worker, which keeps asyncio's order: what was scheduled before the sleep runs in it.
TEST_P(AsyncioTasks, SleepOfNothingLetsOthersRunOnce) {
  weft::Runtime runtime(options());
  std::atomic<int> result{0};
  runtime.run([&]() -> Coro<> {
    runtime.call_soon_threadsafe([&] { result.fetch_add(1); });
    if (GetParam() == 1) {
      EXPECT_EQ(result.load(), 0);
    }
    while (result.load() == 0) co_await weft::sleep(0ms);
    result.fetch_add(10);
  });
  EXPECT_EQ(result.load(), 11);
}

TEST_P(AsyncioTasks, SleepOfNothingRunsWhatWasReadyBefore) {
  run([&]() -> Coro<> {
    int result = 0;
    auto increments = [&]() -> Coro<> {
      ++result;
      co_return;
    };
    if (GetParam() != 1) co_return;  // with more workers "before" is not defined
    Task<void> const task = weft::create_task(increments());
    EXPECT_EQ(result, 0);
    co_await weft::sleep(0ms);
    EXPECT_EQ(result, 1);
    EXPECT_TRUE(task.done());
  });
}

// ---------------------------------------------------------------- failures that nobody retrieves

TEST_P(AsyncioTasks, AFailureOfATaskThatIsCancelledAfterItsEndIsNotReported) {
  run([]() -> Coro<> {
    auto fails = []() -> Coro<> {
      throw Failure("x");
      co_return;
    };
    {
      Task<void> task = weft::create_task(fails());
      co_await weft::sleep(50ms);
      EXPECT_TRUE(task.done());
      EXPECT_FALSE(task.cancel());
    }
    co_await weft::sleep(1ms);
  });
  EXPECT_EQ(take_unhandled(), std::vector<std::string>{});
}

TEST_P(AsyncioTasks, AnExceptionThatWasAskedForIsTheOneThatTheTaskThrew) {
  run([]() -> Coro<> {
    auto fails = []() -> Coro<> {
      throw Failure("x");
      co_return;
    };
    Task<void> const task = weft::create_task(fails());
    co_await weft::sleep(1ms);
    EXPECT_EQ(describe(task.exception()), "Failure(x)");
  });
}

// ---------------------------------------------------------------- from other threads (run_coroutine_threadsafe)

// On the steady clock: the virtual one stands still while a blocking call is out.
class AsyncioThreadsafe : public AtWorkers {
 protected:
  weft::Options steady() {
    weft::Options o = options();
    o.clock = weft::ClockKind::steady;
    return o;
  }
  static Coro<int> add(int a, int b, bool fails, bool cancels) {
    co_await weft::sleep(5ms);
    if (fails) throw Failure("Fail!");
    if (cancels) {
      weft::current_task().cancel();
      co_await weft::sleep(0ms);
    }
    co_return a + b;
  }
};

TEST_P(AsyncioThreadsafe, ACoroutineFromAnotherThreadGivesItsValue) {
  weft::Runtime runtime(steady());
  int const got = runtime.run([&]() -> Coro<int> {
    int const value = co_await weft::to_thread([&] { return runtime.submit(add(1, 2, false, false)).get(); });
    co_return value;
  });
  EXPECT_EQ(got, 3);
}

TEST_P(AsyncioThreadsafe, ACoroutineFromAnotherThreadThrowsItsException) {
  weft::Runtime runtime(steady());
  std::string const seen = outcome_of_call([&] {
    runtime.run([&]() -> Coro<> {
      int const value = co_await weft::to_thread([&] { return runtime.submit(add(1, 2, true, false)).get(); });
      (void)value;
    });
  });
  EXPECT_EQ(seen, "Failure(Fail!)");
}

TEST_P(AsyncioThreadsafe, ACoroutineFromAnotherThreadThatIsCancelledGivesCancelledError) {
  weft::Runtime runtime(steady());
  std::string const seen = outcome_of_call([&] {
    runtime.run([&]() -> Coro<> {
      int const value = co_await weft::to_thread([&] { return runtime.submit(add(1, 2, false, true)).get(); });
      (void)value;
    });
  });
  EXPECT_EQ(seen, "CancelledError");
}

// std::future cannot be cancelled: the handle that Runtime::create_task gives can.
TEST_P(AsyncioThreadsafe, AThreadThatNoLongerWaitsMayCancelAndNoTaskIsLeft) {
  weft::Runtime runtime(steady());
  runtime.run([&]() -> Coro<> {
    std::string const seen = co_await weft::to_thread([&] {
      Task<int> task = runtime.create_task(add(1, 2, false, false));
      EXPECT_FALSE(task.done());
      EXPECT_TRUE(task.cancel());
      return outcome_of_call([&] { (void)task.get(); });
    });
    EXPECT_EQ(seen, "CancelledError");
    EXPECT_EQ(weft::all_tasks().size(), 1U);
  });
}

WEFT_TEST_AT_1_2_8_WORKERS(AsyncioTasks);
WEFT_TEST_AT_1_2_8_WORKERS(AsyncioThreadsafe);

}  // namespace
}  // namespace weft_test
