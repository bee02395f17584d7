// Those who wait for a notification with a lock given up: what Condition is made of.
//
// A waiter enters the list and then gives up the lock, so whoever gets the lock next finds it there. A notification claims the first waiter and
// moves it to the end of the lock's own queue at once: it is woken when it has the lock, and those who are notified together get it in the order in
// which they waited. A waiter that was cancelled leaves the list and moves to the lock's queue likewise: both are `owned` there, so that no
// cancel can keep them from getting the lock. Who then finds itself cancelled notifies another one in its place.
//
// `Waiters`: as in permits.hpp; a node has own(): from now on claim_first() takes it as it is. `Permits` is the lock, with one permit.
// Order of locks: the list's, then the lock's word. Model-checked in tests/model/monitor_test.cpp.
#pragma once

#include <cstddef>
#include <mutex>

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
    for (; count != 0; --count) {
      auto* const node = waiters_.claim_first();
      if (node == nullptr) return;
      node->own();
      if (!lock_.enlist(*node)) ready.push(*node);
    }
  }
  // By a node that a cancel has claimed: true when it must wait for the lock, false when it has it. LIFETIME: when true, it may be gone.
  template <class Node>
  bool reacquire(Node& node) noexcept { return lock_.enlist(node); }
  template <class Node>
  void leave(Node& node) noexcept {
    std::lock_guard const hold(spin_);
    waiters_.leave(node);
    node.own();
  }

 private:
  Permits& lock_;
  BasicSpinLock<Sync> spin_;
  // INVARIANT: under spin_.
  Waiters waiters_;
};

}  // namespace weft::engine
