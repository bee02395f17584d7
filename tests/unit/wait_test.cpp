// wait: which tasks have ended, in which order, and what ends the wait. After CPython 3.13's _wait.
#include "support.hpp"

#include <list>
#include <thread>

namespace weft_test {
namespace {

class Wait : public AtWorkers {};

std::vector<std::string> names(std::vector<Task<int>> const& tasks) {
  std::vector<std::string> all;
  for (Task<int> const& task : tasks) all.push_back(task.name());
  return all;
}

using Names = std::vector<std::string>;

Task<int> value_after_task(milliseconds delay, int value) { return weft::create_task(value_after(delay, value)); }

Task<int> named(std::string_view name, Coro<int> coro) { return weft::create_task(std::move(coro), {.name = name}); }

TEST_P(Wait, ForAllGivesThemInTheOrderOfCompletion) {
  run([]() -> Coro<> {
    std::vector<Task<int>> const tasks{named("c", value_after(30ms, 3)), named("a", value_after(10ms, 1)), named("b", value_after(20ms, 2))};
    Elapsed const clock;
    auto const result = co_await weft::wait(tasks);
    EXPECT_EQ(names(result.done), (Names{"a", "b", "c"}));
    EXPECT_TRUE(result.pending.empty());
    EXPECT_EQ(clock.ms(), 30ms);
  });
}

TEST_P(Wait, ForTheFirstLeavesTheOthersRunning) {
  run([]() -> Coro<> {
    std::vector<Task<int>> tasks{named("slow", value_after(30ms, 3)), named("fast", value_after(10ms, 1))};
    Elapsed const clock;
    auto result = co_await weft::wait(tasks, {.return_when = weft::FIRST_COMPLETED});
    EXPECT_EQ(names(result.done), Names{"fast"});
    EXPECT_EQ(names(result.pending), Names{"slow"});
    EXPECT_EQ(clock.ms(), 10ms);
    auto const rest = co_await weft::wait(std::move(result.pending));
    EXPECT_EQ(names(rest.done), Names{"slow"});
    EXPECT_EQ(clock.ms(), 30ms);
  });
}

TEST_P(Wait, ForTheFirstExceptionIgnoresValuesAndCancellations) {
  run([]() -> Coro<> {
    Task<int> cancelled = named("cancelled", value_after(1h, 0));
    std::vector<Task<int>> const tasks{cancelled, named("value", value_after(5ms, 1)), named("failed", fail_after(20ms, "x")),
                                       named("late", value_after(40ms, 2))};
    auto cancel_soon = [](Task<int> task) -> Coro<> {
      co_await weft::sleep(10ms);
      task.cancel();
    };
    weft::create_task(cancel_soon(cancelled));
    Elapsed const clock;
    auto const result = co_await weft::wait(tasks, {.return_when = weft::ReturnWhen::FIRST_EXCEPTION});
    EXPECT_EQ(names(result.done), (Names{"value", "cancelled", "failed"}));
    EXPECT_EQ(names(result.pending), Names{"late"});
    EXPECT_EQ(clock.ms(), 20ms);
  });
}

TEST_P(Wait, ForTheFirstExceptionEndsWithTheLastWhenThereIsNone) {
  run([]() -> Coro<> {
    std::vector<Task<int>> const tasks{named("a", value_after(10ms, 1)), named("b", value_after(20ms, 2))};
    auto const result = co_await weft::wait(tasks, {.return_when = weft::FIRST_EXCEPTION});
    EXPECT_EQ(names(result.done), (Names{"a", "b"}));
  });
}

TEST_P(Wait, ATimeoutEndsItWithWhatThereIsAndIsNoError) {
  run([]() -> Coro<> {
    std::vector<Task<int>> const tasks{named("slow", value_after(1h, 3)), named("fast", value_after(10ms, 1))};
    Elapsed const clock;
    auto const result = co_await weft::wait(tasks, {.timeout = 20ms});
    EXPECT_EQ(names(result.done), Names{"fast"});
    EXPECT_EQ(names(result.pending), Names{"slow"});
    EXPECT_EQ(clock.ms(), 20ms);
    EXPECT_FALSE(tasks[0].done());
  });
}

TEST_P(Wait, ATimeoutThatIsNotPositiveDoesNotWait) {
  run([]() -> Coro<> {
    std::vector<Task<int>> const tasks{named("slow", value_after(1h, 3)), named("slower", value_after(2h, 1))};
    Elapsed const clock;
    auto const zero = co_await weft::wait(tasks, {.timeout = 0s});
    EXPECT_EQ(zero.pending.size(), 2U);
    auto const negative = co_await weft::wait(tasks, {.timeout = -1s});
    EXPECT_TRUE(negative.done.empty());
    EXPECT_EQ(clock.ms(), 0ms);
    auto const for_ever = co_await weft::wait(tasks, {.timeout = weft::Clock::duration::max(), .return_when = weft::FIRST_COMPLETED});
    EXPECT_EQ(names(for_ever.done), Names{"slow"});
  });
}

TEST(WaitOnOneWorker, ATimeoutOfZeroLetsWhatIsReadyRunOnce) {
  weft::Options options;
  options.workers = 1;
  weft::Runtime runtime(options);
  runtime.run(
      []() -> Coro<> {
        auto at_once = []() -> Coro<int> { co_return 5; };
        std::vector<Task<int>> const tasks{weft::create_task(at_once()), weft::create_task(value_after(1h, 1))};
        auto const result = co_await weft::wait(tasks, {.timeout = 0s});
        EXPECT_EQ(result.done.size(), 1U);
        EXPECT_EQ(result.pending.size(), 1U);
      });
}

TEST_P(Wait, CountsARepetitionOnce) {
  run([]() -> Coro<> {
    Task<int> a = named("a", value_after(10ms, 1));
    Task<int> b = named("b", value_after(20ms, 2));
    std::vector<Task<int>> const tasks{b, a, b, a, b};
    auto const result = co_await weft::wait(tasks);
    EXPECT_EQ(names(result.done), (Names{"a", "b"}));
    auto const pending = co_await weft::wait(std::vector<Task<int>>(5, named("p", value_after(1h, 1))), {.timeout = 1ms});
    EXPECT_EQ(pending.pending.size(), 1U);
  });
}

TEST_P(Wait, DoesNotSuspendWhenItIsOverAlready) {
  run([]() -> Coro<> {
    Task<int> ended = named("ended", value_after(1ms, 1));
    co_await weft::gather(ended);
    std::vector<Task<int>> const tasks{named("running", value_after(1h, 2)), ended};
    Elapsed const clock;
    auto const result = co_await weft::wait(tasks, {.return_when = weft::FIRST_COMPLETED});
    EXPECT_EQ(names(result.done), Names{"ended"});
    EXPECT_EQ(names(result.pending), Names{"running"});
    EXPECT_EQ(clock.ms(), 0ms);
  });
}

TEST_P(Wait, TakesAnyRangeOfHandles) {
  run([]() -> Coro<> {
    Task<int> a = named("a", value_after(10ms, 1));
    Task<int> b = named("b", value_after(20ms, 2));
    std::list<Task<int>> const list{a, b};
    auto const from_list = co_await weft::wait(list);
    EXPECT_EQ(names(from_list.done), (Names{"a", "b"}));
    std::array<Task<int>, 2> const array{b, a};
    auto const from_array = co_await weft::wait(array);
    EXPECT_EQ(names(from_array.done), (Names{"b", "a"})) << "what had ended before, in the order of the range";
    Task<void> c = weft::create_task([]() -> Coro<> { co_await weft::sleep(5ms); });
    std::vector<weft::AnyTask> const mixed{a, c};
    auto const from_any = co_await weft::wait(mixed);
    EXPECT_TRUE(from_any.done.at(1) == weft::AnyTask(c));
    weft::Promise<int> promise;
    std::vector<weft::Future<int>> const futures{promise.future()};
    promise.set_result(4);
    auto const from_futures = co_await weft::wait(futures);
    EXPECT_EQ(from_futures.done.at(0).result(), 4);
  });
}

TEST_P(Wait, MakesTasksOfCoroutinesThatRunOn) {
  Log log;
  run([&]() -> Coro<> {
    auto slow = [&](int n) -> Coro<int> {
      co_await weft::sleep(std::chrono::milliseconds(n));
      log.add(std::to_string(n));
      co_return n;
    };
    {
      std::vector<Coro<int>> coros;
      coros.push_back(slow(30));
      coros.push_back(slow(10));
      auto const result = co_await weft::wait(std::move(coros), {.return_when = weft::FIRST_COMPLETED});
      EXPECT_EQ(result.done.at(0).result(), 10);
      EXPECT_EQ(result.pending.size(), 1U);
    }
    co_await weft::sleep(100ms);
    std::vector<decltype(weft::sleep(1ms))> sleeps;
    sleeps.push_back(weft::sleep(5ms));
    auto const slept = co_await weft::wait(std::move(sleeps));
    EXPECT_EQ(slept.done.size(), 1U);
  });
  EXPECT_EQ(log.text(), "10 30");
}

TEST_P(Wait, ACancelOfTheCallerLeavesTheTasksAlone) {
  run([]() -> Coro<> {
    std::vector<Task<int>> const tasks{value_after_task(30ms, 1), value_after_task(20ms, 2)};
    auto waiting = [&]() -> Coro<> {
      auto result = co_await weft::wait(tasks);
      (void)result;
    };
    Task<void> waiter = weft::create_task(waiting());
    co_await weft::sleep(10ms);
    EXPECT_TRUE(waiter.cancel("enough"));
    std::string const seen = co_await outcome(waiter);
    EXPECT_EQ(seen, "CancelledError(enough)");
    int const first = co_await tasks[0];
    EXPECT_EQ(first, 1);
  });
}

TEST_P(Wait, IsACheckpointAlsoWhenItIsOverAlready) {
  run([]() -> Coro<> {
    std::vector<Task<int>> const tasks{value_after_task(1ms, 1)};
    co_await weft::wait(tasks);
    auto waiting = [&]() -> Coro<> {
      weft::current_task().cancel();
      co_await weft::wait(tasks);
    };
    Task<void> const waiter = weft::create_task(waiting());
    std::string const seen = co_await outcome(waiter);
    EXPECT_EQ(seen, "CancelledError");
  });
}

TEST_P(Wait, ACancelThatIsPendingIsDeliveredInsteadOfAWait) {
  run([]() -> Coro<> {
    for (auto timeout : {0ms, 20ms}) {
      std::vector<Task<int>> const tasks{value_after_task(10ms, 1)};
      auto waiting = [&](milliseconds limit) -> Coro<> {
        weft::current_task().cancel();
        weft::WaitOptions options;
        options.timeout = limit;
        auto result = co_await weft::wait(tasks, options);
        (void)result;
      };
      Task<void> waiter = weft::create_task(waiting(timeout));
      std::string const seen = co_await outcome(waiter);
      EXPECT_EQ(seen, "CancelledError");
      int const value = co_await tasks[0];
      EXPECT_EQ(value, 1);
    }
  });
}

TEST_P(Wait, ThrowsWhatIsWrongAtTheCall) {
  run([]() -> Coro<> {
    std::vector<Task<int>> nothing;
    EXPECT_EQ(outcome_of_call([&] { (void)weft::wait(nothing); }), "ValueError");
    std::vector<Coro<int>> no_coros;
    EXPECT_EQ(outcome_of_call([&] { (void)weft::wait(std::move(no_coros)); }), "ValueError");
    std::vector<Task<int>> const empty(1);
    EXPECT_EQ(outcome_of_call([&] { (void)weft::wait(empty); }), "RuntimeError");
    co_return;
  });
}

TEST_P(Wait, FailuresAreNotRetrievedByIt) {
  run([]() -> Coro<> {
    std::vector<Task<int>> tasks{weft::create_task(fail_after(1ms, "lost"))};
    auto result = co_await weft::wait(std::move(tasks));
    EXPECT_EQ(result.done.size(), 1U);
  });
  EXPECT_EQ(take_unhandled(), std::vector<std::string>{"Failure(lost)"});
}

TEST_P(Wait, SeesEveryTaskOnceWhateverRacesWithIt) {
  run([]() -> Coro<> {
    constexpr int rounds = sanitized ? 100 : 400;
    for (int round = 0; round < rounds; ++round) {
      auto body = [](int yields) -> Coro<int> {
        for (int i = 0; i < yields; ++i) co_await weft::yield_now();
        co_return yields;
      };
      std::vector<Task<int>> pending;
      for (int i = 0; i < 20; ++i) pending.push_back(weft::create_task(body(i % 7)));
      std::vector<int> seen(7);
      while (!pending.empty()) {
        auto result = co_await weft::wait(std::move(pending), {.return_when = weft::FIRST_COMPLETED});
        EXPECT_FALSE(result.done.empty());
        for (auto const& task : result.done) ++seen[static_cast<std::size_t>(task.result())];
        pending = std::move(result.pending);
      }
      EXPECT_EQ(seen, (std::vector<int>{3, 3, 3, 3, 3, 3, 2}));
    }
  });
}

TEST_P(Wait, CompletionTimeoutAndCancelMayComeTogether) {
  run([]() -> Coro<> {
    constexpr int rounds = sanitized ? 200 : 1000;
    for (int round = 0; round < rounds; ++round) {
      auto waiting = [&]() -> Coro<> {
        std::vector<Task<int>> tasks{value_after_task(2ms, 1), value_after_task(2ms, 2)};
        auto result = co_await weft::wait(std::move(tasks), {.timeout = 2ms});
        EXPECT_EQ(result.done.size() + result.pending.size(), 2U);
      };
      Task<void> waiter = weft::create_task(waiting());
      co_await weft::sleep(2ms);
      waiter.cancel();
      std::string const seen = co_await outcome(waiter);
      EXPECT_TRUE(seen == "ok" || seen == "CancelledError") << seen;
    }
  });
}

WEFT_TEST_AT_1_2_8_WORKERS(Wait);

}  // namespace
}  // namespace weft_test
