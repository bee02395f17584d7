// The engine's half of a TaskGroup: its children, their failures, and the order in which things end.
//
// The children are tasks of their own; the group reaches them through a list, counts them in its word, and the word is the lock of it all (group_word.hpp).
// The block itself (api: task_group) is a coroutine that runs the body in a scope of its own, then waits here.
//
// A child that fails goes from the list of children to that of failures, in order of completion, with a reference, so keeping every error needs no
// memory, and aborts the group in the same section; only then are those told who await it, and only then it leaves. So a body or a
// sibling that awaits a failing child is cancelled before it can fail by the same exception (CPython's order, too). An abort cancels, once, all children and
// the body's scope; a child that comes later is refused.
//
// LOCK ORDER: the group's word, then a task's scopes_lock. The parent's await looks at the word under the scopes_lock of its own task, and may have to wait
// there for a section that cancels: its children's scopes_locks are others, and the body, whose task is its own, has ended.

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

  // Before a child is made: throws RuntimeError when the group is aborting or has ended.
  WEFT_INLINE void require_open() const {
    if (word_.entry() != GroupWord::Entry::open) [[unlikely]] refuse(word_.entry());
  }
  // The child, before its first step can run. Throws as require_open(); then it is not the group's.
  void add(TaskBase& child);
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
  // Whether the group has asked for its cancellation.
  bool body_ended() noexcept;

  bool close() noexcept { return word_.close(); }
  // The failures, in order of completion; each counts as retrieved.
  std::vector<std::exception_ptr> take_errors();

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
  WEFT_COLD static void refuse(GroupWord::Entry entry);
  void abort(GroupWord::Word& word, bool asked, CancelRequest& request) noexcept;
  void wake_parent(ReadyBatch& ready) noexcept;

  mutable GroupWord word_;
  // INVARIANT: these four in sections of the word.
  IntrusiveList<TaskBase, GroupTag> children_;
  IntrusiveList<TaskBase, GroupTag> failed_;
  Scope* body_ = nullptr;
  bool asked_ = false;
  // INVARIANT: written by the parent before word_.wait(), read by the child that takes the WAITING bit.
  Wait* waiter_ = nullptr;
};

}  // namespace weft::engine
