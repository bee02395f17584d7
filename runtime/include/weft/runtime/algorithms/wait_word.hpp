// One word that is a number, a lock, and the news that somebody waits.
//
//     63                2        1        0
//     |      value      | waited | locked |          value is signed
//
// A primitive that counts (permits, a flag) keeps its number here, so that what meets nobody is one compare-exchange. Its list of waiters is
// under the word's own lock bit. `waited` says that the list may not be empty, and changes only under the lock; while it is set, nobody who
// gives takes the short way.
//
// THE END OF A SECTION is one store that publishes number, news and unlock together, and is the last that the section does with the word. So
// whoever sees the new number knows that the one who wrote it has left, and may destroy the primitive: no separate lock is still to be released.
// Model-checked in tests/model/permits_test.cpp and flag_test.cpp.
#pragma once

#include <cstdint>

#include <weft/runtime/algorithms/backoff.hpp>
#include <weft/runtime/platform/sync.hpp>

namespace weft::engine {

template <class Sync>
class BasicWaitWord {
 public:
  using Word = std::int64_t;
  static constexpr Word locked_bit = 1, waited_bit = 2, one = 4;
  static constexpr Word max_value = (Word{1} << 60) - 1;

  static constexpr Word value_of(Word word) noexcept { return word >> 2; }
  static constexpr Word word_of(Word value) noexcept { return value * one; }

  explicit constexpr BasicWaitWord(Word value) noexcept : word_(word_of(value)) {}

  Word look() const noexcept {
    // ORDER(wait-word): acquire; pairs with step_release() and unlock(): who sees the number sees what its writer did before.
    return word_.load(std::memory_order_acquire);
  }
  // The word, not locked.
  Word settled() const noexcept { return engine::settled<Sync, Word>(word_, locked_bit); }
  // From an unlocked word to another. On failure `from` is what was found, and may be locked.
  bool step_acquire(Word& from, Word to) noexcept {
    // ORDER(wait-word): acquire; pairs with step_release() and unlock(): who takes sees what the giver did before.
    return word_.compare_exchange_strong(from, to, std::memory_order_acquire, std::memory_order_relaxed);
  }
  bool step_release(Word& from, Word to) noexcept {
    // ORDER(wait-word): release; pairs with look(), step_acquire() and lock().
    return word_.compare_exchange_strong(from, to, std::memory_order_release, std::memory_order_relaxed);
  }

  // Gives the word as it was, without the lock bit.
  Word lock() noexcept {
    for (;;) {
      Word word = settled();
      // ORDER(wait-word): acquire; pairs with unlock() and step_release(). Without it the section reads a list that is not there yet.
      if (word_.compare_exchange_strong(word, word | locked_bit, std::memory_order_acquire, std::memory_order_relaxed)) return word;
    }
  }
  // LIFETIME: whoever sees the new word may destroy the primitive.
  void unlock(Word word) noexcept {
    // ORDER(wait-word): release; pairs with lock(), step_acquire() and look().
    word_.store(word, std::memory_order_release);
  }

 private:
  typename Sync::template atomic<Word> word_;
};

}  // namespace weft::engine
