// Children of a TaskGroup coming, failing and going. The order of the steps is at the head of group.hpp.
#include <weft/runtime/runtime/group.hpp>

#include <weft/runtime/platform/errors.hpp>
#include <weft/runtime/runtime/runtime_core.hpp>

namespace weft::engine {

GroupState::~GroupState() {
  WEFT_ASSERT(children_.empty());
  while (TaskBase* const failed = failed_.pop_front()) failed->release();
}

void GroupState::refuse(GroupWord::Entry entry) {
  if (entry == GroupWord::Entry::aborting) throw RuntimeError("the TaskGroup is shutting down: no task can be created in it any more");
  throw RuntimeError("the TaskGroup has ended: no task can be created in it any more");
}

void GroupState::add(TaskBase& child) {
  GroupWord::Word word = word_.lock();
  GroupWord::Entry const entry = GroupWord::entry(word);
  if (entry == GroupWord::Entry::open) [[likely]] {
    children_.push_back(child);
    child.set_group(*this);
    GroupWord::enter(word);
  }
  word_.unlock(word);
  if (entry != GroupWord::Entry::open) [[unlikely]] refuse(entry);
}

void GroupState::child_failed(TaskBase& child) noexcept {
  child.acquire();
  child.mark_retrieved();
  CancelRequest request(nullptr);
  GroupWord::Word word = word_.lock();
  children_.erase(child);
  failed_.push_back(child);
  abort(word, true, request);
  word_.unlock(word);
}

void GroupState::child_ended(TaskBase& child, ReadyBatch& ready) noexcept {
  GroupWord::Word word = word_.lock();
  if (!child.failed()) children_.erase(child);
  bool const wakes = GroupWord::leave(word);
  word_.unlock(word);
  // LIFETIME: unless it wakes, the group may be gone.
  if (wakes) wake_parent(ready);
}

void GroupState::wake_parent(ReadyBatch& ready) noexcept {
  Wait& waiter = *waiter_;
  if (waiter.claim.try_fire()) ready.push(waiter);
  else word_.release();
}

void GroupState::abort(bool asked) noexcept {
  if (word_.aborting()) return;
  CancelRequest request(nullptr);
  GroupWord::Word word = word_.lock();
  abort(word, asked, request);
  word_.unlock(word);
}

void GroupState::abort(GroupWord::Word& word, bool asked, CancelRequest& request) noexcept {
  if (!GroupWord::abort(word)) return;
  asked_ = asked;
  for (TaskBase* child = children_.front(); child != nullptr; child = children_.next(*child)) (void)request.reach(child->root());
  if (body_ != nullptr) (void)request.reach(*body_);
}

bool GroupState::asked_for_cancel() const noexcept {
  GroupWord::Word const word = word_.lock();
  bool const asked = asked_;
  word_.unlock(word);
  return asked;
}

void GroupState::body_begins(Scope& scope) noexcept {
  GroupWord::Word const word = word_.lock();
  body_ = &scope;
  scope.body_of = this;
  word_.unlock(word);
}

bool GroupState::body_ended() noexcept {
  GroupWord::Word const word = word_.lock();
  body_ = nullptr;
  bool const asked = asked_;
  word_.unlock(word);
  return asked;
}

std::vector<std::exception_ptr> GroupState::take_errors() {
  // No child is left: the lists are the parent's.
  std::vector<std::exception_ptr> errors;
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
