// Registry, supervisor, and the ways in and out of a runtime. The protocol is at the head of runtime_core.hpp.
#include <weft/runtime/runtime/runtime_core.hpp>

#include <mutex>
#include <unordered_map>

#include <pthread.h>

#include <weft/runtime/platform/errors.hpp>
#include <weft/runtime/runtime/group.hpp>

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
      shards_(std::make_unique<Shard[]>(config_.scheduler.workers)),
      supervisor_(*this),
      scheduler_(config_.scheduler, *this),
      blocking_pool_(config_.blocking_threads, config_.scheduler.thread_name) {
  LiveRuntimes& live = LiveRuntimes::instance();
  {
    std::lock_guard const lock(live.mutex);
    live.by_serial.emplace(serial_, this);
  }
  try {
    scheduler_.start();
  } catch (...) {
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
  // Now that no worker is left, and foreign threads do not find the runtime any more, the failed tasks that have handles stand alone.
  for (unsigned i = 0; i < scheduler_.size(); ++i)
    while (shards_[i].failed.pop_front() != nullptr) {
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

// ---------------------------------------------------------------- registry

void RuntimeCore::spawn(TaskBase& task, GroupState* group) noexcept {
  Worker* const here = current_worker();
  bool const local = here != nullptr && &here->scheduler() == &scheduler_;
  task.shard_ = local ? here->index() : 0;
  Shard& shard = shards_[task.shard_];
  shard.lock.lock();
  task.id_ = shard.born++ * scheduler_.size() + task.shard_ + 1;
  task.birth_round_ = round_.load(std::memory_order_relaxed);
  task.ended_round_ = task.birth_round_;
  shard.alive.push_back(task);
  shard.lock.unlock();
  if (group != nullptr) {
    task.group_ = group;
    group->add(task);
  }
  scheduler_.make_ready(task);
}

void RuntimeCore::leave_registry(TaskBase& task) noexcept {
  Shard& shard = shards_[task.shard_];
  std::lock_guard const hold(shard.lock);
  shard.alive.erase(task);
  if (!task.failed()) return;
  task.in_failed_list_ = true;
  shard.failed.push_back(task);
}

bool RuntimeCore::forget_failed(std::uint64_t serial, TaskBase& task) noexcept {
  auto const forget = [&task](RuntimeCore& core) {
    Shard& shard = core.shards_[task.shard_];
    shard.lock.lock();
    if (static_cast<ListHook<RegistryTag>&>(task).linked()) static_cast<ListHook<RegistryTag>&>(task).unlink();
    shard.lock.unlock();
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
  for (unsigned i = 0; i < scheduler_.size(); ++i) {
    Shard& shard = shards_[i];
    for (;;) {
      Ref<TaskBase> unreported;
      shard.lock.lock();
      for (TaskBase* task = shard.failed.front(); task != nullptr; task = shard.failed.next(*task)) {
        if (task->retrieved() || !try_acquire(task->references_)) continue;
        unreported = Ref<TaskBase>(task, Ref<TaskBase>::Adopt::reference);
        break;
      }
      shard.lock.unlock();
      if (!unreported) break;
      unreported->mark_retrieved();
      report_unhandled(unreported->error(), unreported.get());
    }
  }
}

void RuntimeCore::report_unhandled(std::exception_ptr error, TaskBase* task) noexcept {
  try {
    config_.on_unhandled(error, task);
  } catch (...) {
    std::fprintf(stderr, "weft: on_unhandled_exception has thrown\n");
  }
}

std::uint64_t RuntimeCore::live_tasks() const noexcept {
  std::uint64_t count = 0;
  for (unsigned i = 0; i < scheduler_.size(); ++i) {
    std::lock_guard const hold(shards_[i].lock);
    for (TaskBase* task = shards_[i].alive.front(); task != nullptr; task = shards_[i].alive.next(*task)) ++count;
  }
  return count;
}

void RuntimeCore::keep_until_end(std::shared_ptr<void> kept) {
  std::lock_guard const hold(kept_mutex_);
  kept_.push_back(std::move(kept));
}

std::vector<Ref<TaskBase>> RuntimeCore::all_tasks() const {
  std::vector<Ref<TaskBase>> tasks;
  for (unsigned i = 0; i < scheduler_.size(); ++i) {
    // Room first: nothing is allocated under the lock.
    for (std::size_t room = 64;; room *= 2) {
      tasks.reserve(tasks.size() + room);
      std::size_t const before = tasks.size();
      bool complete = true;
      shards_[i].lock.lock();
      for (TaskBase* task = shards_[i].alive.front(); task != nullptr; task = shards_[i].alive.next(*task)) {
        if (task->done()) continue;
        if (tasks.size() == tasks.capacity()) {
          complete = false;
          break;
        }
        // Listed tasks hold the runtime's own reference.
        tasks.emplace_back(task);
      }
      shards_[i].lock.unlock();
      if (complete) break;
      tasks.resize(before);
    }
  }
  return tasks;
}

std::string RuntimeCore::task_tree() const {
  std::string text;
  for (auto const& task : all_tasks()) {
    text += "  ";
    task->describe(text);
    text += '\n';
  }
  return text;
}

// ---------------------------------------------------------------- runs

void RuntimeCore::require_idle() const {
  require_not_forked();
  if (current_worker() != nullptr) throw RuntimeError("run() cannot be called from a running task");
  if (running_.load(std::memory_order_relaxed)) throw RuntimeError("run() while another run of this Runtime is in progress");
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
      supervise(&main, true);
      interrupted = wait_finished(main);
    } else {
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
    if (Ref<TaskBase> task = core.first_alive(core.round_.load(std::memory_order_relaxed))) {
      waited_for = std::move(task);
      if (waited_for->add_waiter(*this)) return;
      // It is done, and about to leave the registry.
      waited_for = {};
      real_sync::yield();
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

void RuntimeCore::begin_round() noexcept {
  std::uint32_t const round = round_.load(std::memory_order_relaxed) + 1;
  round_.store(round, std::memory_order_relaxed);
  for (unsigned i = 0; i < scheduler_.size(); ++i) {
    Shard& shard = shards_[i];
    for (;;) {
      // One at a time, each moved to the back: nothing is cancelled under the registry's lock.
      Ref<TaskBase> task;
      shard.lock.lock();
      if (TaskBase* const front = shard.alive.front(); front != nullptr && front->ended_round_ < round && front->birth_round_ < round) {
        front->ended_round_ = round;
        shard.alive.erase(*front);
        shard.alive.push_back(*front);
        task = Ref<TaskBase>(front);
      }
      shard.lock.unlock();
      if (!task) break;
      (void)task->cancel(nullptr);
    }
  }
}

Ref<TaskBase> RuntimeCore::first_alive(std::uint32_t born_before) const noexcept {
  for (unsigned i = 0; i < scheduler_.size(); ++i) {
    std::lock_guard const hold(shards_[i].lock);
    for (TaskBase* task = shards_[i].alive.front(); task != nullptr; task = shards_[i].alive.next(*task))
      if (task->birth_round_ < born_before) return Ref<TaskBase>(task);
  }
  return {};
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

Worker& require_task(char const* what) {
  Worker* const worker = current_worker();
  if (worker == nullptr || worker->state.scope == nullptr)
    throw RuntimeError(std::string(what) + " needs a running task");
  return *worker;
}

}  // namespace weft::engine
