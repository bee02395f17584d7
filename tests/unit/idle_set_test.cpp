// IdleSet: the states one by one, then storms in which a lost wake-up is a test that hangs (ctest ends it).
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <thread>
#include <vector>

#include <weft/runtime/algorithms/fork_deque.hpp>
#include <weft/runtime/algorithms/idle_set.hpp>
#include <weft/runtime/algorithms/injector.hpp>
#include <weft/runtime/algorithms/run_queue.hpp>

namespace {

using namespace std::chrono_literals;
using weft::engine::Parked;
using weft::engine::real_sync;
using IdleSet = weft::engine::IdleSet<real_sync>;

TEST(IdleSet, AtMostHalfOfTheWorkersSearch) {
  for (unsigned const n : {1U, 2U, 3U, 4U, 8U}) {
    IdleSet set(n);
    unsigned searching = 0;
    for (unsigned w = 0; w < n; ++w) searching += set.try_start_search(w) ? 1U : 0U;
    EXPECT_EQ(searching, (n + 1) / 2);
    EXPECT_EQ(set.searching_count(), searching);
    EXPECT_TRUE(set.any_idle());
    EXPECT_FALSE(set.any_parked());
  }
}

TEST(IdleSet, TheLastSearcherIsToldThatItWasReliedOn) {
  IdleSet set(4);
  (void)set.prepare_park(1);
  EXPECT_TRUE(set.try_start_search(0));
  EXPECT_TRUE(set.try_start_search(3));
  set.notify_one();
  set.notify_one();
  EXPECT_FALSE(set.stop_search(0));
  EXPECT_FALSE(set.stop_search(0)) << "it does not search any more";
  EXPECT_TRUE(set.stop_search(3));
  EXPECT_TRUE(set.try_start_search(2));
  EXPECT_TRUE(set.stop_search(2)) << "one mark stands for any number of producers";
  EXPECT_FALSE(set.cancel_park(1));
  EXPECT_FALSE(set.any_idle());
}

TEST(IdleSet, OneEventWakesOneWorker) {
  IdleSet set(3);
  for (unsigned w = 0; w < 3; ++w) (void)set.prepare_park(w);
  set.notify_one();
  EXPECT_FALSE(set.stop_search(2));
  EXPECT_EQ(set.parked_count(), 2U);
}

TEST(IdleSet, AnAnnouncementClearsTheMark) {
  IdleSet set(4);
  (void)set.prepare_park(0);
  EXPECT_TRUE(set.try_start_search(1));
  EXPECT_TRUE(set.try_start_search(2));
  set.notify_one();
  (void)set.prepare_park(1);
  EXPECT_FALSE(set.stop_search(2)) << "who announced itself looks at everything";
}

TEST(IdleSet, OneOfTheParkedIsTheLookout) {
  IdleSet set(3);
  EXPECT_FALSE(set.prepare_park(0).lookout);
  EXPECT_FALSE(set.has_lookout());
  EXPECT_TRUE(set.prepare_park(1, true).lookout);
  EXPECT_TRUE(set.has_lookout());
  EXPECT_FALSE(set.prepare_park(2, true).lookout);
  EXPECT_EQ(set.parked_count(), 3U);
  EXPECT_FALSE(set.cancel_park(2));
  EXPECT_TRUE(set.has_lookout());
  EXPECT_FALSE(set.cancel_park(1));
  EXPECT_FALSE(set.has_lookout());
  EXPECT_EQ(set.parked_count(), 1U);
}

TEST(IdleSet, AWokenLookoutWasReliedOn) {
  IdleSet set(3);
  (void)set.prepare_park(0);
  (void)set.prepare_park(1, true);
  EXPECT_TRUE(set.would_notify());
  set.notify_one();
  EXPECT_FALSE(set.has_lookout());
  EXPECT_TRUE(set.is_searching(1));
  EXPECT_TRUE(set.stop_search(1)) << "somebody may have kept silent for its sake";
}

TEST(IdleSet, ParkingEndsTheSearch) {
  IdleSet set(3);
  EXPECT_TRUE(set.try_start_search(1));
  EXPECT_FALSE(set.prepare_park(1).last);
  EXPECT_EQ(set.searching_count(), 0U);
  EXPECT_EQ(set.parked_count(), 1U);
  EXPECT_FALSE(set.cancel_park(1));
  EXPECT_FALSE(set.is_searching(1));
  EXPECT_EQ(set.parked_count(), 0U);
}

TEST(IdleSet, AWakeUpBeforeTheSleepIsNotLost) {
  IdleSet set(2);
  (void)set.prepare_park(0);
  set.notify_one();
  EXPECT_EQ(set.parked_count(), 0U);
  EXPECT_EQ(set.searching_count(), 1U);
  set.commit_park(0);  // returns at once
  EXPECT_TRUE(set.is_searching(0));
  EXPECT_FALSE(set.stop_search(0));
}

TEST(IdleSet, CancelTellsOfAWakeUpThatCameIn) {
  IdleSet set(2);
  (void)set.prepare_park(0);
  EXPECT_TRUE(set.wake(0));
  EXPECT_FALSE(set.wake(0)) << "it is awake already";
  EXPECT_TRUE(set.cancel_park(0));
  EXPECT_TRUE(set.is_searching(0));
}

TEST(IdleSet, NotifyWakesNobodyWhileSomebodySearches) {
  IdleSet set(4);
  (void)set.prepare_park(0);
  (void)set.prepare_park(1);
  EXPECT_TRUE(set.try_start_search(2));
  set.notify_one();
  EXPECT_EQ(set.parked_count(), 2U);
  EXPECT_TRUE(set.stop_search(2));
  set.notify_one();
  set.notify_one();
  EXPECT_EQ(set.parked_count(), 1U);
}

TEST(IdleSet, WakesTheWorkerThatParkedLast) {
  IdleSet set(3);
  for (unsigned w = 0; w < 3; ++w) (void)set.prepare_park(w);
  set.notify_one();
  EXPECT_TRUE(set.is_searching(2));
  EXPECT_TRUE(set.wake(0));
  EXPECT_TRUE(set.is_searching(0));
  EXPECT_FALSE(set.is_searching(1));
}

TEST(IdleSet, NotifyAllWakesEverybody) {
  IdleSet set(5);
  for (unsigned w = 0; w < 5; ++w) (void)set.prepare_park(w);
  set.notify_all();
  EXPECT_EQ(set.parked_count(), 0U);
  EXPECT_EQ(set.searching_count(), 5U);
  for (unsigned w = 0; w < 5; ++w) set.commit_park(w);
  for (unsigned w = 0; w < 5; ++w) EXPECT_FALSE(set.stop_search(w));
  EXPECT_FALSE(set.any_idle());
}

TEST(IdleSet, ATimedParkEnds) {
  IdleSet set(1);
  EXPECT_TRUE(set.prepare_park(0).last);
  EXPECT_EQ(set.commit_park(0, 1us), Parked::timed_out);
  EXPECT_FALSE(set.any_idle());
  EXPECT_TRUE(set.prepare_park(0).last);
  EXPECT_EQ(set.commit_park(0, 0ns), Parked::timed_out);
  EXPECT_TRUE(set.prepare_park(0).last);
  EXPECT_TRUE(set.wake(0));
  EXPECT_EQ(set.commit_park(0, 0ns), Parked::woken);
  EXPECT_TRUE(set.is_searching(0));
}

TEST(IdleSet, TheLastToParkIsTheOneThatSeesAllParked) {
  IdleSet set(3);
  EXPECT_FALSE(set.prepare_park(0).last);
  EXPECT_FALSE(set.prepare_park(1).last);
  EXPECT_TRUE(set.prepare_park(2).last);
  EXPECT_TRUE(set.try_leave_as_last(2));
  EXPECT_EQ(set.parked_count(), 2U);
  EXPECT_FALSE(set.is_searching(2));
  EXPECT_TRUE(set.prepare_park(2).last) << "parked once more";
}

TEST(IdleSet, NobodyIsLastWhenSomebodyHasLeftMeanwhile) {
  IdleSet set(2);
  EXPECT_FALSE(set.prepare_park(0).last);
  EXPECT_TRUE(set.prepare_park(1).last);
  EXPECT_FALSE(set.cancel_park(0));
  EXPECT_FALSE(set.try_leave_as_last(1));
  EXPECT_TRUE(set.prepare_park(0).last);
  EXPECT_FALSE(set.try_leave_as_last(1)) << "worker 0 was away after its announcement";
  EXPECT_TRUE(set.try_leave_as_last(0));
  EXPECT_FALSE(set.try_leave_as_last(1));
  EXPECT_FALSE(set.cancel_park(1));
}

// ---- storms

struct Job : weft::engine::InjectorHook<real_sync> {
  unsigned depth = 0;
};

// A scheduler in small: jobs come from foreign threads through the injector and split into two on the worker's queue, or on its
// fork deque. Workers park whenever they find nothing, so there is a park and a wake-up for nearly every job.
class Workshop {
 public:
  explicit Workshop(unsigned workers, bool on_fork_deque) : idle_(workers), on_fork_deque_(on_fork_deque) {
    for (unsigned w = 0; w < workers; ++w) benches_.push_back(std::make_unique<Bench>());
    for (unsigned w = 0; w < workers; ++w) threads_.emplace_back([this, w] { work(w); });
  }
  ~Workshop() {
    stop_.store(true, std::memory_order_release);
    idle_.notify_all();
    for (std::thread& thread : threads_) thread.join();
  }

