// The timer wheel against std::multimap, which is its specification: same nodes out, in the same order, for any
// sequence of insertions, erasures and advances, whatever the distance, the granularity and the budget.
#include <weft/runtime/algorithms/timer_wheel.hpp>

#include <algorithm>
#include <cstdlib>
#include <deque>
#include <map>
#include <memory>
#include <random>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

namespace weft::engine {
namespace {

constexpr std::int64_t never = TimerWheel::never;

struct TestTimer : TimerNode {
  std::uint64_t id = 0;
};

std::vector<TestTimer*> drain(TimerList& list) {
  std::vector<TestTimer*> nodes;
  while (TimerNode* const node = list.pop_front()) nodes.push_back(static_cast<TestTimer*>(node));
  return nodes;
}

std::vector<TestTimer*> advance(TimerWheel& wheel, std::int64_t now) {
  TimerList expired;
  EXPECT_FALSE(wheel.advance(now, expired));
  return drain(expired);
}

std::vector<std::int64_t> expiries(std::vector<TestTimer*> const& nodes) {
  std::vector<std::int64_t> times;
  for (TestTimer const* node : nodes) times.push_back(node->expiry());
  return times;
}

using Times = std::vector<std::int64_t>;

TEST(TimerWheel, IsEmptyAtFirst) {
  TimerWheel wheel;
  EXPECT_TRUE(wheel.empty());
  EXPECT_EQ(wheel.size(), 0u);
  EXPECT_EQ(wheel.next_expiry(), never);
  EXPECT_EQ(wheel.next_expiry_exact(), never);
  EXPECT_TRUE(advance(wheel, never).empty());
}

TEST(TimerWheel, GivesOutInOrderOfExpiry) {
  TimerWheel wheel;
  std::deque<TestTimer> nodes(6);
  Times const times{700, 5, 4'000'000'000, 64, 63, 1};
  for (std::size_t i = 0; i < times.size(); ++i) wheel.insert(nodes[i], times[i]);
  EXPECT_EQ(wheel.size(), 6u);
  EXPECT_EQ(expiries(advance(wheel, 64)), (Times{1, 5, 63, 64}));
  EXPECT_EQ(expiries(advance(wheel, never)), (Times{700, 4'000'000'000}));
  EXPECT_TRUE(wheel.empty());
}

TEST(TimerWheel, NothingComesOutEarly) {
  for (unsigned shift : {0u, 3u, 12u}) {
    TimerWheel wheel(shift);
    TestTimer node;
    wheel.insert(node, 1'000'001);
    EXPECT_TRUE(advance(wheel, 1'000'000).empty());
    EXPECT_TRUE(node.pending());
    std::int64_t const when = wheel.next_expiry_exact();
    EXPECT_GE(when, 1'000'001);
    EXPECT_LT(when, 1'000'001 + (std::int64_t{1} << shift));
    EXPECT_TRUE(advance(wheel, when - 1).empty());
    EXPECT_EQ(advance(wheel, when).size(), 1u);
    EXPECT_FALSE(node.pending());
  }
}

TEST(TimerWheel, TiesAreFirstInFirstOutThroughEveryCascade) {
  // Inserted from far away, from near and from next to it: the three took different ways down.
  for (unsigned level = 1; level < 10; ++level) {
    TimerWheel wheel;
    std::int64_t const when = (std::int64_t{3} << (6 * level)) + (std::int64_t{1} << (6 * (level - 1))) * 5 + 17 % (1 << 6);
    std::deque<TestTimer> nodes(6);
    wheel.insert(nodes[0], when);
    wheel.insert(nodes[1], when);
    EXPECT_TRUE(advance(wheel, when - (std::int64_t{1} << (6 * (level - 1)))).empty());
    wheel.insert(nodes[2], when);
    wheel.insert(nodes[3], when);
    EXPECT_TRUE(advance(wheel, when - 1).empty());
    wheel.insert(nodes[4], when);
    wheel.insert(nodes[5], when);
    std::vector<TestTimer*> const out = advance(wheel, when);
    ASSERT_EQ(out.size(), 6u);
    for (std::size_t i = 0; i < 6; ++i) EXPECT_EQ(out[i], &nodes[i]) << "level " << level;
  }
}

TEST(TimerWheel, WhatIsDueAtOnceComesOutByTime) {
  TimerWheel wheel;
  advance(wheel, 1000);
  std::deque<TestTimer> nodes(7);
  Times const times{900, 1000, 7, 900, 0, 1001, std::numeric_limits<std::int64_t>::min()};
  for (std::size_t i = 0; i < times.size(); ++i) wheel.insert(nodes[i], times[i]);
  EXPECT_LE(wheel.next_expiry(), 1000);
  std::vector<TestTimer*> const out = advance(wheel, 1001);
  EXPECT_EQ(expiries(out), (Times{0, std::numeric_limits<std::int64_t>::min(), 7, 900, 900, 1000, 1001}));
  EXPECT_EQ(out[3], &nodes[0]);
  EXPECT_EQ(out[4], &nodes[3]);
}

TEST(TimerWheel, TimeThatGoesBackStandsStill) {
  TimerWheel wheel;
  TestTimer node;
  advance(wheel, 5000);
  wheel.insert(node, 5001);
  EXPECT_TRUE(advance(wheel, 100).empty());
  EXPECT_TRUE(advance(wheel, -1).empty());
  EXPECT_EQ(advance(wheel, 5001).size(), 1u);
}

TEST(TimerWheel, ReachesTheEndOfTime) {
  TimerWheel wheel;
  std::deque<TestTimer> nodes(5);
  wheel.insert(nodes[0], never);
  wheel.insert(nodes[1], never - 1);
  wheel.insert(nodes[2], std::int64_t{1} << 62);
  wheel.insert(nodes[3], (std::int64_t{1} << 62) - 1);
  wheel.insert(nodes[4], never);
  EXPECT_EQ(wheel.next_expiry_exact(), (std::int64_t{1} << 62) - 1);
  EXPECT_EQ(expiries(advance(wheel, std::int64_t{1} << 62)), (Times{(std::int64_t{1} << 62) - 1, std::int64_t{1} << 62}));
  EXPECT_EQ(expiries(advance(wheel, never - 1)), (Times{never - 1}));
  EXPECT_EQ(wheel.next_expiry_exact(), never);
  EXPECT_EQ(advance(wheel, never), (std::vector<TestTimer*>{&nodes[0], &nodes[4]}));
}

TEST(TimerWheel, WithAGranularityNeverIsNever) {
  TimerWheel wheel(12);
  TestTimer node;
  wheel.insert(node, never);
  EXPECT_EQ(wheel.next_expiry(), never);
  EXPECT_EQ(wheel.next_expiry_exact(), never);
  EXPECT_TRUE(advance(wheel, never).empty());
  EXPECT_TRUE(wheel.erase(node));
}

TEST(TimerWheel, ErasesFromEveryLevel) {
  TimerWheel wheel;
  std::deque<TestTimer> nodes;
  for (unsigned bit = 0; bit < 63; ++bit) {
    for (int copy = 0; copy < 3; ++copy) wheel.insert(nodes.emplace_back(), std::int64_t{1} << bit);
  }
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    if (i % 3 != 1) {
      EXPECT_TRUE(wheel.erase(nodes[i]));
    }
    EXPECT_EQ(nodes[i].pending(), i % 3 == 1);
  }
  EXPECT_EQ(wheel.size(), 63u);
  for (unsigned bit = 0; bit < 63; ++bit) {
    EXPECT_EQ(wheel.next_expiry_exact(), std::int64_t{1} << bit);
    EXPECT_TRUE(wheel.erase(nodes[bit * 3 + 1]));
    EXPECT_FALSE(wheel.erase(nodes[bit * 3 + 1]));
  }
  EXPECT_EQ(wheel.next_expiry(), never);
  EXPECT_TRUE(advance(wheel, never).empty());
}

TEST(TimerWheel, ErasesWhatHasCascadedOrIsDue) {
  TimerWheel wheel;
  std::deque<TestTimer> nodes(4);
  wheel.insert(nodes[0], 100'000);
  wheel.insert(nodes[1], 100'001);
  wheel.insert(nodes[2], 5'000'000);
  advance(wheel, 99'999);
  EXPECT_TRUE(wheel.erase(nodes[0]));
  wheel.insert(nodes[3], 3);  // due at once
  EXPECT_TRUE(wheel.erase(nodes[3]));
  EXPECT_EQ(expiries(advance(wheel, 4'999'999)), (Times{100'001}));
  EXPECT_FALSE(wheel.erase(nodes[1]));
  EXPECT_TRUE(wheel.erase(nodes[2]));
  EXPECT_TRUE(wheel.empty());
}

TEST(TimerWheel, ANodeMayGoInAgainWhenItHasComeOut) {
  TimerWheel wheel;
  TestTimer node;
  for (std::int64_t when = 1; when < std::int64_t{1} << 40; when *= 3) {
    wheel.insert(node, when);
    EXPECT_EQ(advance(wheel, when), std::vector<TestTimer*>{&node});
  }
}

TEST(TimerWheel, NextExpiryMovesForwardOncePerLevel) {
  for (unsigned shift : {0u, 12u}) {
    TimerWheel wheel(shift);
    TestTimer node;
    wheel.insert(node, 0x0123'4567'89ab'cdef);
    std::int64_t const exact = wheel.next_expiry_exact();
    int steps = 0;
    std::int64_t before = 0;
    while (node.pending()) {
      std::int64_t const bound = wheel.next_expiry();
      ASSERT_GT(bound, before);
      ASSERT_LE(bound, exact);
      before = bound;
      advance(wheel, bound);
      ++steps;
    }
    EXPECT_EQ(before, exact);
    EXPECT_LE(steps, 11);
  }
}

TEST(TimerWheel, ABudgetSplitsTheWorkAndChangesNothingElse) {
  constexpr std::size_t count = 1000;
  TimerWheel wheel;
  std::deque<TestTimer> nodes(count + 2);
  std::int64_t const when = 1 << 20;
  for (std::size_t i = 0; i < count; ++i) wheel.insert(nodes[i], when + static_cast<std::int64_t>(i % 7));
  TimerList expired;
  // In the midst of the cascade, two more of the same times and an erasure.
  ASSERT_TRUE(wheel.advance(when + 6, expired, 10));
  EXPECT_TRUE(expired.empty());
  EXPECT_LE(wheel.next_expiry(), when);
  EXPECT_EQ(wheel.next_expiry_exact(), when);
  wheel.insert(nodes[count], when);
  wheel.insert(nodes[count + 1], when + 6);
  EXPECT_TRUE(wheel.erase(nodes[7]));
  EXPECT_TRUE(wheel.erase(nodes[994]));
  int calls = 1;
  while (wheel.advance(when + 6, expired, 10)) ++calls;
  EXPECT_GE(calls, 190);
  std::vector<TestTimer*> const out = drain(expired);
  ASSERT_EQ(out.size(), count);
  std::vector<TestTimer*> expected;
  for (std::int64_t t = 0; t < 7; ++t)
    for (TestTimer& node : nodes)
      if (node.expiry() == when + t && &node != &nodes[7] && &node != &nodes[994]) expected.push_back(&node);
  EXPECT_EQ(out, expected);
  EXPECT_TRUE(wheel.empty());
}

// ---- random sequences against the specification

struct Plan {
  unsigned shift;
  unsigned widest;      // timers are up to 2^widest away
  std::size_t live;     // about how many are pending
  std::size_t budget;
  std::size_t steps;
};

class TimerWheelAgainstMultimap : public testing::TestWithParam<Plan> {};

TEST_P(TimerWheelAgainstMultimap, SameNodesInTheSameOrder) {
  Plan const plan = GetParam();
  std::mt19937_64 random(plan.shift * 1000 + plan.widest);
  TimerWheel wheel(plan.shift);
  // The specification: by tick, then by insertion. Equal keys of a multimap keep their order of insertion.
  std::multimap<std::int64_t, TestTimer*> model;
  std::vector<std::unique_ptr<TestTimer>> pool;
  std::vector<TestTimer*> outside, inside;
  std::map<TestTimer*, std::multimap<std::int64_t, TestTimer*>::iterator> where;
  std::int64_t now = 0;
  std::size_t came_out = 0, erased = 0;
  auto const tick_end = [&](std::int64_t t) {
    std::int64_t const mask = (std::int64_t{1} << plan.shift) - 1;
    return t > never - mask ? never : (t + mask) & ~mask;
  };
  // One of the first `reach`.
  auto const early = [&](std::size_t reach) {
    return std::next(model.begin(), static_cast<std::ptrdiff_t>(random() % std::min(model.size(), reach)));
  };
  for (std::size_t i = 0; i < 2 * plan.live; ++i) outside.push_back(pool.emplace_back(std::make_unique<TestTimer>()).get());

  // Sanitized, a million steps take some seconds.
  bool const fewer = (WEFT_ASAN || WEFT_TSAN) && std::getenv("WEFT_SHORT_TESTS") != nullptr;
  std::size_t const steps = fewer ? plan.steps / 5 : plan.steps;
  for (std::size_t step = 0; step < steps; ++step) {
    std::uint64_t const dice = random() % 100;
    if (dice < (model.size() < plan.live ? 65u : 25u) && !outside.empty()) {
      std::size_t const pick = random() % outside.size();
      std::swap(outside[pick], outside.back());
      TestTimer* const node = outside.back();
      outside.pop_back();
      std::uint64_t const reach = random() >> (64 - 1 - random() % plan.widest);
      std::int64_t const room = never - now;
      std::int64_t when = now + 1 + static_cast<std::int64_t>(reach % static_cast<std::uint64_t>(room > 1 ? room - 1 : 1));
      if (!model.empty() && random() % 4 == 0) when = early(5)->second->expiry();  // a tie
      if (random() % 16 == 0) when = now - static_cast<std::int64_t>(reach % static_cast<std::uint64_t>(now + 1));  // late
      wheel.insert(*node, when);
      where[node] = model.emplace(tick_end(when), node);
      inside.push_back(node);
    } else if (dice < 85 && !inside.empty()) {
      std::size_t const pick = random() % inside.size();
      std::swap(inside[pick], inside.back());
      TestTimer* const node = inside.back();
      inside.pop_back();
      ASSERT_EQ(wheel.erase(*node), node->pending() || where.contains(node));
      model.erase(where.at(node));
      where.erase(node);
      outside.push_back(node);
      ++erased;
    } else if (dice >= 85) {
      ASSERT_EQ(wheel.size(), model.size());
      std::int64_t const exact = wheel.next_expiry_exact();
      ASSERT_EQ(exact, model.empty() ? never : std::max(model.begin()->first, now >> plan.shift << plan.shift));
      ASSERT_LE(wheel.next_expiry(), exact);
      if (exact == never) continue;
      std::int64_t next = now;
      switch (random() % 12) {
        case 0: next = exact; break;
        case 1: next = exact - 1; break;
        case 2: next = early(8)->first; break;
        case 3: next = now + static_cast<std::int64_t>(random() % (std::uint64_t{1} << (random() % plan.widest))); break;
        default: next = std::min(exact, now + (exact - now) / 2 + 1); break;
      }
      if (next < now) next = now;
      if (next >= never / 2) continue;
      now = next;
      TimerList expired;
      while (wheel.advance(now, expired, plan.budget)) {}
      for (TestTimer* const node : drain(expired)) {
        ASSERT_FALSE(model.empty());
        ASSERT_LE(model.begin()->first, now);
        ASSERT_EQ(model.begin()->second, node) << "step " << step;
        model.erase(model.begin());
        where.erase(node);
        ASSERT_FALSE(node->pending());
        std::erase(inside, node);
        outside.push_back(node);
        ++came_out;
      }
      ASSERT_TRUE(model.empty() || model.begin()->first > now);
    }
  }
  EXPECT_GT(came_out, steps / 40);
  EXPECT_GT(erased, steps / 40);
  for (TestTimer* const node : inside) EXPECT_TRUE(wheel.erase(*node));
  EXPECT_TRUE(wheel.empty());
}

INSTANTIATE_TEST_SUITE_P(Distances, TimerWheelAgainstMultimap,
                         testing::Values(Plan{0, 5, 50, TimerWheel::unlimited, 1'000'000},
                                         Plan{0, 12, 300, 7, 1'000'000},
                                         Plan{0, 30, 300, TimerWheel::unlimited, 1'000'000},
                                         Plan{0, 44, 1000, 3, 1'000'000},
                                         Plan{0, 62, 300, TimerWheel::unlimited, 1'000'000},
                                         Plan{4, 12, 300, 5, 1'000'000},
                                         Plan{12, 34, 1000, TimerWheel::unlimited, 1'000'000},
                                         Plan{12, 50, 300, 1, 1'000'000}));

TEST(TimerWheel, HoldsMillions) {
  constexpr std::size_t count = 2'000'000;
  TimerWheel wheel(12);
  std::unique_ptr<TestTimer[]> const nodes(new TestTimer[count]);
  std::mt19937_64 random(1);
  constexpr std::int64_t hour = 3'600'000'000'000;
  for (std::size_t i = 0; i < count; ++i) wheel.insert(nodes[i], static_cast<std::int64_t>(random() % hour));
  EXPECT_EQ(wheel.size(), count);
  for (std::size_t i = 0; i < count; i += 2) wheel.erase(nodes[i]);
  EXPECT_EQ(wheel.size(), count / 2);
  TimerList expired;
  std::int64_t last = 0;
  std::size_t out = 0;
  for (std::int64_t now = 0; now <= hour + 4096; now += hour / 1000) {
    wheel.advance(now, expired);
    while (TimerNode* const node = expired.pop_front()) {
      std::int64_t const tick = (node->expiry() + 4095) >> 12;
      ASSERT_GE(tick, last);
      ASSERT_LE(node->expiry(), now);
      last = tick;
      ++out;
    }
  }
  EXPECT_EQ(out, count / 2);
  EXPECT_TRUE(wheel.empty());
}

}  // namespace
}  // namespace weft::engine
