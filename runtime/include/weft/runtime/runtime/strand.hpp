// A strand: tasks whose steps run one at a time, on whatever worker.
//
// ROUTE. Everything that resumes a task of a strand (its first step, a waiting node's wake-up, a yield, a part that was put off) is a runnable that names the
// strand. Who makes it ready gives it to the strand, so that what becomes ready in an order runs in that order; when the strand was idle it is the strand that is queued,
// as a runnable. The worker that takes it owns it, and runs what is in it with `Worker::strand` set. After some steps it puts the
// strand behind what else is ready, so that other tasks get their turn; another worker may go on with it. A runnable that comes to a worker on another way (a
// callback behind one of another strand) finds in its step that the worker does not run its strand, and is given to it then.
//
// PARTS. While a worker runs a strand its stack_limit is at the top of the address space, so gathers take the branch in which they leave the native stack; that
// branch tells the two cases apart, and runs the children of a strand's gather in place, none of them exposed to thieves. What must start later (a native
// stack near its end, other runnables that wait too long) goes into the strand's queue. So the hot path of other tasks does not know about strands.
//
// HANDED ON. A task that is made while a worker runs a strand, by the same runtime, is the strand's. Done callbacks that a strand's code registers run on it.
//
// LIFETIME: counted; tasks, callbacks, the public handle and the owner hold references. A strand belongs to one runtime, whose workers alone run it.
#pragma once

#include <atomic>
#include <cstdint>

#include <weft/runtime/algorithms/strand_queue.hpp>
#include <weft/runtime/scheduler/execution_state.hpp>
#include <weft/runtime/scheduler/runnable.hpp>
#include <weft/runtime/scheduler/worker.hpp>

namespace weft::engine {

class StrandState final : public Runnable {
 public:
  explicit StrandState(std::uint64_t runtime_serial) noexcept : Runnable(&StrandState::step), runtime_serial_(runtime_serial) {}
  StrandState(StrandState const&) = delete;
  StrandState& operator=(StrandState const&) = delete;

  void acquire() noexcept { references_.fetch_add(1, std::memory_order_relaxed); }
  void release() noexcept {
    // ORDER(strand-refs): acq_rel; every holder's use happens before the destruction.
    if (references_.fetch_sub(1, std::memory_order_acq_rel) == 1) delete this;
  }

  // By whoever makes it ready. The strand when it was idle: then it owns itself, and is to be made ready; otherwise null. LIFETIME: on null the runnable may have run already.
  Runnable* enter(Runnable& runnable) noexcept;
  // On a worker that does not run this strand: the runnable's step runs on the strand, now or when its turn comes. On one that does: when its turn comes.
  void execute(Runnable& runnable, Worker& worker) noexcept;

  std::uint64_t runtime_serial() const noexcept { return runtime_serial_; }
  // Tasks that have not ended. With none left, and none to come, nothing of the strand runs any more but the search for the next step.
  void task_begins() noexcept { tasks_.fetch_add(1, std::memory_order_relaxed); }
  void task_ends() noexcept {
    // ORDER(strand-tasks): release; pairs with has_tasks(): what the tasks did happens before what the next runtime's do.
    tasks_.fetch_sub(1, std::memory_order_release);
  }
  bool has_tasks() const noexcept {
    // ORDER(strand-tasks): acquire; pairs with task_ends().
    return tasks_.load(std::memory_order_acquire) != 0;
  }

 private:
  ~StrandState() = default;
  static void step(Runnable& runnable, Worker& worker) noexcept;
  // By the owner, with a reference that goes with the ownership. `first` may be null.
  void drain(Runnable* first, Worker& worker) noexcept;

  std::uint64_t const runtime_serial_;
  std::atomic<std::uint32_t> references_{1};
  std::atomic<std::uint64_t> tasks_{0};
  StrandQueue<real_sync, Runnable> queue_;
  // INVARIANT: the owner's. What made the strand ready, and is to run first.
  Runnable* first_ = nullptr;
};

// True when the step belongs to a strand that this worker is not running; the strand has it then. `state` is that of the coroutine that is to be resumed.
WEFT_COLD bool enter_strand(Runnable& runnable, ExecutionState const& state, Worker& worker) noexcept;
WEFT_INLINE bool goes_to_strand(Runnable& runnable, ExecutionState const& state, Worker& worker) noexcept {
  if ((state.flags & ExecutionState::on_strand) == 0) [[likely]] return false;
  return enter_strand(runnable, state, worker);
}

}  // namespace weft::engine
