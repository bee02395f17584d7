// The word of a TaskGroup: how many children live, who aborts, who wakes the parent, and when the group may be destroyed.
//
//   live      children that have entered and not left
//   ABORTING  set once, by the first failure or by an outside cancel: whoever sets it cancels the children. No child enters any more
//   WAITING   the parent sleeps at the block's end
//   RELEASED  the child that came to zero while the parent was being cancelled has let go of the group
//   CLOSED    the block has ended
//
// A failing child stores its error, then calls abort(), cancels the others if it was the first, and only then leaves. So when the
// parent finds live at zero, every error is stored and every cancel that it must undo has been issued.
//
// The last child to leave takes WAITING away in the same step as it brings live to zero; from then on it, and nobody else, owes the
// parent a wake-up, and claims the parent's node. When that claim is lost to a canceller, the parent runs while the child still
// holds the group: the parent's retract() fails, and it waits for release(), the child's last touch, which is at most a few
// instructions away. In every other case leave() is the child's last touch.
// Model-checked in tests/model/group_word_test.cpp.
#pragma once

#include <cstdint>

#include <weft/runtime/platform/sync.hpp>

namespace weft::engine {

template <class Sync>
class BasicGroupWord {
  static constexpr std::uint64_t aborting_bit = 1, waiting_bit = 2, released_bit = 4, closed_bit = 8, live_unit = 16;

 public:
  enum class Entry { entered, aborting, closed };

  // A child is about to start.
  Entry enter() noexcept {
    std::uint64_t old = word_.load(std::memory_order_relaxed);
    for (;;) {
      if (old & closed_bit) return Entry::closed;
      if (old & aborting_bit) return Entry::aborting;
      // ORDER(group-enter): relaxed is enough: the child is reached through the children list, which has a lock of its own, and the
      // one who adds it to the list looks at aborting() again afterwards.
      if (word_.compare_exchange_weak(old, old + live_unit, std::memory_order_relaxed, std::memory_order_relaxed))
        return Entry::entered;
    }
  }

  // True for the one caller that must cancel the children.
  bool abort() noexcept {
    // ORDER(group-abort): release publishes the error stored before; acquire for whoever reads what the first failure left behind.
    return (word_.fetch_or(aborting_bit, std::memory_order_acq_rel) & aborting_bit) == 0;
  }

  bool aborting() const noexcept {
    // ORDER(group-abort): acquire; pairs with abort().
    return (word_.load(std::memory_order_acquire) & aborting_bit) != 0;
  }

  // A child has ended, and this is its last touch of the group unless it returns true: then it owes the parent a wake-up.
  bool leave() noexcept {
    std::uint64_t old = word_.load(std::memory_order_relaxed);
    for (;;) {
      std::uint64_t next = old - live_unit;
      bool const wake = next < live_unit && (next & waiting_bit) != 0;
      if (wake) next &= ~waiting_bit;
      // ORDER(group-leave): release publishes this child's end to the parent, acquire shows the waker the parent's node and, when it
      // wakes the parent, the ends of all the others.
      if (word_.compare_exchange_weak(old, next, std::memory_order_acq_rel, std::memory_order_relaxed)) return wake;
    }
  }

  // The parent is about to sleep: false when no child is left, and it must not.
  bool wait() noexcept {
    std::uint64_t old = word_.load(std::memory_order_relaxed);
    for (;;) {
      if (old < live_unit) {
        // ORDER(group-leave): acquire; pairs with leave(): the parent sees what all children did.
        (void)word_.load(std::memory_order_acquire);
        return false;
      }
      // ORDER(group-wait): release publishes the parent's node to the child that will claim it.
      if (word_.compare_exchange_weak(old, (old | waiting_bit) & ~released_bit, std::memory_order_release,
                                      std::memory_order_relaxed))
        return true;
    }
  }

  // The parent was woken by a cancel: true when no child owes it a wake-up any more.
  bool retract() noexcept {
    // ORDER(group-leave): acquire; as in wait().
    return (word_.fetch_and(~waiting_bit, std::memory_order_acquire) & waiting_bit) != 0;
  }

  // By the child whose claim of the parent was lost to a cancel. LIFETIME: the group may be gone afterwards.
  void release() noexcept {
    // ORDER(group-release): release; pairs with wait_released(). Without it the parent frees a group that the child still reads.
    word_.fetch_or(released_bit, std::memory_order_release);
  }

  // By the parent when retract() was false.
  void wait_released() const noexcept {
    // ORDER(group-release): acquire; pairs with release().
    while ((word_.load(std::memory_order_acquire) & released_bit) == 0) Sync::yield();
  }

  bool empty() const noexcept {
    // ORDER(group-leave): acquire; as in wait().
    return word_.load(std::memory_order_acquire) < live_unit;
  }

  // The block ends, if no child has entered meanwhile.
  bool close() noexcept {
    std::uint64_t old = word_.load(std::memory_order_relaxed);
    for (;;) {
      if (old >= live_unit) return false;
      // ORDER(group-leave): acquire; as in wait().
      if (word_.compare_exchange_weak(old, old | closed_bit, std::memory_order_acquire, std::memory_order_relaxed)) return true;
    }
  }

 private:
  typename Sync::template atomic<std::uint64_t> word_{0};
};

using GroupWord = BasicGroupWord<real_sync>;

}  // namespace weft::engine
