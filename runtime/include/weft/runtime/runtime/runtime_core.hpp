// One runtime: its scheduler, the registry of its tasks, and the supervisor that ends a run.
//
// REGISTRY. Every task has a slot of the worker that made it, from its first step's being ready to its end (slot_registry.hpp); tasks that foreign
// threads make have slots of an owner of their own, under a lock. A task that has failed is listed besides, without a reference, until somebody has
// looked at its exception or the run ends, so that the failure is reported exactly once.
//
// THE END OF A RUN goes in rounds, on a worker, without a coroutine and without memory of its own: a round cancels every task that was born
// before it, waits for each of them, and then looks whether any task is left; if so, another round follows. Because the supervisor's steps
// are ordinary runnables, the virtual clock cannot jump between the end of main and the cancels of the first round.
// Destroying the runtime closes the gate to foreign threads first and then does the same.
//
// STUCK PROGRAMS. Under the virtual clock, when nothing is runnable, no timer is set and nothing external is out: during a run the supervisor
// takes note of the task tree and begins its rounds; otherwise the submissions that are waiting get the exception.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include <weft/runtime/runtime/promise.hpp>
#include <weft/runtime/runtime/sigint.hpp>
#include <weft/runtime/runtime/task.hpp>
#include <weft/runtime/scheduler/blocking_pool.hpp>
#include <weft/runtime/scheduler/scheduler.hpp>

namespace weft::engine {

// A future that a foreign thread holds.
struct SubmissionTag;
class Submission : public ListHook<SubmissionTag> {
 public:
  // The future gets this instead of a result, unless it has one.
  virtual void fail(std::exception_ptr error) noexcept = 0;

 protected:
  ~Submission() = default;
};

struct RuntimeConfig {
  SchedulerConfig scheduler;
  unsigned blocking_threads = 64;
  bool handle_sigint = false;
  // Slow steps and coroutines that were never awaited are reported on stderr.
  bool debug = false;
  std::function<void(std::exception_ptr, TaskBase*)> on_unhandled;
};

class RuntimeCore final : public SchedulerHost {
 public:
  // Starts the workers; throws std::system_error.
  explicit RuntimeCore(RuntimeConfig config);
  RuntimeCore(RuntimeCore const&) = delete;
  RuntimeCore& operator=(RuntimeCore const&) = delete;
  // Cancels what is alive, in rounds, and joins.
  ~RuntimeCore();

  Scheduler& scheduler() noexcept { return scheduler_; }
  Scheduler const& scheduler() const noexcept { return scheduler_; }
  BlockingPool& blocking_pool() noexcept { return blocking_pool_; }

  // A slot for a task that is being made; `here` is the worker that makes it, if it is one of ours. Throws std::bad_alloc.
  WEFT_INLINE void reserve_slot(TaskBase& task, Worker const* here) {
    if (here == nullptr) [[unlikely]] return reserve_slot_outside(task);
    task.slot_owner_ = here->index();
    task.slot_ = &registry_.reserve(task.slot_owner_);
  }
  void give_back_slot(TaskBase& task) noexcept;
  // Registers the task and makes its first step ready. From any thread; a foreign one holds the gate.
  void spawn(TaskBase& task) noexcept;

  // Takes the runtime's reference of `main`, and blocks a foreign thread until it is done and the rounds are over. Throws Deadlock when the program was stuck, RuntimeError
  // when a run is in progress. True when a SIGINT has cancelled main.
  bool run_until_done(TaskBase& main);
  // Before anything is made for a run: throws RuntimeError on a worker, and when a run is in progress.
  void require_idle() const;
  // After fork() the child has no workers.
  void require_not_forked() const;
  bool forked() const noexcept;

  void add_submission(Submission& submission) noexcept;
  void remove_submission(Submission& submission) noexcept;

  void report_unhandled(std::exception_ptr error, TaskBase* task) noexcept;
  // Destroyed by the thread that destroys the runtime, after the workers. Only builds for ThreadSanitizer keep anything.
  void keep_until_end(std::shared_ptr<void> kept);
  std::vector<Ref<TaskBase>> all_tasks() const;
  std::string task_tree() const;
  std::string task_tree_json() const;
  std::uint64_t live_tasks() const noexcept;

  // The last handle of a failed task goes. False when the runtime of this serial is gone, and has reported the failure.
  static bool forget_failed(std::uint64_t serial, TaskBase& task) noexcept;
  // Holds the runtime of this serial while `visit` runs; false when it is gone.
  static bool with_runtime(std::uint64_t serial, std::function<void(RuntimeCore&)> const& visit);

