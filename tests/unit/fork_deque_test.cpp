// ForkDeque: order, publication, take-back, force, growth; and storms in which every item must come out exactly once.
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <thread>
#include <vector>

#include <weft/runtime/algorithms/fork_deque.hpp>

#include "unit/queue_items.hpp"

namespace {

using weft::engine::ForkDeque;
using weft::engine::Pushed;
using weft::engine::real_sync;
using weft_test::QueueItem;
using weft_test::ScarceMemory;

using Deque = ForkDeque<real_sync, QueueItem*>;

void push_all(Deque& deque, std::vector<QueueItem>& items) {
  for (QueueItem& item : items) EXPECT_NE(deque.push(&item), Pushed::failed);
}

TEST(ForkDeque, OwnerPopsTheYoungestFirst) {
  Deque deque;
  std::vector<QueueItem> items(10);
  push_all(deque, items);
  EXPECT_EQ(deque.size(), 10U);
  for (std::size_t i = items.size(); i-- > 0;) EXPECT_EQ(deque.pop(), &items[i]);
  EXPECT_EQ(deque.pop(), nullptr);
  EXPECT_EQ(deque.size(), 0U);
}

TEST(ForkDeque, PopOfAnEmptyDequeLeavesItUsable) {
  Deque deque;
  QueueItem item;
  for (int round = 0; round < 3; ++round) {
    EXPECT_EQ(deque.pop(), nullptr);
    EXPECT_EQ(deque.pop(), nullptr);
    EXPECT_EQ(deque.push(&item), Pushed::kept);
    EXPECT_EQ(deque.pop(), &item);
  }
  EXPECT_TRUE(deque.stealer().looks_empty());
}

TEST(ForkDeque, KeepsEverythingPrivateUntilAThiefAsks) {
  Deque deque;
  auto const thief = deque.stealer();
  std::vector<QueueItem> items(4);
  for (QueueItem& item : items) EXPECT_EQ(deque.push(&item), Pushed::kept);
  EXPECT_FALSE(thief.looks_empty());
  EXPECT_EQ(thief.steal(), nullptr);
}

TEST(ForkDeque, PublishesHalfWhenAskedAndSaysSoOnce) {
  Deque deque;
  auto const thief = deque.stealer();
  std::vector<QueueItem> items(6);
  for (int i = 0; i < 4; ++i) EXPECT_EQ(deque.push(&items[static_cast<std::size_t>(i)]), Pushed::kept);
  EXPECT_EQ(thief.steal(), nullptr);
  EXPECT_EQ(deque.push(&items[4]), Pushed::published);
  EXPECT_EQ(deque.push(&items[5]), Pushed::kept);
  // (5 + 1) / 2 of them, the oldest first.
  EXPECT_EQ(thief.steal(), &items[0]);
  EXPECT_EQ(thief.steal(), &items[1]);
  EXPECT_EQ(thief.steal(), &items[2]);
  EXPECT_EQ(thief.steal(), nullptr);
  EXPECT_EQ(deque.pop(), &items[5]);
}

TEST(ForkDeque, PublishesASingleItem) {
  Deque deque;
  auto const thief = deque.stealer();
  QueueItem item;
  thief.set_want();
  EXPECT_EQ(deque.push(&item), Pushed::published);
  EXPECT_EQ(thief.steal(), &item);
  EXPECT_EQ(deque.pop(), nullptr);
  EXPECT_TRUE(thief.looks_empty());
}

TEST(ForkDeque, OwnerTakesPublicItemsBackInOrder) {
  Deque deque;
  auto const thief = deque.stealer();
  std::vector<QueueItem> items(9);
  for (QueueItem& item : items) {
    thief.set_want();
    EXPECT_EQ(deque.push(&item), Pushed::published);
  }
  EXPECT_EQ(thief.steal(), &items[0]);
  for (std::size_t i = items.size(); i-- > 1;) EXPECT_EQ(deque.pop(), &items[i]);
  EXPECT_EQ(deque.pop(), nullptr);
  EXPECT_EQ(thief.steal(), nullptr);
}

TEST(ForkDeque, ThievesSeeWhatTheOwnerHasNotTakenBack) {
  Deque deque;
  auto const thief = deque.stealer();
  std::vector<QueueItem> items(8);
  for (QueueItem& item : items) {
    thief.set_want();
    (void)deque.push(&item);
  }
  EXPECT_EQ(deque.pop(), &items[7]);  // items 4 to 7 are private again
  for (std::size_t i = 0; i < 4; ++i) EXPECT_EQ(thief.steal(), &items[i]);
  EXPECT_EQ(thief.steal(), nullptr);
  for (std::size_t i = 7; i-- > 4;) EXPECT_EQ(deque.pop(), &items[i]);
  EXPECT_EQ(deque.pop(), nullptr);
}

TEST(ForkDeque, ForceTakesTheOldestPrivateItemAndPublishesHalf) {
  Deque deque;
  auto const thief = deque.stealer();
  std::vector<QueueItem> items(6);
  push_all(deque, items);
  EXPECT_EQ(thief.steal_forced(), &items[0]);
  EXPECT_EQ(thief.steal(), &items[1]);
  EXPECT_EQ(thief.steal(), &items[2]);
  EXPECT_EQ(thief.steal(), nullptr);
  EXPECT_EQ(thief.steal_forced(), &items[3]);
  EXPECT_EQ(deque.pop(), &items[5]);
  EXPECT_EQ(deque.pop(), &items[4]);
  EXPECT_EQ(deque.pop(), nullptr);
  EXPECT_EQ(thief.steal_forced(), nullptr);
}

TEST(ForkDeque, ForceOnASingleItemLeavesNothing) {
  Deque deque;
  auto const thief = deque.stealer();
  QueueItem item;
  for (int round = 0; round < 3; ++round) {
    EXPECT_EQ(deque.push(&item), Pushed::kept);
    EXPECT_EQ(thief.steal_forced(), &item);
    EXPECT_EQ(deque.pop(), nullptr);
    EXPECT_TRUE(thief.looks_empty());
  }
}

TEST(ForkDeque, GrowsFromOneSlotToAMillionItems) {
  Deque deque(1);
  auto const thief = deque.stealer();
  std::vector<QueueItem> items(1'000'000);
  push_all(deque, items);
  EXPECT_EQ(deque.size(), items.size());
  // Alternately from both ends, so that take-back, publication and the last item are met, too.
  std::size_t oldest = 0, youngest = items.size();
  while (oldest < youngest) {
    QueueItem* const stolen = (oldest & 1023) == 0 ? thief.steal_forced() : thief.steal();
    if (stolen != nullptr) {
      ASSERT_EQ(stolen, &items[oldest]);
      ++oldest;
    }
    if (oldest == youngest) break;
    --youngest;
    ASSERT_EQ(deque.pop(), &items[youngest]);
  }
  EXPECT_EQ(deque.pop(), nullptr);
}

TEST(ForkDeque, ReusesItsSlotsWhenThievesKeepUp) {
  Deque deque(8);
  auto const thief = deque.stealer();
  std::vector<QueueItem> items(10'000);
  for (QueueItem& item : items) {
    thief.set_want();
    EXPECT_EQ(deque.push(&item), Pushed::published);
    EXPECT_EQ(thief.steal(), &item);
  }
  EXPECT_EQ(deque.pop(), nullptr);
}

TEST(ForkDeque, RefusesAPushWhenItCannotGrowAndLosesNothing) {
  ForkDeque<real_sync, QueueItem*, ScarceMemory> deque(4);
  std::vector<QueueItem> items(5);
  ScarceMemory::out = true;
  for (std::size_t i = 0; i < 3; ++i) EXPECT_EQ(deque.push(&items[i]), Pushed::kept);
  // The last slot stays free.
  EXPECT_EQ(deque.push(&items[3]), Pushed::failed);
  EXPECT_EQ(deque.push(&items[3]), Pushed::failed);
  EXPECT_EQ(deque.stealer().steal_forced(), &items[0]);
  EXPECT_EQ(deque.push(&items[3]), Pushed::kept);
  ScarceMemory::out = false;
  EXPECT_EQ(deque.push(&items[4]), Pushed::kept);
  for (std::size_t i = 5; i-- > 1;) EXPECT_EQ(deque.pop(), &items[i]);
  EXPECT_EQ(deque.pop(), nullptr);
}

// Where there is no membarrier.
struct SymmetricSync : real_sync {
  static bool light_fence_is_free() noexcept { return false; }
  static void fence_heavy() noexcept { fence_full(); }
};

TEST(ForkDeque, WorksWithoutMembarrier) {
  ForkDeque<SymmetricSync, QueueItem*> deque(2);
  auto const thief = deque.stealer();
  std::vector<QueueItem> items(6);
  for (int i = 0; i < 4; ++i) EXPECT_EQ(deque.push(&items[static_cast<std::size_t>(i)]), Pushed::kept);
  EXPECT_EQ(thief.steal(), nullptr);
  EXPECT_EQ(deque.push(&items[4]), Pushed::published);
  EXPECT_EQ(deque.push(&items[5]), Pushed::kept);
  EXPECT_EQ(thief.steal(), &items[0]);
  EXPECT_EQ(thief.steal(), &items[1]);
  EXPECT_EQ(thief.steal(), &items[2]);
  EXPECT_EQ(thief.steal(), nullptr);
  EXPECT_EQ(thief.steal_forced(), &items[3]);
  EXPECT_EQ(deque.pop(), &items[5]);
  EXPECT_TRUE(deque.unpush());
  EXPECT_FALSE(deque.unpush());
  EXPECT_EQ(deque.size(), 0U);
}

TEST(ForkDeque, ConstructorThrowsWhenMemoryIsOut) {
  using Scarce = ForkDeque<real_sync, QueueItem*, ScarceMemory>;
  ScarceMemory::out = true;
  EXPECT_THROW((void)std::make_unique<Scarce>(), std::bad_alloc);
  ScarceMemory::out = false;
}

// ---- storms

enum class Thief { polite, forcing };

// The owner makes fork-join shaped traffic, thieves take what they get. Every item comes out once; what the owner pops is
// always the youngest of those left, and what one thief gets is in the order of pushing.
void storm(std::size_t capacity, std::size_t rounds, std::vector<Thief> const& thieves) {
  Deque deque(capacity);
  constexpr std::size_t burst = 64;
  std::vector<QueueItem> items(rounds * burst);
  std::atomic<bool> done{false};
  std::atomic<std::size_t> out_of_order{0};
  std::vector<std::thread> threads;
  for (Thief const kind : thieves) {
    threads.emplace_back([&, kind, thief = deque.stealer()] {
      QueueItem* last = nullptr;
      while (!done.load(std::memory_order_acquire) || !thief.looks_empty()) {
        QueueItem* item = thief.steal();
        if (item == nullptr && kind == Thief::forcing) item = thief.steal_forced();
        if (item == nullptr) {
          std::this_thread::yield();
          continue;
        }
        // Pushed later, or an older one of the same round: then it was left over when the younger ones had been popped.
        if (last != nullptr && item <= last) out_of_order.fetch_add(1, std::memory_order_relaxed);
        last = item;
        item->payload += 1;
        item->taken.fetch_add(1, std::memory_order_relaxed);
      }
    });
  }
  std::size_t out_of_lifo = 0;
  std::size_t next = 0;
  std::vector<QueueItem*> mine;  // what the owner has pushed and not seen again, oldest first
  auto const pop_one = [&] {
    QueueItem* const item = deque.pop();
    if (item == nullptr) {
      mine.clear();
      return false;
    }
    if (mine.empty() || mine.back() != item) ++out_of_lifo;
    if (!mine.empty()) mine.pop_back();
    item->payload += 1;
    item->taken.fetch_add(1, std::memory_order_relaxed);
    return true;
  };
  for (std::size_t round = 0; round < rounds; ++round) {
    std::size_t const depth = 1 + round % burst;
    for (std::size_t i = 0; i < depth; ++i) {
      QueueItem& item = items[next++];
      item.payload = 1;
      EXPECT_NE(deque.push(&item), Pushed::failed);
      mine.push_back(&item);
      if (i % 3 == 2) (void)pop_one();
    }
    if (round % 7 == 0) std::this_thread::yield();
    while (pop_one()) {
    }
  }
  done.store(true, std::memory_order_release);
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(deque.pop(), nullptr);
  EXPECT_EQ(out_of_lifo, 0U);
  EXPECT_EQ(out_of_order.load(std::memory_order_relaxed), 0U);
  for (std::size_t i = 0; i < next; ++i) {
    ASSERT_EQ(items[i].taken.load(std::memory_order_relaxed), 1U) << "item " << i;
    ASSERT_EQ(items[i].payload, 2U) << "item " << i;
  }
}

TEST(ForkDequeStorm, OneThief) { storm(256, 20'000, {Thief::polite}); }
TEST(ForkDequeStorm, ThreeThieves) { storm(256, 10'000, {Thief::polite, Thief::polite, Thief::polite}); }
TEST(ForkDequeStorm, ForcingThief) { storm(256, 5'000, {Thief::forcing}); }
TEST(ForkDequeStorm, ForcingThievesTakeTurns) { storm(256, 3'000, {Thief::forcing, Thief::forcing, Thief::polite}); }
TEST(ForkDequeStorm, GrowthUnderThieves) {
  for (int i = 0; i < 50; ++i) storm(1, 100, {Thief::polite, Thief::forcing});
}

// Single items, the owner always at the border of the private part: the conflict between pop and force at its densest.
TEST(ForkDequeStorm, OwnerAndForcingThiefFightForSingleItems) {
  Deque deque;
  constexpr std::size_t n = 200'000;
  std::vector<QueueItem> items(n);
  std::atomic<bool> done{false};
  std::thread thread([&, thief = deque.stealer()] {
    while (!done.load(std::memory_order_acquire)) {
      if (QueueItem* const item = thief.steal_forced()) item->taken.fetch_add(1, std::memory_order_relaxed);
    }
  });
  for (QueueItem& item : items) {
    EXPECT_EQ(deque.push(&item), Pushed::kept);
    if (QueueItem* const popped = deque.pop()) {
      EXPECT_EQ(popped, &item);
      popped->taken.fetch_add(1, std::memory_order_relaxed);
    }
  }
  done.store(true, std::memory_order_release);
  thread.join();
  EXPECT_TRUE(std::all_of(items.begin(), items.end(),
                          [](QueueItem const& item) { return item.taken.load(std::memory_order_relaxed) == 1; }));
}

// An owner that sits in a long leaf does not strand what it has pushed.
TEST(ForkDequeStorm, ForceReachesWorkOfAnOwnerThatNeverPolls) {
  Deque deque;
  std::vector<QueueItem> items(100);
  push_all(deque, items);
  std::atomic<std::size_t> taken{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < 2; ++i) {
    threads.emplace_back([&, thief = deque.stealer()] {
      while (taken.load(std::memory_order_relaxed) < items.size()) {
        if (QueueItem* const item = thief.steal_forced()) {
          item->taken.fetch_add(1, std::memory_order_relaxed);
          taken.fetch_add(1, std::memory_order_relaxed);
        }
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(deque.pop(), nullptr);
  for (QueueItem const& item : items) EXPECT_EQ(item.taken.load(std::memory_order_relaxed), 1U);
}

}  // namespace
