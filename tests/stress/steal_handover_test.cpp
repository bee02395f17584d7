// Work changes hands: parts and tasks that are stolen, suspended on one worker and resumed on another, with values,
// exceptions and memory written on one side and read on the other. ThreadSanitizer checks the hand-over, the counts that
// everything ran once.
#include "unit/support.hpp"

#include <random>
#include <thread>

namespace weft_test {
namespace {

class StealHandover : public ::testing::TestWithParam<unsigned> {
 protected:
  static weft::Options options() {
    weft::Options o;
    o.workers = GetParam();
    return o;
  }
};

// Plain memory, written by a part and read by the caller after the join.
struct Plain {
  std::vector<int> words;
};

Coro<long> fill(Plain* plain, int from, int to, unsigned dice) {
  if (to - from <= 4) {
    if (dice % 5 == 0) co_await weft::yield_now();
    if (dice % 17 == 0) co_await weft::sleep(std::chrono::microseconds(20));
    for (int i = from; i < to; ++i) plain->words[static_cast<std::size_t>(i)] += i;
    co_return to - from;
  }
  int const middle = from + (to - from) / 2;
  auto const [a, b] = co_await weft::gather(fill(plain, from, middle, dice * 7 + 1), fill(plain, middle, to, dice * 3 + 2));
  long sum = 0;
  for (int i = from; i < to; ++i) sum += plain->words[static_cast<std::size_t>(i)] >= i ? 1 : 0;
  EXPECT_EQ(sum, to - from) << "what the parts wrote is seen after the join";
  co_return a + b;
}

TEST_P(StealHandover, PartsHandTheirMemoryToTheJoin) {
  weft::Runtime runtime(options());
  auto const end = std::chrono::steady_clock::now() + soak_time();
  long rounds = 0;
  while (std::chrono::steady_clock::now() < end) {
    Plain plain;
    plain.words.assign(2000, 0);
    long const n = runtime.run(fill(&plain, 0, 2000, static_cast<unsigned>(rounds)));
    EXPECT_EQ(n, 2000);
    for (int i = 0; i < 2000; ++i) EXPECT_EQ(plain.words[static_cast<std::size_t>(i)], i) << "each leaf ran once";
    ++rounds;
  }
  RecordProperty("rounds", std::to_string(rounds));
}

Coro<long> failing_tree(std::atomic<long>& leaves, int depth, unsigned path) {
  if (depth == 0) {
    leaves.fetch_add(1);
    if (path % 7 == 0) co_await weft::yield_now();
    if (path % 13 == 5) throw Failure(std::to_string(path));
    co_return 1;
  }
  auto const [a, b] =
      co_await weft::gather(failing_tree(leaves, depth - 1, path * 2), failing_tree(leaves, depth - 1, path * 2 + 1));
  co_return a + b;
}

TEST_P(StealHandover, ExceptionsCrossWorkersAndEveryLeafRunsOnce) {
  weft::Runtime runtime(options());
  auto const end = std::chrono::steady_clock::now() + soak_time();
  while (std::chrono::steady_clock::now() < end) {
    std::atomic<long> leaves{0};
    std::string const seen = outcome_of_call([&] { (void)runtime.run(failing_tree(leaves, 8, 1)); });
    EXPECT_EQ(seen.substr(0, 8), "Failure(");
    EXPECT_EQ(leaves.load(), 256);
  }
}

TEST_P(StealHandover, TasksHandPlainMemoryToTheirAwaiters) {
  weft::Runtime runtime(options());
  auto const end = std::chrono::steady_clock::now() + soak_time();
  std::atomic<int> live{0};
  long tasks = 0;
  runtime.run([&]() -> Coro<> {
    auto produce = [](std::vector<int>* out, int n, Live) -> Coro<std::vector<int>> {
      out->assign(16, n);
      if (n % 3 == 0) co_await weft::yield_now();
      co_return std::vector<int>(16, n);
    };
    while (std::chrono::steady_clock::now() < end) {
      std::vector<std::vector<int>> outs(100);
      std::vector<Task<std::vector<int>>> handles;
      for (int i = 0; i < 100; ++i) {
        handles.push_back(weft::create_task(produce(&outs[static_cast<std::size_t>(i)], i, Live(live))));
      }
      for (std::size_t i = 0; i < 100; ++i) {
        std::vector<int> const& v = co_await handles[i];
        EXPECT_EQ(v, outs[i]);
        EXPECT_EQ(v.at(15), static_cast<int>(i));
      }
      EXPECT_EQ(live.load(), 0) << "frames and arguments are gone before the awaiters resume";
      tasks += 100;
    }
  });
  RecordProperty("tasks", std::to_string(tasks));
}

TEST_P(StealHandover, LocksEventsAndQueuesHandPlainMemoryOver) {
  weft::Runtime runtime(options());
  auto const end = std::chrono::steady_clock::now() + soak_time();
  runtime.run([&]() -> Coro<> {
    while (std::chrono::steady_clock::now() < end) {
      weft::Lock lock;
      weft::Event event;
      weft::Queue<int*> queue(3);
      long guarded = 0;
      int flag = 0;
      auto locker = [&]() -> Coro<> {
        for (int i = 0; i < 100; ++i) {
          auto guard = co_await lock.scoped();
          ++guarded;
        }
      };
      auto waiter = [&]() -> Coro<> {
        co_await event.wait();
        EXPECT_EQ(flag, 7);
      };
      auto setter = [&]() -> Coro<> {
        co_await weft::yield_now();
        flag = 7;
        event.set();
      };
      std::vector<int> cells(100);
      auto producer = [&]() -> Coro<> {
        for (int i = 0; i < 100; ++i) {
          cells[static_cast<std::size_t>(i)] = i;
          co_await queue.put(&cells[static_cast<std::size_t>(i)]);
        }
      };
      auto consumer = [&]() -> Coro<> {
        for (int i = 0; i < 100; ++i) {
          int* const cell = co_await queue.get();
          EXPECT_EQ(*cell, i);
          *cell = -1;
        }
      };
      co_await weft::task_group([&](weft::TaskGroup& tg) -> Coro<> {
        for (int i = 0; i < 4; ++i) tg.start_soon(locker());
        for (int i = 0; i < 4; ++i) tg.start_soon(waiter());
        tg.start_soon(setter());
        tg.start_soon(producer());
        tg.start_soon(consumer());
        co_return;
      });
      EXPECT_EQ(guarded, 400);
    }
  });
}

// Two leaves that wait for each other need two workers at the same time, every time: no work may be stranded on a worker
// that is inside a long leaf.
TEST_P(StealHandover, TwoLeavesAlwaysGetTwoWorkers) {
  if (GetParam() == 1) return;
  weft::Runtime runtime(options());
  auto const end = std::chrono::steady_clock::now() + soak_time();
  long rounds = 0;
  while (std::chrono::steady_clock::now() < end) {
    runtime.run([]() -> Coro<> {
      std::atomic<int> met{0};
      auto leaf = [&]() -> Coro<> {
        met.fetch_add(1);
        while (met.load() < 2) std::this_thread::yield();
        co_return;
      };
      auto results = co_await weft::gather(leaf(), leaf());
      (void)results;
      met.store(0);
      Task<void> const a = weft::create_task(leaf());
      Task<void> const b = weft::create_task(leaf());
      co_await a;
      co_await b;
    });
    ++rounds;
  }
  RecordProperty("rounds", std::to_string(rounds));
}

INSTANTIATE_TEST_SUITE_P(At, StealHandover, ::testing::Values(1U, 2U, 8U), worker_name);

}  // namespace
}  // namespace weft_test
