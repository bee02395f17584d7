// A meeting of a fixed number of parties: what Barrier is made of.
//
// All under one lock. The last to arrive takes all who wait out of the list and opens the next round, so there is no state in between in which
// a newcomer would have to wait for those who are leaving. A waiter that was cancelled has arrived until it leaves: a round that is complete before
// it does is complete, as in asyncio.
//
// `Waiters`: as in permits.hpp; a node has refuse(): the barrier broke under it. Model-checked in tests/model/rendezvous_test.cpp.
#pragma once

#include <cstddef>
#include <mutex>

#include <weft/runtime/algorithms/spin_lock.hpp>

namespace weft::engine {

enum class Arrival { waits, complete, broken };

template <class Sync, class Waiters>
class BasicRendezvous {
 public:
  explicit BasicRendezvous(std::size_t parties) noexcept : parties_(parties) {}

  // Arrives if that completes the round, or if the barrier is broken; `waits` otherwise, and nothing has changed.
  template <class Ready>
  Arrival try_arrive(std::size_t& index, Ready& ready) noexcept {
    std::lock_guard const hold(spin_);
    return arrive(index, ready);
  }
  template <class Node, class Ready>
  Arrival enlist(Node& node, std::size_t& index, Ready& ready) noexcept {
    std::lock_guard const hold(spin_);
    Arrival const arrival = arrive(index, ready);
    if (arrival == Arrival::waits) {
      index = waiting_++;
      waiters_.push(node);
    }
    return arrival;
  }
  // A node that was cancelled. False when its round was over before.
  template <class Node>
  bool leave(Node& node) noexcept {
    std::lock_guard const hold(spin_);
    if (!waiters_.leave(node)) return false;
    --waiting_;
    return true;
  }
  // Sends all who wait away. `broken`: and all who come.
  template <class Ready>
  void send_away(bool broken, Ready& ready) noexcept {
    std::lock_guard const hold(spin_);
    broken_ = broken;
    waiting_ = 0;
    while (auto* const node = waiters_.claim_first()) {
      node->refuse();
      ready.push(*node);
    }
  }

  std::size_t parties() const noexcept { return parties_; }
  std::size_t waiting() const noexcept {
    std::lock_guard const hold(spin_);
    return waiting_;
  }
  bool broken() const noexcept {
    std::lock_guard const hold(spin_);
    return broken_;
  }

 private:
  template <class Ready>
  Arrival arrive(std::size_t& index, Ready& ready) noexcept {
    if (broken_) return Arrival::broken;
    if (waiting_ + 1 != parties_) return Arrival::waits;
    index = waiting_;
    waiting_ = 0;
    while (auto* const node = waiters_.claim_first()) ready.push(*node);
    return Arrival::complete;
  }

  std::size_t const parties_;
  mutable BasicSpinLock<Sync> spin_;
  // INVARIANT: all under spin_. waiting_ is the length of the list.
  bool broken_ = false;
  std::size_t waiting_ = 0;
  Waiters waiters_;
};

}  // namespace weft::engine
