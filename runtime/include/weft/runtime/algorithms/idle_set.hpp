// Who searches for work, who sleeps, and how nobody sleeps while there is work.
//
// One word holds {searching, parked, lookout, missed, departures}; a spin lock guards the list of parked workers; each worker has a futex word of its
// own. A worker is running, searching (looks through the others' queues; at most half of the workers at a time), or parked.
//
// The protocol:
//   producer  publishes the work, passes the light fence, reads the word: if nobody searches and somebody is parked, wakes one; if somebody
//             searches, marks the word `missed` and stays silent (notify_one). So in the busy state a notification is one load and never a system call.
//   worker    that finds nothing: prepare_park: announces itself (searching - 1, parked + 1), sets its wishes at the fork deques
//             (fork_deque.hpp), makes the heavy half of the fence; then LOOKS at all queues, injector, timers, flags; if it sees
//             anything it calls cancel_park FIRST, then try_start_search, and only then takes the work: it may be the very searcher
//             for whose sake a producer kept silent, so it has to wake the next one like any other. Otherwise commit_park sleeps.
//   woken     workers count as searching from the moment of the wake-up, so that the next producer wakes nobody in vain.
//   searcher  that finds work, or gives up without parking, calls stop_search; if it was the last one and the mark is set, it calls notify_one, and the one
//             that it wakes does the same: one mark stands for any number of silent producers. It calls notify_one, too, when it sees more work than it takes.
//             The chain ends when a worker announces itself: that clears the mark, and the worker looks at everything; if it sees work then, it must go
//             back as a searcher and set the mark again. So one event in a quiet runtime wakes one worker.
//   lookout   is one parked worker that has promised to look again in a while, by its own clock. A producer that is about to take its work itself, unless a
//             long step keeps it, may rely on that and wake nobody (scheduler/lookout.hpp says when it does), and a worker that parks may leave such work to
//             the lookout. When that one leaves, for whatever reason, it does not know who relied on it: woken, it is a searcher and the
//             mark is set for it; by itself, it does what a worker does that sees work after its announcement, above.
// Why no wake-up is lost: let a producer's load read a value of the word. Any worker whose announcement is later than that value in the word's
// history has its heavy fence after the producer's fence (else the load would have seen the announcement), so its look at
// the queues sees the work. A producer stays silent only if it sees (a) nobody parked: everybody will announce later; or (b) a searcher:
// it leaves that state later, by an announcement, or by stop_search, whose last caller finds the mark and wakes another worker, and that one
// announces later still; or (c) a lookout: it leaves that state later, as a searcher for whom the mark is set, or sets it or wakes another. The mark is set in
// the word that counts the searchers, while it counts one: it cannot come too late. Who clears it does so later than the value read, before the heavy fence and
// the look. Woken workers that find nothing announce again. So whoever is last to park has seen the work, or has left it to a lookout that announces itself later.
// Two light sides do not order each other; they need not. A foreign thread may use a full fence, which is never weaker.
//
// Last to park, for the virtual clock: prepare_park answers whether its own read-modify-write made parked == n. Others may still be between
// announcement and sleep, and leave. So after its look at the queues the last one calls try_leave_as_last: true exactly if
// all n are parked and nobody has left since its announcement (`departures` counts those who leave); it has then left itself, in the
// same step, and is the only worker awake. Two workers cannot both succeed without one of them having parked again meanwhile.
//
// Lifetime: wake-ups touch the futex word after the woken worker may have gone on; the set outlives every notifier.
// Futex words: awake -> parked (by the worker, under the lock) -> woken (by a waker, under the lock) or awake (by the worker:
// cancel, timeout, under the lock); woken -> awake by the worker.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>

#include <weft/runtime/algorithms/spin_lock.hpp>
#include <weft/runtime/platform/config.hpp>
#include <weft/runtime/platform/sync.hpp>

namespace weft::engine {

enum class Parked : std::uint8_t { woken, timed_out };

template <class Sync>
class IdleSet {
  template <class T>
  using Atomic = typename Sync::template atomic<T>;
  template <class T>
  using Var = typename Sync::template var<T>;

