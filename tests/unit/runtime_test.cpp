// Runtime as a value: reused, several at once, made and destroyed under load; its workers, hooks and options; handles that
// outlive it.
#include "support.hpp"

#include <algorithm>
#include <future>
#include <memory>
#include <set>
#include <thread>

namespace weft_test {
namespace {

class RuntimeObject : public AtWorkers {};

TEST_P(RuntimeObject, RunsAgainAndAgain) {
  weft::Runtime runtime(options());
  for (int i = 0; i < 100; ++i) {
    int const v = runtime.run(value_after, 1ms, i);
    EXPECT_EQ(v, i);
  }
  EXPECT_EQ(outcome_of_call([&] { (void)runtime.run(fail_after(1ms, "x")); }), "Failure(x)");
  EXPECT_EQ(runtime.run(value_after(1ms, 7)), 7);
}

TEST_P(RuntimeObject, UnusedIsDestroyedAtOnce) {
  for (int i = 0; i < 50; ++i) weft::Runtime runtime(options());
}

TEST_P(RuntimeObject, TasksOfOneRunAreGoneBeforeTheNext) {
  Log log;
  weft::Runtime runtime(options());
  for (int i = 0; i < 3; ++i) {
    runtime.run([&]() -> Coro<> {
      EXPECT_EQ(weft::all_tasks().size(), 1U);
      weft::create_task(sleep_for_ever(log, "left"));
      co_await weft::sleep(1ms);
    });
    EXPECT_TRUE(runtime.all_tasks().empty());
  }
  EXPECT_EQ(log.count("left:cancelled"), 3U);
}

TEST_P(RuntimeObject, SeveralLiveAndRunAtOnce) {
  std::vector<std::thread> threads;
  std::atomic<int> sum{0};
  for (int i = 1; i <= 4; ++i) {
    threads.emplace_back([&, i] {
      weft::Runtime runtime(options());
      int const v = runtime.run([i]() -> Coro<int> {
        int total = 0;
        for (int k = 0; k < 50; ++k) {
          auto const [a, b] = co_await weft::gather(value_after(1ms, i), value_after(2ms, i));
          total += a + b;
        }
        co_return total;
      });
      sum.fetch_add(v);
    });
  }
  for (std::thread& t : threads) t.join();
  EXPECT_EQ(sum.load(), 100 * (1 + 2 + 3 + 4));
}

TEST_P(RuntimeObject, TaskOfOneIsCancelledFromATaskOfAnother) {
  weft::Options steady = options();
  steady.clock = weft::ClockKind::steady;
  weft::Runtime first(steady);
  weft::Runtime second(options());
  Log log;
  Task<void> task = first.create_task(sleep_for_ever(log, "first"));
  second.run([&]() -> Coro<> {
    co_await weft::sleep(1ms);
    EXPECT_TRUE(task.cancel());
  });
  EXPECT_EQ(outcome_of_call([&] { task.get(); }), "CancelledError");
}

TEST_P(RuntimeObject, HasAsManyWorkersAsAskedEachWithItsHooks) {
  std::mutex mutex;
  std::multiset<unsigned> started;
  std::multiset<unsigned> stopped;
  weft::Options o = options();
  o.on_thread_start = [&](unsigned index) {
    std::lock_guard const lock(mutex);
    started.insert(index);
  };
  o.on_thread_stop = [&](unsigned index) {
    std::lock_guard const lock(mutex);
    stopped.insert(index);
  };
  {
    weft::Runtime runtime(o);
    EXPECT_EQ(runtime.run(value_after(1ms, 1)), 1);
  }
  EXPECT_EQ(started, stopped);
  std::multiset<unsigned> expected;
  for (unsigned i = 0; i < GetParam(); ++i) expected.insert(i);
  EXPECT_EQ(started, expected);
}

TEST_P(RuntimeObject, UsesAllItsWorkers) {
  if (GetParam() == 1) return;
  std::mutex mutex;
  std::set<std::thread::id> threads;
  std::atomic<unsigned> inside{0};
  run([&]() -> Coro<> {
    // Each leaf waits until the others have begun: that needs all the workers at the same time.
    auto leaf = [&]() -> Coro<> {
      {
        std::lock_guard const lock(mutex);
        threads.insert(std::this_thread::get_id());
      }
      inside.fetch_add(1);
      while (inside.load() < GetParam()) std::this_thread::yield();
      co_return;
    };
    std::vector<Coro<>> leaves;
    for (unsigned i = 0; i < GetParam(); ++i) leaves.push_back(leaf());
    auto results = co_await weft::gather(std::move(leaves));
    (void)results;
  });
  EXPECT_EQ(threads.size(), GetParam());
}

TEST_P(RuntimeObject, TasksAreSpreadOverTheWorkersToo) {
  if (GetParam() == 1) return;
  std::atomic<unsigned> inside{0};
  run([&]() -> Coro<> {
    auto leaf = [&]() -> Coro<> {
      inside.fetch_add(1);
      while (inside.load() < GetParam()) std::this_thread::yield();
      co_return;
    };
    co_await weft::task_group([&](weft::TaskGroup& tg) -> Coro<> {
      for (unsigned i = 0; i < GetParam(); ++i) tg.start_soon(leaf());
      co_return;
    });
  });
  EXPECT_EQ(inside.load(), GetParam());
}

TEST_P(RuntimeObject, HandlesOutliveIt) {
  Task<int> good;
  Task<int> bad;
  Task<int> cancelled;
  {
    weft::Runtime runtime(options());
    runtime.run([&]() -> Coro<> {
      good = weft::create_task(value_after(1ms, 5));
      bad = weft::create_task(fail_after(1ms, "x"), {.name = "bad one"});
      cancelled = weft::create_task(value_after(1h, 5));
      co_await weft::sleep(5ms);
      EXPECT_EQ(describe(bad.exception()), "Failure(x)");
    });
  }
  EXPECT_TRUE(good.done() && bad.done() && cancelled.done());
  EXPECT_EQ(good.result(), 5);
  EXPECT_EQ(good.get(), 5);
  EXPECT_EQ(describe(bad.exception()), "Failure(x)");
  EXPECT_EQ(bad.name(), "bad one");
  EXPECT_TRUE(cancelled.cancelled());
  EXPECT_FALSE(good.cancel());
  EXPECT_FALSE(cancelled.cancel());
  weft::Runtime other(options());
  int const v = other.run([&]() -> Coro<int> {
    int const x = co_await good;
    std::string const of_bad = co_await outcome(bad);
    EXPECT_EQ(of_bad, "Failure(x)");
    std::string const of_cancelled = co_await outcome(cancelled);
    EXPECT_EQ(of_cancelled, "CancelledError");
    co_return x;
  });
  EXPECT_EQ(v, 5);
}

TEST_P(RuntimeObject, DestroyedUnderLoadCancelsAndEndsEveryTask) {
  std::atomic<int> live{0};
  std::atomic<int> cancelled{0};
  std::vector<Task<void>> tasks;
  auto body = [&](Live) -> Coro<> {
    try {
      co_await weft::sleep(1h);
    } catch (weft::CancelledError const&) {
      cancelled.fetch_add(1);
      throw;
    }
  };
  {
    weft::Options o = options();
    o.clock = weft::ClockKind::steady;
    weft::Runtime runtime(o);
    for (int i = 0; i < 200; ++i) tasks.push_back(runtime.create_task(body(Live(live))));
  }
  EXPECT_EQ(live.load(), 0);
  EXPECT_LE(cancelled.load(), 200);
  for (Task<void> const& t : tasks) EXPECT_TRUE(t.cancelled());
}

TEST_P(RuntimeObject, EnvironmentSetsTheNumberOfWorkersWhenNoneIsAsked) {
  ::setenv("WEFT_WORKERS", "3", 1);
  std::atomic<unsigned> started{0};
  weft::Options o = options();
  o.workers = 0;
  o.on_thread_start = [&](unsigned) { started.fetch_add(1); };
  {
    weft::Runtime runtime(o);
    EXPECT_EQ(runtime.run(value_after(1ms, 1)), 1);
  }
  ::unsetenv("WEFT_WORKERS");
  EXPECT_EQ(started.load(), 3U);
}

TEST_P(RuntimeObject, AllTasksFromOutside) {
  weft::Options o = options();
  o.clock = weft::ClockKind::steady;
  weft::Runtime runtime(o);
  EXPECT_TRUE(runtime.all_tasks().empty());
  Log log;
  Task<void> task = runtime.create_task(sleep_for_ever(log, "t"), {.name = "lonely"});
  std::vector<weft::AnyTask> const all = runtime.all_tasks();
  EXPECT_EQ(all.size(), 1U);
  if (all.size() == 1) {
    EXPECT_EQ(all.front().name(), "lonely");
  }
  task.cancel();
  EXPECT_EQ(outcome_of_call([&] { task.get(); }), "CancelledError");
}

TEST_P(RuntimeObject, PinningAndThreadNamesAreAccepted) {
  weft::Options o = options();
  o.pin = weft::Pin::core;
  o.thread_name = "a rather long thread name";
  weft::Runtime runtime(o);
  EXPECT_EQ(runtime.run(value_after(1ms, 1)), 1);
}

WEFT_TEST_AT_1_2_8_WORKERS(RuntimeObject);

}  // namespace
}  // namespace weft_test