  // Jobs that a tree of this depth consists of; done when this returns.
  void run_tree(unsigned depth) {
    std::atomic<std::size_t> left{(std::size_t{2} << depth) - 1};
    Job root;
    root.depth = depth;
    roots_left_.store(&left, std::memory_order_relaxed);
    (void)injector_.push(root);
    idle_.notify_one_from_foreign_thread();
    for (std::size_t n = left.load(std::memory_order_acquire); n != 0; n = left.load(std::memory_order_acquire)) {
      left.wait(n, std::memory_order_acquire);
    }
    while (touching_.load(std::memory_order_acquire) != 0) std::this_thread::yield();
  }

 private:
  struct Bench {
    weft::engine::RunQueue<real_sync, Job*> queue;
    weft::engine::ForkDeque<real_sync, Job*> deque;
  };

  void work(unsigned w) {
    while (!stop_.load(std::memory_order_acquire)) {
      if (Job* const job = own(w)) {
        run(w, job);
        continue;
      }
      if (idle_.is_searching(w) || idle_.try_start_search(w)) {
        if (Job* const job = others(w)) {
          run(w, job);
          continue;
        }
      }
      for (auto const& bench : benches_) bench->deque.stealer().set_want();
      (void)idle_.prepare_park(w);
      if (anything() || stop_.load(std::memory_order_acquire)) {
        (void)idle_.cancel_park(w);
      } else {
        idle_.commit_park(w);
      }
    }
  }
  bool anything() const {
    bool any = !injector_.empty();
    for (auto const& bench : benches_) any = any || !bench->queue.looks_empty() || !bench->deque.stealer().looks_empty();
    return any;
  }
  Job* own(unsigned w) {
    if (Job* const job = benches_[w]->deque.pop()) return job;
    return benches_[w]->queue.pop();
  }
  Job* others(unsigned w) {
    auto batch = injector_.take_all();
    Job* const first = batch.pop();
    while (Job* const job = batch.pop()) EXPECT_TRUE(benches_[w]->queue.push(job));
    if (first != nullptr) return first;
    for (std::size_t i = 0; i < benches_.size(); ++i) {
      if (i == w) continue;
      if (Job* const job = benches_[i]->queue.steal_into(benches_[w]->queue)) return job;
      if (Job* const job = benches_[i]->deque.stealer().steal()) return job;
      if (Job* const job = benches_[i]->deque.stealer().steal_forced()) return job;
    }
    return nullptr;
  }
  void run(unsigned w, Job* job) {
    if (idle_.stop_search(w)) idle_.notify_one();
    touching_.fetch_add(1, std::memory_order_relaxed);
    std::atomic<std::size_t>* const left = roots_left_.load(std::memory_order_relaxed);
    bool const is_root = job->depth != 0 && (job->depth & split_bit) == 0;
    if (unsigned const depth = job->depth & ~split_bit; depth != 0) {
      for (int i = 0; i < 2; ++i) {
        Job* const child = new Job;
        child->depth = (depth - 1) | split_bit;
        if (on_fork_deque_) {
          if (benches_[w]->deque.push(child) == weft::engine::Pushed::published) idle_.notify_one();
        } else {
          EXPECT_TRUE(benches_[w]->queue.push(child));
          idle_.notify_one();
        }
      }
    }
    if (!is_root) delete job;
    if (left->fetch_sub(1, std::memory_order_acq_rel) == 1) left->notify_all();
    touching_.fetch_sub(1, std::memory_order_release);
  }

