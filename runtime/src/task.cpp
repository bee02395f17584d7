// The life of a task between its first step and its last handle. The rules are at the head of task.hpp.
#include <weft/runtime/runtime/task.hpp>

#include <weft/runtime/platform/errors.hpp>
#include <weft/runtime/platform/exception_drop.hpp>
#include <weft/runtime/runtime/group.hpp>
#include <weft/runtime/runtime/promise.hpp>
#include <weft/runtime/runtime/runtime_core.hpp>
#include <weft/runtime/runtime/wait_node.hpp>

namespace weft::engine {

TaskBase::TaskBase(RuntimeCore& runtime) : Runnable(&TaskBase::start), root_(*this), runtime_(&runtime), runtime_serial_(runtime.serial()) {
  Worker const* const here = current_worker();
  bool const at_home = here != nullptr && &here->scheduler() == &runtime.scheduler();
  runtime.reserve_slot(*this, at_home ? here : nullptr);
  if (here == nullptr) {
    // What foreign threads make starts with an empty context.
    born_ = static_cast<std::uint32_t>(runtime.scheduler().now() / 1'000'000);
    return;
  }
  born_ = here->stamp();
  if (Scope const* const scope = here->state.scope) [[likely]] {
    creator_ = scope->task().id_;
    if (here->state.context != nullptr) context_ = ContextRef(here->state.context);
  } else {
    context_ = ContextRef(current_context());
  }
  if (here->strand != nullptr && at_home) [[unlikely]] {
    here->strand->task_begins();
    strand_ = Ref<StrandState>(here->strand);
    on_strand_ = true;
    ordered_by = here->strand;
  }
}

TaskBase::~TaskBase() {
  exception_drops(error_);
  // Never started: the runtime refused it.
  if (coroutine_) coroutine_.destroy();
  leave_strand();
  if (slot_ != nullptr) runtime_->give_back_slot(*this);
}

void TaskBase::start(Runnable& runnable, Worker& worker) noexcept {
  auto& task = static_cast<TaskBase&>(runnable);
  if (task.strand() != worker.strand) [[unlikely]] {
    task.strand()->execute(task, worker);
    return;
  }
  worker.state = ExecutionState{&task.root_, 0, 0, task.context_.get()};
  if (task.strand() != nullptr) [[unlikely]] worker.state.flags = ExecutionState::on_strand;
  task.started_.store(true, std::memory_order_relaxed);
  if (!task.root_.word.pending(0)) {
    if (task.keeps_context_ && worker.state.context != nullptr) [[unlikely]] {
      // Not a copy: what is set here is kept, and so is the identity.
      (void)task.context_.detach();
      worker.state.flags |= ExecutionState::owns_context;
    }
    worker.drive(task.coroutine_);
    return;
  }
  // Cancelled before its first step: the body never runs.
  task.coroutine_.destroy();
  task.outcome_ = Outcome::cancelled;
  task.finish(worker);
}

void TaskBase::store_exception(std::exception_ptr error) noexcept {
  // Looked at without being thrown again: that would cost as much as the throw did.
  auto const* const cancelled = exception_cast<CancelledError>(error);
  if (cancelled == nullptr) {
    error_ = std::move(error);
    outcome_ = Outcome::error;
    return;
  }
  CancelMessage message;
  try {
    if (!cancelled->message().empty()) message = std::make_shared<std::string const>(cancelled->message());
  } catch (...) {
    // No memory for the text: the cancellation goes on without it.
  }
  store_cancelled(std::move(message));
}

void TaskBase::store_cancelled(CancelMessage message) noexcept {
  outcome_ = Outcome::cancelled;
  scopes_lock_.lock();
  message_.swap(message);
  scopes_lock_.unlock();
}

WEFT_INLINE void TaskBase::finish_context(ExecutionState& state) noexcept {
  if (keeps_context_) [[unlikely]] {
    bool const owned = (state.flags & ExecutionState::owns_context) != 0;
    runtime_->main_context_ = owned ? ContextRef::adopt(state.context) : std::move(context_);
    state.flags = 0;
    return;
  }
  end_context(state);
  if (context_.get() == nullptr) [[likely]] return;
  state.context = nullptr;
  context_ = ContextRef();
}

void TaskBase::finish(Worker& worker) noexcept {
  coroutine_ = nullptr;
  finish_context(worker.state);
  leave_strand();
  if (outcome_ == Outcome::running) {
    outcome_ = Outcome::value;
    if (!root_.word.try_finish(worker.state.seen)) {
      // A cancel() that was promised delivery came after the last suspension: the value is dropped.
      drop_value();
      outcome_ = Outcome::cancelled;
    }
  }
  if (outcome_ != Outcome::value) {
    // Under the lock: a canceller that came in time has stored its message.
    scopes_lock_.lock();
    root_.word.finish();
    scopes_lock_.unlock();
  }
  worker.state = ExecutionState{};
  if (group_ != nullptr && failed()) group_->child_failed(*this);

  runtime_->leave_registry(*this, worker);

  ReadyBatch ready;
  // Nobody but the runtime holds the task, and nobody can find it any more: there is nobody to tell.
  bool const alone = !failed() && unobserved();
  bool const handed_on = !alone && tell_waiters(ready, &worker.scheduler());
  if (group_ != nullptr) group_->child_ended(*this, ready);
  // The step is over, so the first of them may be the next.
  while (Runnable* const runnable = ready.pop()) worker.make_ready_last(*runnable);
  if (alone) delete this;
  // LIFETIME: if a waiter has taken the runtime's reference, the task may be gone.
  else if (!handed_on) release();
}

// ---------------------------------------------------------------- handles

bool TaskBase::cancel(CancelMessage message) noexcept {
  if (done()) return false;
  CancelRequest request(std::move(message));
  return request.reach(root_);
}

namespace {

// The scope in which the caller runs, if that is inside `task`.
Scope* own_scope(TaskBase const& task) noexcept {
  Worker const* const worker = current_worker();
  if (worker == nullptr || worker->state.scope == nullptr) return nullptr;
  return &worker->state.scope->task() == &task ? worker->state.scope : nullptr;
}

}  // namespace

int TaskBase::cancelling() const noexcept {
  std::uint32_t count = 0;
  scopes_lock_.lock();
  if (Scope const* const own = own_scope(*this)) {
    for (Scope const* scope = own; scope != nullptr; scope = scope->parent()) count += scope->word.cancelling();
  } else {
    // From outside: the blocks of the body, not those of its parts.
    auto* const root = const_cast<Scope*>(&root_);
    for (Scope* scope = root; scope != nullptr; scope = scope->next_below(root))
      if ((scope->parent_flags_ & ExecutionState::part) == 0) count += scope->word.cancelling();
  }
  scopes_lock_.unlock();
  return static_cast<int>(count);
}

int TaskBase::uncancel() noexcept {
  scopes_lock_.lock();
  Scope* const own = own_scope(*this);
  std::uint32_t const count = (own != nullptr ? own : &root_)->take_back();
  scopes_lock_.unlock();
  return static_cast<int>(count);
}

std::string TaskBase::cancel_message() const {
  scopes_lock_.lock();
  CancelMessage const message = message_;
  scopes_lock_.unlock();
  return message ? *message : std::string();
}

std::string TaskBase::name() const {
  scopes_lock_.lock();
  std::shared_ptr<std::string const> const name = name_;
  scopes_lock_.unlock();
  return name ? *name : "Task-" + std::to_string(id_);
}

void TaskBase::set_name(std::string name) {
  auto fresh = std::make_shared<std::string const>(std::move(name));
  scopes_lock_.lock();
  name_.swap(fresh);
  scopes_lock_.unlock();
}

std::vector<TaskBase::Wait> TaskBase::waits() const {
  std::vector<Wait> found;
  for (std::size_t room = 8;; room *= 4) {
    // Room first: nothing is allocated under the lock.
    found.clear();
    found.reserve(room);
    bool complete = true;
    scopes_lock_.lock();
    auto* const root = const_cast<Scope*>(&root_);
    for (Scope* scope = root; scope != nullptr && complete; scope = scope->next_below(root)) {
      for (WaitNode* node = scope->waiting_.front(); node != nullptr && complete; node = scope->waiting_.next(*node)) {
        if (!node->waits()) continue;
        TaskBase const* const awaited = node->awaited_task();
        complete = found.size() < found.capacity();
        if (complete) found.push_back({node->what(), awaited != nullptr ? awaited->id() : 0, node->since(), node->place()});
      }
    }
    scopes_lock_.unlock();
    if (complete) return found;
  }
}

Ref<TaskBase> TaskBase::awaited_by_body() const noexcept {
  Ref<TaskBase> awaited;
  scopes_lock_.lock();
  auto* const root = const_cast<Scope*>(&root_);
  for (Scope* scope = root; scope != nullptr && !awaited; scope = scope->next_below(root)) {
    for (WaitNode* node = scope->waiting_.front(); node != nullptr && !awaited; node = scope->waiting_.next(*node)) {
      // Armed or claimed, a node cannot leave the list under our lock, so the handle in its awaiter keeps the task alive.
      if ((node->state_.flags & ExecutionState::part) == 0) awaited = Ref<TaskBase>(const_cast<TaskBase*>(node->awaited_task()));
    }
  }
  scopes_lock_.unlock();
  return awaited;
}

void TaskBase::destroy() noexcept {
  if (in_failed_list_) {
    in_failed_list_ = false;
    // The report makes a handle again, and may keep it: one more life, until that one goes.
    references_.store(1, std::memory_order_relaxed);
    RuntimeCore::forget_failed(runtime_serial_, *this);
    release();
    return;
  }
  delete this;
}

}  // namespace weft::engine
