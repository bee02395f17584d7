// When runnables are worth a steal, and a wake-up.
//
// A runnable that moves to another core takes its task's memory with it, and what the two of them hand each other; that costs about a microsecond for a
// small task. Two tasks that hand each other on (an event, a queue, a task that is created and awaited) have one lone runnable after the other, each of
// which its owner takes some nanoseconds later: who steals one moves the pair, and who is woken for one finds nothing. A thousand small tasks are done
// sooner by the worker that has made them than by two. But what waits behind a step of ten milliseconds must be taken at once. So a thief takes runnables
//   from a queue in which nothing happens for some microseconds (QueueAge): its owner sits in a long step;
//   of several, also when the owner is slow on the average, or has so many that the last would wait for milliseconds (Pace);
//   when it would go to sleep otherwise. Whether that was worth it is experience, apart for lone runnables and for several:
//     a steal was in vain     if the thief, or after a lone one anybody, was out of work again before it could have been worth it (worth_it);
//     a wake-up was in vain   if it was made for runnables and the woken worker found nothing.
//   From the second time in a row nobody is woken for such runnables, and nobody steals them. One parked worker, the lookout (idle_set.hpp), looks by
//   itself in each look_period and takes them by the rules of the first two lines (of a lone one the owner must be slower); otherwise it tries a few each interval(),
//   which doubles with each time in vain, up to almost a millisecond. One steal that was worth it, or a look that finds everything at rest, ends that.
// So while a worker is idle a runnable waits for little more than a look_period behind a long step, and for a few milliseconds behind many small ones, and only where
// those before it were not worth a steal. Children of gathers are another matter: they are stolen at once, always.
//
// Threads: any worker; the numbers are guesses, and a lost update costs nothing but a guess. Nothing here is written while all workers have work.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>

namespace weft::engine {

// Since when nothing has happened in a queue, as far as those who asked have seen. Glance: see RunQueue.
template <class Glance>
class QueueAge {
 public:
  std::int64_t at(Glance const& glance, std::int64_t now) noexcept {
    if (oldest_.load(std::memory_order_relaxed) == glance.oldest && next_.load(std::memory_order_relaxed) == glance.next)
      return now - since_.load(std::memory_order_relaxed);
    since_.store(now, std::memory_order_relaxed);
    oldest_.store(glance.oldest, std::memory_order_relaxed);
    next_.store(glance.next, std::memory_order_relaxed);
    return 0;
  }

 private:
  std::atomic<std::uint64_t> oldest_{0}, next_{0};
  std::atomic<std::int64_t> since_{0};
};

// How long a worker takes for what it does, steps and pushes to its queue, on the average between two looks.
class Pace {
 public:
  // Looks that are closer together are one; what was before a longer time says nothing.
  static constexpr std::int64_t shortest = 1'000, longest = 1'000'000;

  // In nanoseconds; -1: this look is the first.
  std::int64_t per_act(std::uint64_t acts, std::int64_t now) noexcept {
    std::int64_t const took = now - at_.load(std::memory_order_relaxed);
    if (took < shortest) return last_.load(std::memory_order_relaxed);
    std::uint64_t const done = acts - acts_.load(std::memory_order_relaxed);
    acts_.store(acts, std::memory_order_relaxed);
    at_.store(now, std::memory_order_relaxed);
    std::int64_t const each = took > longest ? -1 : took / static_cast<std::int64_t>(std::max<std::uint64_t>(done, 1));
    last_.store(each, std::memory_order_relaxed);
    return each;
  }

 private:
  std::atomic<std::uint64_t> acts_{0};
  std::atomic<std::int64_t> at_{0}, last_{-1};
};

class StealPatience {
 public:
  // For how long a steal must keep workers busy, in nanoseconds: at least, and for each runnable that was stolen; about what moving it costs.
  static constexpr std::int64_t worth_it = 5'000, worth_it_each = 700;
  // An owner that takes longer for each of several has help; and so has one that has so many that the last would wait for so long.
  static constexpr std::int64_t slow = worth_it_each, long_wait = 2'000'000;

