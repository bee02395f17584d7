// gather as CPython's test_tasks.py has it. Its tests with futures are about what gather does with things that run by
// themselves: here they are Task handles, for which weft's gather is asyncio's to the letter. Its tests with coroutines
// are here with bare coroutines, and say where weft departs (it waits for them all, and they are parts of the caller).
#include "conformance/operations.hpp"
#include "unit/support.hpp"

#include <memory>

namespace weft_test {
namespace {

// A task that ends when the test says so, in the way that the test says: what CPython's tests use a bare future for.
class Controlled {
 public:
  Controlled() : state_(std::make_shared<State>()), task(weft::create_task(body(state_))) {}

  void set_result(int value) {
    state_->value = value;
    state_->event.set();
  }
  void set_exception(std::string name) {
    state_->failure = std::move(name);
    state_->event.set();
  }

 private:
  struct State {
    weft::Event event;
    int value = 0;
    std::string failure;
  };
  static Coro<int> body(std::shared_ptr<State> state) {
    co_await state->event.wait();
    if (!state->failure.empty()) throw Failure(state->failure);
    co_return state->value;
  }
  std::shared_ptr<State> state_;

 public:
  Task<int> task;
};

template <class T>
std::string text_of(weft::Result<T> result) {
  return result.has_value() ? std::to_string(*result) : describe(result.error());
}

template <class T>
std::string text_of(std::vector<weft::Result<T>> const& results) {
  std::string text;
  for (weft::Result<T> const& r : results) text += (text.empty() ? "" : " ") + text_of(r);
  return text;
}

class AsyncioGather : public AtWorkers {};

// ---------------------------------------------------------------- of handles

TEST_P(AsyncioGather, OfHandlesGivesResultsInTheOrderOfItsArguments) {
  run([]() -> Coro<> {
    Controlled a, b, c;
    auto gathers = [&]() -> Coro<std::vector<int>> {
      std::vector<Task<int>> const tasks{a.task, b.task, c.task};
      std::vector<int> const all = co_await weft::gather(tasks);
      co_return all;
    };
    std::atomic<int> called{0};
    Task<std::vector<int>> gathering = weft::create_task(gathers());
    gathering.add_done_callback([&](Task<std::vector<int>> const&) { called.fetch_add(1); });
    b.set_result(1);
    a.set_result(2);
    co_await settle();
    EXPECT_EQ(called.load(), 0);
    EXPECT_FALSE(gathering.done());
    c.set_result(3);
    co_await settle();
    EXPECT_EQ(called.load(), 1);
    EXPECT_EQ(gathering.result(), (std::vector<int>{2, 1, 3}));
  });
}

TEST_P(AsyncioGather, OfHandlesWithReturnExceptionsGivesTheSameWhenNothingFails) {
  run([]() -> Coro<> {
    Controlled a, b, c;
    auto gathers = [&]() -> Coro<std::string> {
      std::vector<Task<int>> const tasks{a.task, b.task, c.task};
      auto const all = co_await weft::gather(weft::return_exceptions, tasks);
      co_return text_of(all);
    };
    Task<std::string> const gathering = weft::create_task(gathers());
    b.set_result(1);
    a.set_result(2);
    co_await settle();
    EXPECT_FALSE(gathering.done());
    c.set_result(3);
    co_await settle();
    EXPECT_EQ(gathering.result(), "2 1 3");
  });
}

TEST_P(AsyncioGather, OfHandlesThrowsTheFirstFailureAtOnceAndWhatTheOthersDoThenIsNothingToIt) {
  run([]() -> Coro<> {
    Controlled a, b, c, d, e;
    auto gathers = [&]() -> Coro<> {
      std::vector<Task<int>> const tasks{a.task, b.task, c.task, d.task, e.task};
      auto const all = co_await weft::gather(tasks);
      (void)all;
    };
    std::atomic<int> called{0};
    Task<void> gathering = weft::create_task(gathers());
    gathering.add_done_callback([&](Task<void> const&) { called.fetch_add(1); });
    co_await settle();
    a.set_result(1);
    b.set_exception("b");
    co_await settle();
    EXPECT_TRUE(gathering.done());
    EXPECT_EQ(called.load(), 1);
    EXPECT_EQ(describe(gathering.exception()), "Failure(b)");
    EXPECT_FALSE(c.task.done());
    c.set_result(3);
    d.task.cancel();
    e.set_exception("e");
    co_await settle();
    EXPECT_EQ(c.task.result(), 3);
    EXPECT_TRUE(d.task.cancelled());
    EXPECT_EQ(describe(e.task.exception()), "Failure(e)");
    EXPECT_EQ(called.load(), 1);
  });
}

TEST_P(AsyncioGather, OfHandlesWithReturnExceptionsWaitsForAllAndKeepsEachFailure) {
  run([]() -> Coro<> {
    Controlled a, b, c, d;
    auto gathers = [&]() -> Coro<std::string> {
      std::vector<Task<int>> const tasks{a.task, b.task, c.task, d.task};
      auto const all = co_await weft::gather(weft::return_exceptions, tasks);
      co_return text_of(all);
    };
    Task<std::string> const gathering = weft::create_task(gathers());
    b.set_result(1);
    c.set_exception("c");
    a.set_result(3);
    co_await settle();
    EXPECT_FALSE(gathering.done());
    d.set_exception("d");
    co_await settle();
    EXPECT_EQ(gathering.result(), "3 1 Failure(c) Failure(d)");
  });
}

TEST_P(AsyncioGather, OfHandlesOneOfWhichIsCancelledThrowsCancelledErrorAndTheCallerIsNotCancelled) {
  run([]() -> Coro<> {
    Controlled a, b, c, d, e;
    Log log;
    auto gathers = [&]() -> Coro<> {
      std::vector<Task<int>> const tasks{a.task, b.task, c.task, d.task, e.task};
      try {
        auto const all = co_await weft::gather(tasks);
        (void)all;
      } catch (weft::CancelledError const&) {
        log.add("cancelled");
      }
      EXPECT_EQ(weft::current_task().cancelling(), 0);
    };
    Task<void> const gathering = weft::create_task(gathers());
    co_await settle();
    a.set_result(1);
    b.task.cancel();
    co_await settle();
    EXPECT_TRUE(gathering.done());
    EXPECT_FALSE(gathering.cancelled());
    EXPECT_EQ(log.text(), "cancelled");
    c.set_result(3);
    d.task.cancel();
    e.set_exception("e");
    co_await settle();
    EXPECT_EQ(describe(e.task.exception()), "Failure(e)");
  });
}

TEST_P(AsyncioGather, OfHandlesWithReturnExceptionsKeepsACancellationAsAResult) {
  run([]() -> Coro<> {
    Controlled a, b, c, d, e, f;
    auto gathers = [&]() -> Coro<std::string> {
      std::vector<Task<int>> const tasks{a.task, b.task, c.task, d.task, e.task, f.task};
      auto const all = co_await weft::gather(weft::return_exceptions, tasks);
      EXPECT_TRUE(all[2].cancelled());
      EXPECT_TRUE(all[4].cancelled());
      co_return text_of(all);
    };
    Task<std::string> const gathering = weft::create_task(gathers());
    co_await settle();
    a.set_result(1);
    b.set_exception("b");
    c.task.cancel();
    co_await settle();
    EXPECT_FALSE(gathering.done());
    d.set_result(3);
    e.task.cancel();
    f.set_exception("f");
    std::string const seen = co_await gathering;
    EXPECT_EQ(seen, "1 Failure(b) CancelledError 3 CancelledError Failure(f)");
  });
}

TEST_P(AsyncioGather, OfTheSameHandlesMayBeAwaitedTwice) {
  run([]() -> Coro<> {
    Controlled a, b, c;
    auto gathers = [&]() -> Coro<int> {
      auto const [x, y, z] = co_await weft::gather(a.task, b.task, c.task);
      co_return x * 100 + y * 10 + z;
    };
    Task<int> const first = weft::create_task(gathers());
    Task<int> const second = weft::create_task(gathers());
    co_await settle();
    EXPECT_FALSE(first.done());
    EXPECT_FALSE(second.done());
    a.set_result(1);
    b.set_result(2);
    c.set_result(3);
    int const x = co_await first, y = co_await second;
    EXPECT_EQ(x, 123);
    EXPECT_EQ(y, 123);
  });
}

TEST_P(AsyncioGather, OfAHandleGivenSeveralTimesFillsEachOfItsPlaces) {
  run([]() -> Coro<> {
    auto says = [](std::string s) -> Coro<std::string> { co_return s; };
    Task<std::string> const c = weft::create_task(says("abc"));
    Task<std::string> const d = weft::create_task(says("def"));
    std::vector<Task<std::string>> const tasks{c, c, d, c};
    std::vector<std::string> const all = co_await weft::gather(tasks);
    EXPECT_EQ(all, (std::vector<std::string>{"abc", "abc", "def", "abc"}));
  });
}

TEST_P(AsyncioGather, OfHandlesWhoseCallerIsCancelledCancelsEachOfThem) {
  std::atomic<int> proof{0};
  run([&]() -> Coro<> {
    weft::Event waiter;
    auto inner = [&]() -> Coro<> {
      co_await waiter.wait();
      proof.fetch_add(1);
    };
    Task<void> const child1 = weft::create_task(inner());
    Task<void> const child2 = weft::create_task(inner());
    auto outer = [&]() -> Coro<> {
      auto const all = co_await weft::gather(child1, child2);
      (void)all;
      proof.fetch_add(100);
    };
    Task<void> task = weft::create_task(outer());
    co_await settle();
    EXPECT_TRUE(task.cancel());
    std::string const seen = co_await outcome(task);
    EXPECT_EQ(seen, "CancelledError");
    EXPECT_FALSE(task.cancel());
    co_await settle();
    EXPECT_TRUE(child1.cancelled());
    EXPECT_TRUE(child2.cancelled());
    waiter.set();
    co_await settle();
  });
  EXPECT_EQ(proof.load(), 0);
}

// ---------------------------------------------------------------- of nothing

TEST_P(AsyncioGather, OfNothingIsDoneAtOnce) {
  run([]() -> Coro<> {
    Elapsed const clock;
    std::tuple<> const none = co_await weft::gather();
    (void)none;
    std::vector<Task<int>> const no_tasks;
    std::vector<int> const results = co_await weft::gather(no_tasks);
    EXPECT_TRUE(results.empty());
    EXPECT_EQ(clock.ms(), 0ms);
  });
}

TEST_P(AsyncioGather, MadeOutsideATaskStartsNothing) {
  std::atomic<int> live{0};
  Log log;
  auto work = [&](Live) -> Coro<> {
    log.add("ran");
    co_return;
  };
  {
    auto const never_awaited = weft::gather(work(Live(live)), work(Live(live)));
    EXPECT_EQ(live.load(), 2);
  }
  EXPECT_EQ(live.load(), 0);
  EXPECT_EQ(log.text(), "");
}

// ---------------------------------------------------------------- of coroutines

TEST_P(AsyncioGather, OfCoroutinesGivesResultsInTheOrderOfItsArguments) {
  run([]() -> Coro<> {
    Controlled a, b, c;
    auto waits = [](Task<int> task) -> Coro<int> {
      int const value = co_await task;
      co_return value;
    };
    auto gathers = [&]() -> Coro<std::vector<int>> {
      std::vector<Coro<int>> coros;
      coros.push_back(waits(a.task));
      coros.push_back(waits(b.task));
      coros.push_back(waits(c.task));
      std::vector<int> const all = co_await weft::gather(std::move(coros));
      co_return all;
    };
    Task<std::vector<int>> const gathering = weft::create_task(gathers());
    b.set_result(1);
    a.set_result(2);
    co_await settle();
    EXPECT_FALSE(gathering.done());
    c.set_result(3);
    co_await settle();
    EXPECT_EQ(gathering.result(), (std::vector<int>{2, 1, 3}));
  });
}

TEST_P(AsyncioGather, OfCoroutinesWithReturnExceptionsGivesTheSameWhenNothingFails) {
  run([]() -> Coro<> {
    auto const [a, b] = co_await weft::gather(weft::return_exceptions, value_after(2ms, 2), value_after(1ms, 1));
    EXPECT_EQ(text_of(a) + " " + text_of(b), "2 1");
  });
}

// Departure: asyncio throws at once and leaves the other coroutines running.
TEST_P(AsyncioGather, OfCoroutinesThrowsTheFirstFailureWhenAllHaveEnded) {
  Log log;
  run([&]() -> Coro<> {
    auto slow = [&](milliseconds delay, std::string name) -> Coro<int> {
      co_await weft::sleep(delay);
      log.add(name);
      co_return 1;
    };
    auto gathers = [&]() -> Coro<> {
      auto const all = co_await weft::gather(slow(1ms, "early"), fail_after(10ms, "first"), slow(20ms, "late"), fail_after(30ms, "second"));
      (void)all;
    };
    Elapsed const clock;
    std::string const seen = co_await outcome(gathers());
    EXPECT_EQ(seen, "Failure(first)");
    EXPECT_EQ(clock.ms(), 30ms);
  });
  EXPECT_EQ(log.text(), "early late");
}

TEST_P(AsyncioGather, OfCoroutinesWithReturnExceptionsKeepsEachFailure) {
  run([]() -> Coro<> {
    std::vector<Coro<int>> coros;
    coros.push_back(value_after(3ms, 3));
    coros.push_back(value_after(1ms, 1));
    coros.push_back(fail_after(2ms, "c"));
    coros.push_back(fail_after(4ms, "d"));
    auto const all = co_await weft::gather(weft::return_exceptions, std::move(coros));
    EXPECT_EQ(text_of(all), "3 1 Failure(c) Failure(d)");
  });
}

// A failure that comes after the first is dropped and not reported.
TEST_P(AsyncioGather, OfCoroutinesMarksLaterFailuresAsRetrieved) {
  run([]() -> Coro<> {
    weft::Event a, b;
    auto inner = [](weft::Event& event) -> Coro<> {
      co_await event.wait();
      throw Failure("should not be ignored");
    };
    auto outer = [&]() -> Coro<> {
      auto const all = co_await weft::gather(inner(a), inner(b));
      (void)all;
    };
    Task<void> const task = weft::create_task(outer());
    co_await settle();
    a.set();
    co_await settle();
    b.set();
    co_await settle();
    EXPECT_EQ(describe(task.exception()), "Failure(should not be ignored)");
  });
  EXPECT_EQ(take_unhandled(), std::vector<std::string>{});
}

TEST_P(AsyncioGather, OfHandlesMarksLaterFailuresAsRetrieved) {
  run([]() -> Coro<> {
    weft::Event a, b;
    auto inner = [](weft::Event& event) -> Coro<> {
      co_await event.wait();
      throw Failure("should not be ignored");
    };
    auto outer = [&]() -> Coro<> {
      auto const all = co_await weft::gather(weft::create_task(inner(a)), weft::create_task(inner(b)));
      (void)all;
    };
    Task<void> const task = weft::create_task(outer());
    co_await settle();
    a.set();
    co_await settle();
    EXPECT_TRUE(task.done());
    b.set();
    co_await settle();
    EXPECT_EQ(describe(task.exception()), "Failure(should not be ignored)");
  });
  EXPECT_EQ(take_unhandled(), std::vector<std::string>{});
}

// ---------------------------------------------------------------- cancelled when it is all over, and in a loop

// asyncio's gathering future refuses a cancel once its children are done. Here the await has completed then: the value is there, and a cancel
// that comes now waits for the next suspension.
TEST_P(AsyncioGather, ThatHasCompletedIsNotUndoneByACancel) {
  Log log;
  run([&]() -> Coro<> {
    weft::Event event;
    auto child = [&]() -> Coro<int> {
      co_await event.wait();
      co_return 42;
    };
    Task<int> const running = weft::create_task(child());
    auto gathers = [&]() -> Coro<int> {
      auto const [value] = co_await weft::gather(running);
      log.add("has " + std::to_string(value));
      co_return value;
    };
    Task<int> gathering = weft::create_task(gathers());
    co_await settle();
    event.set();
    co_await running;
    co_await settle();
    EXPECT_FALSE(gathering.cancel());
    EXPECT_FALSE(gathering.cancelled());
    int const value = co_await gathering;
    EXPECT_EQ(value, 42);
  });
  EXPECT_EQ(log.text(), "has 42");
}

class AsyncioGatherMessages : public AtWorkers {};

// With return_exceptions the children's CancelledErrors are results; the caller's own cancel must come out all the same.
TEST_P(AsyncioGatherMessages, OfCoroutinesInALoopDoesNotSwallowTheCallersCancel) {
  for (std::string const& message : {std::string(), std::string("my message")}) {
    std::string const seen = run([message]() -> Coro<std::string> {
      auto loops = []() -> Coro<> {
        for (int i = 0; i < 20; ++i) {
          auto const results = co_await weft::gather(weft::return_exceptions, weft::sleep(50ms));
          (void)results;
        }
      };
      Elapsed const clock;
      Task<void> task = weft::create_task(loops());
      co_await weft::sleep(210ms);
      task.cancel(message);
      std::string const how = co_await outcome(task);
      EXPECT_EQ(clock.ms(), 210ms);
      co_return how;
    });
    EXPECT_EQ(seen, message.empty() ? "CancelledError" : "CancelledError(" + message + ")");
  }
}

TEST_P(AsyncioGatherMessages, OfHandlesInALoopDoesNotSwallowTheCallersCancel) {
  for (std::string const& message : {std::string(), std::string("my message")}) {
    std::string const seen = run([message]() -> Coro<std::string> {
      auto loops = []() -> Coro<> {
        for (int i = 0; i < 20; ++i) {
          auto sleeps = []() -> Coro<> { co_await weft::sleep(50ms); };
          Task<void> const child = weft::create_task(sleeps());
          auto const results = co_await weft::gather(weft::return_exceptions, child);
          (void)results;
        }
      };
      Task<void> task = weft::create_task(loops());
      co_await weft::sleep(210ms);
      task.cancel(message);
      std::string const how = co_await outcome(task);
      co_return how;
    });
    EXPECT_EQ(seen, message.empty() ? "CancelledError" : "CancelledError(" + message + ")");
  }
}

WEFT_TEST_AT_1_2_8_WORKERS(AsyncioGather);
WEFT_TEST_AT_1_2_8_WORKERS(AsyncioGatherMessages);

}  // namespace
}  // namespace weft_test
