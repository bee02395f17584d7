// Permits and those who wait for one, first in first out, nobody overtaken: what Lock, Semaphore and CapacityLimiter are made of.
//
// The number is in a wait word. To take while there are permits and to give while nobody waits is one compare-exchange. A permit that is
// given while somebody waits goes to the first waiter who can be claimed (claim.hpp), and never shows in the number, so a newcomer cannot take
// it; one that finds only cancelled waiters goes into the number. INVARIANT: while somebody waits the number is zero or less.
//
// `Waiters` is a first-in first-out list of nodes: empty(), push(node), claim_first() -> node or null, leave(node). What was claimed goes into
// `ready`, to be made ready after the call; the permits are not touched any more by then. Model-checked in tests/model/permits_test.cpp.
#pragma once

#include <utility>

#include <weft/runtime/algorithms/wait_word.hpp>

namespace weft::engine {

template <class Sync, class Waiters>
class BasicPermits {
  using Word = typename BasicWaitWord<Sync>::Word;
  static constexpr Word locked_bit = BasicWaitWord<Sync>::locked_bit, waited_bit = BasicWaitWord<Sync>::waited_bit,
                        one = BasicWaitWord<Sync>::one;

 public:
  static constexpr Word no_limit = BasicWaitWord<Sync>::max_value;

  explicit constexpr BasicPermits(Word value) noexcept : word_(value) {}

  Word value() const noexcept { return BasicWaitWord<Sync>::value_of(word_.look()); }

  bool try_acquire() noexcept {
    Word word = word_.settled();
    for (;;) {
      if ((word & locked_bit) != 0) word = word_.settled();
      else if (word < one) return false;
      else if (word_.step_acquire(word, word - one)) return true;
    }
  }
  // Takes a permit, or makes the node wait for one: true when it waits.
  template <class Node>
  bool enlist(Node& node) noexcept {
    Word const word = word_.lock();
    if (word >= one) {
      word_.unlock(word - one);
      return false;
    }
    waiters_.push(node);
    word_.unlock(word | waited_bit);
    return true;
  }
  // A node that was cancelled.
  template <class Node>
  void leave(Node& node) noexcept {
    Word const word = word_.lock();
    waiters_.leave(node);
    word_.unlock(waiters_.empty() ? word & ~waited_bit : word);
  }
  // Gives a permit back. False, and nothing has changed, when there are `limit` already.
  template <class Ready>
  bool release(Word limit, Ready& ready) noexcept {
    Word word = word_.settled();
    for (;;) {
      if ((word & locked_bit) != 0) word = word_.settled();
      else if (BasicWaitWord<Sync>::value_of(word) >= limit) return false;
      else if ((word & waited_bit) != 0) break;
      else if (word_.step_release(word, word + one)) return true;
    }
    return change([limit](Word value) noexcept { return std::pair(value < limit, value + 1); }, ready);
  }
  // What changes the number otherwise: change(value) -> {whether, the new value}, under the lock.
  template <class Change, class Ready>
  bool change(Change&& change, Ready& ready) noexcept {
    Word word = word_.lock();
    auto const [changes, value] = change(BasicWaitWord<Sync>::value_of(word));
    if (changes) {
      word = BasicWaitWord<Sync>::word_of(value) | (word & waited_bit);
      while ((word & waited_bit) != 0 && word >= one) {
        if (auto* const node = waiters_.claim_first()) {
          ready.push(*node);
          word -= one;
        } else {
          word &= ~waited_bit;
        }
      }
    }
    word_.unlock(word);
    return changes;
  }
  // What look(value) gives under the lock.
  template <class Look>
  auto under_lock(Look&& look) noexcept {
    Word const word = word_.lock();
    auto const seen = look(BasicWaitWord<Sync>::value_of(word));
    word_.unlock(word);
    return seen;
  }

 private:
  BasicWaitWord<Sync> word_;
  // INVARIANT: under the word's lock.
  Waiters waiters_;
};

}  // namespace weft::engine