 public:
  explicit IdleSet(unsigned workers) : workers_(workers), slots_(std::make_unique<Slot[]>(workers)) {
    WEFT_CHECK(workers >= 1 && workers <= max_workers);
  }
  IdleSet(IdleSet const&) = delete;
  IdleSet& operator=(IdleSet const&) = delete;

  static constexpr unsigned max_workers = 4096;

  // ---- worker side; `w` is the calling worker

  // True: the worker counts as searching. False: enough workers search already, go on to park.
  bool try_start_search(unsigned w) noexcept {
    WEFT_ASSERT(!slots_[w].searching.get());
    Word word = word_.load(std::memory_order_relaxed);
    do {
      if (2 * searching(word) >= workers_) return false;
    } while (!word_.compare_exchange_weak(word, word + one_searching, std::memory_order_relaxed, std::memory_order_relaxed));
    slots_[w].searching.set(true);
    return true;
  }
  bool is_searching(unsigned w) const noexcept { return slots_[w].searching.get(); }

  // Leaves the searching state (no-op if not in it). True: it was the last searcher, producers have relied on that, and it must call notify_one().
  bool stop_search(unsigned w) noexcept {
    if (!slots_[w].searching.get()) return false;
    slots_[w].searching.set(false);
    Word const word = word_.fetch_sub(one_searching, std::memory_order_relaxed);
    return searching(word) == 1 && (word & missed) != 0;
  }

  struct Announcement {
    bool last;     // all are parked now
    bool lookout;  // this worker is the lookout
  };
  // Announces the worker as parked (no longer searching) and makes the heavy fence, or a full one if it is the last.
  // Look at everything, then call exactly one of cancel_park, try_leave_as_last (until it says true), commit_park. `as_lookout`: unless there is one; who has
  // become it dozes, looks at everything, dozes; when it leaves by itself (cancel_park) it calls try_start_search and notify_one before it does anything else.
  // `wish` is called between the announcement and the fence: who reads what it has stored (by an acquire of a release) sees the announcement.
  template <class Wish>
  Announcement prepare_park(unsigned w, bool as_lookout, Wish&& wish) noexcept {
    Slot& me = slots_[w];
    lock_.lock();
    WEFT_ASSERT(me.state.load(std::memory_order_relaxed) == awake);
    me.state.store(parked_state, std::memory_order_relaxed);
    link(w);
    Word delta = me.searching.get() ? one_parked - one_searching : one_parked;
    me.searching.set(false);
    as_lookout = as_lookout && !has_lookout();
    me.lookout.set(as_lookout);
    if (as_lookout) delta += lookout;
    Word const now = word_.fetch_add(delta, std::memory_order_relaxed) + delta;
    if ((now & missed) != 0) word_.fetch_and(~missed, std::memory_order_relaxed);
    me.departures.set(departures(now));
    lock_.unlock();
    bool const last = parked(now) == workers_;
    wish();
    // ORDER(idle): heavy side; pairs with the light fence in notify_one() and wake(). Without it the producer does not see the
    // announcement and we do not see its work. The last one has no producer to fear but foreign threads: of what the other workers did
    // before they announced themselves it knows by the lock, and who leaves meanwhile knows of it in the same way.
    if (last) Sync::fence_full();
    else Sync::fence_heavy();
    return {last, as_lookout};
  }
  Announcement prepare_park(unsigned w, bool as_lookout = false) noexcept {
    return prepare_park(w, as_lookout, [] {});
  }

  // Undoes the announcement. True: a wake-up had come in before, so the worker counts as searching.
  bool cancel_park(unsigned w) noexcept {
    Slot& me = slots_[w];
    lock_.lock();
    bool const woken = me.state.load(std::memory_order_relaxed) == woken_state;
    if (!woken) (void)leave(w, 0);
    me.state.store(awake, std::memory_order_relaxed);
    lock_.unlock();
    return woken;
  }

  // True if all workers are parked and none has left since this one's prepare_park; it is running (not searching) then, the
  // only one. False: nothing has changed, it is still announced.
  bool try_leave_as_last(unsigned w) noexcept {
    Slot& me = slots_[w];
    lock_.lock();
    Word const word = word_.load(std::memory_order_relaxed);
    bool const last = parked(word) == workers_ && departures(word) == me.departures.get();
    if (last) {
      (void)leave(w, 0);
      me.state.store(awake, std::memory_order_relaxed);
    }
    lock_.unlock();
    return last;
  }

