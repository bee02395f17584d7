// Runtimes destroyed while foreign threads submit, create, call, cancel and wait: each submitted coroutine is either run to
// an end or refused with a broken or failed future, nobody waits for ever, nothing is left alive.
#include "unit/support.hpp"

#include <future>
#include <memory>
#include <mutex>
#include <thread>

namespace weft_test {
namespace {

class DestructionUnderLoad : public ::testing::TestWithParam<unsigned> {};

struct Tally {
  std::atomic<long> begun{0};
  std::atomic<long> ended{0};
  std::atomic<long> submitted{0};
  std::atomic<long> values{0};
  std::atomic<long> cancelled{0};
  std::atomic<long> refused{0};
  std::atomic<int> live{0};
};

struct Ending {
  explicit Ending(Tally& t) : tally(&t) { tally->begun.fetch_add(1); }
  Ending(Ending const&) = delete;
  Ending& operator=(Ending const&) = delete;
  ~Ending() { tally->ended.fetch_add(1); }
  Tally* tally;
};

Coro<int> work(Tally& tally, Live, int kind) {
  Ending const ending(tally);
  if (kind % 4 == 1) co_await weft::sleep(1h);
  if (kind % 4 == 2) {
    auto results = co_await weft::gather(weft::yield_now(), weft::sleep(std::chrono::microseconds(50)));
    (void)results;
  }
  if (kind % 4 == 3) {
    co_await weft::task_group([](weft::TaskGroup& tg) -> Coro<> {
      tg.start_soon(value_after(1ms, 1));
      co_await weft::sleep(std::chrono::microseconds(100));
    });
  }
  co_return kind;
}

// Counts what came of a future.
void settle(Tally& tally, std::future<int>& future) {
  try {
    (void)future.get();
    tally.values.fetch_add(1);
  } catch (weft::CancelledError const&) {
    tally.cancelled.fetch_add(1);
  } catch (std::future_error const&) {
    tally.refused.fetch_add(1);
  } catch (weft::RuntimeError const&) {
    tally.refused.fetch_add(1);
  }
}

TEST_P(DestructionUnderLoad, SubmittersAreServedOrRefusedAndNothingIsStranded) {
  Tally tally;
  auto const end = std::chrono::steady_clock::now() + soak_time();
  long rounds = 0;
  while (std::chrono::steady_clock::now() < end) {
    ++rounds;
    weft::Options o;
    o.workers = GetParam();
    auto runtime = std::make_unique<weft::Runtime>(o);
    std::vector<std::vector<std::future<int>>> futures(3);
    std::vector<std::thread> threads;
    for (int t = 0; t < 3; ++t) {
      threads.emplace_back([&, t] {
        for (int i = 0; i < 40; ++i) {
          futures[static_cast<std::size_t>(t)].push_back(runtime->submit(work(tally, Live(tally.live), i + t)));
          tally.submitted.fetch_add(1);
          if (i % 8 == 0) runtime->call_soon_threadsafe([] {});
        }
      });
    }
    if (rounds % 3 == 0) std::this_thread::yield();
    // All submits have returned, their coroutines have not: the destructor meets them in every state.
    for (std::thread& t : threads) t.join();
    runtime.reset();
    for (auto& of_thread : futures) {
      for (std::future<int>& f : of_thread) settle(tally, f);
    }
    EXPECT_EQ(tally.live.load(), 0);
  }
  EXPECT_EQ(tally.values.load() + tally.cancelled.load() + tally.refused.load(), tally.submitted.load());
  EXPECT_EQ(tally.begun.load(), tally.ended.load());
  EXPECT_EQ(tally.refused.load(), 0) << "these were submitted before the destructor began";
  RecordProperty("rounds", std::to_string(rounds));
}

// Threads that wait in Task::get and cancel while the runtime goes down.
TEST_P(DestructionUnderLoad, WaitersAndCancellersComeBack) {
  Tally tally;
  auto const end = std::chrono::steady_clock::now() + soak_time();
  long rounds = 0;
  while (std::chrono::steady_clock::now() < end) {
    ++rounds;
    weft::Options o;
    o.workers = GetParam();
    auto runtime = std::make_unique<weft::Runtime>(o);
    std::vector<Task<int>> tasks;
    for (int i = 0; i < 60; ++i) tasks.push_back(runtime->create_task(work(tally, Live(tally.live), i)));
    std::atomic<int> back{0};
    std::vector<std::thread> threads;
    for (int t = 0; t < 2; ++t) {
      threads.emplace_back([&] {
        for (Task<int> const& task : tasks) {
          std::string const seen = outcome_of_call([&] { (void)task.get(); });
          EXPECT_TRUE(seen == "ok" || seen == "CancelledError") << seen;
        }
        back.fetch_add(1);
      });
    }
    threads.emplace_back([&] {
      for (Task<int> task : tasks) task.cancel();
      back.fetch_add(1);
    });
    runtime.reset();
    for (std::thread& t : threads) t.join();
    EXPECT_EQ(back.load(), 3);
    for (Task<int> const& task : tasks) EXPECT_TRUE(task.done());
    EXPECT_EQ(tally.live.load(), 0);
  }
  EXPECT_EQ(tally.begun.load(), tally.ended.load());
  RecordProperty("rounds", std::to_string(rounds));
}

TEST_P(DestructionUnderLoad, RunsThatLeaveManyTasksBehindEndThem) {
  Tally tally;
  auto const end = std::chrono::steady_clock::now() + soak_time();
  weft::Options o;
  o.workers = GetParam();
  weft::Runtime runtime(o);
  long rounds = 0;
  while (std::chrono::steady_clock::now() < end) {
    ++rounds;
    runtime.run([&]() -> Coro<> {
      for (int i = 0; i < 100; ++i) weft::create_task(work(tally, Live(tally.live), i));
      co_await weft::yield_now();
    });
    EXPECT_EQ(tally.live.load(), 0);
  }
  EXPECT_EQ(tally.begun.load(), tally.ended.load());
  RecordProperty("rounds", std::to_string(rounds));
}

// Tasks that submit while the destructor is ending them: what loses that race gets a broken future, never a stranded one.
TEST_P(DestructionUnderLoad, SubmitsOfDyingTasksAreServedOrRefused) {
  Tally tally;
  auto const end = std::chrono::steady_clock::now() + soak_time();
  long submits = 0;
  while (std::chrono::steady_clock::now() < end) {
    weft::Options o;
    o.workers = GetParam();
    std::mutex mutex;
    std::vector<std::future<int>> futures;
    auto runtime = std::make_unique<weft::Runtime>(o);
    weft::Runtime* const inside = runtime.get();
    auto dying = [&, inside]() -> Coro<> {
      bool cancelled = false;
      try {
        co_await weft::sleep(1h);
      } catch (weft::CancelledError const&) {
        cancelled = true;
      }
      EXPECT_TRUE(cancelled);
      for (int i = 0; i < 4; ++i) {
        try {
          std::future<int> f = inside->submit(work(tally, Live(tally.live), i));
          std::lock_guard const lock(mutex);
          futures.push_back(std::move(f));
        } catch (weft::RuntimeError const&) {
          tally.refused.fetch_add(1);
        }
      }
    };
    for (int i = 0; i < 16; ++i) runtime->create_task(dying());
    runtime.reset();
    submits += static_cast<long>(futures.size());
    for (std::future<int>& f : futures) settle(tally, f);
    EXPECT_EQ(tally.live.load(), 0);
  }
  EXPECT_GE(tally.values.load() + tally.cancelled.load() + tally.refused.load(), submits);
  EXPECT_EQ(tally.begun.load(), tally.ended.load());
  RecordProperty("submits", std::to_string(submits));
}

INSTANTIATE_TEST_SUITE_P(At, DestructionUnderLoad, ::testing::Values(1U, 2U, 8U), worker_name);

}  // namespace
}  // namespace weft_test
