// Waiters of a primitive, first in first out, under the primitive's lock.
//
// A grant pops the first waiter and claims it; a waiter whose claim fails was cancelled, and the next one is tried, so nothing that is granted is
// lost. What was claimed goes into a batch that is made ready after the unlock; from then on the primitive is not touched any more, since
// a woken waiter may destroy it. A cancelled waiter takes itself out, under the lock, before its frame can go.
#pragma once

#include <mutex>

#include <weft/runtime/algorithms/spin_lock.hpp>
#include <weft/runtime/runtime/wait_node.hpp>
#include <weft/runtime/scheduler/scheduler.hpp>

namespace weft::engine {

struct QueuedTag;

class QueuedNode : public WaitNode, public ListHook<QueuedTag> {
 public:
  using WaitNode::WaitNode;

  // It goes on to wait in a second list. Under the lock of the first.
  void moves_on() noexcept { moved_on_ = true; }
  bool has_moved_on() const noexcept { return moved_on_; }

 protected:
  ~QueuedNode() = default;

 private:
  bool moved_on_ = false;
};

template <class Node>
class WaitQueue {
 public:
  bool empty() const noexcept { return nodes_.empty(); }
  void push(Node& node) noexcept { nodes_.push_back(node); }
  // The first waiter that could be claimed, which is the caller's to grant and to make ready; null when nobody waits.
  Node* claim_first() noexcept {
    while (Node* const node = nodes_.pop_front())
      if (node->claim.try_fire()) return node;
    return nullptr;
  }
  // The first waiter, claimed or not; null when nobody waits.
  Node* pop_first() noexcept { return nodes_.pop_front(); }
  // False when it was out already.
  static bool leave(Node& node) noexcept {
    auto& hook = static_cast<ListHook<QueuedTag>&>(node);
    if (!hook.linked()) return false;
    hook.unlink();
    return true;
  }

 private:
  IntrusiveList<Node, QueuedTag> nodes_;
};

// Makes claimed waiters ready, each on its own runtime. After the unlock.
inline void wake_all(ReadyBatch& batch) noexcept {
  while (Runnable* const runnable = batch.pop()) {
    auto& node = static_cast<WaitNode&>(*runnable);
    node.scheduler().make_ready(node);
  }
}

}  // namespace weft::engine
