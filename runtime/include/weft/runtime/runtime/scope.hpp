// Cancellation scopes: what a cancel reaches.
//
// Every task has a root scope; a timeout, the body of a task group, and a cancel_on_error or race block each have one while they last,
// linked below the scope in which they were entered. A shielded block's scope is not linked, so nothing from outside reaches into it.
// The structure below one task, scopes and the nodes that wait in them, is guarded by that task's `scopes_lock`.
//
// A REQUEST raises the epoch of its scope and of every scope below (task_word.hpp), claims the waiting nodes there and makes them ready. Code
// that runs finds the epoch changed at its next await or gather. A node that waits for other tasks is not claimed: the request is
// handed down to what it waits for, outside the lock, and the node stays armed until that has ended (asyncio's rule). While a
// request is being handed down the node is pinned: its coroutine, if it is resumed meanwhile, waits until it is known whether the request
// was accepted below (then it has been delivered) or not (then it is still pending here).
//
// LOCK ORDER: a task's scopes_lock, then the lock of a primitive, a wheel or a task's waiters. Never two scopes_locks at once.
#pragma once

#include <cstdint>
#include <exception>
#include <memory>
#include <string>

#include <weft/runtime/algorithms/intrusive_list.hpp>
#include <weft/runtime/algorithms/task_word.hpp>
#include <weft/runtime/platform/errors.hpp>
#include <weft/runtime/scheduler/execution_state.hpp>
#include <weft/runtime/scheduler/runnable.hpp>

namespace weft::engine {

class GroupState;
class Scheduler;
class TaskBase;
class WaitNode;
class Worker;
struct BlockTag;
struct WaitingTag;

// The message of a cancel; null when there is none. Shared, so that passing it on needs no memory.
using CancelMessage = std::shared_ptr<std::string const>;

class Scope : public ListHook<BlockTag> {
 public:
  explicit Scope(TaskBase& task) noexcept : task_(&task) {}
  Scope() noexcept = default;
  Scope(Scope const&) = delete;
  Scope& operator=(Scope const&) = delete;

  TaskBase& task() const noexcept { return *task_; }
  Scope* parent() const noexcept { return parent_; }

  // ---- blocks: by the part that enters and leaves, on its worker
  enum class Link { linked, shielded };
  void enter(Worker& worker, Link link) noexcept;
  // The part is back in the outer scope; a request from outside that was not delivered in the block is pending there. `redeliver`: also one that
  // was delivered together with the block's own, because the block has made something else of both.
  void exit(Worker& worker, bool redeliver = false) noexcept;
  // By the part that runs in this scope: the requests from outside, which it has seen, are to be seen once more, in here or, when the blocks that the
  // part has entered end before, outside of them. INVARIANT: requests_around() != 0.
  void deliver_again(Worker& worker) noexcept;

  // By the part that entered, when the block that has asked for a cancel in here ends: asyncio's uncancel().
  void take_back_own() noexcept;

  // Requests that this scope and those around it count, up to the innermost shield: what a block compares before and after. O(1).
  std::uint32_t requests_around() const noexcept;

  // Whether this is, or is inside, the body of a task group. Compares addresses only.
  bool inside_body_of(GroupState const* group) const noexcept {
    for (Scope const* scope = this; scope != nullptr; scope = scope->parent_)
      if (scope->body_of == group) return true;
    return false;
  }

  TaskWord word;
  // The task group whose body runs in this scope, if it is one.
  GroupState const* body_of = nullptr;

 private:
  friend class CancelRequest;
  friend class WaitNode;
  friend class TaskBase;
  friend CancelMessage deliver_cancel(Worker& worker) noexcept;

  void receive_from_parent() noexcept;
  // Under the lock: whether a part of this scope that has seen `seen` has seen what came from outside. Wrap-around safe: epochs are compared by distance.
  bool delivered(std::uint32_t seen) const noexcept { return struck_ && static_cast<std::int32_t>(seen - outer_epoch_) >= 0; }
  // Under the lock: a part that runs in this scope, with these flags, has come to see `seen`.
  void settle(std::uint32_t seen, std::uint32_t flags) noexcept;
  void outer_count_changed(std::int32_t by) noexcept;
  // Under the lock: asyncio's uncancel() by a part in this scope. Returns how many requests are left, here and around.
  std::uint32_t take_back() noexcept;
  Scope* next_below(Scope* root) const noexcept;

