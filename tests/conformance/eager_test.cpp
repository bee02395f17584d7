// What of CPython's test_eager_task_factory.py holds for a runtime whose tasks may begin on another worker at once, and
// never begin inside create_task with one worker: what a task that has ended or waits looks like to its creator.
#include "unit/support.hpp"

#include <algorithm>
#include <mutex>
#include <set>

namespace weft_test {
namespace {

class AsyncioEager : public AtWorkers {};

bool contains(std::vector<weft::AnyTask> const& tasks, weft::AnyTask const& task) {
  return std::find(tasks.begin(), tasks.end(), task) != tasks.end();
}

TEST_P(AsyncioEager, ATaskThatEndsWithoutWaitingIsDoneWhenItWasAwaited) {
  run([]() -> Coro<> {
    auto hello = []() -> Coro<std::string> { co_return "hello"; };
    Task<std::string> const task = weft::create_task(hello());
    std::string const got = co_await task;
    EXPECT_EQ(got, "hello");
    EXPECT_TRUE(task.done());
  });
}

TEST_P(AsyncioEager, ATaskThatWaitsIsNotDoneUntilItWasAwaited) {
  run([]() -> Coro<> {
    auto blocks = []() -> Coro<std::string> {
      co_await weft::sleep(100ms);
      co_return "finished after blocking";
    };
    Task<std::string> const task = weft::create_task(blocks());
    EXPECT_FALSE(task.done());
    std::string const got = co_await task;
    EXPECT_EQ(got, "finished after blocking");
    EXPECT_TRUE(task.done());
  });
}

TEST_P(AsyncioEager, ACancelAfterTheEndChangesNothing) {
  run([]() -> Coro<> {
    auto quick = []() -> Coro<std::string> { co_return "finished without blocking"; };
    Task<std::string> task = weft::create_task(quick());
    while (!task.done()) co_await weft::sleep(0ms);
    EXPECT_FALSE(task.cancel());
    std::string const got = co_await task;
    EXPECT_FALSE(task.cancelled());
    EXPECT_EQ(got, "finished without blocking");
  });
}

TEST_P(AsyncioEager, ACancelAfterTheFirstStepHasItsMessage) {
  run([]() -> Coro<> {
    weft::Event started;
    auto blocks = [&]() -> Coro<> {
      started.set();
      co_await weft::sleep(100ms);
    };
    Task<void> task = weft::create_task(blocks());
    co_await started.wait();
    EXPECT_TRUE(task.cancel("cancellation message"));
    EXPECT_GT(task.cancelling(), 0);
    std::string const seen = co_await outcome(task);
    EXPECT_EQ(seen, "CancelledError(cancellation message)");
  });
}

TEST_P(AsyncioEager, CurrentTaskIsTheSameBeforeAndAfterAWait) {
  run([]() -> Coro<> {
    weft::AnyTask captured;
    auto body = [&]() -> Coro<> {
      captured = weft::current_task();
      co_await weft::sleep(100ms);
      EXPECT_TRUE(weft::current_task() == captured);
    };
    Task<void> const task = weft::create_task(body());
    co_await task;
    EXPECT_TRUE(captured == weft::AnyTask(task));
  });
}

TEST_P(AsyncioEager, AllTasksHasARunningTaskAndNotOneThatEnded) {
  run([]() -> Coro<> {
    std::vector<weft::AnyTask> captured;
    auto body = [&]() -> Coro<> {
      captured = weft::all_tasks();
      co_return;
    };
    Task<void> const task = weft::create_task(body());
    co_await task;
    EXPECT_TRUE(contains(captured, task));
    EXPECT_FALSE(contains(weft::all_tasks(), task));
  });
}

TEST_P(AsyncioEager, AllTasksHasATaskThatWaits) {
  run([]() -> Coro<> {
    weft::Event first, second;
    std::vector<weft::AnyTask> captured;
    auto body = [&]() -> Coro<> {
      captured = weft::all_tasks();
      co_await first.wait();
      second.set();
    };
    Task<void> const task = weft::create_task(body());
    co_await weft::sleep(1ms);
    EXPECT_TRUE(contains(captured, task));
    EXPECT_TRUE(contains(weft::all_tasks(), task));
    first.set();
    co_await second.wait();
    co_await task;
    EXPECT_FALSE(contains(weft::all_tasks(), task));
  });
}

// ---------------------------------------------------------------- how many tasks are made of what

// Which tasks the coroutines of a recursion ran in.
class Tasks {
 public:
  void note() {
    std::lock_guard const lock(mutex_);
    ++steps_;
    ids_.insert(weft::current_task().id());
  }
  std::size_t steps() const { return steps_; }
  std::size_t distinct() const { return ids_.size(); }

 private:
  std::mutex mutex_;
  std::size_t steps_ = 0;
  std::set<std::uint64_t> ids_;
};

struct Recursion {
  static Coro<int> chain(int depth, Tasks& tasks) {
    tasks.note();
    if (depth == 0) co_return 0;
    int const rest = co_await chain(depth - 1, tasks);
    co_return 1 + rest;
  }
  static Coro<> groups(int width, int depth, Tasks& tasks) {
    tasks.note();
    if (depth == 0) co_return;
    auto body = [&](weft::TaskGroup& tg) -> Coro<> {
      for (int i = 0; i < width; ++i) tg.create_task(groups(width, depth - 1, tasks));
      co_return;
    };
    co_await weft::task_group(body);
  }
  static Coro<> gathers(int width, int depth, Tasks& tasks) {
    tasks.note();
    if (depth == 0) co_return;
    std::vector<Coro<>> coros;
    for (int i = 0; i < width; ++i) coros.push_back(gathers(width, depth - 1, tasks));
    co_await weft::gather(std::move(coros));
  }
};

inline constexpr std::size_t nodes = 1 + 5 + 25 + 125 + 625;

TEST_P(AsyncioEager, AChainOfAwaitsMakesNoTask) {
  Tasks tasks;
  run([&]() -> Coro<> {
    int const depth = co_await Recursion::chain(100, tasks);
    EXPECT_EQ(depth, 100);
  });
  EXPECT_EQ(tasks.steps(), 101U);
  EXPECT_EQ(tasks.distinct(), 1U);
}

TEST_P(AsyncioEager, RecursiveGroupsMakeATaskForEachChild) {
  Tasks tasks;
  run([&]() -> Coro<> { co_await Recursion::groups(5, 4, tasks); });
  EXPECT_EQ(tasks.steps(), nodes);
  EXPECT_EQ(tasks.distinct(), nodes);
}

// asyncio makes a task of each coroutine, unless it is eager; here they are parts of the caller.
TEST_P(AsyncioEager, RecursiveGathersMakeNoTask) {
  Tasks tasks;
  run([&]() -> Coro<> { co_await Recursion::gathers(5, 4, tasks); });
  EXPECT_EQ(tasks.steps(), nodes);
  EXPECT_EQ(tasks.distinct(), 1U);
}

WEFT_TEST_AT_1_2_8_WORKERS(AsyncioEager);

}  // namespace
}  // namespace weft_test
