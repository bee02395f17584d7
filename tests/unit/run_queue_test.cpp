// RunQueue: order, growth, stealing of halves; and storms in which every item must come out exactly once.
#include <gtest/gtest.h>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <thread>
#include <vector>

#include <weft/runtime/algorithms/run_queue.hpp>

#include "unit/queue_items.hpp"

namespace {

using weft::engine::real_sync;
using weft_test::QueueItem;
using weft_test::ScarceMemory;
using weft::engine::RunQueue;

using Queue = RunQueue<real_sync, QueueItem*>;

template <class Q>
void push_all(Q& queue, std::vector<QueueItem>& items) {
  for (QueueItem& item : items) EXPECT_TRUE(queue.push(&item));
}

TEST(RunQueue, IsFirstInFirstOut) {
  for (bool const single : {false, true}) {
    Queue queue(single);
    std::vector<QueueItem> items(100);
    push_all(queue, items);
    EXPECT_EQ(queue.size_hint(), 100U);
    for (QueueItem& item : items) EXPECT_EQ(queue.pop(), &item);
    EXPECT_EQ(queue.pop(), nullptr);
    EXPECT_TRUE(queue.looks_empty());
  }
}

TEST(RunQueue, HoldsIntegersToo) {
  RunQueue<real_sync, std::uintptr_t> queue;
  EXPECT_TRUE(queue.push(7));
  EXPECT_EQ(queue.pop(), 7U);
  EXPECT_EQ(queue.pop(), 0U);
}

TEST(RunQueue, GrowsAndKeepsOrderAcrossTheWrap) {
  for (bool const single : {false, true}) {
    Queue queue(single, 4);
    std::vector<QueueItem> items(1000);
    std::size_t in = 0, out = 0;
    // Three in, one out: the ring wraps and grows in turn.
    while (out < items.size()) {
      for (int i = 0; i < 3 && in < items.size(); ++i) EXPECT_TRUE(queue.push(&items[in++]));
      EXPECT_EQ(queue.pop(), &items[out++]);
    }
    EXPECT_EQ(queue.pop(), nullptr);
  }
}

TEST(RunQueue, StealTakesTheOlderHalfInOrder) {
  Queue victim, mine;
  std::vector<QueueItem> items(9);
  push_all(victim, items);
  EXPECT_EQ(victim.steal_into(mine), &items[0]);
  for (std::size_t i = 1; i < 5; ++i) EXPECT_EQ(mine.pop(), &items[i]);
  EXPECT_EQ(mine.pop(), nullptr);
  for (std::size_t i = 5; i < 9; ++i) EXPECT_EQ(victim.pop(), &items[i]);
  EXPECT_EQ(victim.steal_into(mine), nullptr);
}

TEST(RunQueue, StolenItemsGoBehindTheThiefsOwn) {
  Queue victim, mine;
  std::vector<QueueItem> items(4);
  QueueItem own;
  push_all(victim, items);
  EXPECT_TRUE(mine.push(&own));
  EXPECT_EQ(victim.steal_into(mine), &items[0]);
  EXPECT_EQ(mine.pop(), &own);
  EXPECT_EQ(mine.pop(), &items[1]);
}

TEST(RunQueue, StealsASingleItem) {
  Queue victim, mine;
  QueueItem item;
  EXPECT_TRUE(victim.push(&item));
  EXPECT_EQ(victim.steal_into(mine), &item);
  EXPECT_TRUE(mine.looks_empty());
  EXPECT_EQ(victim.pop(), nullptr);
}

TEST(RunQueue, StealIsCapped) {
  Queue victim, mine(false, 1);
  std::vector<QueueItem> items(1000);
  push_all(victim, items);
  EXPECT_EQ(victim.steal_into(mine), &items[0]);
  EXPECT_EQ(mine.size_hint(), Queue::max_steal - 1);
  EXPECT_EQ(victim.size_hint(), items.size() - Queue::max_steal);
}

TEST(RunQueue, RefusesAPushWhenItCannotGrowAndLosesNothing) {
  RunQueue<real_sync, QueueItem*, ScarceMemory> queue(false, 4);
  std::vector<QueueItem> items(6);
  ScarceMemory::out = true;
  for (std::size_t i = 0; i < 4; ++i) EXPECT_TRUE(queue.push(&items[i]));
  EXPECT_FALSE(queue.push(&items[4]));
  EXPECT_EQ(queue.pop(), &items[0]);
  EXPECT_TRUE(queue.push(&items[4]));
  EXPECT_FALSE(queue.push(&items[5]));
  ScarceMemory::out = false;
  EXPECT_TRUE(queue.push(&items[5]));
  for (std::size_t i = 1; i < 6; ++i) EXPECT_EQ(queue.pop(), &items[i]);
}

TEST(RunQueue, StealTakesNoMoreThanTheThiefHasRoomFor) {
  using Scarce = RunQueue<real_sync, QueueItem*, ScarceMemory>;
  Scarce victim, mine(false, 2);
  std::vector<QueueItem> items(20);
  push_all(victim, items);
  ScarceMemory::out = true;
  EXPECT_EQ(victim.steal_into(mine), &items[0]);  // and two into the ring
  EXPECT_EQ(mine.size_hint(), 2U);
  EXPECT_EQ(victim.steal_into(mine), &items[3]);  // no room: just this one
  EXPECT_EQ(mine.size_hint(), 2U);
  EXPECT_THROW((void)std::make_unique<Scarce>(), std::bad_alloc);
  ScarceMemory::out = false;
  EXPECT_EQ(mine.pop(), &items[1]);
  EXPECT_EQ(mine.pop(), &items[2]);
  EXPECT_EQ(victim.pop(), &items[4]);
}

// ---- storms

// Workers push to their own queue, pop it, and steal from each other; every item comes out once. With one producer, what each
// consumer gets directly is in order.
void storm(std::size_t capacity, unsigned workers, std::size_t per_worker) {
  std::vector<std::unique_ptr<Queue>> queues;
  std::vector<std::unique_ptr<std::vector<QueueItem>>> items;
  for (unsigned w = 0; w < workers; ++w) {
    queues.push_back(std::make_unique<Queue>(false, capacity));
    items.push_back(std::make_unique<std::vector<QueueItem>>(per_worker));
  }
  std::atomic<std::size_t> left{workers * per_worker};
  auto const take = [&](QueueItem* item) {
    item->payload += 1;
    item->taken.fetch_add(1, std::memory_order_relaxed);
    left.fetch_sub(1, std::memory_order_relaxed);
  };
  std::vector<std::thread> threads;
  for (unsigned w = 0; w < workers; ++w) {
    threads.emplace_back([&, w] {
      Queue& mine = *queues[w];
      std::size_t next = 0;
      unsigned victim = w;
      while (left.load(std::memory_order_relaxed) != 0) {
        // Bursts of different lengths, so that rings are met empty, wrapped, full and growing.
        std::size_t const burst = (next / 7) % 40;
        for (std::size_t i = 0; i <= burst && next < per_worker; ++i) {
          QueueItem& item = (*items[w])[next++];
          item.payload = 1;
          EXPECT_TRUE(mine.push(&item));
        }
        for (std::size_t i = 0; i <= burst / 2; ++i) {
          if (QueueItem* const item = mine.pop()) take(item);
        }
        victim = (victim + 1) % workers;
        if (victim != w) {
          if (QueueItem* const item = queues[victim]->steal_into(mine)) take(item);
        }
        if (next == per_worker) {
          while (QueueItem* const item = mine.pop()) take(item);
          std::this_thread::yield();
        }
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (auto const& list : items) {
    for (QueueItem const& item : *list) {
      ASSERT_EQ(item.taken.load(std::memory_order_relaxed), 1U);
      ASSERT_EQ(item.payload, 2U);
    }
  }
}

TEST(RunQueueStorm, TwoWorkers) { storm(256, 2, 200'000); }
TEST(RunQueueStorm, FourWorkers) { storm(16, 4, 50'000); }
TEST(RunQueueStorm, StealsDuringGrowth) {
  for (int i = 0; i < 30; ++i) storm(1, 3, 1'000);
}

TEST(RunQueueStorm, ThievesOfOneProducerSeeItsOrder) {
  Queue queue(false, 8);
  std::vector<QueueItem> items(300'000);
  std::atomic<std::size_t> left{items.size()};
  std::atomic<std::size_t> out_of_order{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 2; ++t) {
    threads.emplace_back([&] {
      Queue mine(false, 2);
      QueueItem* last = nullptr;
      auto const take = [&](QueueItem* item) {
        if (last != nullptr && item <= last) out_of_order.fetch_add(1, std::memory_order_relaxed);
        last = item;
        item->taken.fetch_add(1, std::memory_order_relaxed);
        left.fetch_sub(1, std::memory_order_relaxed);
      };
      while (left.load(std::memory_order_relaxed) != 0) {
        if (QueueItem* const first = queue.steal_into(mine)) {
          take(first);
          while (QueueItem* const item = mine.pop()) take(item);
        } else {
          std::this_thread::yield();
        }
      }
    });
  }
  QueueItem* last = nullptr;
  for (QueueItem& item : items) {
    EXPECT_TRUE(queue.push(&item));
    if (queue.size_hint() % 3 == 0) {
      if (QueueItem* const popped = queue.pop()) {
        EXPECT_TRUE(last == nullptr || popped > last);
        last = popped;
        popped->taken.fetch_add(1, std::memory_order_relaxed);
        left.fetch_sub(1, std::memory_order_relaxed);
      }
    }
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(out_of_order.load(std::memory_order_relaxed), 0U);
  for (QueueItem const& item : items) ASSERT_EQ(item.taken.load(std::memory_order_relaxed), 1U);
}

}  // namespace
