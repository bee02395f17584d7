// Runtime, run() and Options: where a program enters and leaves.
#pragma once

#include <chrono>
#include <cstdint>
#include <exception>
#include <functional>
#include <future>
#include <memory>
#include <string>
#include <vector>

#include <weft/create_task.hpp>

namespace weft {

enum class ClockKind { steady, virtual_time };
enum class Pin { none, core };

/// How a Runtime is made. An aggregate: name the object before using it inside a coroutine (g++ 12).
struct Options {
  /// 0: what this process may use: the least of hardware threads, affinity mask and cgroup quota rounded up; WEFT_WORKERS overrides 0.
  unsigned workers = 0;
  std::string thread_name = "weft";
  Pin pin = Pin::none;
  ClockKind clock = ClockKind::steady;
  /// Called on each worker's thread, with its index, before its first and after its last step.
  std::function<void(unsigned)> on_thread_start{}, on_thread_stop{};
  /// run() only: the first SIGINT cancels main and run() throws KeyboardInterrupt; a second one has the default effect.
  bool handle_sigint = false;
  /// A failure that nobody retrieved, or that a callback threw; the handle is empty in the second case. Default: one report on stderr.
  std::function<void(std::exception_ptr, AnyTask const&)> on_unhandled_exception{};
  /// For the choice of victims, and in deterministic mode for the order of ready tasks (0: first in, first out).
  std::uint64_t seed = 0;
  /// One worker and an order that depends on the seed alone.
  bool deterministic = false;
  /// The most threads that to_thread() uses.
  unsigned blocking_threads = 64;
};

/// Counts since the start, of one worker.
struct WorkerMetrics {
  std::uint64_t tasks_run, local_pops, steals_tried, steals_won, parks, wakeups, queue_depth;
  std::chrono::nanoseconds busy;
};
struct Metrics {
  std::vector<WorkerMetrics> workers;
  std::uint64_t live_tasks, timers, frame_bytes;
};

/// While one lives, something outside is expected to wake a task: no Deadlock, and the virtual clock does not jump.
///
/// Movable; may be released by any thread. Must be gone before its Runtime is.
class ExternalWork {
 public:
  ExternalWork(ExternalWork&& other) noexcept : scheduler_(std::exchange(other.scheduler_, nullptr)) {}
  ExternalWork& operator=(ExternalWork&& other) noexcept {
    std::swap(scheduler_, other.scheduler_);
    return *this;
  }
  ~ExternalWork() {
    if (scheduler_ != nullptr) scheduler_->external_end();
  }

 private:
  friend class Runtime;
  explicit ExternalWork(engine::Scheduler& scheduler) noexcept : scheduler_(&scheduler) { scheduler.external_begin(); }
  engine::Scheduler* scheduler_;
};

namespace engine {

// The bridge from a task to the std::future of a foreign thread.
template <class T>
class FutureBridge final : public Submission, public TaskWaiter, public Runnable {
 public:
  explicit FutureBridge(RuntimeCore& runtime) : Runnable(&FutureBridge::step), runtime_(runtime) {}
  std::future<T> get_future() { return promise_.get_future(); }
  void watch(Ref<TaskState<T>> task) noexcept {
    task_ = std::move(task);
    runtime_.add_submission(*this);
    (void)task_->add_waiter(*this);
  }
  void on_done(Completion&, ReadyBatch& ready, Scheduler*) noexcept override { ready.push(*this); }
  void fail(std::exception_ptr error) noexcept override {
    failed_ = true;
    promise_.set_exception(std::move(error));
  }

