// Context variables as the context tests of CPython's test_tasks.py, test_context.py, test_runners.py and test_eager_task_factory.py have
// them. A context is no object here that could be passed around: a task and a part of a gather start with a copy of their creator's.
#include "unit/support.hpp"

namespace weft_test {
namespace {

class AsyncioContext : public AtWorkers {};

TEST_P(AsyncioContext, ATaskHasACopyOfItsCreatorsContext) {
  weft::ContextVar<std::string> var("var", "nope");
  run([&]() -> Coro<> {
    auto sub = [&]() -> Coro<> {
      co_await weft::sleep(10ms);
      EXPECT_EQ(var.get(), "nope");
      var.set("something else");
    };
    auto main = [&]() -> Coro<> {
      EXPECT_EQ(var.get(), "nope");
      Task<void> const subtask = weft::create_task(sub());
      var.set("yes");
      EXPECT_EQ(var.get(), "yes");
      co_await subtask;
      EXPECT_EQ(var.get(), "yes");
    };
    co_await weft::create_task(main());
    EXPECT_EQ(var.get(), "nope");
  });
}

TEST_P(AsyncioContext, ADoneCallbackDoesNotChangeTheContextOfTheTaskThatRegisteredIt) {
  weft::ContextVar<std::string> var("var", "nope");
  run([&]() -> Coro<> {
    auto main = [&]() -> Coro<> {
      EXPECT_EQ(var.get(), "nope");
      for (int j = 0; j < 2; ++j) {
        std::string const outer = "yes" + std::to_string(j);
        auto sleeps = []() -> Coro<> { co_await weft::sleep(1ms); };
        Task<void> task = weft::create_task(sleeps());
        task.add_done_callback([&](Task<void> const&) { var.set("something else"); });
        var.set(outer);
        co_await task;
        EXPECT_EQ(var.get(), outer);
        for (int i = 0; i < 3; ++i) {
          std::string const inner = "yes" + std::to_string(i) + "-" + std::to_string(j);
          var.set(inner);
          co_await weft::sleep(1ms);
          EXPECT_EQ(var.get(), inner);
        }
      }
    };
    co_await weft::create_task(main());
    EXPECT_EQ(var.get(), "nope");
  });
}

TEST_P(AsyncioContext, ManyTasksThatChangeAVariableEachSeeTheirOwn) {
  weft::ContextVar<int> var("var", -1);
  run([&]() -> Coro<> {
    auto sub = [&](int number) -> Coro<> {
      for (int i = 0; i < 10; ++i) {
        var.set(number + i);
        co_await weft::sleep(milliseconds(1 + (number * 7 + i * 13) % 50));
        EXPECT_EQ(var.get(), number + i);
      }
    };
    std::vector<Task<void>> tasks;
    for (int i = 0; i < 100; ++i) tasks.push_back(weft::create_task(sub(i % 11)));
    auto const all = co_await weft::gather(tasks);
    (void)all;
    EXPECT_EQ(var.get(), -1);
  });
}

// CPython: decimal's precision, which is a context variable, in two coroutines that are gathered.
TEST_P(AsyncioContext, CoroutinesThatAreGatheredEachHaveTheirOwn) {
  weft::ContextVar<int> precision("precision", 28);
  run([&]() -> Coro<> {
    auto digits = [&](int number) { return std::to_string(number).substr(0, static_cast<std::size_t>(precision.get())); };
    auto fractions = [&](milliseconds delay, int digits_wanted) -> Coro<std::string> {
      auto const token = precision.set(digits_wanted);
      std::string const before = digits(333333333);
      co_await weft::sleep(delay);
      std::string const after = digits(111111111);
      precision.reset(token);
      co_return before + " " + after;
    };
    auto const [a, b] = co_await weft::gather(fractions(100ms, 3), fractions(200ms, 6));
    EXPECT_EQ(a, "333 111");
    EXPECT_EQ(b, "333333 111111");
    EXPECT_EQ(precision.get(), 28);
  });
}

TEST_P(AsyncioContext, ARuntimeKeepsItsContextFromRunToRun) {
  weft::ContextVar<int> var("var", -1);
  weft::Runtime runtime(options());
  auto exchange = [&](int value) -> Coro<int> {
    int const old = var.get();
    co_await weft::sleep(0ms);
    var.set(value);
    co_return old;
  };
  EXPECT_EQ(runtime.run(exchange(1)), -1);
  EXPECT_EQ(runtime.run(exchange(2)), 1);
  EXPECT_EQ(runtime.run(exchange(3)), 2);
}

TEST_P(AsyncioContext, ATasksChangesStayItsOwnOverItsWaits) {
  weft::ContextVar<int> var("var", 0);
  run([&]() -> Coro<> {
    bool second_step_ran = false;
    weft::Event first_step_ran;
    auto body = [&]() -> Coro<> {
      EXPECT_EQ(var.get(), 1);
      var.set(2);
      EXPECT_EQ(var.get(), 2);
      first_step_ran.set();
      co_await weft::sleep(100ms);
      EXPECT_EQ(var.get(), 2);
      var.set(3);
      EXPECT_EQ(var.get(), 3);
      second_step_ran = true;
    };
    var.set(1);
    Task<void> const task = weft::create_task(body());
    co_await first_step_ran.wait();
    EXPECT_EQ(var.get(), 1);
    co_await task;
    EXPECT_TRUE(second_step_ran);
    EXPECT_EQ(var.get(), 1);
  });
}

WEFT_TEST_AT_1_2_8_WORKERS(AsyncioContext);

}  // namespace
}  // namespace weft_test
