// What one at a time runs: a queue of runnables together with the right to run them.
//
// One word: IDLE, nobody owns the queue and it is empty; OWNED, somebody runs what he took and nothing more has come; or the newest of what has come since.
// Whoever pushes to an idle queue becomes its owner, and the node is his to run; every other push only leaves the node. The owner collects what has come and runs
// it, and leaves when nothing more has come: the same compare-exchange decides that the queue is empty and gives it up, so a node is either
// seen by an owner or makes its pusher one, and none is stranded. The owner may hand its ownership to another thread through any queue that orders.
//
// FIFO: newcomers form a stack that the owner takes as a whole and turns round, as in the injector; the nodes use the injector's link.
//
// Threads: push by any; collect, next and leave by the owner. Model-checked in tests/model/strand_queue_test.cpp.
#pragma once

#include <cstdint>

#include <weft/runtime/algorithms/injector.hpp>
#include <weft/runtime/platform/config.hpp>
#include <weft/runtime/platform/sync.hpp>

namespace weft::engine {

template <class Sync, class Node>
class StrandQueue {
  using Hook = InjectorHook<Sync>;
  static constexpr std::uintptr_t idle = 0;
  static constexpr std::uintptr_t owned = 1;

 public:
  StrandQueue() noexcept = default;
  StrandQueue(StrandQueue const&) = delete;
  StrandQueue& operator=(StrandQueue const&) = delete;

  // True: the caller owns the queue from now on, and the node is not in it but his to run. LIFETIME: on false the node may have run already, and the queue
  // may be gone.
  bool push(Node& node) noexcept {
    Hook& hook = node;
    std::uintptr_t head = head_.load(std::memory_order_relaxed);
    for (;;) {
      if (head == idle) {
        // ORDER(strand): acquire; pairs with the release in leave(): what the last owner's runnables did happens before what the next owner's do.
        if (head_.compare_exchange_weak(head, owned, std::memory_order_acquire, std::memory_order_relaxed)) return true;
        continue;
      }
      hook.next_injected_.set(head == owned ? nullptr : reinterpret_cast<Hook*>(head));
      // ORDER(strand-push): release; pairs with the acquire in collect(). Without it the owner runs an unwritten node.
      if (head_.compare_exchange_weak(head, reinterpret_cast<std::uintptr_t>(&hook), std::memory_order_release, std::memory_order_relaxed)) return false;
    }
  }

  // By the owner: what has come since the last time is the batch, unless some of that is left.
  void collect() noexcept {
    if (batch_.get() != nullptr || head_.load(std::memory_order_relaxed) == owned) return;
    // ORDER(strand-push): acquire; pairs with the release in push(). One serves for all nodes, since each push continues the release sequences of
    // those below it.
    batch_.set(reversed(head_.exchange(owned, std::memory_order_acquire)));
  }

  // By the owner: the oldest node of the batch, which is his to run; null when none is left.
  Node* next() noexcept {
    Hook* const first = batch_.get();
    if (first != nullptr) batch_.set(first->next_injected_.get());
    return static_cast<Node*>(first);
  }

  // By the owner, when nothing of the batch is left. False: more has come, and it is his to collect. LIFETIME: on true the queue is not his any more, and may be gone.
  bool leave() noexcept {
    std::uintptr_t head = owned;
    // ORDER(strand): release; pairs with the acquire in push().
    return head_.compare_exchange_strong(head, idle, std::memory_order_release, std::memory_order_relaxed);
  }

 private:
  static Hook* reversed(std::uintptr_t head) noexcept {
    Hook* newest = reinterpret_cast<Hook*>(head);
    Hook* oldest = nullptr;
    while (newest != nullptr) {
      Hook* const older = newest->next_injected_.get();
      newest->next_injected_.set(oldest);
      oldest = newest;
      newest = older;
    }
    return oldest;
  }

  typename Sync::template atomic<std::uintptr_t> head_{idle};
  // What was taken and has not run. INVARIANT: the owner's; null while nobody owns the queue.
  typename Sync::template var<Hook*> batch_{nullptr};
};

}  // namespace weft::engine
