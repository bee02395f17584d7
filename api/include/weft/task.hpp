// Task<T>: a coroutine that runs in the background; the handle by which others await, cancel and ask it.
#pragma once

#include <cstdint>
#include <exception>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <weft/coro.hpp>
#include <weft/result.hpp>
#include <weft/runtime/runtime/runtime_core.hpp>
#include <weft/runtime/runtime/task.hpp>
#include <weft/runtime/runtime/wait_node.hpp>

namespace weft {

/// How a task is made. Trivially destructible, so that `create_task(f(), {.name = "x"})` may be written inside an await (g++ 12).
struct TaskOptions {
  /// Copied by the call.
  std::string_view name{};
};

template <class T>
class Task;
class AnyTask;

namespace engine {

[[noreturn]] void throw_empty_handle();
// Throws RuntimeError when the running task is `target`, or awaited by it through a chain of tasks that can be seen now.
WEFT_COLD void look_for_circle(TaskBase& target);
WEFT_INLINE void require_no_circle(TaskBase& target) {
  if (target.body_awaits() || &target == &current_worker()->state.scope->task()) [[unlikely]] look_for_circle(target);
}
// A future closes no circle.
inline void require_no_circle(Completion& target) {
  if (TaskBase* const task = target.as_task()) require_no_circle(*task);
}

template <class T>
using const_result_t = std::conditional_t<std::is_void_v<T>, void, std::conditional_t<std::is_reference_v<T>, T, std::add_lvalue_reference_t<T const>>>;
// What an await of a handle gives: the value itself when it is moved out.
template <class T, bool move>
using awaited_t = std::conditional_t<move, T, const_result_t<T>>;

// The value of what has one. `State` is a TaskState or a FutureState.
template <class State, bool move>
awaited_t<typename State::value_type, move> value_of(Completion& ended) {
  auto& state = static_cast<State&>(ended);
  if constexpr (std::is_void_v<typename State::value_type>) return;
  else if constexpr (move) return static_cast<typename State::value_type>(state.slot.take());
  else return static_cast<State const&>(state).slot.get();
}

// A coroutine that waits for one task or future. A cancel is handed down to it.
class TaskWait : public WaitNode, public TaskWaiter {
 public:
  explicit TaskWait(Ref<Completion> awaited) noexcept : WaitNode("task"), awaited_(awaited.detach()), owned_(true) { hands_down(); }
  // For a handle that lives until the step of the await ends: from then on until the task has ended the runtime keeps it, and its end gives us a
  // reference. So awaiting an lvalue counts once instead of three times.
  explicit TaskWait(TaskBase& task) noexcept : WaitNode("task"), awaited_(&task) { hands_down(); }

  bool await_ready() const {
    if (awaited_->done()) return true;
    require_no_circle(*awaited_);
    return false;
  }
  void await_suspend(std::coroutine_handle<> coroutine) noexcept { suspend(coroutine, *current_worker()); }
  std::coroutine_handle<> commit(Worker& worker) noexcept override;
  // A cancel is handed down instead of claiming the node, so nobody else does.
  void on_done(Completion& done, ReadyBatch& ready, Scheduler* here) noexcept override {
    claim.fire_alone();
    claimed(done, ready, here);
  }
  bool hand_down(CancelRequest& request) noexcept override { return awaited_->hand_down(request); }
  TaskBase const* awaited_task() const noexcept override { return awaited_->as_task(); }

 protected:
  ~TaskWait() {
    if (owned_) awaited_->release();
  }
  Completion& awaited() const noexcept { return *awaited_; }
  // By on_done(), which has claimed the node.
  void claimed(Completion& done, ReadyBatch& ready, Scheduler* here) noexcept;
  // Throws unless there is a value.
  void require_value() const {
    awaited_->mark_retrieved();
    if (awaited_->outcome() != Outcome::value) [[unlikely]] throw_failure();
  }

 private:
  [[noreturn]] void throw_failure() const;

  Completion* awaited_;
  // INVARIANT: when it waits, written by on_done() under the waiters' lock.
  bool owned_ = false;
};

// The same, knowing whether it is a task or a future.
template <class State>
class StateWait : public TaskWait {
 public:
  using TaskWait::TaskWait;
  bool await_ready() const {
    auto& state = static_cast<State&>(awaited());
    if (state.done()) return true;
    require_no_circle(state);
    return false;
  }

