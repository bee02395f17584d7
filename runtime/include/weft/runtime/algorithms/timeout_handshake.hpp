// The timeout block against its timer: no stray cancellation lands after the block.
//
//     ENTERED --timer--> FIRING --timer--> FIRED
//        \------block---> EXITED
//
// The timer that is due takes FIRING, cancels the block's scope, and then says FIRED, its last touch. The block that ends takes EXITED;
// when it comes too late it waits for FIRED, which is at most a few instructions away, before it looks at what the timer did and
// destroys the scope. Model-checked in tests/model/timeout_handshake_test.cpp.
#pragma once

#include <cstdint>

#include <weft/runtime/platform/sync.hpp>

namespace weft::engine {

template <class Sync>
class BasicTimeoutHandshake {
  enum class State : std::uint32_t { entered, firing, fired, exited };

 public:
  // By the timer: true when it may cancel the block. It must then call fired().
  bool try_fire() noexcept {
    State expected = State::entered;
    // ORDER(timeout-fire): relaxed: the timer was published by the lock of its wheel, and the block learns of the cancel from fired().
    return state_.compare_exchange_strong(expected, State::firing, std::memory_order_relaxed, std::memory_order_relaxed);
  }

  // LIFETIME: the block may be gone afterwards.
  void fired() noexcept {
    // ORDER(timeout-fired): release; pairs with try_exit(). Without it the block destroys a scope that the timer still cancels.
    state_.store(State::fired, std::memory_order_release);
  }

  // By the block at its end: true when the timer never fired and never will.
  bool try_exit() noexcept {
    State expected = State::entered;
    if (state_.compare_exchange_strong(expected, State::exited, std::memory_order_relaxed, std::memory_order_relaxed)) return true;
    // ORDER(timeout-fired): acquire; pairs with fired().
    while (state_.load(std::memory_order_acquire) != State::fired) Sync::yield();
    return false;
  }

  // True from the moment at which the timer has won.
  bool expired() const noexcept {
    State const state = state_.load(std::memory_order_relaxed);
    return state == State::firing || state == State::fired;
  }

 private:
  typename Sync::template atomic<State> state_{State::entered};
};

using TimeoutHandshake = BasicTimeoutHandshake<real_sync>;

}  // namespace weft::engine
