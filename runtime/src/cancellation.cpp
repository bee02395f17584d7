// Requests, scopes and the nodes that wait in them. The protocol is at the heads of scope.hpp and wait_node.hpp.
#include <weft/runtime/platform/errors.hpp>
#include <weft/runtime/runtime/scope.hpp>
#include <weft/runtime/runtime/task.hpp>
#include <weft/runtime/runtime/runtime_core.hpp>
#include <weft/runtime/runtime/wait_node.hpp>

namespace weft::engine {

// ---------------------------------------------------------------- blocks

void Scope::enter(Worker& worker, Link link) noexcept {
  ExecutionState& state = worker.state;
  parent_ = state.scope;
  task_ = &parent_->task();
  parent_seen_ = state.seen;
  parent_flags_ = state.flags;
  shielded_ = link == Link::shielded;
  if (!shielded_) {
    task_->scopes_lock().lock();
    parent_->blocks_.push_back(*this);
    // Undelivered out there: it is delivered in here, at the first suspension.
    if (parent_->word.pending(parent_seen_)) receive_from_parent();
    outer_count_ = parent_->outer_count_ + parent_->word.cancelling();
    task_->scopes_lock().unlock();
  }
  state.scope = this;
  state.seen = 0;
  state.flags |= ExecutionState::dirty | ExecutionState::in_block;
}

void Scope::exit(Worker& worker, bool redeliver) noexcept {
  ExecutionState& state = worker.state;
  WEFT_ASSERT(state.scope == this);
  std::uint32_t seen = parent_seen_;
  if (!shielded_) {
    task_->scopes_lock().lock();
    unlink();
    WEFT_ASSERT(blocks_.empty());
    // When the block's own has come too late to be delivered, what the block has made something else of is the request from outside.
    bool const apart = settled_ && state.seen == word.epoch();
    if (delivered(state.seen) && (!redeliver || apart)) {
      seen = outer_parent_epoch_;
      parent_->settle(seen, parent_flags_);
    }
    task_->scopes_lock().unlock();
  }
  state.scope = parent_;
  state.seen = seen;
  if ((parent_flags_ & ExecutionState::in_block) == 0) state.flags &= ~ExecutionState::in_block;
}

void Scope::deliver_again(Worker& worker) noexcept {
  ExecutionState& state = worker.state;
  WEFT_ASSERT(state.scope == this);
  task_->scopes_lock().lock();
  state.seen = word.epoch() - 1;
  // It is pending as far out as anybody asks for it; a request of a block's own ends with that block.
  Scope const* outermost = this;
  for (Scope const* scope = this; scope != nullptr; scope = scope->shielded_ ? nullptr : scope->parent_)
    if (scope->word.cancelling() != 0) outermost = scope;
  // The blocks that another part has entered are not this one's to change: what is pending here ends with the part.
  bool own = (state.flags & ExecutionState::in_block) != 0;
  for (Scope* scope = this; scope != outermost && own; scope = scope->parent_) {
    scope->struck_ = scope->settled_ = true;
    scope->outer_epoch_ = scope->word.epoch();
    scope->outer_parent_epoch_ = scope->parent_->word.epoch();
    scope->parent_seen_ = scope->outer_parent_epoch_ - 1;
    own = (scope->parent_flags_ & ExecutionState::in_block) != 0;
  }
  task_->scopes_lock().unlock();
}

// A scope that asks for nothing, with nothing asked for around it, has nothing pending: the count of whoever runs in it is zero, and at zero CPython 3.13 makes void
// what has not been delivered. So a request of the block's own that ends with the block changes nothing for those around it.
void Scope::take_back_own() noexcept {
  task_->scopes_lock().lock();
  // The count is one, as asyncio's: a body that has taken back what its block asked for leaves to the block what it asks for itself.
  if (word.cancelling() == 0) (void)parent_->take_back();
  task_->scopes_lock().unlock();
}

// A block takes its own request back when it ends, so what is taken back here is the outermost one.
std::uint32_t Scope::take_back() noexcept {
  std::uint32_t count = 0;
  Scope* outermost = nullptr;
  for (Scope* scope = this; scope != nullptr; scope = scope->parent_) {
    if (scope->word.cancelling() != 0) outermost = scope;
    count += scope->word.cancelling();
  }
  if (outermost == nullptr) return 0;
  (void)outermost->word.uncancel();
  outermost->outer_count_changed(-1);
  --count;
  // Those of other parts, too; what another part's block has asked for is not void.
  for (Scope* scope = outermost; scope != nullptr; scope = scope->next_below(outermost))
    if (scope->outer_count_ + scope->word.cancelling() == 0) scope->word.annul();
  // Behind a shield nobody finds a scope but from below.
  if (count == 0)
    for (Scope* scope = this; scope != outermost; scope = scope->parent_) scope->word.annul();
  return count;
}

std::uint32_t Scope::requests_around() const noexcept {
  task_->scopes_lock().lock();
  std::uint32_t const count = outer_count_ + word.cancelling();
  task_->scopes_lock().unlock();
  return count;
}

// Under the lock, when the count of this scope has changed: those below count with it.
void Scope::outer_count_changed(std::int32_t by) noexcept {
  for (Scope* below = next_below(this); below != nullptr; below = below->next_below(this))
    below->outer_count_ += static_cast<std::uint32_t>(by);
}

// Under the lock, when the parent's epoch has been raised.
void Scope::receive_from_parent() noexcept {
  (void)word.cancel(false);
  struck_ = true;
  settled_ = false;
  outer_epoch_ = word.epoch();
  outer_parent_epoch_ = parent_->word.epoch();
}

// A block that has a request of its own decides at its end, in exit(). Scopes that another part has entered are not this one's.
void Scope::settle(std::uint32_t seen, std::uint32_t flags) noexcept {
  Scope* scope = this;
  while ((flags & ExecutionState::in_block) != 0 && scope->delivered(seen) && scope->word.cancelling() == 0) {
    scope->settled_ = true;
    seen = scope->outer_parent_epoch_;
    flags = scope->parent_flags_;
    scope = scope->parent_;
  }
}

// The next scope in the subtree of `root`, parents before children.
Scope* Scope::next_below(Scope* root) const noexcept {
  if (Scope* const child = blocks_.front()) return child;
  for (Scope const* scope = this; scope != root; scope = scope->parent_)
    if (Scope* const sibling = scope->parent_->blocks_.next(*scope)) return sibling;
  return nullptr;
}

// ---------------------------------------------------------------- requests

bool CancelRequest::reach(Scope& scope) noexcept {
  TaskBase& task = scope.task();
  Scheduler& scheduler = task.runtime().scheduler();
  if (woken_.home_ == nullptr) woken_.home_ = &scheduler;
  // What is handed down to another runtime is not held back: that is no step of ours.
  ReadyBatch elsewhere;
  ReadyBatch& ready = woken_.home_ == &scheduler ? woken_.ready_ : elsewhere;
  CancelMessage previous;
  task.scopes_lock().lock();
  if (!scope.word.cancel()) {
    task.scopes_lock().unlock();
    return false;
  }
  if (&scope == &task.root()) {
    // The old message is destroyed after the unlock.
    previous = std::move(task.message_);
    task.message_ = message_;
  }
  for (Scope* below = &scope; below != nullptr; below = below->next_below(&scope)) {
    if (below != &scope) {
      below->receive_from_parent();
      ++below->outer_count_;
    }
    for (WaitNode* node = below->waiting_.front(); node != nullptr;) {
      WaitNode* const next = below->waiting_.next(*node);
      if (node->hands_down_) {
        if (node->claim.state() == ClaimState::armed && node->requests_++ == 0) keep(*node);
      } else if (node->claim.try_cancel()) {
        node->unlink();
        ready.push(*node);
      }
      node = next;
    }
  }
  task.scopes_lock().unlock();
  // LIFETIME: once its last node is ready, task and runtime may end at any time.
  if (!elsewhere.empty()) scheduler.make_ready(elsewhere);
  return true;
}

WokenByCancel::~WokenByCancel() {
  // LIFETIME: the runtime lives as long as one of its nodes is not ready.
  if (!ready_.empty()) home_->make_ready(ready_);
}

void CancelRequest::keep(WaitNode& node) noexcept {
  node.next_kept_ = nullptr;
  *last_ = &node;
  last_ = &node.next_kept_;
}

void CancelRequest::finish() noexcept {
  while (first_ != nullptr) {
    WaitNode& node = *first_;
    first_ = node.next_kept_;
    if (first_ == nullptr) last_ = &first_;
    // Pinned by requests_: node and task stay where they are until the unlock below.
    TaskBase& task = node.task();
    std::uint32_t const epoch = node.state_.scope->word.epoch();
    bool const accepted = node.hand_down(*this);
    task.scopes_lock().lock();
    if (accepted) {
      node.handed_down_ = true;
      node.handed_epoch_ = epoch;
    }
    bool const more = --node.requests_ != 0;
    if (more) keep(node);
    task.scopes_lock().unlock();
  }
}

CancelMessage deliver_cancel(Worker& worker) noexcept {
  ExecutionState& state = worker.state;
  TaskBase& task = state.scope->task();
  task.scopes_lock().lock();
  state.seen = state.scope->word.epoch();
  state.flags |= ExecutionState::dirty;
  state.scope->settle(state.seen, state.flags);
  // A message belongs to the task; cancels that blocks make have none.
  Scope const* scope = state.scope;
  while (scope->struck_ && scope->outer_epoch_ == scope->word.epoch()) scope = scope->parent();
  CancelMessage message = scope == &task.root() ? task.message_ : nullptr;
  task.scopes_lock().unlock();
  return message;
}

CancelledError delivered_cancel(Worker& worker) {
  CancelMessage const message = deliver_cancel(worker);
  return CancelledError(message ? *message : std::string());
}

std::exception_ptr cancellation_of(Worker& worker, bool stands) noexcept {
  CancelMessage const message = stands ? deliver_cancel(worker) : CancelMessage();
  try {
    std::exception_ptr error = std::make_exception_ptr(CancelledError(message ? *message : std::string()));
    if (exception_cast<CancelledError>(error) != nullptr) return error;
  } catch (...) {
  }
  // No memory for the text: the cancellation goes on without it.
  return std::make_exception_ptr(CancelledError());
}

// ---------------------------------------------------------------- nodes

Scheduler& WaitNode::scheduler() const noexcept { return task().runtime().scheduler(); }

void WaitNode::make_ready_at(Scheduler& home) noexcept { home.make_ready(*this); }

// asyncio hands a request that came while the task ran down to what it awaits next.
void WaitNode::hand_pending_down() noexcept {
  TaskBase& owner = task();
  requests_ = 1;
  CancelMessage message = owner.message_;
  owner.scopes_lock().unlock();
  CancelRequest request(std::move(message));
  request.keep(*this);
}

// The request that has claimed the node is still to be delivered, so nothing is looked for: those that came before the lock are delivered with it.
void WaitNode::arm_again_begin() noexcept {
  task().scopes_lock().lock();
  claim.reset(ClaimState::armed);
  state_.scope->waiting_.push_back(*this);
}

void WaitNode::wake(Runnable& runnable, Worker& worker) noexcept {
  auto& node = static_cast<WaitNode&>(runnable);
  if (goes_to_strand(node, node.state_, worker)) return;
  // A canceller has unlinked the node already; but one that hands requests down may be pinned.
  if (node.claim.state() == ClaimState::fired || node.hands_down_) {
    TaskBase& owner = node.task();
    owner.scopes_lock().lock();
    while (node.requests_ != 0) {
      // Somebody is handing a request down for us, and is between two instructions.
      owner.scopes_lock().unlock();
      real_sync::yield();
      owner.scopes_lock().lock();
    }
    if (node.linked()) node.unlink();
    if (node.waits_as_body()) owner.body_awaits_.store(false, std::memory_order_relaxed);
    if (node.handed_down_) {
      node.state_.seen = node.handed_epoch_;
      node.state_.flags |= ExecutionState::dirty;
      node.state_.scope->settle(node.state_.seen, node.state_.flags);
    }
    owner.scopes_lock().unlock();
  }
  worker.state = node.state_;
  worker.drive(node.coroutine_);
}

}  // namespace weft::engine
