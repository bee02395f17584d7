// A flag and those who wait until it is set: what Event is made of.
//
// The flag is the number of a wait word, 0 or 1. To look is one load; to set it while nobody waits, or to clear it, is one compare-exchange.
// set() claims all who wait under the lock, and the flag becomes visible with the unlock: whoever sees it set knows that the setter has left.
//
// set() and clear() write the word even when it stays the same. Two who do `publish; set()` and one who does `wait(); clear(); look` must not
// miss each other: the second set either comes after the clear, and the flag stays set, or before it, and then the clear acquires what was published.
//
// `Waiters`: as in permits.hpp. Model-checked in tests/model/flag_test.cpp.
#pragma once

#include <weft/runtime/algorithms/wait_word.hpp>

namespace weft::engine {

template <class Sync, class Waiters>
class BasicFlag {
  using Word = typename BasicWaitWord<Sync>::Word;
  static constexpr Word locked_bit = BasicWaitWord<Sync>::locked_bit, waited_bit = BasicWaitWord<Sync>::waited_bit,
                        set_word = BasicWaitWord<Sync>::one;

 public:
  constexpr BasicFlag() noexcept : word_(0) {}

  bool is_set() const noexcept { return (word_.look() & set_word) != 0; }

  template <class Ready>
  void set(Ready& ready) noexcept {
    Word word = word_.settled();
    for (;;) {
      if ((word & locked_bit) != 0) word = word_.settled();
      else if ((word & waited_bit) != 0) break;
      else if (word_.step_release(word, set_word)) return;
    }
    word_.lock();
    while (auto* const node = waiters_.claim_first()) ready.push(*node);
    word_.unlock(set_word);
  }
  void clear() noexcept {
    Word word = word_.settled();
    for (;;) {
      if ((word & locked_bit) != 0) word = word_.settled();
      else if (word_.step_acquire(word, word & ~set_word)) return;
    }
  }
  // True when the node waits, false when the flag is set.
  template <class Node>
  bool enlist(Node& node) noexcept {
    Word const word = word_.lock();
    if ((word & set_word) != 0) {
      word_.unlock(word);
      return false;
    }
    waiters_.push(node);
    word_.unlock(waited_bit);
    return true;
  }
  // A node that was cancelled.
  template <class Node>
  void leave(Node& node) noexcept {
    Word const word = word_.lock();
    waiters_.leave(node);
    word_.unlock(waiters_.empty() ? word & ~waited_bit : word);
  }

 private:
  BasicWaitWord<Sync> word_;
  // INVARIANT: under the word's lock; empty while the flag is set.
  Waiters waiters_;
};

}  // namespace weft::engine
