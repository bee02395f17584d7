// One worker: a thread, its queues, and the loop that decides what runs next.
//
// THE LOOP. A worker takes its own ready runnables first (run queue, FIFO: asyncio's order), then what is left on its fork deque (LIFO), then
// looks outside: timers that are due, the injector, other workers' queues. When all of that is empty it parks.
//
// RUNNING COROUTINES. drive() resumes a coroutine as a plain call. `co_await child` and gather resume the child inside the parent's
// resume, so a chain of awaits is a chain of native frames, and a child that ends without suspending costs its parent no suspension.
// When a leaf must wait it leaves its node in `pending` and returns; every frame between the leaf and the nearest *boundary* (drive's
// caller: the loop, or a gather that runs its own children) suspends and returns too; and only then the boundary *commits* the node:
// arms it, so that others may wake it. So whoever wakes a leaf finds the whole chain suspended, and the links between parents and
// children are plain memory. A commit that finds its condition met gives the handle back and the boundary resumes it at once.
// A frame that ends after its parent has suspended puts the parent into `next`; drive() goes on with it, in constant native stack.
//
// WHO WAKES WHOM. Pushing to a queue never wakes by itself: the fork deque publishes work when a thief wants it, and the run queue's push
// looks at the idle set, one relaxed load, and wakes a parked worker only if nobody is searching, and if there is hope that a steal is worth it: see
// lookout.hpp. A searcher that finds work and sees more, or is the last one and was relied on, wakes another. A parker announces itself, passes the heavy half of the fence, and looks at everything
// once more; see idle_set.hpp.
//
// FAIRNESS. Every 61 steps of the loop, and from inside gathers that never suspend every so many children (`fuel`), a worker polls: timers,
// injector, `attention`. When runnables wait and no worker is idle to take them, poll() sets `unwind`: the gathers on the native
// stack stop running their children, leave them on the fork deque and suspend, so that the loop gets its turn and comes back to them
// later. A native stack that comes near its limit unwinds in the same way.
//
// END. The runtime ends all tasks first; then stop() sets a flag and wakes all; a worker leaves its loop when it sees the flag and has
// nothing to run.
#pragma once

#include <atomic>
#include <coroutine>
#include <cstdint>
#include <source_location>

#include <weft/runtime/algorithms/fork_deque.hpp>
#include <weft/runtime/algorithms/idle_set.hpp>
#include <weft/runtime/algorithms/run_queue.hpp>
#include <weft/runtime/algorithms/spin_lock.hpp>
#include <weft/runtime/algorithms/timer_wheel.hpp>
#include <weft/runtime/platform/config.hpp>
#include <weft/runtime/platform/cpu.hpp>
#include <weft/runtime/scheduler/execution_state.hpp>
#include <weft/runtime/scheduler/lookout.hpp>
#include <weft/runtime/scheduler/runnable.hpp>
#include <weft/runtime/scheduler/watch.hpp>

namespace weft::engine {

class Scheduler;
// The floor above's; here only its address counts.
class StrandState;

// A child of a gather, or a coroutine whose start was put off, on a fork deque. What it points to is the business of the floor above.
struct ForkItem;

// A coroutine that is about to wait, seen from the boundary that commits it.
class Suspension {
 public:
  // Arms the suspension. Gives back a coroutine that must be resumed now, because there is nothing to wait for, or a null handle; then
  // another worker may already be resuming it. LIFETIME: on a null handle the suspension may be gone.
  virtual std::coroutine_handle<> commit(Worker& worker) noexcept = 0;

