// The engine's half of a TaskGroup: its children, their failures, and the order in which things end.
//
// The children are tasks of their own; the group reaches them through a list under its lock, and counts them in its word (group_word.hpp).
// The block itself (api: task_group) is a coroutine that runs the body in a scope of its own, then waits here.
//
// A child that ends takes itself off the list; if it failed it goes onto the list of failures, in order of completion, with a reference,
// so keeping every error needs no memory; then it aborts the group, only then are those told who await it, and only then it leaves. So a body or a
// sibling that awaits a failing child is cancelled before it can fail by the same exception (CPython's order, too). abort() cancels, once, all children and
// the body's scope; a child that entered while another aborted looks at the word again after it is on the list, so it is cancelled by one of the two.
//
// LOCK ORDER: the group's lock, then a task's scopes_lock.
#pragma once

#include <exception>
#include <vector>

#include <weft/runtime/algorithms/group_word.hpp>
#include <weft/runtime/runtime/task.hpp>
#include <weft/runtime/runtime/wait_node.hpp>

namespace weft::engine {

class GroupState {
 public:
  GroupState() noexcept = default;
  GroupState(GroupState const&) = delete;
  GroupState& operator=(GroupState const&) = delete;
  ~GroupState();

  // Before a child is made: throws RuntimeError when the group is aborting or has ended. Must be followed by add() or leave_unused().
  void enter();
  void leave_unused() noexcept;
  // The child, counted by enter(), before its first step can run.
  void add(TaskBase& child) noexcept;
  // By the child's finish(): a failure, before anyone who waits for the child is told; and the end, as the last of all.
  void child_failed(TaskBase& child) noexcept;
  void child_ended(TaskBase& child, ReadyBatch& ready) noexcept;

  // Cancels every child, and the body if it runs. Only the first call does. `asked` is false when the parent itself aborts: otherwise the
  // group has asked for the cancellation of the body, and must take it back at the end (CPython: _parent_cancel_requested).
  void abort(bool asked) noexcept;
  bool asked_for_cancel() const noexcept;
  bool aborting() const noexcept { return word_.aborting(); }

  // The body's scope, while a failure must reach it.
  void body_begins(Scope& scope) noexcept;
  void body_ended() noexcept;

  bool close() noexcept { return word_.close(); }
  // The failures, in order of completion; each counts as retrieved.
  std::vector<std::exception_ptr> take_errors();
  bool has_errors() const noexcept;

  // The parent waits until no child is left. Ends early, without an exception, by a cancel.
  class Wait final : public WaitNode {
   public:
    explicit Wait(GroupState& group) noexcept : WaitNode("the children of a TaskGroup"), group_(group) {}
    bool await_ready() const noexcept { return group_.word_.empty(); }
    void await_suspend(std::coroutine_handle<> coroutine) noexcept { suspend(coroutine, *current_worker()); }
    // True when it was cut short by a cancel, which is then delivered.
    bool await_resume() noexcept;
    std::coroutine_handle<> commit(Worker& worker) noexcept override;

   private:
    GroupState& group_;
    bool waits_ = false;
  };

 private:
  void wake_parent(ReadyBatch& ready) noexcept;

  GroupWord word_;
  mutable SpinLock lock_;
  // INVARIANT: these four under lock_.
  IntrusiveList<TaskBase, GroupTag> children_;
  IntrusiveList<TaskBase, GroupTag> failed_;
  Scope* body_ = nullptr;
  bool asked_ = false;
  // INVARIANT: written by the parent before word_.wait(), read by the child that takes the WAITING bit.
  Wait* waiter_ = nullptr;
};

}  // namespace weft::engine
