// The claim on a suspended coroutine: an await completes or is cancelled, never both.
//
// A node that waits is ARMED. Whoever wants to wake it (the timer that is due, the lock that is released, the canceller) first claims it
// by one compare-exchange; the winner alone makes the coroutine ready, every loser forgets the node. A grant is made by claiming first and
// granting second: a claim that fails leaves the permit, the item or the notification with the granter, who offers it to the next in line.
// Where only one can ever claim a node (an await of one task: a cancel is handed down to that task instead) it does so by a store.
//
// The word carries no data, so every access is relaxed: what the granter read of the node was published by the lock of the primitive in
// which the node stands, and what it writes into the node after winning reaches the coroutine through the run queue that hands it over.
// Model-checked in tests/model/claim_test.cpp.
#pragma once

#include <cstdint>

#include <weft/runtime/platform/config.hpp>
#include <weft/runtime/platform/sync.hpp>

namespace weft::engine {

enum class ClaimState : std::uint32_t { armed, fired, cancelled };

template <class Sync>
class BasicClaim {
 public:
  bool try_fire() noexcept { return take(ClaimState::fired); }
  bool try_cancel() noexcept { return take(ClaimState::cancelled); }
  // By the only one who may claim this node: nobody to be first before.
  void fire_alone() noexcept {
    WEFT_ASSERT(state() == ClaimState::armed);
    state_.store(ClaimState::fired, std::memory_order_relaxed);
  }
  ClaimState state() const noexcept { return state_.load(std::memory_order_relaxed); }

  // Only while nobody else can reach the node: before it is registered, or after it has been claimed and handed over.
  void reset(ClaimState state) noexcept { state_.store(state, std::memory_order_relaxed); }

 private:
  bool take(ClaimState to) noexcept {
    ClaimState expected = ClaimState::armed;
    return state_.compare_exchange_strong(expected, to, std::memory_order_relaxed, std::memory_order_relaxed);
  }

  typename Sync::template atomic<ClaimState> state_{ClaimState::armed};
};

using Claim = BasicClaim<real_sync>;

}  // namespace weft::engine
