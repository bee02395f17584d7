// Groups of groups whose children fail, are cancelled, create siblings and end by tg.cancel(), all at once and cancelled
// from outside at random: each group must report every failure that happened in it, cancel what is left, leave
// cancelling() as it was, and end with no child alive.
#include "unit/support.hpp"

#include <random>
#include <thread>

namespace weft_test {
namespace {

class GroupAbortStorm : public ::testing::TestWithParam<unsigned> {};

struct AbortTally {
  std::atomic<long> begun{0};
  std::atomic<long> ended{0};
  std::atomic<long> groups{0};
  std::atomic<long> failures_thrown{0};
  std::atomic<long> failures_seen{0};
  std::atomic<int> live{0};
};

// Counts its end however it comes.
struct AbortEnding {
  explicit AbortEnding(AbortTally& t) : tally(&t) { tally->begun.fetch_add(1); }
  AbortEnding(AbortEnding const&) = delete;
  AbortEnding& operator=(AbortEnding const&) = delete;
  ~AbortEnding() { tally->ended.fetch_add(1); }
  AbortTally* tally;
};

Coro<> child(AbortTally& tally, weft::TaskGroup& group, Live live, unsigned dice) {
  AbortEnding const ending(tally);
  if (dice % 3 == 0) co_await weft::yield_now();
  if (dice % 5 == 0) co_await weft::sleep(std::chrono::microseconds(dice % 100));
  if (dice % 7 == 0) {
    try {
      group.start_soon(child(tally, group, live, dice / 7 + 1));
    } catch (weft::RuntimeError const&) {
      // the group is aborting
    }
  }
  if (dice % 11 == 0) {
    auto results = co_await weft::gather(weft::yield_now(), weft::sleep(std::chrono::microseconds(10)));
    (void)results;
  }
  if (dice % 23 == 1) {
    tally.failures_thrown.fetch_add(1);
    throw Failure("child");
  }
  if (dice % 29 == 2) group.cancel();
  if (dice % 31 == 3) weft::current_task().cancel();
  if (dice % 4 == 1) co_await weft::sleep(std::chrono::microseconds(500));
}

Coro<> one_group(AbortTally& tally, unsigned seed, int depth) {
  tally.groups.fetch_add(1);
  int const before = weft::current_task().cancelling();
  std::exception_ptr error;
  bool cancelled = false;
  std::atomic<int> live{0};
  try {
    co_await weft::task_group([&](weft::TaskGroup& tg) -> Coro<> {
      std::mt19937 random(seed);
      for (int i = 0; i < 8; ++i) {
        try {
          tg.start_soon(child(tally, tg, Live(live), static_cast<unsigned>(random())));
        } catch (weft::RuntimeError const&) {
          // a child has failed already
        }
        if (random() % 4 == 0) co_await weft::yield_now();
      }
      if (depth > 0) co_await one_group(tally, seed * 3 + 1, depth - 1);
    });
  } catch (weft::ExceptionGroup const& e) {
    for (std::exception_ptr const& leaf : e.flatten()) {
      if (describe(leaf) == "Failure(child)") {
        tally.failures_seen.fetch_add(1);
      } else {
        ADD_FAILURE() << describe(leaf);
      }
    }
    EXPECT_GE(e.flatten().size(), 1U);
  } catch (weft::CancelledError const&) {
    cancelled = true;
  }
  EXPECT_EQ(live.load(), 0) << "no child outlives its group";
  EXPECT_GE(weft::current_task().cancelling(), before);
  if (cancelled) throw weft::CancelledError();
}

TEST_P(GroupAbortStorm, EveryFailureIsReportedAndNoChildOutlivesItsGroup) {
  AbortTally tally;
  std::atomic<long> unhandled{0};
  {
    weft::Options o;
    o.workers = GetParam();
    o.on_unhandled_exception = [&](std::exception_ptr, weft::AnyTask const&) { unhandled.fetch_add(1); };
    weft::Runtime runtime(o);
    auto const end = std::chrono::steady_clock::now() + soak_time();
    runtime.run([&]() -> Coro<> {
      std::mt19937 random(1);
      while (std::chrono::steady_clock::now() < end) {
        std::vector<Task<void>> tasks;
        for (int i = 0; i < 16; ++i) {
          tasks.push_back(weft::create_task(one_group(tally, static_cast<unsigned>(random()), 2)));
        }
        if (random() % 2 == 0) co_await weft::yield_now();
        for (Task<void>& t : tasks) {
          if (random() % 4 == 0) t.cancel();
        }
        for (Task<void> const& t : tasks) {
          std::string const seen = co_await outcome(t);
          EXPECT_TRUE(seen == "ok" || seen == "CancelledError") << seen;
        }
      }
    });
  }
  EXPECT_GT(tally.groups.load(), 0);
  EXPECT_EQ(tally.begun.load(), tally.ended.load());
  EXPECT_EQ(tally.failures_thrown.load(), tally.failures_seen.load()) << "no failure is lost, none is invented";
  EXPECT_EQ(unhandled.load(), 0);
  RecordProperty("groups", std::to_string(tally.groups.load()));
  RecordProperty("children", std::to_string(tally.begun.load()));
}

INSTANTIATE_TEST_SUITE_P(At, GroupAbortStorm, ::testing::Values(1U, 2U, 8U), worker_name);

}  // namespace
}  // namespace weft_test
