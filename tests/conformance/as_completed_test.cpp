// as_completed() as CPython's test_tasks.py has it. weft has one form, `next()`, which is CPython's asynchronous iterator;
// CPython's plain iterator, whose items are awaited by whoever likes, is next() called from several tasks.
#include "unit/support.hpp"

#include <algorithm>
#include <optional>
#include <set>

namespace weft_test {
namespace {

class AsyncioAsCompleted : public AtWorkers {};

Coro<std::string> text_after(milliseconds delay, std::string text) {
  co_await weft::sleep(delay);
  co_return text;
}

using Texts = std::vector<std::string>;
using TextTasks = std::vector<Task<std::string>>;

Coro<Texts> drain(weft::AsCompleted<std::string>& completed) {
  Texts texts;
  for (;;) {
    std::optional<Task<std::string>> next = co_await completed.next();
    if (!next) break;
    texts.push_back(next->result());
  }
  co_return texts;
}

TEST_P(AsyncioAsCompleted, GivesCoroutinesInTheOrderInWhichTheyEnd) {
  run([]() -> Coro<> {
    Elapsed const clock;
    std::vector<Coro<std::string>> coros;
    coros.push_back(text_after(10ms, "b"));
    coros.push_back(text_after(150ms, "c"));
    coros.push_back(text_after(10ms, "a"));
    auto completed = weft::as_completed(std::move(coros));
    Texts const got = co_await drain(completed);
    EXPECT_EQ(clock.ms(), 150ms);
    EXPECT_EQ(got.size(), 3U);
    Texts first_two(got.begin(), got.begin() + 2);
    std::sort(first_two.begin(), first_two.end());
    EXPECT_EQ(first_two, (Texts{"a", "b"}));
    EXPECT_EQ(got.back(), "c");
  });
}

TEST_P(AsyncioAsCompleted, GivesTheTasksThemselves) {
  run([]() -> Coro<> {
    TextTasks const tasks{weft::create_task(text_after(2ms, "b")), weft::create_task(text_after(1ms, "d"))};
    auto completed = weft::as_completed(tasks);
    std::optional<Task<std::string>> const first = co_await completed.next();
    std::optional<Task<std::string>> const second = co_await completed.next();
    std::optional<Task<std::string>> const end = co_await completed.next();
    EXPECT_TRUE(first && *first == tasks[1]);
    EXPECT_TRUE(second && *second == tasks[0]);
    EXPECT_FALSE(end.has_value());
  });
}

TEST_P(AsyncioAsCompleted, ThrowsTimeoutErrorWhenTheTimeIsUpAndLeavesTheRestRunning) {
  run([]() -> Coro<> {
    Elapsed const clock;
    TextTasks const tasks{weft::create_task(text_after(100ms, "a")), weft::create_task(text_after(150ms, "b"))};
    auto completed = weft::as_completed(tasks, 120ms);
    std::optional<Task<std::string>> const first = co_await completed.next();
    EXPECT_TRUE(first && first->result() == "a");
    auto again = [&]() -> Coro<> {
      std::optional<Task<std::string>> const next = co_await completed.next();
      EXPECT_FALSE(next.has_value());
    };
    std::string const seen = co_await outcome(again());
    EXPECT_EQ(seen, "TimeoutError");
    EXPECT_EQ(clock.ms(), 120ms);
    EXPECT_FALSE(tasks[1].done());
    std::string const rest = co_await tasks[1];
    EXPECT_EQ(rest, "b");
  });
}

TEST_P(AsyncioAsCompleted, EndsQuietlyWhenAllHaveEndedBeforeTheTimeIsUp) {
  run([]() -> Coro<> {
    Elapsed const clock;
    std::vector<Coro<std::string>> coros;
    coros.push_back(text_after(10ms, "a"));
    auto completed = weft::as_completed(std::move(coros), 1s);
    Texts const got = co_await drain(completed);
    EXPECT_EQ(got, Texts{"a"});
    EXPECT_EQ(clock.ms(), 10ms);
  });
}

TEST_P(AsyncioAsCompleted, MayBeLeftAndTakenUpAgain) {
  run([]() -> Coro<> {
    std::vector<Coro<std::string>> coros;
    for (int i = 0; i < 4; ++i) coros.push_back(text_after(milliseconds(i), std::to_string(i)));
    auto completed = weft::as_completed(std::move(coros));
    Texts got;
    for (int i = 0; i < 2; ++i) {
      std::optional<Task<std::string>> const next = co_await completed.next();
      EXPECT_TRUE(next.has_value());
      if (next) got.push_back(next->result());
    }
    EXPECT_EQ(got.size(), 2U);
    Texts const rest = co_await drain(completed);
    got.insert(got.end(), rest.begin(), rest.end());
    std::sort(got.begin(), got.end());
    EXPECT_EQ(got, (Texts{"0", "1", "2", "3"}));
  });
}

Coro<std::string> next_text(weft::AsCompleted<std::string>& completed) {
  std::optional<Task<std::string>> const next = co_await completed.next();
  co_return next ? next->result() : "end";
}

TEST_P(AsyncioAsCompleted, GivesTheFirstThatEndsToWhoeverAskedFirst) {
  run([]() -> Coro<> {
    Elapsed const clock;
    std::vector<Coro<std::string>> coros;
    coros.push_back(text_after(50ms, "a"));
    coros.push_back(text_after(100ms, "b"));
    auto completed = weft::as_completed(std::move(coros));
    Task<std::string> const early = weft::create_task(next_text(completed));
    co_await weft::sleep(1ms);
    Task<std::string> const late = weft::create_task(next_text(completed));
    // Awaited in the other order.
    std::string const second = co_await late;
    EXPECT_EQ(second, "b");
    EXPECT_EQ(clock.ms(), 100ms);
    EXPECT_TRUE(early.done());
    EXPECT_EQ(early.result(), "a");
  });
}

TEST_P(AsyncioAsCompleted, MayBeAskedBySeveralTasksAtOnce) {
  run([]() -> Coro<> {
    std::vector<Coro<std::string>> coros;
    coros.push_back(text_after(50ms, "a"));
    coros.push_back(text_after(50ms, "b"));
    auto completed = weft::as_completed(std::move(coros));
    auto const [x, y] = co_await weft::gather(next_text(completed), next_text(completed));
    EXPECT_EQ((std::set<std::string>{x, y}), (std::set<std::string>{"a", "b"}));
  });
}

// A coroutine cannot be given twice in C++; a task can.
TEST_P(AsyncioAsCompleted, GivesATaskThatIsGivenTwiceOnce) {
  run([]() -> Coro<> {
    Task<std::string> const ham = weft::create_task(text_after(1ms, "ham"));
    Task<std::string> const spam = weft::create_task(text_after(2ms, "spam"));
    auto completed = weft::as_completed(TextTasks{ham, ham, spam});
    Texts const got = co_await drain(completed);
    EXPECT_EQ(got, (Texts{"ham", "spam"}));
  });
}

TEST_P(AsyncioAsCompleted, OfCoroutinesOutsideATaskThrowsAndDestroysThem) {
  std::atomic<int> live{0};
  auto work = [](Live) -> Coro<int> { co_return 42; };
  std::vector<Coro<int>> coros;
  coros.push_back(work(Live(live)));
  EXPECT_EQ(outcome_of_call([&] { auto const completed = weft::as_completed(std::move(coros)); }), "RuntimeError");
  coros.clear();
  EXPECT_EQ(live.load(), 0);
}

TEST_P(AsyncioAsCompleted, OfCoroutinesRunsThemInTheRunningRuntime) {
  run([]() -> Coro<> {
    std::vector<Coro<int>> coros;
    coros.push_back(value_after(0ms, 42));
    auto completed = weft::as_completed(std::move(coros));
    std::optional<Task<int>> const next = co_await completed.next();
    EXPECT_TRUE(next && next->result() == 42);
    std::optional<Task<int>> const end = co_await completed.next();
    EXPECT_FALSE(end.has_value());
  });
}

WEFT_TEST_AT_1_2_8_WORKERS(AsyncioAsCompleted);

}  // namespace
}  // namespace weft_test
