// wait() as CPython's test_tasks.py has it. CPython's sets are vectors here: done in the order of completion, pending in
// the order in which they were given. docs/conformance says which of CPython's tests each of these stands for.
#include "unit/support.hpp"

namespace weft_test {
namespace {

class AsyncioWait : public AtWorkers {};

using IntTasks = std::vector<Task<int>>;

// GCC12: a braced vector inside an await does not compile.
template <class... T>
IntTasks tasks_of(T... tasks) { return IntTasks{std::move(tasks)...}; }

TEST_P(AsyncioWait, EndsWhenAllHaveEndedAndAtOnceWhenTheyHad) {
  run([]() -> Coro<> {
    Elapsed const clock;
    Task<int> const a = weft::create_task(value_after(100ms, 1));
    Task<int> const b = weft::create_task(value_after(150ms, 2));
    for (int i = 0; i < 2; ++i) {
      auto const [done, pending] = co_await weft::wait(tasks_of(b, a));
      EXPECT_EQ(done.size(), 2U);
      EXPECT_TRUE(pending.empty());
      if (i == 0) {
        EXPECT_EQ(done, (IntTasks{a, b})) << "as they ended";
      }
      EXPECT_EQ(clock.ms(), 150ms);
    }
  });
}

TEST_P(AsyncioWait, CountsATaskThatIsGivenTwiceOnce) {
  run([]() -> Coro<> {
    Task<int> const c = weft::create_task(value_after(0ms, 1));
    Task<int> const d = weft::create_task(value_after(0ms, 2));
    auto const [done, pending] = co_await weft::wait(tasks_of(c, c, d));
    EXPECT_TRUE(pending.empty());
    EXPECT_EQ(done.size(), 2U);
    int sum = 0;
    for (Task<int> const& t : done) sum += t.result();
    EXPECT_EQ(sum, 3);
  });
}

TEST_P(AsyncioWait, OfNothingIsAValueError) {
  run([]() -> Coro<> {
    auto waits = []() -> Coro<> {
      auto const result = co_await weft::wait(IntTasks());
      (void)result;
    };
    std::string const seen = co_await outcome(waits());
    EXPECT_EQ(seen, "ValueError");
  });
}

TEST_P(AsyncioWait, ForTheFirstToEndGivesItAndLeavesTheOthersRunning) {
  run([]() -> Coro<> {
    Elapsed const clock;
    Task<int> const a = weft::create_task(value_after(10s, 1));
    Task<int> const b = weft::create_task(value_after(100ms, 2));
    auto const [done, pending] = co_await weft::wait(tasks_of(b, a), {.return_when = weft::FIRST_COMPLETED});
    EXPECT_EQ(done, IntTasks{b});
    EXPECT_EQ(pending, IntTasks{a});
    EXPECT_FALSE(a.done());
    EXPECT_TRUE(b.done());
    EXPECT_EQ(b.result(), 2);
    EXPECT_EQ(clock.ms(), 100ms);
    auto const rest = co_await weft::wait(tasks_of(a, b));
    EXPECT_EQ(rest.done.size(), 2U);
  });
}

// What has ended by the time the waiter looks is done, whether or not it was the one that woke it.
TEST_P(AsyncioWait, ForTheFirstToEndGivesAllThatHaveEndedBefore) {
  run([]() -> Coro<> {
    Task<int> const a = weft::create_task(value_after(0ms, 1));
    Task<int> const b = weft::create_task(value_after(0ms, 2));
    Task<int> const c = weft::create_task(value_after(10s, 3));
    co_await weft::sleep(1ms);
    auto const [done, pending] = co_await weft::wait(tasks_of(b, a, c), {.return_when = weft::FIRST_COMPLETED});
    EXPECT_EQ(done.size(), 2U);
    EXPECT_TRUE(a.done());
    EXPECT_TRUE(b.done());
    EXPECT_EQ(a.result() + b.result(), 3);
    EXPECT_EQ(pending, IntTasks{c});
  });
}

TEST_P(AsyncioWait, ForTheFirstExceptionEndsAtOnceWhenThereIsOne) {
  run([]() -> Coro<> {
    Elapsed const clock;
    auto fails = []() -> Coro<int> {
      throw Failure("err");
      co_return 1;
    };
    Task<int> const a = weft::create_task(value_after(10s, 1));
    Task<int> const b = weft::create_task(fails());
    auto const [done, pending] = co_await weft::wait(tasks_of(b, a), {.return_when = weft::FIRST_EXCEPTION});
    EXPECT_EQ(done, IntTasks{b});
    EXPECT_EQ(pending, IntTasks{a});
    EXPECT_EQ(clock.ms(), 0ms);
    EXPECT_EQ(describe(b.exception()), "Failure(err)");
    co_await a;
  });
}

TEST_P(AsyncioWait, ForTheFirstExceptionEndsWhenOneComes) {
  run([]() -> Coro<> {
    Elapsed const clock;
    Task<int> const a = weft::create_task(value_after(10s, 1));
    Task<int> const b = weft::create_task(fail_after(10ms, "err"));
    auto const [done, pending] = co_await weft::wait(tasks_of(b, a), {.return_when = weft::FIRST_EXCEPTION});
    EXPECT_EQ(done, IntTasks{b});
    EXPECT_EQ(pending, IntTasks{a});
    EXPECT_EQ(clock.ms(), 10ms);
    EXPECT_EQ(describe(b.exception()), "Failure(err)");
    co_await a;
  });
}

TEST_P(AsyncioWait, ForAllToEndDoesNotMindExceptions) {
  run([]() -> Coro<> {
    Elapsed const clock;
    Task<int> const a = weft::create_task(value_after(100ms, 1));
    Task<int> const b = weft::create_task(fail_after(150ms, "really"));
    for (int i = 0; i < 2; ++i) {
      auto const [done, pending] = co_await weft::wait(tasks_of(b, a));
      EXPECT_EQ(done.size(), 2U);
      EXPECT_TRUE(pending.empty());
      int errors = 0;
      for (Task<int> const& t : done) errors += t.exception() != nullptr ? 1 : 0;
      EXPECT_EQ(errors, 1);
      EXPECT_EQ(clock.ms(), 150ms);
    }
  });
}

TEST_P(AsyncioWait, WithATimeoutGivesWhatHasEndedByThen) {
  run([]() -> Coro<> {
    Elapsed const clock;
    Task<int> const a = weft::create_task(value_after(100ms, 1));
    Task<int> const b = weft::create_task(value_after(150ms, 2));
    auto const [done, pending] = co_await weft::wait(tasks_of(b, a), {.timeout = 110ms});
    EXPECT_EQ(done, IntTasks{a});
    EXPECT_EQ(pending, IntTasks{b});
    EXPECT_EQ(clock.ms(), 110ms);
    EXPECT_FALSE(b.done());
    int const value = co_await b;
    EXPECT_EQ(value, 2);
  });
}

// CPython decides for the task, because its timer was set first; here one tick has no order, and either is right.
TEST_P(AsyncioWait, WithATimeoutInTheTickInWhichATaskEndsGivesEachTaskOnce) {
  run([]() -> Coro<> {
    Elapsed const clock;
    Task<int> const a = weft::create_task(value_after(100ms, 1));
    Task<int> const b = weft::create_task(value_after(150ms, 2));
    co_await weft::yield_now();
    auto const [done, pending] = co_await weft::wait(tasks_of(b, a), {.timeout = 100ms});
    EXPECT_EQ(clock.ms(), 100ms);
    EXPECT_EQ(done.size() + pending.size(), 2U);
    if (GetParam() == 1) {
      EXPECT_EQ(done, IntTasks{a});
      EXPECT_EQ(pending, IntTasks{b});
    }
    for (Task<int> const& t : done) EXPECT_TRUE(t == a && t.done());
    co_await b;
  });
}

TEST_P(AsyncioWait, TakesAnyRangeOfTasks) {
  run([]() -> Coro<> {
    Task<int> const tasks[] = {weft::create_task(value_after(100ms, 1)), weft::create_task(value_after(150ms, 2))};
    auto const [done, pending] = co_await weft::wait(tasks);
    EXPECT_EQ(done.size(), 2U);
    EXPECT_TRUE(pending.empty());
    std::vector<weft::AnyTask> const erased{tasks[0], tasks[1]};
    auto const again = co_await weft::wait(erased);
    EXPECT_EQ(again.done.size(), 2U);
  });
}

TEST_P(AsyncioWait, TakesARangeThatIsMadeOnTheWay) {
  run([]() -> Coro<> {
    IntTasks tasks;
    for (int i = 0; i < 10; ++i) tasks.push_back(weft::create_task(value_after(0ms, i)));
    auto const [done, pending] = co_await weft::wait(std::move(tasks), {.return_when = weft::ALL_COMPLETED});
    EXPECT_EQ(done.size(), 10U);
    EXPECT_TRUE(pending.empty());
  });
}

TEST_P(AsyncioWait, WhoseCallerIsCancelledLeavesTheTasksRunning) {
  std::atomic<int> proof{0};
  run([&]() -> Coro<> {
    weft::Event waiter, ended;
    auto inner = [&]() -> Coro<int> {
      co_await waiter.wait();
      proof.fetch_add(1);
      ended.set();
      co_return 0;
    };
    auto outer = [&]() -> Coro<> {
      auto const result = co_await weft::wait(tasks_of(weft::create_task(inner())));
      (void)result;
      proof.fetch_add(100);
    };
    Task<void> task = weft::create_task(outer());
    co_await weft::sleep(1ms);
    task.cancel();
    std::string const seen = co_await outcome(task);
    EXPECT_EQ(seen, "CancelledError");
    waiter.set();
    co_await ended.wait();
  });
  EXPECT_EQ(proof.load(), 1);
}

// CPython: result() and exception() of a task that was cancelled with a message, after a wait that itself throws nothing.
class AsyncioCancelMessages : public AtWorkers {};

TEST_P(AsyncioCancelMessages, ResultOfACancelledTaskThrowsTheMessage) {
  for (std::string const& message : {std::string(), std::string("my message")}) {
    std::string const seen = run([message]() -> Coro<std::string> {
      auto work = [message]() -> Coro<> {
        Task<int> task = weft::create_task(value_after(10s, 1));
        co_await weft::sleep(1ms);
        task.cancel(message);
        auto const result = co_await weft::wait(tasks_of(task));
        EXPECT_EQ(result.done.size(), 1U);
        (void)task.result();
      };
      std::string const how = co_await outcome(weft::create_task(work()));
      co_return how;
    });
    EXPECT_EQ(seen, message.empty() ? "CancelledError" : "CancelledError(my message)");
  }
}

TEST_P(AsyncioCancelMessages, ExceptionOfACancelledTaskThrowsTheMessage) {
  for (std::string const& message : {std::string(), std::string("my message")}) {
    std::string const seen = run([message]() -> Coro<std::string> {
      auto work = [message]() -> Coro<> {
        Task<int> task = weft::create_task(value_after(10s, 1));
        co_await weft::sleep(1ms);
        task.cancel(message);
        auto const result = co_await weft::wait(tasks_of(task));
        EXPECT_EQ(result.done.size(), 1U);
        (void)task.exception();
      };
      std::string const how = co_await outcome(weft::create_task(work()));
      co_return how;
    });
    EXPECT_EQ(seen, message.empty() ? "CancelledError" : "CancelledError(my message)");
  }
}

TEST_P(AsyncioCancelMessages, ATaskCancelledBeforeItStartsThrowsTheMessage) {
  run([]() -> Coro<> {
    auto work = []() -> Coro<> {
      Task<int> task = weft::create_task(value_after(10s, 1));
      task.cancel("my message");
      auto const result = co_await weft::wait(tasks_of(task));
      EXPECT_EQ(result.done.size(), 1U);
      (void)task.exception();
    };
    Task<void> const task = weft::create_task(work());
    std::string const seen = co_await outcome(task);
    EXPECT_EQ(seen, "CancelledError(my message)");
    EXPECT_EQ(task.cancelling(), 0);
  });
}

WEFT_TEST_AT_1_2_8_WORKERS(AsyncioWait);
WEFT_TEST_AT_1_2_8_WORKERS(AsyncioCancelMessages);

}  // namespace
}  // namespace weft_test
