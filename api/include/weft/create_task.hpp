// create_task and what tells about tasks: current_task, all_tasks.
#pragma once

#include <type_traits>
#include <utility>
#include <vector>

#include <weft/task.hpp>

namespace weft {
namespace engine {

// What gives back what an operation has got: see OperationState.
struct GivesNothingBack {};
template <class A>
auto give_back_of(A const& operation) noexcept {
  if constexpr (GivesBack<A>) return operation.give_back();
  else return GivesNothingBack();
}

template <class T, class GiveBack>
TaskState<T>* new_task_state(RuntimeCore& runtime, GiveBack give_back) {
  if constexpr (std::is_same_v<GiveBack, GivesNothingBack>) return new TaskState<T>(runtime);
  else return new OperationState<T, GiveBack>(runtime, give_back);
}

// A task that is not started. Strong: when it throws the coroutine is still the caller's.
template <class T, class GiveBack = GivesNothingBack>
Ref<TaskState<T>> make_task(RuntimeCore& runtime, Coro<T>& coro, TaskOptions options, GiveBack give_back = {}) {
  CoroPromise<T>& promise = coro.promise();
  Ref<TaskState<T>> state(new_task_state<T>(runtime, give_back), Ref<TaskState<T>>::Adopt::reference);
  if (!options.name.empty()) state->set_name(std::string(options.name));
  // Nothing throws from here on.
  state->own(std::coroutine_handle<PromiseBase>::from_promise(promise), promise.place());
  promise.set_parent(*state, &state->slot);
  (void)coro.release();
  return state;
}

// Hands the runtime its reference; the caller keeps one.
template <class T>
Task<T> start_task(RuntimeCore& runtime, Ref<TaskState<T>> state) noexcept {
  state->acquire_unshared();
  runtime.spawn(*state);
  return Task<T>(std::move(state));
}

inline RuntimeCore& runtime_of(Worker& worker) noexcept { return static_cast<RuntimeCore&>(worker.scheduler().host()); }

}  // namespace engine

/// Runs a coroutine in the background, on any worker, at once.
///
/// asyncio: create_task(). The task starts behind what is ready already; with one worker never inside the call. The runtime keeps it alive.
/// Errors: RuntimeError outside a running task; std::bad_alloc, and then nothing was started.
/// Threads: from a task; from elsewhere use Runtime::create_task. Cost: one control block and two queue operations.
template <class T>
Task<T> create_task(Coro<T> coro, TaskOptions options = {}) {
  engine::RuntimeCore& runtime = engine::runtime_of(engine::require_task("create_task()"));
  return engine::start_task(runtime, engine::make_task(runtime, coro, options));
}

/// The same for a callable that gives a Coro. Callable and arguments are copied or moved in, as by std::thread, and live until the task
/// has ended, so a capturing lambda is safe here. What fn itself throws is the task's exception.
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

/// The same for an operation of this library, which most of asyncio's are coroutines for: create_task(queue.get()), create_task(sleep(1s)).
/// Cancellation: when it comes after the operation has got an item or a permit, and before the task has ended with it, that goes back to the queue or lock.
/// Lifetime: what the operation is of, the queue or lock, lives until the task has ended.
template <engine::Operation A>
auto create_task(A operation, TaskOptions options = {}) {
  engine::RuntimeCore& runtime = engine::runtime_of(engine::require_task("create_task()"));
  auto const give_back = engine::give_back_of(operation);
  auto coro = engine::as_coro(std::move(operation));
  return engine::start_task(runtime, engine::make_task(runtime, coro, options, give_back));
}

/// asyncio: current_task(). In a child of a bare gather it is the task that called gather. RuntimeError outside a task.
AnyTask current_task();

/// asyncio: all_tasks(): every task of this runtime that has not ended. From a task; RuntimeError elsewhere (use Runtime::all_tasks).
std::vector<AnyTask> all_tasks();

}  // namespace weft