 protected:
  ~Suspension() = default;
};

// A timer. `fire` runs under the wheel's lock and must claim; what it claimed goes into the batch.
struct Timer : TimerNode {
  using Fire = void (*)(Timer&, ReadyBatch& ready, ReadyBatch& at_once) noexcept;
  explicit Timer(Fire fire_function) noexcept : fire(fire_function) {}
  Fire fire;
  // The wheel that holds it. INVARIANT: written by the one who arms it, before it is in the wheel.
  Worker* wheel = nullptr;
};

// A number that its worker alone writes and anyone may read.
class Counter {
 public:
  WEFT_INLINE void add(std::uint64_t n) noexcept {
    value_.store(value_.load(std::memory_order_relaxed) + n, std::memory_order_relaxed);
  }
  std::uint64_t get() const noexcept { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::uint64_t> value_{0};
};

// How long its one writer has been busy, for readers on any thread. The sum and the beginning of what it is busy with now are one word, so that a
// reader never sees a stretch in neither of them or in both: an even word is twice the sum; an odd one is twice the instant at which the writer
// would have begun if it had been busy without a break, plus one.
class BusyTime {
 public:
  void begin(std::int64_t now) noexcept { word_.store((now - word_.load(std::memory_order_relaxed) / 2) * 2 + 1, std::memory_order_relaxed); }
  void end(std::int64_t now) noexcept { word_.store((now - word_.load(std::memory_order_relaxed) / 2) * 2, std::memory_order_relaxed); }

  // The clock is read while the word stands. Never less than an earlier answer, even when the writer has read the clock to end and not yet written.
  template <class Clock>
  std::int64_t get(Clock&& clock) const noexcept {
    // ORDER(busy-time): acquire, both loads; the reading of the clock stays between them. No other memory is read by what they say.
    std::int64_t word = word_.load(std::memory_order_acquire);
    std::int64_t sum = 0;
    while (true) {
      sum = word % 2 == 0 ? word / 2 : clock() - word / 2;
      std::int64_t const again = word_.load(std::memory_order_acquire);
      if (again == word) break;
      word = again;
    }
    std::int64_t last = told_.load(std::memory_order_relaxed);
    while (last < sum && !told_.compare_exchange_weak(last, sum, std::memory_order_relaxed)) {
    }
    return last < sum ? sum : last;
  }

 private:
  std::atomic<std::int64_t> word_{0};
  mutable std::atomic<std::int64_t> told_{0};
};

class alignas(cache_line) Worker {
 public:
  Worker(Scheduler& scheduler, unsigned index);
  Worker(Worker const&) = delete;
  Worker& operator=(Worker const&) = delete;
  ~Worker();

  // ---- what the coroutine machinery reads and writes on its hot path; only by code that this worker runs
  ExecutionState state{};
  Suspension* pending = nullptr;
  std::coroutine_handle<> next{};
  // The native stack may grow down to here; below, children go to the fork deque. While a strand runs it is the top of the address space, so that
  // all that look at it take their cold branch, and ask near_stack_end() there.
  std::uintptr_t stack_limit = 0;
  // Children that gathers may still run before the next poll.
  std::uint32_t fuel = 1;
  // The gathers on the native stack are leaving it. INVARIANT: while it is set, gathers find no more than 1 in `fuel`, and so find out.
  bool unwind = false;
  // Whether steps are watched, and for what (watch.hpp). INVARIANT: written by whoever begins or ends to watch.
  std::atomic<std::uint8_t> watch{0};
  // The strand that it runs now.
  StrandState* strand = nullptr;
  // Where the native stack's share for coroutines really ends.
  std::uintptr_t stack_end = 0;
  // The co_await in the user's code that was reached last, of those that may wait.
  std::source_location place{};
  ForkDeque<real_sync, ForkItem*> deque;

  // ---- the machinery
  void drive(std::coroutine_handle<> coroutine) noexcept;
  WEFT_INLINE bool near_stack_limit() const noexcept { return stack_pointer() < stack_limit; }
  bool near_stack_end() const noexcept { return stack_pointer() < stack_end; }
  // For a coroutine that is to be resumed in place. A strand has the limit at the top, and asks again.
  WEFT_INLINE bool must_leave_stack() const noexcept { return near_stack_limit() && (strand == nullptr || near_stack_end()); }
  void leave_stack() noexcept {
    unwind = true;
    fuel = 1;
  }
  // One step, by code that is a step itself.
  void run_in_place(Runnable& runnable) noexcept;
  // Plain code of users, a callback, is watched as a step of its own.
  template <class Call>
  void call_user(Call&& call) noexcept {
    if (watch.load(std::memory_order_relaxed) == 0) [[likely]] {
      call();
      return;
    }
    WatchedStep step;
    begin_watched(step);
    call();
    end_watched(step);
  }
  // The time in milliseconds, as the worker saw it last: some milliseconds old on the steady clock, unless steps are long. No clock is read.
  WEFT_INLINE std::uint32_t stamp() const noexcept { return static_cast<std::uint32_t>(clock_->load(std::memory_order_relaxed) / 1'000'000); }
  // A gather has used up the fuel.
  WEFT_COLD void poll_from_gather() noexcept;
  // A push to the fork deque has published work for thieves.
  WEFT_COLD void on_published() noexcept;

