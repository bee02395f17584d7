// Those who wait for a notification with a lock given up: what Condition is made of.
//
// A waiter enters the list and then gives up the lock, so whoever gets the lock next finds it there. A notification moves the first waiter to the
// end of the lock's own queue at once, unclaimed: it is woken when it has the lock, and those who are notified together get it in the order in
// which they waited. A waiter that is cancelled, in whichever of the two it stands, leaves and goes to the end of the lock's queue, and again with each
// further cancel (asyncio's rule: who is cancelled loses its place); it does not go on before it has the lock. Who was cancelled notifies another
// one in its place, so a notification that it had been given is not lost.
//
// `Waiters`: as in permits.hpp, and pop_first(). A node has moves_on() and has_moved_on(), whether it stands in the lock's queue or comes for it.
// `Permits` is the lock, with one permit.
// Order of locks: the list's, then the lock's word. Model-checked in tests/model/monitor_test.cpp.
#pragma once

#include <cstddef>
#include <mutex>

#include <weft/runtime/algorithms/claim.hpp>
#include <weft/runtime/algorithms/spin_lock.hpp>

namespace weft::engine {

template <class Sync, class Waiters, class Permits>
class BasicMonitor {
 public:
  explicit BasicMonitor(Permits& lock) noexcept : lock_(lock) {}

  // The caller holds the lock, and waits: the lock goes on to the next. False when nobody held it.
  template <class Node, class Ready>
  bool enlist(Node& node, Ready& ready) noexcept {
    {
      std::lock_guard const hold(spin_);
      waiters_.push(node);
    }
    // LIFETIME: from here on the node may be notified and woken.
    if (lock_.release(1, ready)) return true;
    std::lock_guard const hold(spin_);
    waiters_.leave(node);
    return false;
  }
  template <class Ready>
  void notify(std::size_t count, Ready& ready) noexcept {
    std::lock_guard const hold(spin_);
    while (count != 0) {
      auto* const node = waiters_.pop_first();
      if (node == nullptr) return;
      // One that is cancelled after this look has had the notification, and passes it on.
      if (node->claim.state() == ClaimState::cancelled) continue;
      --count;
      node->moves_on();
      // LIFETIME: once it stands in the lock's queue the node may be woken and gone.
      if (lock_.enlist(*node)) continue;
      // Nobody holds the lock, so it is the node's at once, unless a cancel has claimed it: then it comes for the lock by itself.
      if (node->claim.try_fire()) ready.push(*node);
      else (void)lock_.release(1, ready);
    }
  }
  // By a node that a cancel has claimed: it leaves where it stands, and comes for the lock as soon as it is armed again.
  template <class Node>
  void leave(Node& node) noexcept {
    std::lock_guard const hold(spin_);
    if (node.has_moved_on()) lock_.leave(node);
    else waiters_.leave(node);
    node.moves_on();
  }
  // Armed again, in the same section: true when it must wait for the lock, false when it has it. LIFETIME: when true, it may be gone after that section.
  template <class Node>
  bool reacquire(Node& node) noexcept { return lock_.enlist(node); }

 private:
  Permits& lock_;
  BasicSpinLock<Sync> spin_;
  // INVARIANT: under spin_.
  Waiters waiters_;
};

}  // namespace weft::engine
