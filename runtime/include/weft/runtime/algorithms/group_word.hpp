// The word of a task group: its lock, how many children live, who aborts, who wakes the parent, and when the group may be destroyed.
//
//   live      children that have entered and not left
//   LOCKED    somebody is in a section: it alone changes the word, and the lists that the word guards, until it ends
//   ABORTING  set once, by the first failure or by an outside cancel, in the section that cancels the children. No child enters any more
//   WAITING   the parent sleeps at the block's end
//   RELEASED  the child that came to zero while the parent was being cancelled has let go of the group
//   CLOSED    the block has ended
//
// A child enters and is listed in one section, and is taken off the list and leaves in another: two read-modify-writes for its life in the group. THE END
// OF A SECTION is one store that publishes lists, word and unlock together, and is the last that the section does with the group. An abort
// cancels in its section whom it finds listed, so a child that comes late is refused, and none is missed.
//
// A failing child stores its error and aborts in one section, and leaves in a later one. So when the parent finds live at zero, every error
// is stored and every cancel that it must undo has been issued.
//
// The last child to leave takes WAITING away in the same step as it brings live to zero; from then on it, and nobody else, owes the
// parent a wake-up, and claims the parent's node. When that claim is lost to a canceller, the parent runs while the child still
// holds the group: the parent's retract() fails, and it waits for release(), the child's last touch, which is at most a few
// instructions away. In every other case the end of its section is the child's last touch.
// Model-checked in tests/model/group_word_test.cpp.
#pragma once

#include <cstdint>

#include <weft/runtime/algorithms/backoff.hpp>
#include <weft/runtime/platform/sync.hpp>

namespace weft::engine {

template <class Sync>
class BasicGroupWord {
 public:
  using Word = std::uint64_t;

 private:
  static constexpr Word locked_bit = 1, aborting_bit = 2, waiting_bit = 4, released_bit = 8, closed_bit = 16, live_unit = 32;

 public:
  enum class Entry { open, aborting, closed };

  // ---- sections: the word as it is to be when the section ends is in the caller's hands

  Word lock() noexcept {
    for (;;) {
      Word word = settled();
      // ORDER(group-section): acquire; pairs with unlock(). Without it the section reads lists that are not there yet.
      if (word_.compare_exchange_weak(word, word | locked_bit, std::memory_order_acquire, std::memory_order_relaxed)) return word;
    }
  }
  // LIFETIME: unless it owes the parent a wake-up, a child that has left must not touch the group any more.
  void unlock(Word word) noexcept {
    // ORDER(group-section): release; pairs with lock(), and with wait(), close() and empty(): the parent sees what the children did.
    word_.store(word, std::memory_order_release);
  }

  static Entry entry(Word word) noexcept {
    if (word & closed_bit) return Entry::closed;
    return word & aborting_bit ? Entry::aborting : Entry::open;
  }
  static void enter(Word& word) noexcept { word += live_unit; }
  // True: this child owes the parent a wake-up, after the section.
  static bool leave(Word& word) noexcept {
    word -= live_unit;
    if (word >= live_unit || (word & waiting_bit) == 0) return false;
    word &= ~waiting_bit;
    return true;
  }
  // True for the one section that must cancel the children.
  static bool abort(Word& word) noexcept {
    if (word & aborting_bit) return false;
    word |= aborting_bit;
    return true;
  }

  // ---- by anybody, at a glance

  // What a child that enters now would find, unless it changes.
  Entry entry() const noexcept { return entry(word_.load(std::memory_order_relaxed)); }
  bool aborting() const noexcept {
    // ORDER(group-abort): acquire; pairs with unlock().
    return (word_.load(std::memory_order_acquire) & aborting_bit) != 0;
  }

  // ---- by the parent

  // It is about to sleep: false when no child is left, and it must not.
  bool wait() noexcept {
    for (;;) {
      Word word = settled();
      if (word < live_unit) {
        // ORDER(group-end): acquire; pairs with unlock(): the parent sees what all children did.
        (void)word_.load(std::memory_order_acquire);
        return false;
      }
      // ORDER(group-wait): release publishes the parent's node to the child that will claim it.
      if (word_.compare_exchange_weak(word, (word | waiting_bit) & ~released_bit, std::memory_order_release, std::memory_order_relaxed)) return true;
    }
  }

  // It was woken by a cancel: true when no child owes it a wake-up any more.
  bool retract() noexcept {
    for (;;) {
      Word word = settled();
      if ((word & waiting_bit) == 0) return false;
      if (word_.compare_exchange_weak(word, word & ~waiting_bit, std::memory_order_relaxed, std::memory_order_relaxed)) return true;
    }
  }

  // By the child whose claim of the parent was lost to a cancel. LIFETIME: the group may be gone afterwards.
  void release() noexcept {
    for (;;) {
      Word word = settled();
      // ORDER(group-release): release; pairs with wait_released(). Without it the parent frees a group that the child still reads.
      if (word_.compare_exchange_weak(word, word | released_bit, std::memory_order_release, std::memory_order_relaxed)) return;
    }
  }

  // By the parent when retract() was false.
  void wait_released() const noexcept {
    // ORDER(group-release): acquire; pairs with release().
    while ((word_.load(std::memory_order_acquire) & released_bit) == 0) Sync::yield();
  }

  bool empty() const noexcept {
    // ORDER(group-end): acquire; as in wait().
    return word_.load(std::memory_order_acquire) < live_unit;
  }

  // The block ends, if no child has entered meanwhile.
  bool close() noexcept {
    for (;;) {
      Word word = settled();
      if (word >= live_unit) return false;
      // ORDER(group-end): acquire; as in wait().
      if (word_.compare_exchange_weak(word, word | closed_bit, std::memory_order_acquire, std::memory_order_relaxed)) return true;
    }
  }

 private:
  // The word, not locked.
  Word settled() const noexcept { return engine::settled<Sync, Word>(word_, locked_bit); }

  typename Sync::template atomic<Word> word_{0};
};

using GroupWord = BasicGroupWord<real_sync>;

}  // namespace weft::engine