  // ---- by code on this worker
  // Behind everything that is ready here.
  void make_ready(Runnable& runnable) noexcept;
  // The same, as the last thing that a step does: when nothing else is ready here it is what the loop takes next, and no queue is touched.
  WEFT_INLINE void make_ready_last(Runnable& runnable) noexcept {
    if (next_step_ == nullptr && nested_ == 0 && runnable.ordered_by == nullptr && run_queue.looks_empty()) next_step_ = &runnable;
    else make_ready(runnable);
  }
  // A step that the loop has not counted. True when it wants to look outside, so that this one ends.
  bool poll_is_due() noexcept {
    if (steps_to_poll_ <= 1) return true;
    --steps_to_poll_;
    return false;
  }
  // Around a boundary that is not the loop's: the step goes on after it, so what becomes ready there must be visible to thieves.
  void enter_nested() noexcept { ++nested_; }
  void leave_nested() noexcept { --nested_; }

  // ---- timers; arm by this worker, disarm by any
  void arm(Timer& timer, std::int64_t expiry) noexcept;
  // For a timer whose moment has passed: the expiry under which it is armed, so that fire_overdue() finds it.
  static constexpr std::int64_t overdue = 0;
  // What was overdue when it was armed strikes before whoever yields goes on. No clock is read: the others can wait for the next poll.
  void fire_overdue() noexcept;
  // False when the timer had left the wheel: it has fired, or is about to have.
  static bool disarm(Timer& timer) noexcept;

  Scheduler& scheduler() const noexcept { return scheduler_; }
  unsigned index() const noexcept { return index_; }

  // ---- by the scheduler
  void run() noexcept;
  bool has_visible_work(std::size_t spared = 0) const noexcept;
  // What a thief may take beside what anybody may: children that have not been published; runnables that are alone, or several, in a queue in which
  // something has just happened.
  struct Liberty {
    bool by_force, lone, several;
    std::size_t most = RunQueue<real_sync, Runnable*>::max_steal;
  };
  Runnable* steal_from(Worker& victim, Liberty liberty, ForkItem*& forked) noexcept;
  // Fires what is due by `now` in this worker's wheel. True when something was due. `on` is the worker that does it, inside a step or between two:
  // then what wakes alone is its next step, and nobody else is woken for it.
  enum class Firing { inside_step, between_steps };
  bool fire_timers(Worker& on, std::int64_t now, Firing when) noexcept;
  // The earliest timer exactly: what was disarmed leaves no trace.
  std::int64_t exact_next_expiry() noexcept;
  // ORDER(next-expiry): relaxed; a hint: whoever acts on it takes the wheel's lock.
  std::int64_t next_expiry() const noexcept { return next_expiry_.load(std::memory_order_relaxed); }
  std::size_t timer_count() const noexcept { return timer_count_.load(std::memory_order_relaxed); }
  void request_attention() noexcept;

  struct Stats {
    Counter steps, local_pops, steals_tried, steals_won, parks, wakeups;
  } stats;
  BusyTime busy;
  TraceBuffer trace;
  RunQueue<real_sync, Runnable*> run_queue;

 private:
  friend class Scheduler;

