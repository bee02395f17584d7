// A lock for critical sections of a few instructions that never allocate, never run a user's code and never block.
//
// One byte-sized decision: test-and-test-and-set with a short pause loop, then the core is given away, so that a holder that was
// preempted (more workers than cores) gets to finish. Not fair; nothing that users see depends on its order.
#pragma once

#include <cstdint>

#include <weft/runtime/algorithms/backoff.hpp>
#include <weft/runtime/platform/sync.hpp>

namespace weft::engine {

template <class Sync>
class BasicSpinLock {
 public:
  constexpr BasicSpinLock() noexcept = default;
  BasicSpinLock(BasicSpinLock const&) = delete;
  BasicSpinLock& operator=(BasicSpinLock const&) = delete;

  void lock() noexcept {
    // ORDER(spin-lock): acquire; pairs with the release in unlock(). Without it the section reads what the last holder had not yet written.
    if (word_.exchange(1, std::memory_order_acquire) == 0) [[likely]] return;
    lock_slow();
  }
  bool try_lock() noexcept {
    // ORDER(spin-lock): acquire; as in lock().
    return word_.load(std::memory_order_relaxed) == 0 && word_.exchange(1, std::memory_order_acquire) == 0;
  }
  void unlock() noexcept {
    // ORDER(spin-lock): release; pairs with the acquire in lock().
    word_.store(0, std::memory_order_release);
  }

 private:
  WEFT_COLD void lock_slow() noexcept {
    for (Backoff<Sync> backoff;; backoff.wait()) {
      if (word_.load(std::memory_order_relaxed) != 0) continue;
      // ORDER(spin-lock): acquire; as in lock().
      if (word_.exchange(1, std::memory_order_acquire) == 0) return;
    }
  }

  typename Sync::template atomic<std::uint32_t> word_{0};
};

using SpinLock = BasicSpinLock<real_sync>;

}  // namespace weft::engine