  // Sleeps for a while and stays announced: so the lookout, which need not make the fence again for its next look. True: woken, and commit_park returns at once.
  bool doze(unsigned w, std::chrono::nanoseconds time) noexcept {
    Slot& me = slots_[w];
    if (me.state.load(std::memory_order_relaxed) == parked_state) Sync::futex_wait_for(me.state, parked_state, time);
    return me.state.load(std::memory_order_relaxed) != parked_state;
  }

  // Sleeps until woken; the worker is then counted as searching.
  void commit_park(unsigned w) noexcept {
    Slot& me = slots_[w];
    // ORDER(idle-wake): acquire; pairs with the release in unpark(). What the waker did before is visible to the woken.
    while (me.state.load(std::memory_order_acquire) == parked_state) Sync::futex_wait(me.state, parked_state);
    me.state.store(awake, std::memory_order_relaxed);
  }

  // The same with an end. Timed out: running, not searching. A time that is up already still sees a wake-up that came in.
  Parked commit_park(unsigned w, std::chrono::nanoseconds timeout) noexcept {
    Slot& me = slots_[w];
    // A sleep that returns early is not repeated: the caller's timers tell it whether it was in vain. The lock in cancel_park
    // orders us after the waker.
    if (me.state.load(std::memory_order_relaxed) == parked_state) Sync::futex_wait_for(me.state, parked_state, timeout);
    return cancel_park(w) ? Parked::woken : Parked::timed_out;
  }

  // ---- producer side; any thread, after it has published the work

  WEFT_INLINE void notify_one() noexcept {
    if (would_notify()) [[unlikely]] notify();
  }
  // False: notify_one() would tell nobody, and need not be called.
  WEFT_INLINE bool would_notify() const noexcept {
    // ORDER(idle): light side; pairs with the heavy fence in prepare_park(). Without it our load may miss the announcement of a
    // worker that has missed our work.
    Sync::fence_light();
    return wants_notice(word_.load(std::memory_order_relaxed));
  }
  // Work that its owner is about to take is looked at again in a while. Asked by a producer when would_notify() says true, or by a worker that has announced
  // itself: the one may leave out notify_one(), the other may sleep.
  bool has_lookout() const noexcept { return (word_.load(std::memory_order_relaxed) & lookout) != 0; }

  void notify_one_from_foreign_thread() noexcept {
    // ORDER(idle): as in notify_one(). Foreign threads are rarely here, so they do not rely on membarrier reaching them.
    Sync::fence_full();
    if (wants_notice(word_.load(std::memory_order_relaxed))) notify();
  }

  // Wakes every parked worker, also those that are about to sleep.
  void notify_all() noexcept {
    // ORDER(idle): as in notify_one(); the workers look at the shutdown flag.
    Sync::fence_full();
    for (unsigned w = 0; w != workers_; ++w) wake_if_parked(w);
  }

  // Wakes this worker if it is parked. False: it is not, and looks at what was published before its next sleep.
  bool wake(unsigned w) noexcept {
    // ORDER(idle): light side; as in notify_one().
    Sync::fence_light();
    return wake_if_parked(w);
  }

  // ---- hints for anybody: one relaxed load

  WEFT_INLINE bool any_idle() const noexcept { return (word_.load(std::memory_order_relaxed) & counts) != 0; }
  WEFT_INLINE bool any_parked() const noexcept { return parked(word_.load(std::memory_order_relaxed)) != 0; }
  unsigned parked_count() const noexcept { return parked(word_.load(std::memory_order_relaxed)); }
  unsigned searching_count() const noexcept { return searching(word_.load(std::memory_order_relaxed)); }
  unsigned workers() const noexcept { return workers_; }

