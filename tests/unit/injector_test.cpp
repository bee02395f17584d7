// Injector: order of arrival, whole-list take, and the race between closing and pushing.
#include <gtest/gtest.h>

#include <atomic>
#include <cstddef>
#include <memory>
#include <thread>
#include <vector>

#include <weft/runtime/algorithms/injector.hpp>

namespace {

using weft::engine::Injected;
using weft::engine::InjectorHook;
using weft::engine::real_sync;

struct Node : InjectorHook<real_sync> {
  unsigned producer = 0;
  std::size_t number = 0;  // plain memory: ThreadSanitizer sees whether the injector hands it over
  unsigned taken = 0;
};
using Injector = weft::engine::Injector<real_sync, Node>;

TEST(Injector, GivesEverythingInOrderOfArrival) {
  Injector injector;
  std::vector<Node> nodes(5);
  EXPECT_TRUE(injector.empty());
  EXPECT_EQ(injector.push(nodes[0]), Injected::ok_was_empty);
  for (std::size_t i = 1; i < nodes.size(); ++i) EXPECT_EQ(injector.push(nodes[i]), Injected::ok);
  EXPECT_FALSE(injector.empty());
  Injector::Batch batch = injector.take_all();
  EXPECT_TRUE(injector.empty());
  for (Node& node : nodes) EXPECT_EQ(batch.pop(), &node);
  EXPECT_TRUE(batch.empty());
  EXPECT_EQ(batch.pop(), nullptr);
  EXPECT_TRUE(injector.take_all().empty());
}

TEST(Injector, NodesMayComeAgain) {
  Injector injector;
  std::vector<Node> nodes(2);
  for (int round = 0; round < 3; ++round) {
    EXPECT_EQ(injector.push(nodes[0]), Injected::ok_was_empty);
    EXPECT_EQ(injector.push(nodes[1]), Injected::ok);
    Injector::Batch batch = injector.take_all();
    EXPECT_EQ(batch.pop(), &nodes[0]);
    EXPECT_EQ(injector.push(nodes[0]), Injected::ok_was_empty);  // while the rest of the batch is still out
    EXPECT_EQ(batch.pop(), &nodes[1]);
    EXPECT_EQ(injector.take_all().pop(), &nodes[0]);
  }
}

TEST(Injector, ClosingReturnsWhatWasInAndRefusesTheRest) {
  Injector injector;
  std::vector<Node> nodes(3);
  (void)injector.push(nodes[0]);
  (void)injector.push(nodes[1]);
  EXPECT_FALSE(injector.closed());
  Injector::Batch rest = injector.close();
  EXPECT_TRUE(injector.closed());
  EXPECT_EQ(rest.pop(), &nodes[0]);
  EXPECT_EQ(rest.pop(), &nodes[1]);
  EXPECT_EQ(rest.pop(), nullptr);
  EXPECT_EQ(injector.push(nodes[2]), Injected::closed);
  EXPECT_TRUE(injector.empty());
  EXPECT_TRUE(injector.take_all().empty());
  EXPECT_TRUE(injector.close().empty());
  EXPECT_TRUE(injector.closed());
}

// Producers push until they are refused, consumers take, somebody closes: each node is taken once or refused, and each
// consumer sees each producer's nodes in order.
TEST(InjectorStorm, EveryNodeIsTakenOnceOrRefused) {
  for (int round = 0; round < 20; ++round) {
    constexpr unsigned producers = 3, consumers = 2;
    constexpr std::size_t per_producer = 3'000;
    Injector injector;
    std::vector<std::unique_ptr<std::vector<Node>>> nodes;
    for (unsigned p = 0; p < producers; ++p) nodes.push_back(std::make_unique<std::vector<Node>>(per_producer));
    std::vector<std::size_t> accepted(producers, 0);
    std::atomic<std::size_t> out_of_order{0}, taken{0};
    auto const drain = [&](Injector::Batch batch, std::vector<std::size_t>& seen) {
      while (Node* const node = batch.pop()) {
        if (node->number < seen[node->producer]) out_of_order.fetch_add(1, std::memory_order_relaxed);
        seen[node->producer] = node->number + 1;
        ++node->taken;
        taken.fetch_add(1, std::memory_order_relaxed);
      }
    };
    std::vector<std::thread> threads;
    for (unsigned p = 0; p < producers; ++p) {
      threads.emplace_back([&, p] {
        for (std::size_t i = 0; i < per_producer; ++i) {
          Node& node = (*nodes[p])[i];
          node.producer = p;
          node.number = i;
          if (injector.push(node) == Injected::closed) {
            accepted[p] = i;
            return;
          }
        }
        accepted[p] = per_producer;
      });
    }
    for (unsigned c = 0; c < consumers; ++c) {
      threads.emplace_back([&] {
        std::vector<std::size_t> seen(producers, 0);
        while (!injector.closed()) drain(injector.take_all(), seen);
      });
    }
    threads.emplace_back([&, round] {
      // From nothing to all of it, by cause, not by time.
      std::size_t const until = static_cast<std::size_t>(round) * producers * per_producer / 20;
      while (taken.load(std::memory_order_relaxed) < until) std::this_thread::yield();
      std::vector<std::size_t> seen(producers, 0);
      drain(injector.close(), seen);
    });
    for (std::thread& thread : threads) thread.join();
    EXPECT_EQ(out_of_order.load(std::memory_order_relaxed), 0U);
    std::size_t total = 0;
    for (unsigned p = 0; p < producers; ++p) {
      total += accepted[p];
      for (std::size_t i = 0; i < per_producer; ++i) {
        ASSERT_EQ((*nodes[p])[i].taken, i < accepted[p] ? 1U : 0U) << "producer " << p << " node " << i;
      }
    }
    EXPECT_EQ(taken.load(std::memory_order_relaxed), total);
  }
}

}  // namespace
