// as_completed: tasks in the order in which they end, a time limit for all, several consumers.
#include "support.hpp"

#include <set>

namespace weft_test {
namespace {

class AsCompleted : public AtWorkers {};

// What next() ends with: a value, "end", or an error in one word.
template <class It>
Coro<std::string> next_word(It& it) {
  auto body = [](It& completed) -> Coro<std::string> {
    auto next = co_await completed.next();
    co_return next ? std::to_string(next->result()) : std::string("end");
  };
  weft::Result<std::string> const word = co_await weft::as_result(body(it));
  co_return word.has_value() ? word.value() : describe(word.error());
}

TEST_P(AsCompleted, GivesTasksInTheOrderOfCompletion) {
  run([]() -> Coro<> {
    std::vector<Task<int>> const tasks{weft::create_task(value_after(30ms, 3)), weft::create_task(value_after(10ms, 1)),
                                       weft::create_task(value_after(20ms, 2))};
    auto it = weft::as_completed(tasks);
    std::vector<int> order;
    Elapsed const clock;
    while (auto next = co_await it.next()) {
      int const value = co_await *next;
      order.push_back(value);
      EXPECT_EQ(clock.ms(), milliseconds(10 * value));
    }
    EXPECT_EQ(order, (std::vector<int>{1, 2, 3}));
    std::string const after = co_await next_word(it);
    EXPECT_EQ(after, "end");
  });
}

TEST_P(AsCompleted, MakesTasksOfCoroutinesAtOnceAndTheyRunOn) {
  Log log;
  run([&]() -> Coro<> {
    auto slow = [&](int n) -> Coro<int> {
      co_await weft::sleep(milliseconds(n));
      log.add(std::to_string(n));
      co_return n;
    };
    {
      std::vector<Coro<int>> coros;
      coros.push_back(slow(20));
      coros.push_back(slow(10));
      auto it = weft::as_completed(std::move(coros));
      std::string const first = co_await next_word(it);
      EXPECT_EQ(first, "10");
    }
    co_await weft::sleep(50ms);
  });
  EXPECT_EQ(log.text(), "10 20");
}

TEST_P(AsCompleted, CountsARepetitionOnceAndNothingIsNothing) {
  run([]() -> Coro<> {
    Task<int> a = weft::create_task(value_after(5ms, 1));
    std::vector<Task<int>> const tasks{a, a, a};
    auto it = weft::as_completed(tasks);
    std::string const first = co_await next_word(it);
    std::string const second = co_await next_word(it);
    EXPECT_EQ(first + " " + second, "1 end");
    auto none = weft::as_completed(std::vector<Task<int>>());
    std::string const at_once = co_await next_word(none);
    EXPECT_EQ(at_once, "end");
  });
}

TEST_P(AsCompleted, GivesFailedAndCancelledTasksWithoutThrowing) {
  run([]() -> Coro<> {
    std::vector<Task<int>> const tasks{weft::create_task(fail_after(5ms, "x")), weft::create_task(value_after(1h, 1))};
    auto it = weft::as_completed(tasks);
    auto const failed = co_await it.next();
    EXPECT_EQ(describe(failed->exception()), "Failure(x)");
    Task<int> last = tasks[1];
    last.cancel();
    auto const cancelled = co_await it.next();
    EXPECT_TRUE(cancelled->cancelled());
  });
}

TEST_P(AsCompleted, ThrowsTimeoutErrorOnceForEachThatIsLate) {
  run([]() -> Coro<> {
    std::vector<Task<int>> const tasks{weft::create_task(value_after(5ms, 1)), weft::create_task(value_after(30ms, 2)),
                                       weft::create_task(value_after(40ms, 3))};
    auto it = weft::as_completed(tasks, 20ms);
    Elapsed const clock;
    std::string words;
    for (int i = 0; i < 5; ++i) {
      std::string const word = co_await next_word(it);
      words += word + " ";
    }
    EXPECT_EQ(words, "1 TimeoutError TimeoutError end end ");
    EXPECT_EQ(clock.ms(), 20ms);
    EXPECT_FALSE(tasks[2].done());
  });
}

TEST_P(AsCompleted, WhatEndedInTimeIsGivenAlsoWhenTheTimeIsUp) {
  run([]() -> Coro<> {
    std::vector<Task<int>> const tasks{weft::create_task(value_after(5ms, 1)), weft::create_task(value_after(30ms, 2))};
    auto it = weft::as_completed(tasks, 20ms);
    co_await weft::sleep(50ms);
    std::string const first = co_await next_word(it);
    std::string const second = co_await next_word(it);
    std::string const third = co_await next_word(it);
    EXPECT_EQ(first + " " + second + " " + third, "1 TimeoutError end");
  });
}

TEST_P(AsCompleted, ALimitThatIsNotPositiveIsUpAtOnce) {
  run([]() -> Coro<> {
    Task<int> ended = weft::create_task(value_after(1ms, 7));
    co_await weft::gather(ended);
    std::vector<Task<int>> const tasks{weft::create_task(value_after(5ms, 1)), ended};
    auto it = weft::as_completed(tasks, -1s);
    std::string const first = co_await next_word(it);
    std::string const second = co_await next_word(it);
    std::string const third = co_await next_word(it);
    EXPECT_EQ(first + " " + second + " " + third, "7 TimeoutError end");
    auto for_ever = weft::as_completed(tasks, std::chrono::duration<double>(1e300));
    std::string const fourth = co_await next_word(for_ever);
    EXPECT_EQ(fourth, "7");
  });
}

TEST_P(AsCompleted, ACancelledNextTakesNothing) {
  run([]() -> Coro<> {
    std::vector<Task<int>> const tasks{weft::create_task(value_after(20ms, 1))};
    auto it = weft::as_completed(tasks, 1h);
    Task<std::string> waiter = weft::create_task([&]() -> Coro<std::string> {
      auto next = co_await it.next();
      co_return next ? "got" : "end";
    });
    co_await weft::sleep(5ms);
    waiter.cancel();
    std::string const seen = co_await outcome(waiter);
    EXPECT_EQ(seen, "CancelledError");
    std::string const word = co_await next_word(it);
    EXPECT_EQ(word, "1");
  });
}

TEST_P(AsCompleted, TheFirstNextIsACheckpointAlsoWhenSomethingHasEnded) {
  run([]() -> Coro<> {
    std::vector<Task<int>> const tasks{weft::create_task(value_after(1ms, 1)), weft::create_task(value_after(2ms, 2))};
    co_await weft::gather(tasks);
    auto it = weft::as_completed(tasks);
    Task<std::string> const consumer = weft::create_task([&]() -> Coro<std::string> {
      weft::current_task().cancel();
      std::string const first = co_await next_word(it);
      weft::current_task().cancel();
      std::string const second = co_await next_word(it);
      std::string const third = co_await next_word(it);
      weft::current_task().uncancel();
      weft::current_task().uncancel();
      co_return first + " " + second + " " + third;
    });
    std::string const seen = co_await consumer;
    EXPECT_EQ(seen, "CancelledError CancelledError 1") << "the first has not been given yet";
  });
}

TEST_P(AsCompleted, SeveralConsumersShareIt) {
  run([]() -> Coro<> {
    constexpr int count = 200;
    std::vector<Task<int>> tasks;
    for (int i = 0; i < count; ++i) tasks.push_back(weft::create_task(value_after(milliseconds(i % 5), i)));
    auto it = weft::as_completed(std::move(tasks));
    std::mutex mutex;
    std::multiset<int> seen;
    auto consume = [&]() -> Coro<> {
      while (auto next = co_await it.next()) {
        std::lock_guard const hold(mutex);
        seen.insert(next->result());
      }
    };
    co_await weft::gather(consume(), consume(), consume(), consume());
    EXPECT_EQ(seen.size(), static_cast<std::size_t>(count));
    EXPECT_EQ(std::set<int>(seen.begin(), seen.end()).size(), static_cast<std::size_t>(count));
  });
}

TEST_P(AsCompleted, NothingIsLostToCancelledConsumers) {
  run([]() -> Coro<> {
    constexpr int rounds = sanitized ? 50 : 200;
    for (int round = 0; round < rounds; ++round) {
      std::vector<Task<int>> tasks;
      for (int i = 0; i < 10; ++i) tasks.push_back(weft::create_task(value_after(milliseconds(1 + i % 3), i)));
      auto it = weft::as_completed(std::move(tasks));
      std::atomic<int> got{0};
      auto consume = [&]() -> Coro<> {
        while (auto next = co_await it.next()) got.fetch_add(1, std::memory_order_relaxed);
      };
      Task<void> doomed = weft::create_task(consume());
      Task<void> other = weft::create_task(consume());
      co_await weft::sleep(1ms);
      doomed.cancel();
      std::string const seen = co_await outcome(doomed);
      EXPECT_TRUE(seen == "CancelledError" || seen == "ok") << seen;
      co_await other;
      EXPECT_EQ(got.load(std::memory_order_relaxed), 10);
    }
  });
}

TEST_P(AsCompleted, GivesFutures) {
  run([]() -> Coro<> {
    weft::Promise<int> a;
    weft::Promise<int> b;
    std::vector<weft::Future<int>> const futures{a.future(), b.future()};
    auto it = weft::as_completed(futures, 1h);
    b.set_result(2);
    std::string const first = co_await next_word(it);
    a.set_result(1);
    std::string const second = co_await next_word(it);
    EXPECT_EQ(first + second, "21");
  });
}

TEST(AsCompletedOutside, NeedsARunningTask) {
  std::vector<Task<int>> const none;
  EXPECT_EQ(outcome_of_call([&] { (void)weft::as_completed(none); }), "RuntimeError");
}

WEFT_TEST_AT_1_2_8_WORKERS(AsCompleted);

}  // namespace
}  // namespace weft_test