 private:
  // searching: bits 0-15, parked: bits 16-29, lookout: bit 30, missed: bit 31, departures (wraps): bits 32-63.
  using Word = std::uint64_t;
  static constexpr Word one_searching = 1;
  static constexpr Word one_parked = Word{1} << 16;
  static constexpr Word lookout = Word{1} << 30;
  static constexpr Word missed = Word{1} << 31;
  static constexpr Word one_departure = Word{1} << 32;
  static constexpr Word counts = lookout - 1;
  WEFT_INLINE static unsigned searching(Word word) noexcept { return static_cast<unsigned>(word & 0xffff); }
  WEFT_INLINE static unsigned parked(Word word) noexcept { return static_cast<unsigned>(word >> 16 & 0x3fff); }
  // Somebody sleeps, and nobody who is awake knows yet that there is work.
  WEFT_INLINE static bool wants_notice(Word word) noexcept { return parked(word) != 0 && (searching(word) == 0 || (word & missed) == 0); }
  static std::uint32_t departures(Word word) noexcept { return static_cast<std::uint32_t>(word >> 32); }

  static constexpr std::uint32_t awake = 0, parked_state = 1, woken_state = 2;
  static constexpr unsigned none = ~0U;

  struct alignas(cache_line) Slot {
    Atomic<std::uint32_t> state{awake};  // the futex word; transitions in the file head
    // INVARIANT: the worker's own, but written by the waker while the worker is parked (handed over by `state`).
    Var<bool> searching{false};
    // INVARIANT: guarded by lock_.
    Var<bool> lookout{false};
    Var<std::uint32_t> departures{0};
    Var<unsigned> newer{none}, older{none};
  };

  // Under the lock.
  void link(unsigned w) noexcept {
    unsigned const top = newest_.get();
    slots_[w].newer.set(none);
    slots_[w].older.set(top);
    if (top != none) slots_[top].newer.set(w);
    newest_.set(w);
  }
  // Under the lock: the worker leaves the list and the parked state; `extra` is added to the word in the same step. True: it was the lookout.
  bool leave(unsigned w, Word extra) noexcept {
    unsigned const newer = slots_[w].newer.get(), older = slots_[w].older.get();
    if (newer != none) slots_[newer].older.set(older);
    else newest_.set(older);
    if (older != none) slots_[older].newer.set(newer);
    bool const was_lookout = slots_[w].lookout.get();
    if (was_lookout) extra -= lookout;
    word_.fetch_add(one_departure - one_parked + extra, std::memory_order_relaxed);
    return was_lookout;
  }
  // Under the lock.
  void unpark(unsigned w) noexcept {
    // It counts as searching already, so the mark cannot come too late.
    if (leave(w, one_searching)) word_.fetch_or(missed, std::memory_order_relaxed);
    slots_[w].searching.set(true);
    // ORDER(idle-wake): release; pairs with the acquire in commit_park(). Without it the woken worker does not see `searching`.
    slots_[w].state.store(woken_state, std::memory_order_release);
  }

  WEFT_COLD void notify() noexcept {
    for (Word word = word_.load(std::memory_order_relaxed); wants_notice(word);) {
      if (searching(word) == 0) {
        if (wake_any()) return;
        word = word_.load(std::memory_order_relaxed);
      } else if (word_.compare_exchange_weak(word, word | missed, std::memory_order_relaxed, std::memory_order_relaxed)) {
        return;
      }
    }
  }

  // False when somebody searches by now, or nobody sleeps any more.
  bool wake_any() noexcept {
    lock_.lock();
    unsigned const w = newest_.get();
    bool const go = w != none && searching(word_.load(std::memory_order_relaxed)) == 0;
    if (go) unpark(w);
    lock_.unlock();
    if (go) Sync::futex_wake(slots_[w].state, 1);
    return go;
  }

  WEFT_COLD bool wake_if_parked(unsigned w) noexcept {
    if (slots_[w].state.load(std::memory_order_relaxed) != parked_state) return false;
    lock_.lock();
    bool const go = slots_[w].state.load(std::memory_order_relaxed) == parked_state;
    if (go) unpark(w);
    lock_.unlock();
    if (go) Sync::futex_wake(slots_[w].state, 1);
    return go;
  }

  unsigned const workers_;
  std::unique_ptr<Slot[]> const slots_;
  // INVARIANT: read by every producer, changed when somebody starts or stops searching, parks or leaves.
  alignas(cache_line) Atomic<Word> word_{0};
  // INVARIANT: cold. newest_ is the head of the list of parked workers, guarded by lock_.
  alignas(cache_line) BasicSpinLock<Sync> lock_;
  Var<unsigned> newest_{none};
};

}  // namespace weft::engine
