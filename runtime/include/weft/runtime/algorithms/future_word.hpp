// The word of a future: who writes its outcome, and from when on it may be read.
//
//   PENDING -> SETTING   by whoever will write the outcome, alone: a result, an exception, a cancellation.
//   SETTING -> DONE      the outcome is written.
//   SETTING -> PENDING   the value could not be moved in.
//
// Somebody who wants to complete a future that is being set has to wait until it is known whether it will be: a cancel() must not return false and then find the
// future pending, and a set must not be refused by one that fails. That is the length of one move of a value.
#pragma once

#include <cstdint>

#include <weft/runtime/platform/sync.hpp>

namespace weft::engine {

template <class Sync>
class BasicFutureWord {
  enum State : std::uint32_t { pending, setting, finished };

 public:
  // True: the caller writes the outcome, and finish() or undo() follows. False: done.
  bool begin() noexcept {
    for (;;) {
      std::uint32_t expected = pending;
      // ORDER(future-set): acquire; pairs with undo(): what the one who failed did to the slot is over.
      if (word_.compare_exchange_strong(expected, setting, std::memory_order_acquire, std::memory_order_acquire)) return true;
      // ORDER(future-done): acquire on failure, too; as in done().
      if (expected == finished) return false;
      Sync::yield();
    }
  }
  void undo() noexcept {
    // ORDER(future-set): release; pairs with begin().
    word_.store(pending, std::memory_order_release);
  }
  void finish() noexcept {
    // ORDER(future-done): release publishes the outcome; pairs with done(). Without it a reader sees done before the outcome.
    word_.store(finished, std::memory_order_release);
  }
  bool done() const noexcept {
    // ORDER(future-done): acquire; pairs with finish().
    return word_.load(std::memory_order_acquire) == finished;
  }

 private:
  typename Sync::template atomic<std::uint32_t> word_{pending};
};

using FutureWord = BasicFutureWord<real_sync>;

}  // namespace weft::engine