 protected:
  ~StateWait() = default;
};

template <class State, bool move>
class HandleAwaiter final : public StateWait<State> {
 public:
  using StateWait<State>::StateWait;
  awaited_t<typename State::value_type, move> await_resume() const {
    this->require_value();
    return value_of<State, move>(this->awaited());
  }
};

// A done callback: scheduled at the end, in the order of registration. All callbacks of one task or future are one step of one worker.
class DoneCallback : public TaskWaiter, public Runnable {
 public:
  void on_done(Completion& done, ReadyBatch& ready, Scheduler* here) noexcept override;
  // By the thread that has completed a future and is no worker, with the first of the future's callbacks: they are a step of the runtime where one of them was
  // registered, or are called here.
  static void schedule_from_foreign_thread(DoneCallback* first) noexcept;
  // As a runnable of this runtime: in the order of the strand that has registered it, if that is one of the runtime's.
  DoneCallback& ready_in(RuntimeCore& runtime) noexcept {
    ordered_by = strand_ && strand_->runtime_serial() == runtime.serial() ? strand_.get() : nullptr;
    return *this;
  }
  // This one and those after it, when there is no runtime and nothing can be scheduled.
  static void call_detached(DoneCallback* first) noexcept;

  // The runtime in which it was registered, zero if in none.
  std::uint64_t runtime_serial = 0;

 protected:
  DoneCallback() noexcept : Runnable(&DoneCallback::step), context_(current_context()) {
    if (Worker const* const here = current_worker()) strand_ = Ref<StrandState>(here->strand);
  }
  virtual ~DoneCallback() = default;
  virtual void call() = 0;
  virtual TaskBase* task() const noexcept = 0;

  // The callback that was registered next. INVARIANT: written under the task's waiters lock, read by the step.
  DoneCallback* next_callback_ = nullptr;

 private:
  static void step(Runnable& runnable, Worker& worker) noexcept;

  // Of the registration.
  ContextRef context_;
  Ref<StrandState> strand_;
};
// Take the callback. The task or future may be done already.
void add_task_callback(TaskBase& task, DoneCallback* callback) noexcept;
void add_future_callback(Completion& future, DoneCallback* callback) noexcept;

template <class Handle, class F>
class DoneCallbackOf final : public DoneCallback {
 public:
  DoneCallbackOf(Handle handle, F callback) : handle_(std::move(handle)), callback_(std::move(callback)) {}

 private:
  void call() override { callback_(static_cast<Handle const&>(handle_)); }
  TaskBase* task() const noexcept override { return handle_.reference()->as_task(); }

  Handle handle_;
  F callback_;
};

// Throws RuntimeError on a worker.
void wait_on_foreign_thread(TaskBase& task);

// What every handle has. `Base` is TaskBase or FutureBase.
template <class Base>
class CompletionHandle {
 public:
  CompletionHandle() noexcept = default;
  explicit CompletionHandle(Ref<Base> reference) noexcept : reference_(std::move(reference)) {}

  /// asyncio: done(). Once it is true, everything that led to the end has happened before.
  bool done() const { return base().done(); }
  /// asyncio: cancelled(): it has ended, and by cancellation.
  bool cancelled() const { return done() && base().outcome() == Outcome::cancelled; }
  /// asyncio: exception(). Null after a value. Throws InvalidStateError before the end, CancelledError when it was cancelled.
  std::exception_ptr exception() const { return base().exception(); }
  /// False for a default-constructed or moved-from handle. Everything else throws RuntimeError on such a handle.
  explicit operator bool() const noexcept { return static_cast<bool>(reference_); }

  /// For the engine.
  Ref<Base> const& reference() const {
    (void)base();
    return reference_;
  }

 protected:
  Base& base() const {
    if (!reference_) [[unlikely]] throw_empty_handle();
    return *reference_;
  }
  bool same(CompletionHandle const& other) const noexcept { return reference_.get() == other.reference_.get(); }

  Ref<Base> reference_;
};

// What Task<T> and AnyTask share: questions and requests that do not know T.
class TaskHandle : public CompletionHandle<TaskBase> {
 public:
  using CompletionHandle::CompletionHandle;

  /// asyncio: Task.cancel(msg). From any thread. False when the task is done (a failure that nobody retrieved is then no longer reported);
  /// else the request is delivered, or the task ends cancelled.
  bool cancel(std::string message = {});
  /// asyncio: Task.cancelling(): requests that have not been taken back.
  int cancelling() const { return base().cancelling(); }
  /// asyncio 3.13: Task.uncancel(): takes one request back, and returns how many are left; at zero what is undelivered is void.
  int uncancel() { return base().uncancel(); }
  /// asyncio: Task.get_name(). "Task-N" unless it was given one.
  std::string name() const { return base().name(); }
  void set_name(std::string name) { base().set_name(std::move(name)); }
  /// Unique within its runtime.
  std::uint64_t id() const { return base().id(); }
};

}  // namespace engine

/// A handle of a task whose result type is not known: everything but the result.
///
/// asyncio: what current_task() and all_tasks() give. Threads, lifetime: as Task.
class AnyTask : public engine::TaskHandle {
 public:
  AnyTask() noexcept = default;
  explicit AnyTask(engine::Ref<engine::TaskBase> task) noexcept : TaskHandle(std::move(task)) {}
  template <class T>
  AnyTask(Task<T> const& task) : TaskHandle(task ? task.reference() : engine::Ref<engine::TaskBase>()) {}