 private:
  static void step(Runnable& runnable, Worker& worker) noexcept {
    worker.state = ExecutionState{};
    auto* const bridge = static_cast<FutureBridge*>(&runnable);
    bridge->runtime_.remove_submission(*bridge);
    if (!bridge->failed_) bridge->deliver();
    delete bridge;
  }
  void deliver() noexcept {
    task_->mark_retrieved();
    if (task_->outcome() != Outcome::value) {
      std::exception_ptr error = task_->outcome() == Outcome::error ? task_->error() : std::make_exception_ptr(CancelledError(task_->cancel_message()));
      // Before the future has it: the thread that reads the exception is then the last to hold it, as far as it is up to us.
      task_ = {};
      promise_.set_exception(std::move(error));
#if WEFT_TSAN
      // ThreadSanitizer cannot see the count of an exception_ptr: were this worker the last to hold the exception that a foreign thread has read,
      // it would report a race. So the foreign thread's future is never the only other holder while the runtime lives.
      runtime_.keep_until_end(std::make_shared<std::promise<T>>(std::move(promise_)));
#endif
      return;
    }
    try {
      if constexpr (std::is_void_v<T>) promise_.set_value();
      else promise_.set_value(static_cast<T>(task_->slot.take()));
    } catch (...) {
      promise_.set_exception(std::current_exception());
    }
  }

  RuntimeCore& runtime_;
  std::promise<T> promise_;
  Ref<TaskState<T>> task_;
  // INVARIANT: under the runtime's lock of submissions until the bridge has left the list.
  bool failed_ = false;
};

// A callable on its way to a worker.
template <class F>
class SoonCall final : public Runnable {
 public:
  explicit SoonCall(F fn) : Runnable(&SoonCall::step), fn_(std::move(fn)) {
    if (current_worker() != nullptr) context_ = ContextRef(current_context());
  }

 private:
  static void step(Runnable& runnable, Worker& worker) noexcept {
    worker.state = ExecutionState{};
    std::unique_ptr<SoonCall> const call(static_cast<SoonCall*>(&runnable));
    ContextGuard const context(std::move(call->context_));
    worker.call_user([&]() noexcept {
      try {
        (void)call->fn_();
      } catch (...) {
        runtime_of(worker).report_unhandled(std::current_exception(), nullptr);
      }
    });
  }
  F fn_;
  ContextRef context_;
};

// Foreign threads are counted while they are inside.
class GatePass {
 public:
  explicit GatePass(Gate& gate) noexcept : gate_(gate), inside_(gate.try_enter()) {}
  GatePass(GatePass const&) = delete;
  GatePass& operator=(GatePass const&) = delete;
  ~GatePass() {
    if (inside_) gate_.leave();
  }
  explicit operator bool() const noexcept { return inside_; }

 private:
  Gate& gate_;
  bool const inside_;
};

[[noreturn]] void throw_runtime_ending();

}  // namespace engine

/// A pool of workers and the tasks on it. A value: several may exist at once.
///
/// asyncio: an event loop with its Runner. Differences: it runs on all cores; it may be used from any thread.
/// Lifetime: the destructor stops intake, cancels every task that is alive, waits for all (in rounds, as the end of run()), and joins the
/// workers. Do not destroy it on one of its own workers. After fork() the child may only destroy it or exec; use throws RuntimeError.
/// Errors: the constructor throws ValueError (workers beyond 4096, bad WEFT_WORKERS) and std::system_error when a thread cannot be created,
/// after joining those that were.
class Runtime {
 public:
  explicit Runtime(Options options = {});
  Runtime(Runtime const&) = delete;
  Runtime& operator=(Runtime const&) = delete;
  ~Runtime();

  /// Runs a main coroutine to its end, then cancels and awaits every task still alive, and returns main's value or throws its exception.
  ///
  /// asyncio: Runner.run(). Blocks the calling thread. Errors: RuntimeError from inside a running task and while another run is in
  /// progress; Deadlock (virtual clock only), whose text holds the task tree. May be called again.
  template <class T>
  T run(Coro<T> main) {
    core_->require_idle();
    engine::Ref<engine::TaskState<T>> const state = engine::make_task(*core_, main, {});
    state->mark_retrieved();
    state->acquire();
    bool const interrupted = core_->run_until_done(*state);
    // CPython: only if main has ended by the cancellation that the signal made.
    if (interrupted && state->outcome() == engine::Outcome::cancelled && state->uncancel() == 0) throw KeyboardInterrupt();
    if (state->outcome() != engine::Outcome::value) state->throw_outcome();
    return static_cast<T>(state->slot.take());
  }
  template <class F, class... Args>
    requires engine::CoroFunction<F, Args...>
  engine::coro_result_t<std::decay_t<F>, std::decay_t<Args>...> run(F&& fn, Args&&... args) {
    return run(engine::call(std::forward<F>(fn), std::forward<Args>(args)...));
  }

