// TaskGroup: structured concurrency. `co_await task_group(fn)` is `async with TaskGroup() as tg`.
//
// The block is a coroutine: it enters a scope of its own, runs the body there, leaves the scope, and waits until no child is left; then it decides, in
// CPython 3.13's order (Lib/asyncio/taskgroups.py, _aexit), what the block throws. The children and their failures are kept by the
// engine (runtime/group.hpp). Because the body has a scope of its own, the cancel by which a failing child stops the body cannot leak: it dies
// with the scope.
#pragma once

#include <exception>
#include <functional>
#include <type_traits>
#include <utility>

#include <weft/cancel.hpp>
#include <weft/create_task.hpp>
#include <weft/runtime/runtime/group.hpp>

namespace weft {

namespace engine {
class GroupBlock;
}

/// The handle of a task group's block. Not used after the block has ended.
///
/// asyncio: TaskGroup. Threads: create_task and start_soon from the body and from any task of the same runtime, also while others do; cancel
/// from any thread. Errors: RuntimeError once the group is aborting or has ended; the coroutine is destroyed unstarted then.
class TaskGroup {
 public:
  TaskGroup(TaskGroup const&) = delete;
  TaskGroup& operator=(TaskGroup const&) = delete;

  /// A child task. The block does not end before it has; its failure cancels the others and the body.
  template <class T>
  Task<T> create_task(Coro<T> coro, TaskOptions options = {}) {
    return engine::start_task(*runtime_, make(coro, options));
  }
  template <class F, class... Args>
    requires engine::CoroFunction<F, Args...>
  auto create_task(F&& fn, Args&&... args) {
    return create_task(engine::call(std::forward<F>(fn), std::forward<Args>(args)...));
  }
  template <class F, class... Args>
    requires engine::CoroFunction<F, Args...>
  auto create_task(TaskOptions options, F&& fn, Args&&... args) {
    return create_task(engine::call(std::forward<F>(fn), std::forward<Args>(args)...), options);
  }
  template <engine::Operation A>
  auto create_task(A operation, TaskOptions options = {}) {
    auto const give_back = engine::give_back_of(operation);
    auto coro = engine::as_coro(std::move(operation));
    return engine::start_task(*runtime_, make(coro, options, give_back));
  }

  /// The same without a handle, a little cheaper.
  template <class T>
  void start_soon(Coro<T> coro) {
    runtime_->spawn(*make(coro, {}).detach());
  }
  template <class F, class... Args>
    requires engine::CoroFunction<F, Args...>
  void start_soon(F&& fn, Args&&... args) {
    start_soon(engine::call(std::forward<F>(fn), std::forward<Args>(args)...));
  }
  template <engine::Operation A>
  void start_soon(A operation) {
    auto const give_back = engine::give_back_of(operation);
    auto coro = engine::as_coro(std::move(operation));
    runtime_->spawn(*make(coro, {}, give_back).detach());
  }

  /// Ends the group quietly: children and body are cancelled and awaited, and the block returns normally. asyncio 3.15: TaskGroup.cancel().
  void cancel() noexcept { state_.abort(true); }

 private:
  friend class engine::GroupBlock;
  explicit TaskGroup(engine::RuntimeCore& runtime) noexcept : runtime_(&runtime) {}

  template <class T, class GiveBack = engine::GivesNothingBack>
  engine::Ref<engine::TaskState<T>> make(Coro<T>& coro, TaskOptions options, GiveBack give_back = {}) {
    (void)engine::require_task("TaskGroup::create_task()");
    state_.require_open();
    auto state = engine::make_task(*runtime_, coro, options, give_back);
    state_.add(*state);
    return state;
  }

  engine::RuntimeCore* runtime_;
  engine::GroupState state_;
};

namespace engine {

class [[nodiscard]] GroupWait {
 public:
  using weft_awaitable = void;
  explicit GroupWait(GroupState& group) noexcept : group_(group) {}
  GroupState::Wait operator co_await() && noexcept { return GroupState::Wait(group_); }

 private:
  GroupState& group_;
};

class GroupBlock {
 public:
  GroupBlock() noexcept : group(runtime_of(*current_worker())) {}

  void begin() noexcept {
    body_.enter(*current_worker(), Scope::Link::linked);
    group.state_.body_begins(body_);
  }
  // The body has ended: with a value (null), or with an error.
  void body_ended(std::exception_ptr error) noexcept;
  // Waits for the children; throws what the block must throw. Returns whether the body's value is wanted.
  Coro<void> finish();

  TaskGroup group;

 private:
  Scope body_;
  bool body_asked_ = false;
  std::exception_ptr body_error_;
  std::exception_ptr cancelled_;
};

// The body. Callable and arguments stay in the block's frame: children may refer to them, and outlive the body.
template <class T, class F, class... Args>
Coro<T> task_group_body(Unplaced, F& fn, TaskGroup& group, Args&... args) {
  Coro<T> coro = std::invoke(std::move(fn), group, std::move(args)...);
  give_place(coro.promise().place());
  co_return co_await std::move(coro);
}

template <class T, class F, class... Args>
Coro<T> task_group_block(Unplaced, F fn, Args... args) {
  GroupBlock block;
  // Made before the block begins: nothing may throw between its begin and its end.
  Coro<T> coro = task_group_body<T>(Unplaced(), fn, block.group, args...);
  Coro<void> finish = block.finish();
  block.begin();
  Result<T> body = co_await Capture<T>(std::move(coro));
  block.body_ended(body.error());
  co_await std::move(finish);
  if constexpr (std::is_void_v<T>) co_return;
  else co_return unwrap(std::move(body));
}

}  // namespace engine

/// Runs fn(tg, args...) as the body of a task group, and ends when the body and every child have ended; gives the body's value.
///
/// asyncio: `async with TaskGroup() as tg`. The first failure of a child or of the body cancels all others; when all have ended,
/// ExceptionGroup with every failure is thrown. A child that ends cancelled is no failure.
/// Cancellation: the caller's cancel reaches the body at once and the children when the body has ended; CancelledError goes on, unless there were
/// failures: then ExceptionGroup is thrown and the cancel is delivered at the next suspension. A group without children is no checkpoint.
/// Lifetime: fn and args are copied or moved in and live as long as the block.
/// g++ 12: name the lambda first if it captures anything with a destructor.
template <class F, class... Args>
auto task_group(F&& fn, Args&&... args) {
  using T = engine::coro_result_t<std::decay_t<F>, TaskGroup&, std::decay_t<Args>...>;
  return engine::task_group_block<T, std::decay_t<F>, std::decay_t<Args>...>(engine::Unplaced(), std::forward<F>(fn), std::forward<Args>(args)...);
}

}  // namespace weft
