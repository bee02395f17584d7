// Timeouts that fire while their block ends, is cancelled from outside, or both: whatever wins, the block's outcome is one
// of the allowed ones, cancelling() is what it was, and no stray CancelledError arrives behind the block.
#include "unit/support.hpp"

#include <random>
#include <thread>

namespace weft_test {
namespace {

class TimeoutRace : public ::testing::TestWithParam<unsigned> {};

struct TimeoutTally {
  std::atomic<long> in_time{0};
  std::atomic<long> timed_out{0};
  std::atomic<long> cancelled{0};
  std::atomic<long> blocks{0};
};

Coro<> busy_until(std::chrono::steady_clock::time_point end) {
  while (std::chrono::steady_clock::now() < end) co_await weft::yield_now();
}

// One block whose body takes about as long as its timeout, with nobody else cancelling.
Coro<> one_block(TimeoutTally& tally, unsigned dice) {
  auto const limit = std::chrono::microseconds(dice % 120);
  auto const length = std::chrono::microseconds((dice >> 8) % 120);
  bool const nested = (dice >> 16) % 3 == 0;
  bool const spin = (dice >> 18) % 2 == 0;
  tally.blocks.fetch_add(1);
  bool timed_out = false;
  try {
    co_await weft::timeout(limit, [&](weft::Timeout& t) -> Coro<> {
      if ((dice >> 20) % 4 == 0) {
        try {
          t.reschedule(Clock::now() + length);
        } catch (weft::RuntimeError const&) {
          // the time was up already
        }
      }
      if (nested) {
        try {
          co_await weft::wait_for(weft::sleep(length), limit);
        } catch (weft::TimeoutError const&) {
        }
      } else if (spin) {
        co_await busy_until(std::chrono::steady_clock::now() + length);
      } else {
        co_await weft::sleep(length);
      }
    });
    tally.in_time.fetch_add(1);
  } catch (weft::TimeoutError const&) {
    timed_out = true;
  }
  if (timed_out) tally.timed_out.fetch_add(1);
  EXPECT_EQ(weft::current_task().cancelling(), 0);
  co_await weft::checkpoint();  // a stray cancellation would be delivered here
  co_await weft::yield_now();
}

TEST_P(TimeoutRace, NoStrayCancellationBehindTheBlock) {
  TimeoutTally tally;
  weft::Options o;
  o.workers = GetParam();
  weft::Runtime runtime(o);
  auto const end = std::chrono::steady_clock::now() + soak_time();
  runtime.run([&]() -> Coro<> {
    std::mt19937 random(5);
    while (std::chrono::steady_clock::now() < end) {
      co_await weft::task_group([&](weft::TaskGroup& tg) -> Coro<> {
        for (int i = 0; i < 64; ++i) tg.start_soon(one_block(tally, static_cast<unsigned>(random())));
        co_return;
      });
    }
  });
  EXPECT_GT(tally.blocks.load(), 0);
  EXPECT_EQ(tally.in_time.load() + tally.timed_out.load(), tally.blocks.load()) << "each block has one outcome";
  RecordProperty("blocks", std::to_string(tally.blocks.load()));
}

// The same with a cancel from outside: a task that was cancelled ends cancelled, unless it had ended before.
TEST_P(TimeoutRace, OutsideCancelIsNeverTurnedIntoATimeout) {
  TimeoutTally tally;
  weft::Options o;
  o.workers = GetParam();
  weft::Runtime runtime(o);
  auto const end = std::chrono::steady_clock::now() + soak_time();
  long cancels = 0;
  runtime.run([&]() -> Coro<> {
    std::mt19937 random(6);
    auto loop = [&tally](unsigned seed) -> Coro<> {
      std::mt19937 dice(seed);
      for (int i = 0; i < 20; ++i) {
        tally.blocks.fetch_add(1);
        auto const limit = std::chrono::microseconds(dice() % 60);
        auto const length = std::chrono::microseconds(dice() % 60);
        bool expired = false;
        try {
          co_await weft::timeout(limit, [&](weft::Timeout&) -> Coro<> { co_await weft::sleep(length); });
        } catch (weft::TimeoutError const&) {
          expired = true;
        }
        (expired ? tally.timed_out : tally.in_time).fetch_add(1);
      }
      // Not cancelled so far: whoever cancels from here on is seen at the last suspension or at the end.
      co_await weft::checkpoint();
    };
    while (std::chrono::steady_clock::now() < end) {
      std::vector<Task<void>> tasks;
      for (int i = 0; i < 32; ++i) tasks.push_back(weft::create_task(loop(static_cast<unsigned>(random()))));
      co_await weft::sleep(std::chrono::microseconds(random() % 500));
      std::vector<bool> accepted;
      for (Task<void>& t : tasks) {
        bool const now = random() % 2 == 0 && t.cancel();
        accepted.push_back(now);
        if (now) ++cancels;
      }
      for (std::size_t i = 0; i < tasks.size(); ++i) {
        std::string const seen = co_await outcome(tasks[i]);
        EXPECT_EQ(seen, accepted[i] ? "CancelledError" : "ok");
        if (accepted[i]) tally.cancelled.fetch_add(1);
      }
    }
  });
  EXPECT_EQ(tally.cancelled.load(), cancels);
  RecordProperty("blocks", std::to_string(tally.blocks.load()));
  RecordProperty("cancels", std::to_string(cancels));
}

INSTANTIATE_TEST_SUITE_P(At, TimeoutRace, ::testing::Values(1U, 2U, 8U), worker_name);

}  // namespace
}  // namespace weft_test
