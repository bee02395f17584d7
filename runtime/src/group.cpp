// Children of a TaskGroup coming, failing and going. The order of the steps is at the head of group.hpp.
#include <weft/runtime/runtime/group.hpp>

#include <mutex>

#include <weft/runtime/platform/errors.hpp>
#include <weft/runtime/runtime/runtime_core.hpp>

namespace weft::engine {

GroupState::~GroupState() {
  WEFT_ASSERT(children_.empty());
  while (TaskBase* const failed = failed_.pop_front()) failed->release();
}

void GroupState::enter() {
  switch (word_.enter()) {
    case GroupWord::Entry::entered: return;
    case GroupWord::Entry::aborting: throw RuntimeError("the TaskGroup is shutting down: no task can be created in it any more");
    case GroupWord::Entry::closed: throw RuntimeError("the TaskGroup has ended: no task can be created in it any more");
  }
}

void GroupState::leave_unused() noexcept {
  ReadyBatch ready;
  if (word_.leave()) wake_parent(ready);
  while (Runnable* const runnable = ready.pop()) static_cast<WaitNode*>(runnable)->scheduler().make_ready(*runnable);
}

void GroupState::add(TaskBase& child) noexcept {
  lock_.lock();
  children_.push_back(child);
  lock_.unlock();
  // ORDER(group-enter): an abort before the push has missed the child; it is ours then. Between two sections of one lock one comes first.
  if (word_.aborting()) (void)child.cancel(nullptr);
}

void GroupState::child_failed(TaskBase& child) noexcept {
  child.acquire();
  child.mark_retrieved();
  lock_.lock();
  children_.erase(child);
  failed_.push_back(child);
  lock_.unlock();
  abort(true);
}

void GroupState::child_ended(TaskBase& child, ReadyBatch& ready) noexcept {
  if (!child.failed()) {
    lock_.lock();
    children_.erase(child);
    lock_.unlock();
  }
  // LIFETIME: unless it returns true, the group may be gone.
  if (word_.leave()) wake_parent(ready);
}

void GroupState::wake_parent(ReadyBatch& ready) noexcept {
  Wait& waiter = *waiter_;
  if (waiter.claim.try_fire()) ready.push(waiter);
  else word_.release();
}

void GroupState::abort(bool asked) noexcept {
  if (!word_.abort()) return;
  CancelRequest request(nullptr);
  {
    std::lock_guard const hold(lock_);
    asked_ = asked;
    for (TaskBase* child = children_.front(); child != nullptr; child = children_.next(*child)) (void)request.reach(child->root());
    if (body_ != nullptr) (void)request.reach(*body_);
  }
}

bool GroupState::asked_for_cancel() const noexcept {
  std::lock_guard const hold(lock_);
  return asked_;
}

void GroupState::body_begins(Scope& scope) noexcept {
  std::lock_guard const hold(lock_);
  body_ = &scope;
  scope.body_of = this;
}

void GroupState::body_ended() noexcept {
  std::lock_guard const hold(lock_);
  body_ = nullptr;
}

bool GroupState::has_errors() const noexcept {
  std::lock_guard const hold(lock_);
  return !failed_.empty();
}

std::vector<std::exception_ptr> GroupState::take_errors() {
  std::vector<std::exception_ptr> errors;
  std::lock_guard const hold(lock_);
  for (TaskBase* task = failed_.front(); task != nullptr; task = failed_.next(*task)) errors.push_back(task->error());
  return errors;
}

std::coroutine_handle<> GroupState::Wait::commit(Worker& worker) noexcept {
  return arm(worker, [this] {
    group_.waiter_ = this;
    waits_ = group_.word_.wait();
    return waits_;
  });
}

bool GroupState::Wait::await_resume() noexcept {
  if (!was_cancelled()) return false;
  if (waits_ && !group_.word_.retract()) {
    // The last child is about to find that it came too late.
    group_.word_.wait_released();
  }
  (void)deliver_cancel(*current_worker());
  return true;
}

}  // namespace weft::engine