  bool take_step() noexcept;
  Runnable* pop_runnable() noexcept;
  WEFT_COLD Runnable* shuffled(Runnable* runnable) noexcept;
  void run_runnable(Runnable& runnable) noexcept;
  WEFT_INLINE void drive_unwatched(std::coroutine_handle<> coroutine) noexcept;
  WEFT_COLD void drive_watched(std::coroutine_handle<> coroutine) noexcept;
  WEFT_COLD void trace_instant(TraceEvent::Kind kind, unsigned number) noexcept;
  void begin_watched(WatchedStep& step) noexcept;
  void end_watched(WatchedStep& step) noexcept;
  void begin_idle() noexcept;
  void end_idle() noexcept;
  bool run_forked() noexcept;
  Worker& timer_home() noexcept;
  bool poll() noexcept;
  void poll_beside_gather() noexcept;
  bool take_injected() noexcept;
  bool search() noexcept;
  bool steal_round(Liberty liberty) noexcept;
  bool steal_and_run(Worker& victim, Liberty liberty) noexcept;
  void judge_steals() noexcept;
  void end_search(bool more = false) noexcept;
  void end_search_with_work(bool more) noexcept;
  void park() noexcept;
  // From an announcement: there is work.
  void go_back() noexcept;
  void park_virtual() noexcept;
  void park_steady(bool as_lookout) noexcept;
  void search_after_announcement() noexcept;
  void take_by_force(std::size_t spared) noexcept;
  void take_as_lookout(Worker& victim, Liberty liberty) noexcept;
  IdleSet<real_sync>::Announcement announce() noexcept;
  void wish_everywhere() noexcept;
  Worker* look_out(std::int64_t until, Liberty& liberty) noexcept;
  WEFT_COLD void notify_of_runnable() noexcept;
  std::uint32_t next_random() noexcept;
  void refuel(std::int64_t now) noexcept;

  Scheduler& scheduler_;
  unsigned const index_;
  // Runs next, before the run queue. INVARIANT: set by the last act of a step, taken at once: nobody could steal it.
  Runnable* next_step_ = nullptr;
  std::uint32_t nested_ = 0;
  // Counted as searching in the idle set.
  bool searching_ = false;
  // Somebody has woken it, and it has found nothing yet.
  bool woken_ = false;
  // What it has stolen last, and when, until that is judged.
  std::size_t stolen_ = 0;
  std::int64_t stolen_at_ = 0;
  // What it had done by then, and when it judged last.
  std::uint64_t done_at_steal_ = 0, done_at_judgement_ = 0;
  // Its free frames went back when it became idle, and it has done nothing since.
  bool tidied_ = false;
  // The ready order is a seeded one.
  bool const shuffles_;
  // Until the loop looks at the outside.
  std::uint32_t steps_to_poll_;
  std::uint32_t steps_since_forked_ = 0;
  std::uint32_t fuel_granted_ = 1;
  std::int64_t last_poll_ = 0;
  std::int64_t last_loop_ = 0;
  std::atomic<std::int64_t> recent_{0};
  // `recent_`, or the virtual clock.
  std::atomic<std::int64_t> const* const clock_;
  // Inside a step that is watched.
  bool watching_ = false;
  std::uint32_t random_;

  // Set by who submits work when no worker is idle; asks for a poll.
  alignas(cache_line) std::atomic<bool> attention_{false};
  // Of its run queue. INVARIANT: written by thieves, and by the owner when it wakes one.
  alignas(cache_line) QueueAge<RunQueue<real_sync, Runnable*>::Glance> queue_age_;
  // INVARIANT: written by thieves.
  Pace pace_;

  alignas(cache_line) SpinLock wheel_lock_;
  TimerWheel wheel_;
  std::atomic<std::int64_t> next_expiry_;
  std::atomic<std::size_t> timer_count_{0};
};

// The worker that runs the calling code, or null on a foreign thread.
//
// The read is inline. That is safe across suspensions: g++ lowers coroutines before any pass that could keep a thread-local's address, and
// clang's thread-local intrinsic (since 16) is not moved across a suspension point. tests/unit/tls_test.cpp keeps it so.
extern constinit thread_local Worker* tls_worker [[gnu::tls_model("initial-exec")]];
WEFT_INLINE Worker* current_worker() noexcept { return tls_worker; }

}  // namespace weft::engine