  /// From any thread. asyncio: run_coroutine_threadsafe(). The future of a cancelled task holds CancelledError; when the runtime is being
  /// destroyed the future is broken (std::future_error), never stranded.
  template <class T>
  std::future<T> submit(Coro<T> coro) {
    core_->require_not_forked();
    engine::GatePass const pass(core_->scheduler().gate());
    if (!pass) return std::promise<T>().get_future();
    auto bridge = std::make_unique<engine::FutureBridge<T>>(*core_);
    std::future<T> future = bridge->get_future();
    auto state = engine::make_task(*core_, coro, {});
    state->set_context({}, false);
    bridge.release()->watch(state);
    (void)engine::start_task(*core_, std::move(state));
    return future;
  }
  template <class F, class... Args>
    requires engine::CoroFunction<F, Args...>
  auto submit(F&& fn, Args&&... args) {
    return submit(engine::call(std::forward<F>(fn), std::forward<Args>(args)...));
  }

  /// From any thread: a handle that can be cancelled, and got with Task::get(). RuntimeError when the runtime is being destroyed.
  template <class T>
  Task<T> create_task(Coro<T> coro, TaskOptions options = {}) {
    core_->require_not_forked();
    engine::GatePass const pass(core_->scheduler().gate());
    if (!pass) engine::throw_runtime_ending();
    return engine::start_task(*core_, engine::make_task(*core_, coro, options));
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

  /// From any thread, but not from a signal handler. asyncio: loop.call_soon_threadsafe(). Runs fn() on a worker, outside any task; what it
  /// throws goes to on_unhandled_exception. RuntimeError when the runtime is being destroyed.
  template <class F>
  void call_soon_threadsafe(F fn) {
    core_->require_not_forked();
    engine::GatePass const pass(core_->scheduler().gate());
    if (!pass) engine::throw_runtime_ending();
    core_->scheduler().make_ready(*std::make_unique<engine::SoonCall<F>>(std::move(fn)).release());
  }

  ExternalWork external_work() { return ExternalWork(core_->scheduler()); }

  /// Plain numbers, from any thread; each is exact for its worker, together they are a moment's blur.
  Metrics metrics() const;
  std::vector<AnyTask> all_tasks() const;
  /// Every task that has not ended, below the one that made it: its name, what it waits for, for how many milliseconds, and where (the line of the await). Tasks are
  /// looked at one after the other while they run. asyncio: `python -m asyncio pstree` (3.14).
  std::string task_tree() const;
  /// The same as JSON: {"tasks": [{"id", "name", "state": "created" | "runnable" | "waiting", "creator": id or null, "in_group", "on_strand", "age_ms", "coroutine":
  /// place or null, "awaits": [{"what", "task": id or null, "since_ms", "where": place or null}]}]}; a place is {"file", "line", "function"}.
  std::string task_tree_json() const;

 private:
  std::unique_ptr<engine::RuntimeCore> core_;
};

/// asyncio: asyncio.run(): a Runtime for the duration of one main coroutine.
template <class T>
T run(Coro<T> main, Options options = {}) {
  Runtime runtime(std::move(options));
  return runtime.run(std::move(main));
}
template <class F, class... Args>
  requires engine::CoroFunction<F, Args...>
engine::coro_result_t<std::decay_t<F>, std::decay_t<Args>...> run(F&& fn, Args&&... args) {
  return run(engine::call(std::forward<F>(fn), std::forward<Args>(args)...));
}
/// The callable alone, with options.
template <class F>
  requires(engine::CoroFunction<F> && !engine::CoroFunction<F, Options>)
engine::coro_result_t<std::decay_t<F>> run(F&& fn, Options options) {
  return run(engine::call(std::forward<F>(fn)), std::move(options));
}

/// The task tree of the running task's runtime. RuntimeError outside a task.
std::string task_tree();
std::string task_tree_json();

}  // namespace weft
