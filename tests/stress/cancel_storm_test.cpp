// Cancel storm: four foreign threads cancel tasks at any moment of their lives, while they start, sleep, wait for locks,
// events, queues and each other, gather, are stolen, and finish. Each task must end exactly once, in agreement with what
// its handle says, and nothing may be left alive.
#include "unit/support.hpp"

#include <array>
#include <mutex>
#include <random>
#include <thread>

namespace weft_test {
namespace {

class CancelStorm : public ::testing::TestWithParam<unsigned> {};

struct Counts {
  std::atomic<long> begun{0};
  std::atomic<long> returned{0};
  std::atomic<long> thrown_cancelled{0};
  std::atomic<long> callbacks{0};
  std::atomic<int> live{0};
};

// The tasks that the foreign threads aim at.
class Targets {
 public:
  void put(std::size_t slot, Task<int> task) {
    std::lock_guard const lock(mutex_);
    tasks_[slot % tasks_.size()] = std::move(task);
  }
  Task<int> pick(std::size_t slot) {
    std::lock_guard const lock(mutex_);
    return tasks_[slot % tasks_.size()];
  }

 private:
  std::mutex mutex_;
  std::array<Task<int>, 64> tasks_;
};

struct Shared {
  weft::Lock lock;
  weft::Event event;
  weft::Queue<int> queue{4};
  std::atomic<long> put{0};
  std::atomic<long> got{0};
};

Coro<int> tree(int depth) {
  if (depth == 0) {
    co_await weft::checkpoint();
    co_return 1;
  }
  auto const [a, b] = co_await weft::gather(tree(depth - 1), tree(depth - 1));
  co_return a + b;
}

Coro<int> victim_body(Shared& shared, int kind) {
  switch (kind) {
    case 0: co_await weft::sleep(std::chrono::microseconds(200)); break;
    case 1: {
      auto guard = co_await shared.lock.scoped();
      co_await weft::yield_now();
      break;
    }
    case 2: {
      int const n = co_await tree(6);
      EXPECT_EQ(n, 64);
      break;
    }
    case 3: {
      co_await shared.queue.put(1);
      shared.put.fetch_add(1);
      break;
    }
    case 4: {
      int const item = co_await shared.queue.get();
      shared.got.fetch_add(item);
      break;
    }
    case 5: {
      Task<int> const inner = weft::create_task(tree(3));
      int const n = co_await inner;
      EXPECT_EQ(n, 8);
      break;
    }
    case 6: {
      co_await weft::timeout(std::chrono::microseconds(100), [](weft::Timeout&) -> Coro<> {
        try {
          co_await weft::sleep(std::chrono::microseconds(100));
        } catch (weft::CancelledError const&) {
        }
      });
      break;
    }
    case 7: {
      co_await weft::task_group([](weft::TaskGroup& tg) -> Coro<> {
        for (int i = 0; i < 3; ++i) tg.start_soon(tree(2));
        co_await weft::sleep(std::chrono::microseconds(50));
      });
      break;
    }
    case 8: co_await shared.event.wait(); break;
    default: break;
  }
  co_return kind;
}

Coro<int> victim(Shared& shared, Counts& counts, Live, int kind) {
  counts.begun.fetch_add(1);
  try {
    int const v = co_await victim_body(shared, kind);
    counts.returned.fetch_add(1);
    co_return v;
  } catch (weft::CancelledError const&) {
    counts.thrown_cancelled.fetch_add(1);
    throw;
  }
}

TEST_P(CancelStorm, EveryTaskEndsExactlyOnce) {
  Counts counts;
  Targets targets;
  std::atomic<bool> stop{false};
  std::atomic<long> accepted{0};
  long made = 0;
  long ended_cancelled = 0;
  long ended_value = 0;
  {
    weft::Options o;
    o.workers = GetParam();
    weft::Runtime runtime(o);
    std::vector<std::thread> cancellers;
    for (unsigned t = 0; t < 4; ++t) {
      cancellers.emplace_back([&, t] {
        std::mt19937 random(t);
        while (!stop.load()) {
          Task<int> task = targets.pick(random());
          if (task == Task<int>()) continue;
          if (task.cancel("storm")) accepted.fetch_add(1);
          if (random() % 16 == 0) std::this_thread::yield();
        }
      });
    }
    auto const end = std::chrono::steady_clock::now() + soak_time();
    runtime.run([&]() -> Coro<> {
      Shared shared;
      std::mt19937 random(42);
      // Keeps the queue and the event moving, so that nobody waits for ever.
      auto pump = [&]() -> Coro<> {
        for (;;) {
          try {
            shared.got.fetch_add(shared.queue.get_nowait());
          } catch (weft::QueueEmpty const&) {
          }
          try {
            shared.queue.put_nowait(1);
            shared.put.fetch_add(1);
          } catch (weft::QueueFull const&) {
          }
          shared.event.set();
          shared.event.clear();
          co_await weft::yield_now();
        }
      };
      Task<void> pumping = weft::create_task(pump());
      while (std::chrono::steady_clock::now() < end) {
        std::vector<Task<int>> wave;
        for (int i = 0; i < 64; ++i) {
          wave.push_back(weft::create_task(victim(shared, counts, Live(counts.live), static_cast<int>(random() % 10))));
          wave.back().add_done_callback([&](Task<int> const& t) {
            EXPECT_TRUE(t.done());
            counts.callbacks.fetch_add(1);
          });
          targets.put(static_cast<std::size_t>(i), wave.back());
        }
        made += 64;
        for (Task<int> const& task : wave) {
          auto result = co_await weft::as_result(weft::shield(task));
          EXPECT_TRUE(task.done());
          EXPECT_EQ(task.cancelled(), result.cancelled());
          if (result.cancelled()) ++ended_cancelled;
          if (result.has_value()) ++ended_value;
        }
      }
      pumping.cancel();
      std::string const of_pump = co_await outcome(pumping);
      EXPECT_EQ(of_pump, "CancelledError");
      // Every item that was put was got exactly once or is still there, whoever was cancelled when.
      long left = 0;
      while (!shared.queue.empty()) left += shared.queue.get_nowait();
      EXPECT_EQ(shared.got.load() + left, shared.put.load());
    });
    stop.store(true);
    for (std::thread& t : cancellers) t.join();
    for (std::size_t i = 0; i < 64; ++i) targets.put(i, Task<int>());
  }
  EXPECT_GT(made, 0);
  EXPECT_EQ(ended_cancelled + ended_value, made) << "each ends once, as a value or cancelled, never otherwise";
  EXPECT_EQ(counts.callbacks.load(), made);
  EXPECT_EQ(counts.begun.load(), counts.returned.load() + counts.thrown_cancelled.load());
  EXPECT_LE(counts.begun.load(), made);
  EXPECT_EQ(counts.live.load(), 0) << "frames and arguments are gone";
  RecordProperty("tasks", std::to_string(made));
  RecordProperty("cancelled", std::to_string(ended_cancelled));
}

INSTANTIATE_TEST_SUITE_P(At, CancelStorm, ::testing::Values(1U, 2U, 8U), worker_name);

}  // namespace
}  // namespace weft_test
