// A suspended leaf: the node by which a coroutine that really waits is known to its scope and to what it waits for.
//
// LIFE. An awaiter that must wait stores its coroutine in await_suspend() and leaves itself in the worker's `pending`. The boundary commits
// it: under the task's scopes_lock, arm() looks for a pending cancel, links the node into its scope, and registers it with the primitive
// (under the primitive's own lock), which may find that there is nothing to wait for after all. From the unlock on, whoever claims
// the node (claim.hpp) makes it ready on its task's scheduler; its step unlinks it from the scope, restores the part's state and drives the
// coroutine. await_resume() then asks how the claim went: granted, or cancelled, in which case the awaiter first takes itself out of
// the primitive (under its lock) before anything else can happen to its frame.
#pragma once

#include <coroutine>
#include <cstdint>
#include <source_location>
#include <string>

#include <weft/runtime/algorithms/claim.hpp>
#include <weft/runtime/algorithms/intrusive_list.hpp>
#include <weft/runtime/runtime/scope.hpp>
#include <weft/runtime/runtime/task.hpp>
#include <weft/runtime/runtime/strand.hpp>
#include <weft/runtime/scheduler/execution_state.hpp>
#include <weft/runtime/scheduler/runnable.hpp>
#include <weft/runtime/scheduler/worker.hpp>

namespace weft::engine {

class WaitNode : public Suspension, public Runnable, public ListHook<WaitingTag> {
 public:
  explicit WaitNode(char const* what) noexcept : Runnable(&WaitNode::wake), what_(what) {}
  WaitNode(WaitNode const&) = delete;
  WaitNode& operator=(WaitNode const&) = delete;

  Claim claim;

  // By await_suspend(), on the way to the boundary.
  void suspend(std::coroutine_handle<> coroutine, Worker& worker) noexcept {
    coroutine_ = coroutine;
    place_ = worker.place;
    WEFT_ASSERT(worker.pending == nullptr);
    worker.pending = this;
  }

  // The node's task, while it is armed or claimed.
  WEFT_INLINE TaskBase& task() const noexcept { return state_.scope->task(); }
  Scheduler& scheduler() const noexcept;

  // By whoever has claimed it, under the lock of what it waited for: into the batch, if it belongs to `here`; otherwise ready at once.
  void wake_up(ReadyBatch& ready, Scheduler* here) noexcept {
    Scheduler& home = scheduler();
    if (&home == here) ready.push(*this);
    else make_ready_at(home);
  }

  bool was_cancelled() const noexcept { return claim.state() == ClaimState::cancelled; }

  // For the task tree: what it waits for, in words, and which task, if it is one. Under the task's scopes_lock.
  char const* what() const noexcept { return what_; }
  virtual TaskBase const* awaited_task() const noexcept { return nullptr; }
  // The co_await, and when it began to wait (Worker::stamp).
  std::source_location const& place() const noexcept { return place_; }
  std::uint32_t since() const noexcept { return since_; }
  // As far as others can see.
  bool waits() const noexcept { return claim.state() == ClaimState::armed; }

 protected:
  ~WaitNode() = default;

  // Registers with the primitive, by `enlist() -> bool`: false when there is nothing to wait for.
  template <class Enlist>
  std::coroutine_handle<> arm(Worker& worker, Enlist&& enlist) noexcept {
    if (!arm_begin(worker)) return coroutine_;
    bool const waits = enlist();
    return arm_end(waits) ? std::coroutine_handle<>{} : coroutine_;
  }

  // The step that resumes the coroutine. A node that has more to do when it is made ready has a step of its own, which ends with this one.
  static void wake(Runnable& runnable, Worker& worker) noexcept;
  // By the step of a node that a cancel has claimed and that must wait on all the same: the next cancel finds it again. It is in no list of a primitive
  // before. True when it waits. LIFETIME: then it may be gone.
  template <class Enlist>
  bool arm_again(Enlist&& enlist) noexcept {
    arm_again_begin();
    return arm_end(enlist());
  }

  // A node that waits for tasks hands a request down instead of being claimed by it. True when one of them accepted it.
  void hands_down() noexcept { hands_down_ = true; }
  virtual bool hand_down(CancelRequest&) noexcept { return false; }
  // By await_resume(): a request was handed down, and accepted below.
  bool was_handed_down() const noexcept { return handed_down_; }

 private:
  friend class CancelRequest;
  friend class Scope;
  friend class TaskBase;

  // The body of a task waits for another task: what the search for circles follows.
  bool waits_as_body() const noexcept { return hands_down_ && (state_.flags & ExecutionState::part) == 0; }
  void make_ready_at(Scheduler& home) noexcept;
  WEFT_INLINE bool arm_begin(Worker& worker) noexcept;
  void arm_again_begin() noexcept;
  WEFT_INLINE bool arm_end(bool waits) noexcept;
  // The node waits, and a request was pending already: it is handed down now. Under the task's scopes_lock, which it gives back.
  WEFT_COLD void hand_pending_down() noexcept;

  char const* what_;
  bool hands_down_ = false;
  bool pending_at_arm_ = false;
  bool handed_down_ = false;
  // INVARIANT: under the task's scopes_lock. Requests that are being handed down; while there are any, the node does not resume.
  std::uint32_t requests_ = 0;
  // When handed down: the newest request that was accepted below.
  std::uint32_t handed_epoch_;
  // Without initialisers: written when it begins to wait, or is kept.
  std::uint32_t since_;
  WaitNode* next_kept_;
  ExecutionState state_;
  std::source_location place_;
  std::coroutine_handle<> coroutine_;
};

// ---------------------------------------------------------------- inline, since every await that really waits goes through here

WEFT_INLINE bool WaitNode::arm_begin(Worker& worker) noexcept {
  state_ = worker.state;
  ordered_by = worker.strand;
  since_ = worker.stamp();
  TaskBase& owner = task();
  owner.scopes_lock().lock();
  pending_at_arm_ = cancel_pending(state_);
  if (pending_at_arm_ && !hands_down_) [[unlikely]] {
    owner.scopes_lock().unlock();
    claim.reset(ClaimState::cancelled);
    return false;
  }
  handed_down_ = false;
  claim.reset(ClaimState::armed);
  state_.scope->waiting_.push_back(*this);
  return true;
}

WEFT_INLINE bool WaitNode::arm_end(bool waits) noexcept {
  TaskBase& owner = task();
  if (!waits) [[unlikely]] {
    unlink();
    owner.scopes_lock().unlock();
    claim.reset(ClaimState::fired);
    return false;
  }
  if (waits_as_body()) owner.body_awaits_.store(true, std::memory_order_relaxed);
  if (pending_at_arm_) [[unlikely]] {
    hand_pending_down();
    return true;
  }
  owner.scopes_lock().unlock();
  return true;
}

// The await_resume() of an awaiter that tells without a throw whether a cancel has ended it: ends_cancelled(), once, and if that was false take(). Inline, so that
// the coroutine itself throws.
template <class Awaiter>
WEFT_INLINE decltype(auto) end_of(Awaiter& awaiter) {
  if (awaiter.ends_cancelled()) [[unlikely]] throw_cancelled(*current_worker());
  return awaiter.take();
}

}  // namespace weft::engine
