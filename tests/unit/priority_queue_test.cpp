// PriorityQueue: the least first, by any order; what a comparison throws changes nothing; the rest as Queue.
#include "support.hpp"

#include <algorithm>
#include <functional>
#include <memory>
#include <random>

namespace weft_test {
namespace {

class PriorityQueues : public AtWorkers {};

TEST_P(PriorityQueues, GiveTheLeastFirst) {
  run([]() -> Coro<> {
    weft::PriorityQueue<int> queue;
    std::mt19937 random(1);
    std::vector<int> expected;
    for (int i = 0; i < 1000; ++i) {
      int const value = static_cast<int>(random() % 300);
      expected.push_back(value);
      co_await queue.put(value);
      if (i % 3 == 0) {
        auto const least = std::min_element(expected.begin(), expected.end());
        int const got = co_await queue.get();
        EXPECT_EQ(got, *least);
        expected.erase(least);
      }
    }
    std::sort(expected.begin(), expected.end());
    for (int const value : expected) {
      int const got = queue.get_nowait();
      EXPECT_EQ(got, value);
    }
    EXPECT_TRUE(queue.empty());
  });
}

TEST_P(PriorityQueues, TakeAnyOrderAndMoveOnlyItems) {
  run([]() -> Coro<> {
    weft::PriorityQueue<std::string, std::greater<>> words;
    for (char const* word : {"b", "c", "a"}) words.put_nowait(word);
    for (char const* word : {"c", "b", "a"}) EXPECT_EQ(words.get_nowait(), word);

    int pivot = 10;
    auto nearest = [pivot](std::unique_ptr<int> const& a, std::unique_ptr<int> const& b) { return std::abs(*a - pivot) < std::abs(*b - pivot); };
    weft::PriorityQueue<std::unique_ptr<int>, decltype(nearest)> numbers(0, nearest);
    for (int const n : {1, 9, 30, 12}) co_await numbers.put(std::make_unique<int>(n));
    for (int const n : {9, 12, 1, 30}) {
      std::unique_ptr<int> const got = co_await numbers.get();
      EXPECT_EQ(*got, n);
    }
  });
}

TEST_P(PriorityQueues, AreBoundedAndLetPuttersInInOrder) {
  run([]() -> Coro<> {
    weft::PriorityQueue<int> queue(2);
    queue.put_nowait(5);
    queue.put_nowait(4);
    EXPECT_TRUE(queue.full());
    EXPECT_EQ(outcome_of_call([&] { queue.put_nowait(1); }), "QueueFull");
    auto putter = [&](int value) -> Coro<> { co_await queue.put(value); };
    Task<void> const first = weft::create_task(putter(9));
    co_await weft::sleep(1ms);
    Task<void> const second = weft::create_task(putter(1));
    co_await weft::sleep(1ms);
    EXPECT_EQ(queue.get_nowait(), 4);
    co_await first;
    EXPECT_FALSE(second.done());
    EXPECT_EQ(queue.get_nowait(), 5);
    co_await second;
    EXPECT_EQ(queue.get_nowait(), 1);
    EXPECT_EQ(queue.get_nowait(), 9);
  });
}

TEST_P(PriorityQueues, HandOverToWaitersAndShutDown) {
  run([]() -> Coro<> {
    weft::PriorityQueue<int> queue;
    auto getter = [&]() -> Coro<int> { co_return co_await queue.get(); };
    Task<int> cancelled = weft::create_task(getter());
    co_await weft::sleep(1ms);
    Task<int> const waits = weft::create_task(getter());
    co_await weft::sleep(1ms);
    cancelled.cancel();
    queue.put_nowait(3);
    int const got = co_await waits;
    EXPECT_EQ(got, 3);
    std::string const seen = co_await outcome(cancelled);
    EXPECT_EQ(seen, "CancelledError");
    queue.put_nowait(2);
    queue.shutdown();
    EXPECT_EQ(outcome_of_call([&] { queue.put_nowait(1); }), "QueueShutDown");
    EXPECT_EQ(queue.get_nowait(), 2);
    EXPECT_EQ(outcome_of_call([&] { queue.get_nowait(); }), "QueueShutDown");
    queue.task_done();
    queue.task_done();
    co_await queue.join();
    EXPECT_EQ(outcome_of_call([&] { queue.task_done(); }), "ValueError");
  });
}

TEST_P(PriorityQueues, AComparisonThatThrowsChangesNothing) {
  run([]() -> Coro<> {
    int until_it_throws = 1'000'000;
    auto less = [&](int a, int b) {
      if (--until_it_throws < 0) throw Failure("less");
      return a < b;
    };
    weft::PriorityQueue<int, decltype(less)> queue(0, less);
    for (int const n : {5, 3, 8, 1, 9, 7, 2}) queue.put_nowait(n);
    until_it_throws = 1;
    EXPECT_EQ(outcome_of_call([&] { queue.put_nowait(0); }), "Failure(less)");
    auto putting = [&]() -> Coro<> { co_await queue.put(0); };
    std::string const of_put = co_await outcome(putting());
    EXPECT_EQ(of_put, "Failure(less)");
    EXPECT_EQ(outcome_of_call([&] { queue.get_nowait(); }), "Failure(less)");
    until_it_throws = 1'000'000;
    EXPECT_EQ(queue.qsize(), 7U);
    for (int const n : {1, 2, 3, 5, 7, 8, 9}) EXPECT_EQ(queue.get_nowait(), n);
  });
}

WEFT_TEST_AT_1_2_8_WORKERS(PriorityQueues);

}  // namespace
}  // namespace weft_test