  TaskBase* task_ = nullptr;
  Scope* parent_ = nullptr;
  // What the part had seen of the parent's requests when it entered, and whether it was a part of a gather.
  std::uint32_t parent_seen_ = 0;
  std::uint32_t parent_flags_ = 0;
  bool shielded_ = false;
  // A request came from outside; and the part that entered has seen the last one that did, by itself.
  bool struck_ = false;
  bool settled_ = false;
  // What the scopes around it count, up to the innermost shield.
  std::uint32_t outer_count_ = 0;
  // When struck: the last request's epoch here, and there.
  std::uint32_t outer_epoch_ = 0;
  std::uint32_t outer_parent_epoch_ = 0;
  IntrusiveList<Scope, BlockTag> blocks_;
  IntrusiveList<WaitNode, WaitingTag> waiting_;
};

// Nodes that requests have claimed, made ready all together when it is destroyed. In asyncio a cancel with all that it hands down is one step in
// which nobody runs: a task that it reaches on two ways sees it once. If the first way made the task ready at once, another worker could run it
// before the second way is gone, and the second would strike its cleanup.
class WokenByCancel {
 public:
  WokenByCancel() noexcept = default;
  WokenByCancel(WokenByCancel const&) = delete;
  WokenByCancel& operator=(WokenByCancel const&) = delete;
  ~WokenByCancel();

 private:
  friend class CancelRequest;
  Scheduler* home_ = nullptr;
  ReadyBatch ready_;
};

// A request on its way: nodes to which it is still to be handed down. On the canceller's stack; no allocation, no recursion.
class CancelRequest {
 public:
  explicit CancelRequest(CancelMessage message) noexcept : message_(std::move(message)), woken_(own_) {}
  // One of several that are one step: whom it wakes is made ready when `woken` goes.
  CancelRequest(CancelMessage message, WokenByCancel& woken) noexcept : message_(std::move(message)), woken_(woken) {}
  CancelRequest(CancelRequest const&) = delete;
  CancelRequest& operator=(CancelRequest const&) = delete;
  ~CancelRequest() { finish(); }

  // Reaches a scope: false when its task is done. Nodes that hand it down are kept for finish().
  bool reach(Scope& scope) noexcept;
  // A pinned node.
  void keep(WaitNode& node) noexcept;
  CancelMessage const& message() const noexcept { return message_; }

 private:
  // Hands down until nothing is left.
  void finish() noexcept;

  CancelMessage message_;
  WokenByCancel own_;
  WokenByCancel& woken_;
  WaitNode* first_ = nullptr;
  WaitNode** last_ = &first_;
};

// True when the running code is a part of a gather, its state is as it started with, and no request has come for it since: what a gather must
// know before each child, in one comparison. A part whose flags are `part` has changed nothing, so its scope is the one that it started in.
static_assert(TaskWord::quiet_half == ExecutionState::part);
WEFT_INLINE bool undisturbed(ExecutionState const& state) noexcept { return state.scope->word.undisturbed(state.mark()); }

// True when a request waits for delivery to the code that this worker runs.
WEFT_INLINE bool cancel_pending(ExecutionState const& state) noexcept {
  return state.scope->word.changed_since(state.seen) && state.scope->word.pending(state.seen);
}

// Delivers what is pending: from here on the part has seen it. Returns its message.
CancelMessage deliver_cancel(Worker& worker) noexcept;

// Delivers what is pending, as the exception.
WEFT_COLD CancelledError delivered_cancel(Worker& worker);
// The same, not thrown. `stands`: there is a cancel to deliver, and not one that is void by now.
WEFT_COLD std::exception_ptr cancellation_of(Worker& worker, bool stands) noexcept;
// Inline, so that the coroutine itself throws: the unwinder pays for each frame on the way, and most for one that has something to destroy.
[[noreturn]] WEFT_INLINE void throw_cancelled(Worker& worker) { throw delivered_cancel(worker); }

}  // namespace weft::engine
