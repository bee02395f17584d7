// The workers of one runtime, and what they share: injector, idle set, clock, and the way in for foreign threads.
//
// START: the constructor makes the workers, start() their threads; a thread that cannot be created stops and joins those that were, and
// throws std::system_error. END: see worker.hpp; foreign threads are held off by the gate (algorithms/gate.hpp).
//
// THE VIRTUAL CLOCK stands still while anything runs or could run. The worker that parks last, and that sees, after it has looked at every queue
// once more, that all others are still parked, owns the moment: it moves the clock to the earliest timer and fires what is due, or,
// when there is no timer and nothing external is out, tells the host that the program is stuck. All timers of a virtual clock are in one
// wheel, so that equal deadlines fire in the order in which they were set. A foreign thread may come in at any moment: the decision that a program is
// stuck stands only if nobody has passed the gate since before the worker announced itself.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <pthread.h>

#include <weft/runtime/algorithms/gate.hpp>
#include <weft/runtime/algorithms/idle_set.hpp>
#include <weft/runtime/scheduler/lookout.hpp>
#include <weft/runtime/scheduler/worker.hpp>

namespace weft::engine {

struct SchedulerConfig {
  unsigned workers = 1;
  std::string thread_name = "weft";
  bool pin = false;
  bool virtual_clock = false;
  bool deterministic = false;
  std::uint64_t seed = 0;
  std::function<void(unsigned)> on_thread_start, on_thread_stop;
};

// What the scheduler asks of the floor above.
class SchedulerHost {
 public:
  // Runs a child that left the stack of the gather that made it.
  virtual void run_forked(Worker& worker, ForkItem* item) noexcept = 0;
  // A runnable of a strand has been made ready, and is the strand's now. Returns the strand when it is to be made ready for that, or null.
  virtual Runnable* enter_strand(Runnable& runnable) noexcept = 0;
  // Under the virtual clock: what a stuck program would be, asked before the worker looks whether it is stuck.
  virtual int stuck_phase() const noexcept = 0;
  // Nothing is runnable, no timer is set, nothing external is out, and nobody came in since `phase` was asked and `seen` was taken. The host makes something
  // ready, or the scheduler sleeps until a foreign thread comes.
  virtual void on_stuck(Worker& worker, int phase, Gate::Look seen) noexcept = 0;
  // Of a worker that is watched: a step begins, its task is in the worker's state; and it ends.
  virtual void note_task(Worker& worker, WatchedStep& step) noexcept = 0;
  virtual void step_ended(Worker& worker, WatchedStep& step, std::int64_t ended) noexcept = 0;
  virtual void trace_full(Worker& worker, std::vector<TraceEvent> events) noexcept = 0;

 protected:
  ~SchedulerHost() = default;
};

class Scheduler {
 public:
  Scheduler(SchedulerConfig config, SchedulerHost& host);
  Scheduler(Scheduler const&) = delete;
  Scheduler& operator=(Scheduler const&) = delete;
  ~Scheduler();

  void start();
  // By a foreign thread, when no task is left. Joins.
  void stop() noexcept;

  // From any thread. The caller owns the claim on `runnable`, or holds the gate.
  void make_ready(Runnable& runnable) noexcept;
  void make_ready(ReadyBatch& batch) noexcept;

  // What is to be queued for it: itself, or its strand, or null when the strand is on its way or runs.
  WEFT_INLINE Runnable* in_order(Runnable& runnable) noexcept {
    return runnable.ordered_by == nullptr ? &runnable : host_.enter_strand(runnable);
  }

  // Nanoseconds since the clock's epoch.
  std::int64_t now() const noexcept;
  // The steady clock, also under the virtual one; and the same a few milliseconds late, for a quarter of the price.
  static std::int64_t steady_now() noexcept;
  static std::int64_t coarse_now() noexcept;
  bool virtual_clock() const noexcept { return config_.virtual_clock; }
  std::atomic<std::int64_t> const& virtual_time() const noexcept { return virtual_now_; }
  // While one is out, the virtual clock does not jump and the program is not stuck.
  void external_begin() noexcept { external_.fetch_add(1, std::memory_order_relaxed); }
  void external_end() noexcept;

  Gate& gate() noexcept { return gate_; }
  SchedulerHost& host() noexcept { return host_; }
  SchedulerConfig const& config() const noexcept { return config_; }
  unsigned size() const noexcept { return static_cast<unsigned>(workers_.size()); }
  Worker& worker(unsigned index) noexcept { return *workers_[index]; }
  Worker const& worker(unsigned index) const noexcept { return *workers_[index]; }
  IdleSet<real_sync>& idle() noexcept { return idle_; }
  Injector<real_sync, Runnable>& injector() noexcept { return injector_; }
  // ORDER(stop): acquire; pairs with stop().
  bool stopping() const noexcept { return stopping_.load(std::memory_order_acquire); }
  // In run queues of more than `spared`, or elsewhere.
  bool has_visible_work(std::size_t spared = 0) const noexcept;
  // All steps that the others have made; a hint whether anything moves.
  std::uint64_t steps_beside(Worker const& worker) const noexcept;
  Patience& patience() noexcept { return patience_; }
  // Run queues of how many a worker that parks need not see.
  std::size_t left_to_lookout() const noexcept { return idle_.has_lookout() ? patience_.spared() : 0; }
  // A step by which a thief's scan comes to every worker. In order, all thieves would meet the same victim first: those that are awake have neighbouring
  // numbers (docs/scaling.md).
  unsigned stride(std::uint32_t random) const noexcept { return strides_[random % strides_.size()]; }

  // By the worker that found everybody parked, under the virtual clock. `seen` and `phase` are from before it announced itself. True when
  // there may be something to do now.
  bool advance_virtual_clock(Worker& worker, Gate::Look seen, int phase) noexcept;
  // A timer is set and nothing external is out.
  bool may_advance() const noexcept;

 private:
  static void* thread_main(void* argument) noexcept;
  // From a thread that is no worker of ours, inside the gate.
  void inject(Runnable& runnable) noexcept;

  SchedulerConfig const config_;
  SchedulerHost& host_;
  std::vector<std::unique_ptr<Worker>> workers_;
  std::vector<pthread_t> threads_;
  // All numbers up to the workers' that have no divisor in common with theirs.
  std::vector<unsigned> strides_;
  Gate gate_;
  std::atomic<bool> stopping_{false};
  std::atomic<std::int64_t> virtual_now_{0};
  std::atomic<std::int64_t> external_{0};
  alignas(cache_line) Injector<real_sync, Runnable> injector_;
  alignas(cache_line) IdleSet<real_sync> idle_;
  alignas(cache_line) std::atomic<unsigned> next_attention_{0};
  alignas(cache_line) Patience patience_;
};

}  // namespace weft::engine
