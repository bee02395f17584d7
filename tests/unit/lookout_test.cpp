// When runnables are worth a steal (scheduler/lookout.hpp): the judgement by itself, then programs in which a worker that has learnt to leave small ones alone
// must still take what waits behind a long step. Those hang when nobody does; ctest ends them.
#include <atomic>
#include <cstdint>
#include <limits>
#include <vector>

#include <gtest/gtest.h>
#include <weft/runtime/algorithms/run_queue.hpp>
#include <weft/runtime/scheduler/lookout.hpp>
#include <weft/weft.hpp>

namespace {

using weft::engine::Pace;
using weft::engine::Patience;
using weft::engine::StealPatience;
using Queue = weft::engine::RunQueue<weft::engine::real_sync, int*>;

constexpr std::int64_t too_short = StealPatience::worth_it - 1;

TEST(StealPatience, OneVainStealIsNoHabit) {
  StealPatience patience;
  EXPECT_EQ(patience.interval(), 0);
  patience.judge(1, too_short);
  EXPECT_EQ(patience.interval(), 0);
  patience.judge(1, too_short);
  EXPECT_GT(patience.interval(), 0);
}

TEST(StealPatience, TheIntervalDoublesUpToNearlyAMillisecond) {
  StealPatience patience;
  for (int i = 0; i < 2; ++i) patience.in_vain();
  std::int64_t const first = patience.interval();
  patience.in_vain();
  EXPECT_EQ(patience.interval(), 2 * first);
  for (int i = 0; i < 1'000; ++i) patience.in_vain();
  EXPECT_GT(patience.interval(), 2 * first);
  EXPECT_LT(patience.interval(), 1'000'000);
}

TEST(StealPatience, OneStealThatWasWorthItEndsIt) {
  StealPatience patience;
  for (int i = 0; i < 10; ++i) patience.in_vain();
  patience.judge(1, StealPatience::worth_it);
  EXPECT_EQ(patience.interval(), 0);
}

TEST(StealPatience, ManyMustKeepTheThiefBusyForLonger) {
  constexpr std::size_t many = 100;
  constexpr std::int64_t enough = StealPatience::worth_it_each * std::int64_t{many};
  StealPatience patience;
  for (int i = 0; i < 2; ++i) patience.judge(many, enough - 1);
  EXPECT_GT(patience.interval(), 0);
  patience.judge(many, enough);
  EXPECT_EQ(patience.interval(), 0);
}

TEST(StealPatience, OnlyAWakeUpForRunnablesIsInVain) {
  StealPatience patience;
  for (int i = 0; i < 10; ++i) patience.woken_in_vain();
  EXPECT_EQ(patience.interval(), 0);
  for (int i = 0; i < 2; ++i) {
    patience.wakes();
    patience.woken_in_vain();
    patience.woken_in_vain();
  }
  EXPECT_GT(patience.interval(), 0);
}

TEST(Patience, ALoneStealIsJudgedByWhoRunsDryNext) {
  Patience patience;
  for (std::int64_t now : {1'000, 100'000}) {
    patience.stole_lone(now);
    EXPECT_TRUE(patience.judges());
    patience.ran_dry(now + too_short);
    EXPECT_FALSE(patience.judges());
    patience.ran_dry(now + too_short);
  }
  EXPECT_GT(patience.lone.interval(), 0);
  EXPECT_EQ(patience.several.interval(), 0);
  patience.stole_lone(200'000);
  patience.ran_dry(200'000 + StealPatience::worth_it);
  EXPECT_EQ(patience.interval(), 0);
}

TEST(Patience, ALoneStealAfterWhichNobodyRunsDryWasWorthIt) {
  Patience patience;
  for (int i = 0; i < 5; ++i) patience.lone.in_vain();
  patience.stole_lone(1'000);
  patience.stole_lone(1'000 + too_short);
  EXPECT_GT(patience.interval(), 0) << "too early to tell";
  patience.stole_lone(1'000 + too_short + StealPatience::worth_it);
  EXPECT_EQ(patience.interval(), 0);
}

TEST(Patience, WhatIsSparedFollowsWhatWasInVain) {
  Patience patience;
  EXPECT_EQ(patience.spared(), 0U);
  for (int i = 0; i < 2; ++i) patience.lone.in_vain();
  EXPECT_EQ(patience.spared(), 1U);
  for (int i = 0; i < 2; ++i) patience.several.in_vain();
  EXPECT_EQ(patience.spared(), std::numeric_limits<std::size_t>::max());
  patience.nothing_there(true, true);
  EXPECT_GT(patience.lone.interval(), 0);
  patience.nothing_there(false, false);
  EXPECT_EQ(patience.spared(), 0U) << "everything is at rest";
}

TEST(Patience, TheLookoutTriesOnceInAnInterval) {
  Patience patience;
  for (int i = 0; i < 4; ++i) patience.several.in_vain();
  std::int64_t const interval = patience.interval(), begin = 1'000'000'000;
  EXPECT_TRUE(patience.try_is_due(begin));
  EXPECT_FALSE(patience.try_is_due(begin + interval - 1));
  EXPECT_TRUE(patience.try_is_due(begin + interval));
}

TEST(Pace, IsTheAverageBetweenTwoLooks) {
  constexpr std::int64_t begin = 10'000'000'000;
  Pace pace;
  EXPECT_EQ(pace.per_act(1'000, begin), -1) << "the first look knows nothing";
  EXPECT_EQ(pace.per_act(1'010, begin + 100'000), 10'000);
  EXPECT_EQ(pace.per_act(1'010, begin + 120'000), 20'000) << "nothing was done";
  EXPECT_EQ(pace.per_act(2'010, begin + 130'000), 10);
  EXPECT_EQ(pace.per_act(2'011, begin + 130'000 + Pace::shortest - 1), 10) << "too early to tell";
  EXPECT_EQ(pace.per_act(2'020, begin + 140'000), 1'000);
  EXPECT_EQ(pace.per_act(2'021, begin + 140'001 + Pace::longest), -1) << "too long ago to tell";
}

TEST(StealPatience, TakesFromWhoIsSlowOrHasMany) {
  EXPECT_FALSE(StealPatience::worth_taking(2, -1));
  EXPECT_FALSE(StealPatience::worth_taking(2, StealPatience::slow - 1));
  EXPECT_TRUE(StealPatience::worth_taking(2, StealPatience::slow));
  EXPECT_FALSE(StealPatience::worth_taking(1, StealPatience::slow)) << "a pair may take as long for each step";
  EXPECT_TRUE(StealPatience::worth_taking(1, StealPatience::worth_it));
  EXPECT_FALSE(StealPatience::worth_taking(1'000, 100));
  EXPECT_TRUE(StealPatience::worth_taking(100'000, 100)) << "the last would wait for ten milliseconds";
}

TEST(QueueAge, GrowsWhileNothingHappensInTheQueue) {
  Queue queue;
  weft::engine::QueueAge<Queue::Glance> age;
  int item = 0;
  ASSERT_TRUE(queue.push(&item));
  EXPECT_EQ(age.at(queue.glance(), 1'000), 0);
  EXPECT_EQ(age.at(queue.glance(), 5'000), 4'000);
  ASSERT_TRUE(queue.push(&item));
  EXPECT_EQ(age.at(queue.glance(), 6'000), 0) << "one more";
  EXPECT_EQ(queue.pop(), &item);
  EXPECT_EQ(age.at(queue.glance(), 7'000), 0) << "one less";
  EXPECT_EQ(queue.pop(), &item);
  ASSERT_TRUE(queue.push(&item));
  EXPECT_EQ(queue.glance().size(), 1U);
  EXPECT_EQ(age.at(queue.glance(), 9'000), 0) << "another one";
}

// ---------------------------------------------------------------- programs

weft::Coro<> nothing() { co_return; }

weft::Coro<> set_flag(std::atomic<bool>* flag) {
  flag->store(true, std::memory_order_release);
  co_return;
}

// Tasks that are created and awaited, one by one, and many small ones: what teaches the other workers that runnables are not worth a steal.
weft::Coro<> teach_patience() {
  for (int i = 0; i < 2'000; ++i) co_await weft::create_task(nothing());
  for (int i = 0; i < 20; ++i) {
    co_await weft::task_group([](weft::TaskGroup& tg) -> weft::Coro<> {
      for (int k = 0; k < 500; ++k) tg.start_soon(nothing());
      co_return;
    });
  }
}

class LearntPatience : public testing::TestWithParam<unsigned> {
 protected:
  static weft::Options options() {
    weft::Options options;
    options.workers = GetParam();
    return options;
  }
};

weft::Coro<> sit_until_it_has_run() {
  for (int round = 0; round < 20; ++round) {
    co_await teach_patience();
    std::atomic<bool> ran{false};
    weft::Task<void> const task = weft::create_task(set_flag(&ran));
    // A step that ends when the task has run: somebody else has to run it.
    while (!ran.load(std::memory_order_acquire)) weft::engine::real_sync::yield();
    co_await task;
  }
}

TEST_P(LearntPatience, ALoneTaskBehindALongStepIsTaken) { weft::run(sit_until_it_has_run(), options()); }

TEST_P(LearntPatience, ALoneTaskBehindALongStepIsTakenByTheVirtualClockToo) {
  weft::Options virtual_clock = options();
  virtual_clock.clock = weft::ClockKind::virtual_time;
  weft::run(sit_until_it_has_run(), virtual_clock);
}

weft::Coro<> meet(std::atomic<unsigned>* here, unsigned all) {
  here->fetch_add(1, std::memory_order_acq_rel);
  while (here->load(std::memory_order_acquire) < all) weft::engine::real_sync::yield();
  co_return;
}

weft::Coro<> meet_again_and_again(unsigned workers) {
  for (int round = 0; round < 20; ++round) {
    co_await teach_patience();
    std::atomic<unsigned> here{0};
    co_await weft::task_group([&](weft::TaskGroup& tg) -> weft::Coro<> {
      for (unsigned k = 0; k < workers; ++k) tg.start_soon(meet(&here, workers));
      co_return;
    });
  }
}

TEST_P(LearntPatience, AsManyTasksAsWorkersRunAtOnce) { weft::run(meet_again_and_again(GetParam()), options()); }

TEST_P(LearntPatience, AsManyTasksAsWorkersRunAtOnceByTheVirtualClockToo) {
  weft::Options virtual_clock = options();
  virtual_clock.clock = weft::ClockKind::virtual_time;
  weft::run(meet_again_and_again(GetParam()), virtual_clock);
}

weft::Coro<> two_leaves_after_tiny_gathers() {
  for (int round = 0; round < 10; ++round) {
    for (int i = 0; i < 10'000; ++i) co_await weft::gather(nothing(), nothing());
    std::atomic<unsigned> here{0};
    co_await weft::gather(meet(&here, 2), meet(&here, 2));
  }
}

// Each of the tiny ones may have answered the wish of a worker that was about to sleep, and taken its child back.
TEST_P(LearntPatience, TwoLeavesRunAtOnceAfterManyTinyGathers) { weft::run(two_leaves_after_tiny_gathers(), options()); }

INSTANTIATE_TEST_SUITE_P(Workers, LearntPatience, testing::Values(2U, 3U, 4U, 8U));

}  // namespace
