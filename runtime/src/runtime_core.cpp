// Registry, supervisor, and the ways in and out of a runtime. The protocol is at the head of runtime_core.hpp.
#include <weft/runtime/runtime/runtime_core.hpp>

#include <algorithm>
#include <cstdio>
#include <mutex>
#include <unordered_map>

#include <pthread.h>

#include <weft/runtime/platform/errors.hpp>
#include <weft/runtime/runtime/group.hpp>
#include <weft/runtime/runtime/trace.hpp>

namespace weft::engine {
namespace {

std::atomic<std::uint64_t> fork_generation{0};

// The runtimes that are alive, for handles that outlive theirs. Rarely used, so a plain mutex.
struct LiveRuntimes {
  // Recursive: a report of an unhandled failure may drop the last handle of another failed task.
  std::recursive_mutex mutex;
  std::unordered_map<std::uint64_t, RuntimeCore*> by_serial;
  std::uint64_t last = 0;

  static LiveRuntimes& instance() {
    // Never destroyed: handles in static storage may come late.
    static auto* const runtimes = new LiveRuntimes;
    return *runtimes;
  }
};

std::uint64_t next_serial() {
  static bool const watches_forks = [] {
    pthread_atfork(nullptr, nullptr, [] { fork_generation.fetch_add(1, std::memory_order_relaxed); });
    return true;
  }();
  (void)watches_forks;
  LiveRuntimes& live = LiveRuntimes::instance();
  std::lock_guard const lock(live.mutex);
  return ++live.last;
}

// References that may have reached zero already.
bool try_acquire(std::atomic<std::uint32_t>& references) noexcept {
  std::uint32_t count = references.load(std::memory_order_relaxed);
  while (count != 0)
    if (references.compare_exchange_weak(count, count + 1, std::memory_order_relaxed)) return true;
  return false;
}

}  // namespace

// ---------------------------------------------------------------- begin and end

RuntimeCore::RuntimeCore(RuntimeConfig config)
    : config_(std::move(config)),
      serial_(next_serial()),
      fork_generation_(fork_generation.load(std::memory_order_relaxed)),
      registry_(config_.scheduler.workers + 1),
      supervisor_(*this),
      scheduler_(config_.scheduler, *this),
      blocking_pool_(config_.blocking_threads, config_.scheduler.thread_name) {
  if (config_.debug) {
    count_debug_runtime(1);
    for (unsigned i = 0; i < scheduler_.size(); ++i) scheduler_.worker(i).watch.store(watch_slow_steps, std::memory_order_relaxed);
  }
  LiveRuntimes& live = LiveRuntimes::instance();
  {
    std::lock_guard const lock(live.mutex);
    live.by_serial.emplace(serial_, this);
    if (Trace::active()) Trace::introduce(*this);
  }
  try {
    scheduler_.start();
  } catch (...) {
    if (config_.debug) count_debug_runtime(-1);
    std::lock_guard const lock(live.mutex);
    live.by_serial.erase(serial_);
    throw;
  }
}

RuntimeCore::~RuntimeCore() {
  // Intake ends: nobody new gets in, and what is in is visible to the rounds.
  scheduler_.gate().close();
  scheduler_.gate().wait_empty();
  supervise(nullptr, false);
  while (supervisor_.finished.load(std::memory_order_acquire) == 0) real_sync::futex_wait(supervisor_.finished, 0);
  report_failed();
  LiveRuntimes& live = LiveRuntimes::instance();
  {
    std::lock_guard const lock(live.mutex);
    live.by_serial.erase(serial_);
  }
  scheduler_.stop();
  for (unsigned i = 0; i < scheduler_.size(); ++i)
    if (auto const events = scheduler_.worker(i).trace.take(); !events.empty()) Trace::write(*this, i, events);
  if (config_.debug) count_debug_runtime(-1);
  // Now that no worker is left, and foreign threads do not find the runtime any more, the failed tasks that have handles stand alone.
  while (failed_.pop_front() != nullptr) {
  }
  frame_pool_flush();
  (void)frame_pool_trim();
}

bool RuntimeCore::forked() const noexcept { return fork_generation.load(std::memory_order_relaxed) != fork_generation_; }

void RuntimeCore::require_not_forked() const {
  if (forked()) throw RuntimeError("a weft::Runtime cannot be used in a child of fork(): its workers do not exist there");
}

bool RuntimeCore::with_runtime(std::uint64_t serial, std::function<void(RuntimeCore&)> const& visit) {
  LiveRuntimes& live = LiveRuntimes::instance();
  std::lock_guard const lock(live.mutex);
  auto const found = live.by_serial.find(serial);
  if (found == live.by_serial.end()) return false;
  visit(*found->second);
  return true;
}

void RuntimeCore::with_all_runtimes(std::function<void(RuntimeCore*)> const& visit) {
  LiveRuntimes& live = LiveRuntimes::instance();
  std::lock_guard const lock(live.mutex);
  for (auto const& [serial, core] : live.by_serial) visit(core);
  visit(nullptr);
}

// ---------------------------------------------------------------- watched steps

namespace {

// What a step may take before it is reported, as in asyncio's debug mode.
constexpr std::int64_t slow_step = 100'000'000;

std::string text_of(std::source_location const& place) {
  return std::string(place.file_name()) + ":" + std::to_string(place.line());
}

void report_slow_step(Worker const& worker, TaskBase const* task, std::int64_t took) {
  std::string text = "weft: ";
  text += task != nullptr ? task->name() : "a callback";
  text += " held worker " + std::to_string(worker.index()) + " for " + std::to_string(took / 1'000'000) + " ms";
  if (worker.place.line() != 0) text += ", until the await at " + text_of(worker.place);
  else if (task != nullptr && task->done()) text += ", until its end";
  if (task != nullptr && task->place().line() != 0)
    text += std::string("\n  coroutine ") + task->place().function_name() + " at " + text_of(task->place());
  std::fprintf(stderr, "%s\n", text.c_str());
}

}  // namespace

void RuntimeCore::note_task(Worker& worker, WatchedStep& step) noexcept {
  if (worker.state.scope == nullptr) return;
  TaskBase& task = worker.state.scope->task();
  task.acquire();
  step.task = &task;
}

void RuntimeCore::step_ended(Worker& worker, WatchedStep& step, std::int64_t ended) noexcept {
  Ref<TaskBase> const task(static_cast<TaskBase*>(step.task), Ref<TaskBase>::Adopt::reference);
  std::uint8_t const watch = worker.watch.load(std::memory_order_relaxed);
  std::int64_t const took = ended - step.began;
  try {
    if ((watch & watch_slow_steps) != 0 && took > slow_step) report_slow_step(worker, task.get(), took);
    if ((watch & watch_for_trace) == 0) return;
    auto full = worker.trace.add({TraceEvent::Kind::step, step.began, took, task ? task->id() : 0, task ? task->name() : std::string("callback")});
    if (!full.empty()) Trace::write(*this, worker.index(), full);
  } catch (...) {
    // Without memory the trace has a gap, and a report is lost.
  }
}

void RuntimeCore::trace_full(Worker& worker, std::vector<TraceEvent> events) noexcept { Trace::write(*this, worker.index(), events); }

// ---------------------------------------------------------------- registry

void RuntimeCore::reserve_slot_outside(TaskBase& task) {
  task.slot_owner_ = scheduler_.size();
  // Allocates under the lock, rarely: what waits is another foreign thread.
  std::lock_guard const hold(foreign_slots_lock_);
  task.slot_ = &registry_.reserve(task.slot_owner_);
}

void RuntimeCore::give_back_slot(TaskBase& task) noexcept {
  Worker const* const here = current_worker();
  bool const ours = here != nullptr && &here->scheduler() == &scheduler_;
  std::unique_lock hold(foreign_slots_lock_, std::defer_lock);
  if (!ours) hold.lock();
  registry_.give_back(ours ? here->index() : scheduler_.size(), task.slot_owner_, *task.slot_);
}

void RuntimeCore::spawn(TaskBase& task) noexcept {
  task.birth_round_ = round_.load(std::memory_order_relaxed);
  if (task.slot_owner_ != scheduler_.size()) [[likely]] {
    enter_registry(task);
    current_worker()->make_ready(task);
    return;
  }
  {
    std::lock_guard const hold(foreign_slots_lock_);
    enter_registry(task);
  }
  scheduler_.make_ready(task);
}

WEFT_INLINE void RuntimeCore::enter_registry(TaskBase& task) noexcept {
  unsigned const owner = task.slot_owner_;
  task.id_ = registry_.entered(owner) * (scheduler_.size() + 1) + owner + 1;
  registry_.enter(owner, *task.slot_, task);
}

void RuntimeCore::list_failed(TaskBase& task) noexcept {
  std::lock_guard const hold(failed_lock_);
  task.in_failed_list_ = true;
  failed_.push_back(task);
}

bool RuntimeCore::forget_failed(std::uint64_t serial, TaskBase& task) noexcept {
  auto const forget = [&task](RuntimeCore& core) {
    core.failed_lock_.lock();
    if (static_cast<ListHook<FailedTag>&>(task).linked()) static_cast<ListHook<FailedTag>&>(task).unlink();
    core.failed_lock_.unlock();
    if (task.retrieved()) return;
    task.mark_retrieved();
    core.report_unhandled(task.error(), &task);
  };
  // On one of its own workers the runtime cannot be gone.
  Worker* const here = current_worker();
  if (here != nullptr) {
    auto& core = static_cast<RuntimeCore&>(here->scheduler().host());
    if (core.serial_ == serial) {
      forget(core);
      return true;
    }
  }
  return with_runtime(serial, forget);
}

void RuntimeCore::report_failed() noexcept {
  for (;;) {
    Ref<TaskBase> unreported;
    failed_lock_.lock();
    for (TaskBase* task = failed_.front(); task != nullptr; task = failed_.next(*task)) {
      if (task->retrieved() || !try_acquire(task->references_)) continue;
      unreported = Ref<TaskBase>(task, Ref<TaskBase>::Adopt::reference);
      break;
    }
    failed_lock_.unlock();
    if (!unreported) return;
    unreported->mark_retrieved();
    report_unhandled(unreported->error(), unreported.get());
  }
}

void RuntimeCore::report_unhandled(std::exception_ptr error, TaskBase* task) noexcept {
  try {
    config_.on_unhandled(error, task);
  } catch (...) {
    std::fprintf(stderr, "weft: on_unhandled_exception has thrown\n");
  }
}

std::uint64_t RuntimeCore::live_tasks() const noexcept { return registry_.count(); }

void RuntimeCore::keep_until_end(std::shared_ptr<void> kept) {
  std::lock_guard const hold(kept_mutex_);
  kept_.push_back(std::move(kept));
}

std::vector<Ref<TaskBase>> RuntimeCore::all_tasks() const {
  std::vector<Ref<TaskBase>> tasks;
  TaskRegistry::Cursor cursor;
  for (bool more = true; more;) {
    // Room first: nothing is allocated while tasks that want to end wait for us.
    if (tasks.capacity() - tasks.size() < TaskRegistry::window) tasks.reserve(2 * tasks.size() + TaskRegistry::window);
    more = registry_.visit(cursor, [&tasks](TaskBase& task) {
      if (!task.done()) tasks.emplace_back(&task);
    });
  }
  std::sort(tasks.begin(), tasks.end(), [](auto const& a, auto const& b) { return a->id() < b->id(); });
  return tasks;
}

// ---------------------------------------------------------------- runs

void RuntimeCore::require_idle() const {
  require_not_forked();
  if (current_worker() != nullptr) throw RuntimeError("run() cannot be called from a running task");
  if (running_.load(std::memory_order_relaxed)) throw RuntimeError("run() while another run of this Runtime is in progress");
}

void RuntimeCore::give_context(TaskBase& main) noexcept {
  if (!std::exchange(has_main_context_, true)) main_context_ = ContextRef(current_context());
  main.set_context(std::exchange(main_context_, {}), true);
}

bool RuntimeCore::run_until_done(TaskBase& main) {
  if (running_.exchange(true, std::memory_order_relaxed)) {
    main.release();
    throw RuntimeError("run() while another run of this Runtime is in progress");
  }
  bool interrupted = false;
  try {
    if (config_.handle_sigint) {
      SigintWatch const watch;
      give_context(main);
      supervise(&main, true);
      interrupted = wait_finished(main);
    } else {
      give_context(main);
      supervise(&main, false);
      // ORDER(run-finished): acquire; pairs with the release in Supervisor::advance(): the caller sees what the tasks did.
      while (supervisor_.finished.load(std::memory_order_acquire) == 0) real_sync::futex_wait(supervisor_.finished, 0);
    }
  } catch (...) {
    // Nothing was started: another run watches for SIGINT.
    main.release();
    running_.store(false, std::memory_order_relaxed);
    throw;
  }
  report_failed();
  bool const stuck = std::exchange(supervisor_.stuck, false);
  std::string const text = std::move(supervisor_.deadlock);
  running_.store(false, std::memory_order_relaxed);
  if (stuck) throw Deadlock(text);
  return interrupted;
}

bool RuntimeCore::wait_finished(TaskBase& main) {
  // A signal may come from outside at any time: no Deadlock, and the virtual clock waits.
  scheduler_.external_begin();
  bool interrupted = false;
  for (;;) {
    // ORDER(sigint): acquire; pairs with bump(). The word is read before what it announces.
    std::uint32_t const seen = SigintWatch::word().load(std::memory_order_acquire);
    if (supervisor_.finished.load(std::memory_order_acquire) != 0) break;
    if (!interrupted && SigintWatch::interrupted()) {
      interrupted = true;
      (void)main.cancel(nullptr);
    }
    real_sync::futex_wait(SigintWatch::word(), seen);
  }
  scheduler_.external_end();
  return interrupted;
}

void RuntimeCore::supervise(TaskBase* main, bool watches_sigint) {
  supervisor_.watches_sigint = watches_sigint;
  supervisor_.finished.store(0, std::memory_order_relaxed);
  // While we are inside nobody can find the program stuck that has not begun yet.
  scheduler_.gate().enter();
  if (main != nullptr) {
    supervisor_.waited_for = Ref<TaskBase>(main);
    (void)main->add_waiter(supervisor_);
  }
  // ORDER(run-phase): release; pairs with stuck_phase(): who sees the phase sees the supervisor's waiter.
  supervisor_.phase.store(Supervisor::Phase::main, std::memory_order_release);
  if (main != nullptr) spawn(*main);
  else scheduler_.make_ready(supervisor_);
  scheduler_.gate().leave();
}

void RuntimeCore::Supervisor::on_done(Completion&, ReadyBatch& ready, Scheduler*) noexcept { ready.push(*this); }

void RuntimeCore::Supervisor::step(Runnable& runnable, Worker& worker) noexcept {
  worker.state = ExecutionState{};
  static_cast<Supervisor&>(runnable).advance();
}

void RuntimeCore::Supervisor::advance() noexcept {
  waited_for = {};
  if (phase.load(std::memory_order_relaxed) == Phase::main) {
    phase.store(Phase::rounds, std::memory_order_relaxed);
    core.begin_round();
  }
  for (;;) {
    while (next < found) {
      waited_for = Ref<TaskBase>(window[next++], Ref<TaskBase>::Adopt::reference);
      if (waited_for->add_waiter(*this)) return;
      waited_for = {};
    }
    next = found = 0;
    if (more) {
      more = core.collect(cursor, core.round_.load(std::memory_order_relaxed), window, found);
      continue;
    }
    if (core.live_tasks() == 0) break;
    core.begin_round();
  }
  phase.store(Phase::idle, std::memory_order_relaxed);
  bool const watches = watches_sigint;
  // ORDER(run-finished): release; pairs with the acquire in supervise(). LIFETIME: the runtime may be gone as soon as the caller has seen it,
  // but the caller of a destructor joins this thread first.
  finished.store(1, std::memory_order_release);
  if (watches) SigintWatch::bump();
  else real_sync::futex_wake(finished, 1);
}

bool RuntimeCore::collect(TaskRegistry::Cursor& cursor, std::uint32_t round, std::array<TaskBase*, TaskRegistry::window>& found,
                          std::size_t& count) noexcept {
  return registry_.visit(cursor, [&](TaskBase& task) {
    if (task.birth_round_ >= round) return;
    task.acquire();
    found[count++] = &task;
  });
}

void RuntimeCore::begin_round() noexcept {
  std::uint32_t const round = round_.load(std::memory_order_relaxed) + 1;
  round_.store(round, std::memory_order_relaxed);
  std::array<TaskBase*, TaskRegistry::window> found;
  TaskRegistry::Cursor cursor;
  {
    // A round is one step: a task that another awaits is reached directly and through the other.
    WokenByCancel woken;
    for (bool more = true; more;) {
      std::size_t count = 0;
      more = collect(cursor, round, found, count);
      for (std::size_t i = 0; i < count; ++i) {
        Ref<TaskBase> const task(found[i], Ref<TaskBase>::Adopt::reference);
        if (task->done()) continue;
        CancelRequest request(nullptr, woken);
        (void)request.reach(task->root());
      }
    }
  }
  supervisor_.cursor = {};
  supervisor_.more = true;
}

int RuntimeCore::stuck_phase() const noexcept {
  return static_cast<int>(supervisor_.phase.load(std::memory_order_acquire));  // ORDER(run-phase): acquire.
}

void RuntimeCore::on_stuck(Worker& worker, int phase, Gate::Look seen) noexcept {
  std::string text;
  try {
    text = "deadlock: every task waits, no timer is set, and nothing external is out\n" + task_tree();
  } catch (...) {
    text.clear();
  }
  switch (static_cast<Supervisor::Phase>(phase)) {
    case Supervisor::Phase::main:
      supervisor_.deadlock = std::move(text);
      supervisor_.stuck = true;
      if (supervisor_.waited_for) supervisor_.waited_for->remove_waiter(supervisor_);
      worker.make_ready(supervisor_);
      return;
    case Supervisor::Phase::rounds:
      // Tasks that swallowed their cancel and wait again: another round.
      begin_round();
      return;
    case Supervisor::Phase::idle: break;
  }
  std::lock_guard const hold(submissions_lock_);
  // A submitter passes the gate before it adds its submission, so under this lock either we see it or it comes after us.
  if (scheduler_.gate().look() != seen) return;
  while (Submission* const submission = submissions_.pop_front()) submission->fail(std::make_exception_ptr(Deadlock(text)));
}

void RuntimeCore::add_submission(Submission& submission) noexcept {
  std::lock_guard const hold(submissions_lock_);
  submissions_.push_back(submission);
}

void RuntimeCore::remove_submission(Submission& submission) noexcept {
  std::lock_guard const hold(submissions_lock_);
  if (submission.linked()) submission.unlink();
}

void throw_outside_tasks(char const* what) { throw RuntimeError(std::string(what) + " needs a running task"); }

}  // namespace weft::engine
