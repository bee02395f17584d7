// What the programs about primitives share: a suspended coroutine's node, the list in which it waits, its scope, and the batch of those who were woken.
//
// A node lives as long as its wait. Whoever reaches it through the scope holds the scope's lock, as in the engine; whoever reaches it through the
// primitive's list holds the primitive's; and giving the hand-off is the last that the one who claimed it does with it.
#pragma once

#include "model/checker/model.hpp"

#include <weft/runtime/algorithms/claim.hpp>

namespace weft::model {

enum Reason : std::uint32_t { fired = 1, cancelled = 2 };

struct Node {
  engine::BasicClaim<model_sync> claim;
  model_sync::var<Node*> next{nullptr};
  model_sync::var<bool> moved_on{false};
  model_sync::var<bool> refused{false};
  model_sync::var<int> item{0};
  Handoff ready;

  void moves_on() { moved_on.set(true); }
  bool has_moved_on() { return moved_on.get(); }
  void refuse() { refused.set(true); }
};

class Waiters {
 public:
  bool empty() const { return first_.get() == nullptr; }
  void push(Node& node) {
    node.next.set(nullptr);
    Node* last = first_.get();
    if (last == nullptr) {
      first_.set(&node);
      return;
    }
    while (last->next.get() != nullptr) last = last->next.get();
    last->next.set(&node);
  }
  Node* pop_first() {
    Node* const node = first_.get();
    if (node != nullptr) first_.set(node->next.get());
    return node;
  }
  Node* claim_first() {
    while (Node* const node = pop_first())
      if (node->claim.try_fire()) return node;
    return nullptr;
  }
  bool leave(Node& node) {
    Node* before = nullptr;
    for (Node* at = first_.get(); at != nullptr; before = at, at = at->next.get()) {
      if (at != &node) continue;
      if (before == nullptr) first_.set(node.next.get());
      else before->next.set(node.next.get());
      return true;
    }
    return false;
  }

 private:
  model_sync::var<Node*> first_{nullptr};
};

struct Ready {
  Node* nodes[4] = {};
  int count = 0;

  void push(Node& node) { nodes[count++] = &node; }
  void wake_all() {
    for (int i = 0; i < count; ++i) nodes[i]->ready.give(fired);
  }
};

struct Scope {
  Mutex lock;
  model_sync::var<Node*> waiting{nullptr};

  bool cancel() {
    lock.lock();
    Node* const node = waiting.get();
    bool const won = node != nullptr && node->claim.try_cancel();
    if (won) node->ready.give(cancelled);
    lock.unlock();
    return won;
  }
};

// A suspension: enlist(node) under the scope's lock; then, if it waits, sleep, and leave(node) if it was cancelled. True unless it was cancelled;
// `end`, if given, looks at the node before it goes.
template <class Enlist, class Leave, class End>
bool suspend(Scope& scope, Enlist&& enlist, Leave&& leave, End&& end) {
  Node* const node = new Node;
  scope.lock.lock();
  scope.waiting.set(node);
  bool const waits = enlist(*node);
  if (!waits) scope.waiting.set(nullptr);
  scope.lock.unlock();
  bool granted = true;
  if (waits) {
    granted = node->ready.take() == fired;
    require(node->claim.state() == (granted ? engine::ClaimState::fired : engine::ClaimState::cancelled), "woken by one who did not claim it");
    scope.lock.lock();
    scope.waiting.set(nullptr);
    scope.lock.unlock();
    if (!granted) leave(*node);
  }
  end(*node);
  delete node;
  return granted;
}
template <class Enlist, class Leave>
bool suspend(Scope& scope, Enlist&& enlist, Leave&& leave) {
  return suspend(scope, enlist, leave, [](Node&) {});
}

}  // namespace weft::model