  // Whether to take from a queue with so many, whose owner takes so long for each (-1: nobody knows).
  static bool worth_taking(std::size_t waiting, std::int64_t per_act) noexcept {
    return per_act >= (waiting <= 1 ? worth_it : slow) || static_cast<std::int64_t>(waiting) * per_act >= long_wait;
  }

  // Nanoseconds between two tries of the lookout; 0: anybody may steal.
  std::int64_t interval() const noexcept {
    unsigned const vain = vain_.load(std::memory_order_relaxed);
    return vain < enough ? 0 : std::min(most, least << (vain - enough));
  }

  // Somebody is woken for runnables.
  void wakes() noexcept { woken_.store(true, std::memory_order_relaxed); }
  // A woken worker has found work.
  void woken_for_work() noexcept { woken_.store(false, std::memory_order_relaxed); }
  // A woken worker has found nothing.
  void woken_in_vain() noexcept {
    if (!woken_.load(std::memory_order_relaxed)) return;
    woken_.store(false, std::memory_order_relaxed);
    in_vain();
  }
  // So long after a steal of so many, or after so many of the stolen ones have run here, somebody ran out of work.
  void judge(std::size_t stolen, std::int64_t after) noexcept {
    woken_.store(false, std::memory_order_relaxed);
    if (after < std::max(worth_it, static_cast<std::int64_t>(stolen) * worth_it_each)) in_vain();
    else rest();
  }
  void in_vain() noexcept {
    unsigned const vain = vain_.load(std::memory_order_relaxed);
    if (vain < enough || least << (vain - enough) < most) vain_.store(vain + 1, std::memory_order_relaxed);
  }
  // Nothing moves, or a steal was worth it.
  void rest() noexcept { vain_.store(0, std::memory_order_relaxed); }

 private:
  static constexpr unsigned enough = 2;
  static constexpr std::int64_t least = 50'000, most = 800'000;

  std::atomic<unsigned> vain_{0};
  std::atomic<bool> woken_{false};
};

class Patience {
 public:
  // In nanoseconds.
  static constexpr std::int64_t look_period = 50'000;

  StealPatience lone, several;

  // For a queue with so many.
  StealPatience& of(std::size_t waiting) noexcept { return waiting <= 1 ? lone : several; }
  std::int64_t interval() const noexcept { return std::max(lone.interval(), several.interval()); }
  // Queues of how many are left to the lookout, if there is one.
  std::size_t spared() const noexcept {
    if (several.interval() != 0) return static_cast<std::size_t>(-1);
    return lone.interval() != 0 ? 1 : 0;
  }

  // A steal that is judged by when the next worker, whichever, runs out of work. The steal before it, if none has for long enough, was worth it.
  void stole_lone(std::int64_t now) noexcept {
    if (judges() && now - lone_stolen_at_.load(std::memory_order_relaxed) >= StealPatience::worth_it) lone.rest();
    lone_stolen_at_.store(now, std::memory_order_relaxed);
  }
  bool judges() const noexcept { return lone_stolen_at_.load(std::memory_order_relaxed) != 0; }
  void ran_dry(std::int64_t now) noexcept {
    std::int64_t const stolen_at = lone_stolen_at_.load(std::memory_order_relaxed);
    if (stolen_at == 0) return;
    lone_stolen_at_.store(0, std::memory_order_relaxed);
    lone.judge(1, now - stolen_at);
  }

  // By the lookout: whether it is time to try.
  bool try_is_due(std::int64_t now) noexcept {
    if (now - tried_at_.load(std::memory_order_relaxed) < interval()) return false;
    tried_at_.store(now, std::memory_order_relaxed);
    return true;
  }
  // A look has found nothing to take.
  void nothing_there(bool anything_moves, bool tried) noexcept {
    for (StealPatience* const patience : {&lone, &several}) {
      if (!anything_moves) patience->rest();
      else if (tried && patience->interval() != 0) patience->in_vain();
    }
  }

 private:
  // 0: all are judged.
  std::atomic<std::int64_t> lone_stolen_at_{0};
  std::atomic<std::int64_t> tried_at_{0};
};

}  // namespace weft::engine