  static constexpr unsigned split_bit = 1U << 31;
  IdleSet idle_;
  bool const on_fork_deque_;
  std::vector<std::unique_ptr<Bench>> benches_;
  weft::engine::Injector<real_sync, Job> injector_;
  std::atomic<std::atomic<std::size_t>*> roots_left_{nullptr};
  std::atomic<int> touching_{0};
  std::atomic<bool> stop_{false};
  std::vector<std::thread> threads_;
};

void wake_storm(unsigned workers, bool on_fork_deque, int trees) {
  Workshop workshop(workers, on_fork_deque);
  for (int i = 0; i < trees; ++i) workshop.run_tree(1 + static_cast<unsigned>(i) % 6);
}

TEST(IdleSetStorm, OneWorker) { wake_storm(1, false, 3'000); }
TEST(IdleSetStorm, TwoWorkersWithRunQueues) { wake_storm(2, false, 3'000); }
TEST(IdleSetStorm, TwoWorkersWithForkDeques) { wake_storm(2, true, 3'000); }
TEST(IdleSetStorm, FiveWorkersWithRunQueues) { wake_storm(5, false, 1'000); }
TEST(IdleSetStorm, FiveWorkersWithForkDeques) { wake_storm(5, true, 1'000); }
TEST(IdleSetStorm, StartAndStop) {
  for (int i = 0; i < 200; ++i) wake_storm(3, (i & 1) != 0, 1);
}

// One producer that is a worker, and parks only when its partner has answered: light fences on both sides.
TEST(IdleSetStorm, WorkersHandOneItemToAndFro) {
  IdleSet set(2);
  std::atomic<unsigned> turn{0};
  constexpr unsigned hops = 20'000;
  auto const play = [&](unsigned w) {
    for (;;) {
      unsigned const now = turn.load(std::memory_order_acquire);
      if (now == hops) return;
      if (now % 2 == w) {
        (void)set.stop_search(w);
        turn.store(now + 1, std::memory_order_release);
        set.notify_one();
        continue;
      }
      (void)set.prepare_park(w);
      unsigned const seen = turn.load(std::memory_order_acquire);
      if (seen % 2 == w || seen == hops) (void)set.cancel_park(w);
      else set.commit_park(w);
      (void)set.stop_search(w);
    }
  };
  std::thread other([&] { play(1); });
  play(0);
  other.join();
  EXPECT_EQ(turn.load(std::memory_order_relaxed), hops);
}

TEST(IdleSetStorm, TimedParkersMeetWakers) {
  IdleSet set(2);
  std::atomic<bool> done{false};
  std::vector<std::thread> threads;
  for (unsigned w = 0; w < 2; ++w) {
    threads.emplace_back([&, w] {
      for (int i = 0; i < 5'000; ++i) {
        (void)set.prepare_park(w);
        Parked const how = set.commit_park(w, std::chrono::nanoseconds(i % 4 * 1'000));
        EXPECT_EQ(set.is_searching(w), how == Parked::woken);
        (void)set.stop_search(w);
      }
    });
  }
  std::thread waker([&] {
    while (!done.load(std::memory_order_acquire)) {
      set.notify_one_from_foreign_thread();
      (void)set.wake(1);
    }
  });
  for (std::thread& thread : threads) thread.join();
  done.store(true, std::memory_order_release);
  waker.join();
  EXPECT_FALSE(set.any_idle());
}

// A virtual clock in small: the last worker to park moves the time and wakes another one. The time is plain memory:
// two workers that both took themselves for the last would be a data race.
TEST(IdleSetStorm, OneWorkerAtATimeIsTheLast) {
  constexpr unsigned workers = 3;
  constexpr std::uint64_t end = 5'000;
  IdleSet set(workers);
  std::uint64_t time = 0;
  std::atomic<unsigned> next{workers};  // the worker that has something to do, or none
  std::atomic<bool> stop{false};
  std::vector<std::thread> threads;
  for (unsigned w = 0; w < workers; ++w) {
    threads.emplace_back([&, w] {
      while (!stop.load(std::memory_order_acquire)) {
        (void)set.stop_search(w);
        if (next.load(std::memory_order_acquire) == w) next.store(workers, std::memory_order_release);
        bool const last = set.prepare_park(w).last;
        if (next.load(std::memory_order_acquire) == w || stop.load(std::memory_order_acquire)) {
          (void)set.cancel_park(w);
        } else if (last && set.try_leave_as_last(w)) {
          if (++time == end) {
            stop.store(true, std::memory_order_release);
            set.notify_all();
          } else {
            unsigned const chosen = static_cast<unsigned>(time) % workers;
            next.store(chosen, std::memory_order_release);
            (void)set.wake(chosen);
          }
        } else {
          set.commit_park(w);
        }
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(time, end);
}

}  // namespace