  /// asyncio: Task.add_done_callback(). See Task.
  template <class F>
  void add_done_callback(F callback) {
    engine::add_task_callback(base(), new engine::DoneCallbackOf<AnyTask, F>(*this, std::move(callback)));
  }
  friend bool operator==(AnyTask const& a, AnyTask const& b) noexcept { return a.same(b); }
};

/// A cheap, copyable handle of a task. The runtime keeps the task alive when every handle is dropped.
///
/// asyncio: Task. Differences: `co_await task` on an lvalue gives `T const&`; `co_await std::move(task)` moves the value out, and other
/// holders then see a moved-from T.
/// Cancellation: awaiting is a checkpoint only if the task has not ended; cancelling the awaiter cancels the task, and the awaiter wakes when
/// it has ended (`shield` stops that).
/// Errors: awaiting rethrows what the task threw, CancelledError when it was cancelled. Awaiting itself, or a circle of tasks that can be
/// seen, throws RuntimeError; so does every use of an empty handle.
/// Threads: every member may be called from any thread. Lifetime: handles may outlive their Runtime.
/// Cost: a handle is one counted pointer; awaiting a finished task suspends nothing.
template <class T>
class Task : public engine::TaskHandle {
 public:
  using weft_awaitable = void;
  using value_type = T;

  Task() noexcept = default;
  explicit Task(engine::Ref<engine::TaskState<T>> state) noexcept : TaskHandle(std::move(state)) {}

  /// asyncio: Task.result(). Throws InvalidStateError while the task runs, else as awaiting does.
  engine::const_result_t<T> result() const {
    if (done()) base().mark_retrieved();
    base().require_value();
    return static_cast<engine::TaskState<T> const&>(base()).slot.get();
  }
  /// Blocks a foreign thread until the task has ended, then as result(). RuntimeError on a worker; Deadlock when under the virtual clock, and without an
  /// active run, everything waits: a thread that is going to wake it must hold external_work() meanwhile.
  engine::const_result_t<T> get() const {
    engine::wait_on_foreign_thread(base());
    return result();
  }
  /// asyncio: Task.add_done_callback(). `callback(Task<T> const&)` is scheduled, never called inside; in the order of registration.
  /// What it throws goes to Options::on_unhandled_exception. After the end of the runtime it is called at once.
  template <class F>
  void add_done_callback(F callback) {
    engine::add_task_callback(base(), new engine::DoneCallbackOf<Task, F>(*this, std::move(callback)));
  }

  auto operator co_await() const& { return engine::HandleAwaiter<engine::TaskState<T>, false>(base()); }
  auto operator co_await() && {
    (void)base();
    return engine::HandleAwaiter<engine::TaskState<T>, true>(std::move(reference_));
  }
  friend bool operator==(Task const& a, Task const& b) noexcept { return a.same(b); }

  /// For the engine.
  engine::TaskState<T>& state() const { return static_cast<engine::TaskState<T>&>(base()); }
};

namespace engine {

// ---- what an awaitable is

template <class A>
struct handle_traits {
  static constexpr bool is_handle = false;
};
template <class T>
struct handle_traits<Task<T>> {
  static constexpr bool is_handle = true;
  using value = T;
  using state = TaskState<T>;
};
template <class A>
inline constexpr bool is_handle_v = handle_traits<std::remove_cvref_t<A>>::is_handle;
// A Task or a Future.
template <class A>
concept Handle = is_handle_v<A>;
template <class A>
using handle_state_t = typename handle_traits<std::remove_cvref_t<A>>::state;
template <class A>
using handle_value_t = typename handle_traits<std::remove_cvref_t<A>>::value;
// Handles are given as lvalues, and then the value is copied or referred to, or as rvalues, and then it is moved out.
template <class A>
inline constexpr bool gives_value_v = !std::is_lvalue_reference_v<A>;

template <class A>
struct coro_traits {
  static constexpr bool is_coro = false;
};
template <class T>
struct coro_traits<Coro<T>> {
  static constexpr bool is_coro = true;
};
template <class A>
inline constexpr bool is_coro_v = coro_traits<std::remove_cvref_t<A>>::is_coro;

template <class A>
concept OtherAwaitable = !is_handle_v<A> && !is_coro_v<A>;
// What sleep(), queue.get() and the like give.
template <class A>
concept Operation = NativeAwaitable<A> && OtherAwaitable<A> && std::is_same_v<A, std::decay_t<A>>;

// A handle whose value is copied out when it is awaited: what an lvalue handle means where the result is passed on.
template <class H>
class LvalueHandle {
 public:
  using weft_awaitable = void;
  explicit LvalueHandle(H handle) : handle_(std::move(handle)) { (void)handle_.reference(); }
  bool done() const { return handle_.done(); }
  bool cancel() { return handle_.cancel(); }
  auto operator co_await() && { return HandleAwaiter<handle_state_t<H>, false>(handle_.reference()); }

 private:
  H handle_;
};

}  // namespace engine
}  // namespace weft
