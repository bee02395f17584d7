// The spin lock with real threads: exclusion, try_lock, and progress when more threads want it than there are cores. Its
// orders are checked by tests/model/spin_lock_test.cpp.
#include <weft/runtime/algorithms/spin_lock.hpp>

#include <cstdint>
#include <mutex>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

namespace weft::engine {
namespace {

TEST(SpinLock, LocksAndUnlocks) {
  SpinLock lock;
  lock.lock();
  EXPECT_FALSE(lock.try_lock());
  lock.unlock();
  EXPECT_TRUE(lock.try_lock());
  EXPECT_FALSE(lock.try_lock());
  lock.unlock();
}

TEST(SpinLock, ConstantInitialisedInStatics) {
  static constinit SpinLock lock;
  std::lock_guard const guard(lock);
  EXPECT_FALSE(lock.try_lock());
}

TEST(SpinLock, ExcludesWithMoreThreadsThanCores) {
  constexpr int threads = 8;
  constexpr std::uint64_t rounds = 50'000;
  SpinLock lock;
  std::uint64_t counter = 0, mirror = 0, torn = 0;
  std::vector<std::thread> team;
  for (int t = 0; t < threads; ++t)
    team.emplace_back([&] {
      for (std::uint64_t i = 0; i < rounds; ++i) {
        std::lock_guard const guard(lock);
        if (counter != mirror) ++torn;
        ++counter;
        ++mirror;
      }
    });
  for (std::thread& thread : team) thread.join();
  EXPECT_EQ(counter, threads * rounds);
  EXPECT_EQ(torn, 0u);
}

TEST(SpinLock, TryLockNeverLetsTwoIn) {
  SpinLock lock;
  std::uint64_t entered = 0;  // plain: guarded by the lock alone
  std::vector<std::uint64_t> mine(4, 0);
  std::vector<std::thread> team;
  for (std::uint64_t& count : mine)
    team.emplace_back([&lock, &entered, &count] {
      for (int i = 0; i < 50'000; ++i) {
        if (!lock.try_lock()) continue;
        ++entered;
        ++count;
        lock.unlock();
      }
    });
  for (std::thread& thread : team) thread.join();
  std::uint64_t sum = 0;
  for (std::uint64_t const count : mine) sum += count;
  EXPECT_EQ(entered, sum);
  EXPECT_GT(entered, 0u);
}

}  // namespace
}  // namespace weft::engine