  // Under the lock of the list of live runtimes, each of them, and last of all null.
  static void with_all_runtimes(std::function<void(RuntimeCore*)> const& visit);

  void run_forked(Worker& worker, ForkItem* item) noexcept override;
  Runnable* enter_strand(Runnable& runnable) noexcept override { return static_cast<StrandState*>(runnable.ordered_by)->enter(runnable); }
  int stuck_phase() const noexcept override;
  void on_stuck(Worker& worker, int phase, Gate::Look seen) noexcept override;
  void note_task(Worker& worker, WatchedStep& step) noexcept override;
  void step_ended(Worker& worker, WatchedStep& step, std::int64_t ended) noexcept override;
  void trace_full(Worker& worker, std::vector<TraceEvent> events) noexcept override;

  std::uint64_t serial() const noexcept { return serial_; }

 private:
  friend class TaskBase;

  class Supervisor final : public Runnable, public TaskWaiter {
   public:
    enum class Phase { idle, main, rounds };
    explicit Supervisor(RuntimeCore& runtime) noexcept : Runnable(&Supervisor::step), core(runtime) {}
    void on_done(Completion& task, ReadyBatch& ready, Scheduler* here) noexcept override;
    static void step(Runnable& runnable, Worker& worker) noexcept;
    void advance() noexcept;

    RuntimeCore& core;
    std::atomic<Phase> phase{Phase::idle};
    Ref<TaskBase> waited_for;
    // Where a round is: the tasks of the last window that it still has to wait for.
    TaskRegistry::Cursor cursor;
    bool more = false;
    std::size_t next = 0, found = 0;
    std::array<TaskBase*, TaskRegistry::window> window;
    std::string deadlock;
    bool stuck = false;
    // The caller sleeps on the word of SIGINT.
    bool watches_sigint = false;
    real_sync::atomic<std::uint32_t> finished{0};
  };

  WEFT_COLD void reserve_slot_outside(TaskBase& task);
  void enter_registry(TaskBase& task) noexcept;
  WEFT_INLINE void leave_registry(TaskBase& task, Worker& worker) noexcept {
    if (task.failed()) [[unlikely]] list_failed(task);
    registry_.leave(worker.index(), task.slot_owner_, *std::exchange(task.slot_, nullptr));
  }
  WEFT_COLD void list_failed(TaskBase& task) noexcept;
  // References to the tasks of the next window of slots that were born before `round`; false after the last window.
  bool collect(TaskRegistry::Cursor& cursor, std::uint32_t round, std::array<TaskBase*, TaskRegistry::window>& found, std::size_t& count) noexcept;
  void begin_round() noexcept;
  // Main goes on with the context that the last run left; the first one's is a copy of the caller's.
  void give_context(TaskBase& main) noexcept;
  void supervise(TaskBase* main, bool watches_sigint);
  bool wait_finished(TaskBase& main);
  void report_failed() noexcept;

  RuntimeConfig config_;
  std::uint64_t const serial_;
  std::uint64_t const fork_generation_;
  mutable TaskRegistry registry_;
  // Around what foreign threads do with their owner's slots.
  SpinLock foreign_slots_lock_;
  SpinLock failed_lock_;
  // INVARIANT: under failed_lock_.
  IntrusiveList<TaskBase, FailedTag> failed_;
  std::atomic<std::uint32_t> round_{0};
  std::atomic<bool> running_{false};
  // The context of main, between runs. INVARIANT: by whoever has set running_, and by the end of main.
  ContextRef main_context_;
  bool has_main_context_ = false;
  Supervisor supervisor_;
  mutable SpinLock submissions_lock_;
  IntrusiveList<Submission, SubmissionTag> submissions_;
  std::mutex kept_mutex_;
  std::vector<std::shared_ptr<void>> kept_;
  Scheduler scheduler_;
  BlockingPool blocking_pool_;
};

[[noreturn]] WEFT_COLD void throw_outside_tasks(char const* what);
// The worker of the task that calls; throws RuntimeError outside a task. `what` names the function that was called.
inline Worker& require_task(char const* what) {
  Worker* const worker = current_worker();
  if (worker == nullptr || worker->state.scope == nullptr) [[unlikely]] throw_outside_tasks(what);
  return *worker;
}

}  // namespace weft::engine
