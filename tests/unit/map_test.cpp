// map: a coroutine for each element, a window of them at a time, results in the order of the range.
#include "support.hpp"

#include <list>
#include <memory>
#include <ranges>
#include <sstream>

namespace weft_test {
namespace {

class Map : public AtWorkers {};

TEST_P(Map, GivesResultsInTheOrderOfTheRange) {
  run([]() -> Coro<> {
    std::vector<int> const delays{30, 10, 20};
    auto work = [](int delay) -> Coro<int> {
      co_await weft::sleep(milliseconds(delay));
      co_return delay * 2;
    };
    Elapsed const clock;
    std::vector<int> const all = co_await weft::map(delays, work);
    EXPECT_EQ(all, (std::vector<int>{60, 20, 40}));
    EXPECT_EQ(clock.ms(), 30ms) << "without a limit all run at once";
  });
}

TEST_P(Map, RunsAtMostSoManyAtATime) {
  run([]() -> Coro<> {
    std::atomic<int> running{0};
    std::atomic<int> most{0};
    auto work = [&](int n) -> Coro<int> {
      int const now = running.fetch_add(1) + 1;
      int seen = most.load();
      while (seen < now && !most.compare_exchange_weak(seen, now)) {
      }
      co_await weft::sleep(10ms);
      running.fetch_sub(1);
      co_return n;
    };
    Elapsed const clock;
    std::vector<int> const all = co_await weft::map(std::views::iota(0, 10), work, {.concurrency = 3});
    EXPECT_EQ(all.size(), 10U);
    EXPECT_EQ(all.back(), 9);
    EXPECT_EQ(most.load(), 3);
    EXPECT_EQ(clock.ms(), 40ms);
    std::vector<int> const wide = co_await weft::map(std::views::iota(0, 3), work, {.concurrency = 1000});
    EXPECT_EQ(wide.size(), 3U);
  });
}

TEST_P(Map, OneAtATimeGoesInOrder) {
  Log log;
  run([&]() -> Coro<> {
    auto work = [&](int n) -> Coro<> {
      co_await weft::yield_now();
      log.add(std::to_string(n));
    };
    auto const all = co_await weft::map(std::views::iota(0, 5), work, {.concurrency = 1});
    EXPECT_EQ(all.size(), 5U);
  });
  EXPECT_EQ(log.text(), "0 1 2 3 4");
}

TEST_P(Map, OfNothingIsNothing) {
  run([]() -> Coro<> {
    std::vector<int> const empty;
    std::vector<int> const all = co_await weft::map(empty, [](int n) { return value_after(1ms, n); }, {.concurrency = 4});
    EXPECT_TRUE(all.empty());
  });
}

TEST_P(Map, TheFirstFailureCancelsTheOthersAndNoFurtherElementBegins) {
  Log log;
  run([&]() -> Coro<> {
    auto work = [&](int n) -> Coro<int> {
      if (n == 1) co_await fail_after(10ms, "one");
      if (n > 1) log.add("begun");
      try {
        co_await weft::sleep(1h);
      } catch (weft::CancelledError const&) {
        log.add("cancelled");
        throw;
      }
      co_return n;
    };
    auto body = [&]() -> Coro<> {
      auto all = co_await weft::map(std::views::iota(0, 100), work, {.concurrency = 2});
      (void)all;
    };
    Elapsed const clock;
    std::string const seen = co_await outcome(body());
    EXPECT_EQ(seen, "Failure(one)");
    EXPECT_EQ(clock.ms(), 10ms);
    EXPECT_EQ(weft::current_task().cancelling(), 0);
  });
  EXPECT_EQ(log.text(), "cancelled");
}

TEST_P(Map, WhatFnItselfThrowsIsAFailure) {
  run([]() -> Coro<> {
    auto work = [](int n) -> Coro<int> {
      if (n == 2) throw Failure("call");
      return value_after(1ms, n);
    };
    auto body = [&]() -> Coro<> {
      auto all = co_await weft::map(std::views::iota(0, 4), work, {.concurrency = 1});
      (void)all;
    };
    std::string const seen = co_await outcome(body());
    EXPECT_EQ(seen, "Failure(call)");
  });
}

TEST_P(Map, ACancelOfTheCallerReachesAll) {
  Log log;
  run([&]() -> Coro<> {
    auto work = [&](int) { return sleep_for_ever(log, "x"); };
    Task<void> mapper = weft::create_task([&]() -> Coro<> {
      auto all = co_await weft::map(std::views::iota(0, 10), work, {.concurrency = 3});
      (void)all;
    });
    co_await weft::sleep(5ms);
    mapper.cancel();
    std::string const seen = co_await outcome(mapper);
    EXPECT_EQ(seen, "CancelledError");
  });
  EXPECT_EQ(log.count("x:cancelled"), 3U);
}

TEST_P(Map, TakesRangesOfEveryKind) {
  run([]() -> Coro<> {
    auto twice = [](int n) -> Coro<int> { return value_after(1ms, 2 * n); };
    std::list<int> list{1, 2};
    std::vector<int> const a = co_await weft::map(list, twice);
    EXPECT_EQ(a, (std::vector<int>{2, 4}));
    std::vector<int> const b = co_await weft::map(std::move(list), twice);
    EXPECT_EQ(b, (std::vector<int>{2, 4}));
    std::istringstream text("3 4 5");
    std::vector<int> const c = co_await weft::map(std::ranges::istream_view<int>(text), twice, {.concurrency = 2});
    EXPECT_EQ(c, (std::vector<int>{6, 8, 10}));
    std::vector<bool> const bits{true, false};
    std::vector<int> const d = co_await weft::map(bits, [](bool bit) { return value_after(1ms, bit ? 1 : 0); });
    EXPECT_EQ(d, (std::vector<int>{1, 0}));
    auto squares = std::views::iota(1, 4) | std::views::transform([](int n) { return n * n; });
    std::vector<int> const e = co_await weft::map(squares, twice);
    EXPECT_EQ(e, (std::vector<int>{2, 8, 18}));
  });
}

TEST_P(Map, RefersToAnLvalueRangeAndMovesFromAnRvalue) {
  run([]() -> Coro<> {
    std::vector<int> numbers{1, 2, 3};
    auto bump = [](int& n) -> Coro<> {
      ++n;
      co_return;
    };
    auto const done = co_await weft::map(numbers, bump);
    EXPECT_EQ(done.size(), 3U);
    EXPECT_EQ(numbers, (std::vector<int>{2, 3, 4}));
    std::vector<std::unique_ptr<int>> pointers;
    pointers.push_back(std::make_unique<int>(1));
    pointers.push_back(std::make_unique<int>(2));
    auto give_back = [](std::unique_ptr<int> pointer) -> Coro<std::unique_ptr<int>> {
      co_await weft::yield_now();
      co_return pointer;
    };
    auto const back = co_await weft::map(std::move(pointers), give_back, {.concurrency = 1});
    EXPECT_EQ(*back.at(0) + 10 * *back.at(1), 21);
  });
}

TEST_P(Map, ReferencesBoolsAndOtherAwaitables) {
  run([]() -> Coro<> {
    std::vector<int> numbers{1, 2};
    auto same = [](int& n) -> Coro<int&> { co_return n; };
    auto const references = co_await weft::map(numbers, same);
    EXPECT_EQ(&references.at(1).get(), &numbers[1]);
    auto even = [](int n) -> Coro<bool> { co_return n % 2 == 0; };
    std::vector<bool> const bools = co_await weft::map(numbers, even);
    EXPECT_EQ(bools, (std::vector<bool>{false, true}));
    auto const tasks = co_await weft::map(numbers, [](int n) { return weft::create_task(value_after(1ms, n)); });
    EXPECT_EQ(tasks, numbers);
  });
}

TEST_P(Map, AThousandElementsThroughASmallWindow) {
  run([]() -> Coro<> {
    auto work = [](int n) -> Coro<int> {
      for (int i = 0; i < n % 4; ++i) co_await weft::yield_now();
      co_return n;
    };
    std::vector<int> const all = co_await weft::map(std::views::iota(0, 1000), work, {.concurrency = 8});
    bool same = all.size() == 1000;
    for (int i = 0; i < 1000 && same; ++i) same = all[static_cast<std::size_t>(i)] == i;
    EXPECT_TRUE(same);
  });
}

WEFT_TEST_AT_1_2_8_WORKERS(Map);

}  // namespace
}  // namespace weft_test
