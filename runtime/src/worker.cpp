// The worker's loop: what runs next, when to look outside, when to search, when to park. The protocol is at the head of worker.hpp.
#include <weft/runtime/scheduler/worker.hpp>

#include <algorithm>
#include <chrono>
#include <mutex>
#include <utility>

#include <weft/runtime/scheduler/frame_pool.hpp>
#include <weft/runtime/scheduler/scheduler.hpp>

namespace weft::engine {
namespace {

using std::chrono::nanoseconds;

// Steps of the loop between two looks at the outside, as in tokio and Go.
constexpr std::uint32_t steps_per_poll = 61;
// An owner in whose queue nothing has happened for so long, in nanoseconds, sits in a long step.
constexpr std::int64_t long_step = 3'000;
// A timer of another worker that is late by so much, in nanoseconds, is the lookout's, too.
constexpr std::int64_t lookout_leaves_timers = 1'000'000;
// How many the lookout takes where several were not worth a steal.
constexpr std::size_t probe = 4;
// Rounds over all victims before a searcher gives up, and the one from which it takes by force.
constexpr int search_rounds = 24;
constexpr int forced_round = 16;
// A yield of the core that lasted so long, in nanoseconds, has let another program have a slice of it, and the next one will.
constexpr std::int64_t long_yield = 1'000'000;
// How stale a poll may be while a gather runs: well below the 10 ms that a timer may be late.
constexpr std::int64_t poll_period = 500'000;
constexpr std::int64_t brisk_poll = 50'000;
// Children between two polls: while timers are pending here the clock must be read often, otherwise a submitter asks for attention.
constexpr std::uint32_t fuel_with_timers = 16;
constexpr std::uint32_t fuel_without_timers = 1024;
// A parked worker looks this often after the timers of a worker that is busy.
constexpr std::int64_t watch_period = 4'000'000;
// How long a worker is idle before it gives its free frames back.
constexpr std::int64_t tidy_after = 100'000'000;
// Timers that are taken out of a wheel in one hold of its lock.
constexpr std::size_t timers_per_lock = 512;

}  // namespace

constinit thread_local Worker* tls_worker [[gnu::tls_model("initial-exec")]] = nullptr;

Worker::Worker(Scheduler& scheduler, unsigned index)
    : run_queue(scheduler.config().workers == 1),
      scheduler_(scheduler),
      index_(index),
      shuffles_(scheduler.config().deterministic && scheduler.config().seed != 0),
      steps_to_poll_(steps_per_poll),
      clock_(scheduler.config().virtual_clock ? &scheduler.virtual_time() : &recent_),
      random_(static_cast<std::uint32_t>((scheduler.config().seed + 1) * 0x9E3779B97F4A7C15u >> 32) ^ (index * 0x85EBCA6Bu)),
      wheel_(scheduler.config().virtual_clock ? 0 : 12),
      next_expiry_(TimerWheel::never) {
  if (random_ == 0) random_ = 1;
}

Worker::~Worker() = default;

// ---------------------------------------------------------------- the machinery

WEFT_INLINE void Worker::drive_unwatched(std::coroutine_handle<> coroutine) noexcept {
  for (;;) {
    coroutine.resume();
    if (next) {
      coroutine = std::exchange(next, nullptr);
      continue;
    }
    if (pending == nullptr) return;
    coroutine = std::exchange(pending, nullptr)->commit(*this);
    if (!coroutine) return;
  }
}

void Worker::drive(std::coroutine_handle<> coroutine) noexcept {
  if (watch.load(std::memory_order_relaxed) == 0) [[likely]] drive_unwatched(coroutine);
  else drive_watched(coroutine);
}

void Worker::make_ready(Runnable& given) noexcept {
  Runnable* const runnable = scheduler_.in_order(given);
  if (runnable == nullptr) [[unlikely]] return;
  if (run_queue.push(runnable)) [[likely]] {
    if (scheduler_.idle().would_notify()) [[unlikely]] notify_of_runnable();
    return;
  }
  // The ring could not grow. The injector needs no memory.
  (void)scheduler_.injector().push(*runnable);
  scheduler_.idle().notify_one();
}

void Worker::notify_of_runnable() noexcept {
  IdleSet<real_sync>& idle = scheduler_.idle();
  auto const seen = run_queue.glance();
  Patience& patience = scheduler_.patience();
  StealPatience& kind = patience.of(seen.size());
  if (kind.interval() != 0 && idle.has_lookout()) return;
  kind.wakes();
  // Who is woken for a lone runnable takes it if it still is there.
  if (seen.size() <= 1) (void)queue_age_.at(seen, Scheduler::steady_now());
  idle.notify_one();
}

void Worker::on_published() noexcept { scheduler_.idle().notify_one(); }

std::uint32_t Worker::next_random() noexcept {
  random_ ^= random_ << 13;
  random_ ^= random_ >> 17;
  random_ ^= random_ << 5;
  return random_;
}

// ---------------------------------------------------------------- the loop

void Worker::run() noexcept {
  while (true) {
    unwind = false;
    if (--steps_to_poll_ == 0) {
      steps_to_poll_ = steps_per_poll;
      poll();
    }
    if (take_step()) continue;
    if (poll()) continue;
    if (scheduler_.stopping()) {
      end_search();
      return;
    }
    if (search()) continue;
    park();
  }
}

WEFT_INLINE Runnable* Worker::pop_runnable() noexcept {
  Runnable* const runnable = run_queue.pop();
  return shuffles_ && runnable != nullptr ? shuffled(runnable) : runnable;
}

Runnable* Worker::shuffled(Runnable* runnable) noexcept {
  // Seeded order: now and then a ready task goes to the back and another is first.
  for (std::uint32_t skips = next_random() % 4; skips != 0; --skips) {
    if (!run_queue.push(runnable)) break;
    runnable = run_queue.pop();
  }
  return runnable;
}

WEFT_INLINE bool Worker::take_step() noexcept {
  // What gathers left on the fork deque must get its turn although the run queue never runs dry.
  if (steps_since_forked_ >= steps_per_poll) [[unlikely]] {
    steps_since_forked_ = 0;
    // Nothing may wait unseen while a child runs.
    if (next_step_ != nullptr && deque.size() != 0) make_ready(*std::exchange(next_step_, nullptr));
    // The virtual clock moves only when nothing can run, and what is overdue must not wait for that.
    if (scheduler_.virtual_clock()) fire_overdue();
    if (run_forked()) return true;
  }
  Runnable* runnable = std::exchange(next_step_, nullptr);
  if (runnable == nullptr) runnable = pop_runnable();
  if (runnable != nullptr) {
    ++steps_since_forked_;
    run_runnable(*runnable);
    return true;
  }
  return run_forked();
}

WEFT_INLINE void Worker::run_runnable(Runnable& runnable) noexcept {
  if (searching_) [[unlikely]] end_search_with_work(!run_queue.looks_empty());
  stats.steps.add(1);
  runnable.step(runnable, *this);
}

void Worker::run_in_place(Runnable& runnable) noexcept {
  stats.steps.add(1);
  // More steps follow in this one, so what becomes ready must be visible to thieves.
  enter_nested();
  runnable.step(runnable, *this);
  leave_nested();
}

bool Worker::run_forked() noexcept {
  ForkItem* const item = deque.pop();
  if (item == nullptr) return false;
  if (searching_) [[unlikely]] end_search_with_work(deque.size() != 0);
  stats.local_pops.add(1);
  scheduler_.host().run_forked(*this, item);
  return true;
}

// Who leaves the search, and sees more work than it takes, wakes another; so does the last one when a producer has relied on it.
void Worker::end_search(bool more) noexcept {
  if (searching_) {
    searching_ = false;
    more |= scheduler_.idle().stop_search(index_);
  }
  if (more) scheduler_.idle().notify_one();
}

void Worker::end_search_with_work(bool more) noexcept {
  if (std::exchange(woken_, false)) {
    scheduler_.patience().lone.woken_for_work();
    scheduler_.patience().several.woken_for_work();
  }
  // What woke us may have been the answer to everybody's wish.
  if (scheduler_.idle().any_parked()) wish_everywhere();
  end_search(more);
}

// ---------------------------------------------------------------- watching

void Worker::begin_watched(WatchedStep& step) noexcept {
  watching_ = true;
  place = {};
  scheduler_.host().note_task(*this, step);
  step.began = Scheduler::steady_now();
  recent_.store(step.began, std::memory_order_relaxed);
}

void Worker::end_watched(WatchedStep& step) noexcept {
  watching_ = false;
  scheduler_.host().step_ended(*this, step, Scheduler::steady_now());
}

void Worker::drive_watched(std::coroutine_handle<> coroutine) noexcept {
  if (watching_) {
    // A boundary inside a step.
    drive_unwatched(coroutine);
    return;
  }
  WatchedStep step;
  begin_watched(step);
  drive_unwatched(coroutine);
  end_watched(step);
}

void Worker::trace_instant(TraceEvent::Kind kind, unsigned number) noexcept {
  if ((watch.load(std::memory_order_relaxed) & watch_for_trace) == 0) return;
  try {
    if (auto full = trace.add({kind, Scheduler::steady_now(), 0, number, {}}); !full.empty()) scheduler_.host().trace_full(*this, std::move(full));
  } catch (...) {
    // Without memory the trace has a gap.
  }
}

// ---------------------------------------------------------------- outside

bool Worker::take_injected() noexcept {
  if (scheduler_.injector().empty()) return false;
  auto batch = scheduler_.injector().take_all();
  if (batch.empty()) return false;
  unsigned taken = 0;
  while (Runnable* const runnable = batch.pop()) {
    ++taken;
    if (!run_queue.push(runnable)) run_runnable(*runnable);
  }
  // What this worker does first may be long.
  if (taken > 1 || next_step_ != nullptr || deque.size() != 0) scheduler_.idle().notify_one();
  return true;
}

bool Worker::poll() noexcept {
  attention_.store(false, std::memory_order_relaxed);
  bool found = take_injected();
  if (!scheduler_.virtual_clock()) {
    if (next_expiry() != TimerWheel::never) {
      std::int64_t const now = scheduler_.now();
      last_loop_ = last_poll_ = now;
      recent_.store(now, std::memory_order_relaxed);
      if (next_expiry() <= now) found |= fire_timers(*this, now, Firing::between_steps);
    } else {
      last_loop_ = 0;
      recent_.store(std::max(recent_.load(std::memory_order_relaxed), Scheduler::coarse_now()), std::memory_order_relaxed);
    }
  }
  return found;
}

void Worker::refuel(std::int64_t now) noexcept {
  // Children may be ten nanoseconds long or ten milliseconds; the grant follows them, quickly down and slowly up.
  std::int64_t const took = now - last_poll_;
  last_poll_ = now;
  std::uint32_t const most = next_expiry() != TimerWheel::never ? fuel_with_timers : fuel_without_timers;
  if (took > brisk_poll) fuel_granted_ /= 2;
  else fuel_granted_ *= 2;
  if (fuel_granted_ < 1) fuel_granted_ = 1;
  if (fuel_granted_ > most) fuel_granted_ = most;
  fuel = fuel_granted_;
}

void Worker::poll_from_gather() noexcept {
  if (unwind) {
    // The loop is about to have its turn; the gathers further down must find out too.
    fuel = 1;
    return;
  }
  // Without memory for the run queue, what is taken in runs at once, on top of the gather.
  ExecutionState const gathering = state;
  StrandState* const on = std::exchange(strand, nullptr);
  std::uintptr_t const limit = std::exchange(stack_limit, stack_end);
  poll_beside_gather();
  state = gathering;
  strand = on;
  stack_limit = limit;
}

void Worker::poll_beside_gather() noexcept {
  stats.local_pops.add(fuel_granted_);
  if (scheduler_.virtual_clock()) {
    // Time stands still while we run, so nothing becomes due; but what was submitted from outside must get its turn.
    fuel = fuel_granted_ = fuel_without_timers;
    if (attention_.load(std::memory_order_relaxed)) {
      attention_.store(false, std::memory_order_relaxed);
      // Only for what really came: whether a submitter found us busy or not yet asleep must not change a deterministic schedule.
      if (take_injected()) leave_stack();
    }
    return;
  }
  std::int64_t const now = scheduler_.now();
  recent_.store(now, std::memory_order_relaxed);
  refuel(now);
  if (attention_.load(std::memory_order_relaxed)) attention_.store(false, std::memory_order_relaxed);
  take_injected();
  if (next_expiry() <= now) fire_timers(*this, now, Firing::inside_step);
  if (run_queue.looks_empty()) {
    last_loop_ = now;
    return;
  }
  if (IdleSet<real_sync>& idle = scheduler_.idle(); idle.any_idle()) {
    idle.notify_one();
    // While there is a lookout, who is idle may not find it worth while.
    if (!idle.has_lookout()) return;
  }
  // Runnables wait, nobody is idle: after a while the loop must have its turn.
  if (last_loop_ == 0) last_loop_ = now;
  if (now - last_loop_ >= poll_period) leave_stack();
}

void Worker::request_attention() noexcept {
  attention_.store(true, std::memory_order_relaxed);
  // The next push of a child finds a wish, publishes, and so comes to look.
  deque.stealer().set_want();
}

// ---------------------------------------------------------------- timers

Worker& Worker::timer_home() noexcept { return scheduler_.virtual_clock() ? scheduler_.worker(0) : *this; }

void Worker::fire_overdue() noexcept {
  Worker& home = timer_home();
  if (home.next_expiry() == overdue) [[unlikely]] home.fire_timers(*this, scheduler_.now(), Firing::inside_step);
}

void Worker::arm(Timer& timer, std::int64_t expiry) noexcept {
  Worker& home = timer_home();
  timer.wheel = &home;
  home.wheel_lock_.lock();
  home.wheel_.insert(timer, expiry);
  if (expiry < home.next_expiry()) {
    home.next_expiry_.store(expiry, std::memory_order_relaxed);
    // A gather that runs here must read the clock from now on.
    if (fuel > fuel_with_timers) fuel = fuel_granted_ = fuel_with_timers;
  }
  home.timer_count_.store(home.wheel_.size(), std::memory_order_relaxed);
  home.wheel_lock_.unlock();
}

bool Worker::disarm(Timer& timer) noexcept {
  if (timer.wheel == nullptr) return false;
  Worker& home = *timer.wheel;
  home.wheel_lock_.lock();
  bool const was_armed = timer.pending();
  if (was_armed) {
    home.wheel_.erase(timer);
    home.timer_count_.store(home.wheel_.size(), std::memory_order_relaxed);
    // next_expiry_ may stay too early: the next look corrects it.
    if (home.wheel_.size() == 0) home.next_expiry_.store(TimerWheel::never, std::memory_order_relaxed);
  }
  home.wheel_lock_.unlock();
  return was_armed;
}

std::int64_t Worker::exact_next_expiry() noexcept {
  std::lock_guard const hold(wheel_lock_);
  std::int64_t const expiry = wheel_.next_expiry_exact();
  next_expiry_.store(expiry, std::memory_order_relaxed);
  return expiry;
}

bool Worker::fire_timers(Worker& on, std::int64_t now, Firing when) noexcept {
  bool any = false;
  for (bool more = true; more;) {
    ReadyBatch ready, at_once;
    TimerList expired;
    wheel_lock_.lock();
    more = wheel_.advance(now, expired, timers_per_lock);
    // Claimed under the lock: a timer that somebody disarms meanwhile is either still in the wheel or claimed by us.
    while (TimerNode* const node = expired.pop_front()) {
      auto& timer = static_cast<Timer&>(*node);
      timer.fire(timer, ready, at_once);
    }
    next_expiry_.store(scheduler_.virtual_clock() ? wheel_.next_expiry_exact() : wheel_.next_expiry(), std::memory_order_relaxed);
    timer_count_.store(wheel_.size(), std::memory_order_relaxed);
    wheel_lock_.unlock();
    any |= !ready.empty() || !at_once.empty();
    while (Runnable* const runnable = at_once.pop()) runnable->step(*runnable, on);
    Runnable* const first = ready.pop();
    if (first == nullptr) continue;
    if (when == Firing::between_steps && ready.empty()) on.make_ready_last(*first);
    else on.make_ready(*first);
    while (Runnable* const runnable = ready.pop()) on.make_ready(*runnable);
  }
  return any;
}

// ---------------------------------------------------------------- stealing

bool Worker::has_visible_work(std::size_t spared) const noexcept { return run_queue.size_hint() > spared || deque.size() != 0; }

Runnable* Worker::steal_from(Worker& victim, Liberty liberty, ForkItem*& forked) noexcept {
  stats.steals_tried.add(1);
  auto const stealer = victim.deque.stealer();
  forked = liberty.by_force && !stealer.looks_empty() ? stealer.steal_forced() : stealer.steal();
  if (forked != nullptr) return nullptr;
  auto const seen = victim.run_queue.glance();
  if (seen.size() == 0) return nullptr;
  bool const lone = seen.size() == 1;
  std::int64_t const now = Scheduler::steady_now();
  bool const free = lone ? liberty.lone
                         : liberty.several || StealPatience::worth_taking(seen.size(), victim.pace_.per_act(victim.stats.steps.get() + seen.next, now));
  if (!free && victim.queue_age_.at(seen, now) < long_step) return nullptr;
  Runnable* const runnable = victim.run_queue.steal_into(run_queue, liberty.most);
  if (runnable == nullptr) return nullptr;
  if (lone) {
    scheduler_.patience().stole_lone(now);
  } else {
    stolen_ = 1 + run_queue.size_hint();
    stolen_at_ = now;
    done_at_steal_ = stats.steps.get();
  }
  return runnable;
}

void Worker::judge_steals() noexcept {
  Patience& patience = scheduler_.patience();
  // Who has done nothing since it looked for work last has not run out of it now.
  std::uint64_t const acts = stats.steps.get() + stats.local_pops.get();
  bool const dry = std::exchange(done_at_judgement_, acts) != acts;
  if (stolen_ == 0 && !patience.judges()) return;
  std::int64_t const now = Scheduler::steady_now();
  if (dry) patience.ran_dry(now);
  if (stolen_ == 0) return;
  // Others may have taken some of them.
  auto const done = static_cast<std::size_t>(stats.steps.get() - done_at_steal_);
  patience.several.judge(std::min(std::exchange(stolen_, 0), done), now - stolen_at_);
}

bool Worker::steal_round(Liberty liberty) noexcept {
  unsigned const count = scheduler_.size();
  unsigned at = next_random() % count;
  unsigned const stride = scheduler_.stride(next_random());
  for (unsigned i = 0; i < count; ++i, at = (at + stride) % count) {
    Worker& victim = scheduler_.worker(at);
    if (&victim != this && steal_and_run(victim, liberty)) return true;
  }
  return false;
}

bool Worker::steal_and_run(Worker& victim, Liberty liberty) noexcept {
  ForkItem* forked = nullptr;
  Runnable* const runnable = steal_from(victim, liberty, forked);
  if (runnable == nullptr && forked == nullptr) return false;
  stats.steals_won.add(1);
  if (watch.load(std::memory_order_relaxed) != 0) [[unlikely]] trace_instant(TraceEvent::Kind::steal, victim.index());
  // Also for one that was over the limit of searchers: what it has moved here may have been on the way when a parker looked.
  end_search_with_work(!run_queue.looks_empty() || victim.has_visible_work());
  if (runnable != nullptr) run_runnable(*runnable);
  else scheduler_.host().run_forked(*this, forked);
  return true;
}

bool Worker::search() noexcept {
  judge_steals();
  // Who is parked has nothing to steal. By the steady clock it is worth while to look out for foreign threads before falling asleep; the virtual one
  // stands still until then.
  if (scheduler_.size() == 1 || (scheduler_.virtual_clock() && scheduler_.idle().parked_count() + 1 == scheduler_.size())) {
    end_search();
    return false;
  }
  if (!searching_) {
    if (!scheduler_.idle().try_start_search(index_)) return false;
    searching_ = true;
  }
  // A single runnable is what its owner is about to take, so only the later rounds come for it. Where that has been in vain the search is short.
  Patience& patience = scheduler_.patience();
  bool const lone = patience.lone.interval() == 0;
  for (int round = lone ? 0 : forced_round / 2; round < search_rounds; ++round) {
    bool const late = round >= forced_round;
    if (steal_round({.by_force = late, .lone = late && lone, .several = false})) return true;
    if (poll() || !run_queue.looks_empty()) return true;
    if (scheduler_.stopping()) return true;
    if (round < forced_round / 2) {
      for (int i = 0; i < 32; ++i) real_sync::pause();
    } else if (round + 1 != search_rounds) {
      // More workers than cores: whoever has the work may be waiting for this core. When it was wanted for so long, one look more and it is free.
      std::int64_t const since = Scheduler::steady_now();
      real_sync::yield();
      if (Scheduler::steady_now() - since > long_yield) round = std::max(round, search_rounds - 2);
    }
  }
  return false;
}

void Worker::begin_idle() noexcept {
  stats.parks.add(1);
  if (std::exchange(woken_, false)) {
    scheduler_.patience().lone.woken_in_vain();
    scheduler_.patience().several.woken_in_vain();
  }
  busy.end(Scheduler::steady_now());
  if (watch.load(std::memory_order_relaxed) != 0) [[unlikely]] trace_instant(TraceEvent::Kind::park, 0);
}

void Worker::end_idle() noexcept {
  std::int64_t const now = Scheduler::steady_now();
  recent_.store(now, std::memory_order_relaxed);
  busy.begin(now);
  stats.wakeups.add(1);
  if (watch.load(std::memory_order_relaxed) != 0) [[unlikely]] trace_instant(TraceEvent::Kind::wake, 0);
}

void Worker::park() noexcept {
  if (scheduler_.virtual_clock()) {
    park_virtual();
    return;
  }
  bool const lookout = announce().lookout;
  if (std::size_t const spared = scheduler_.left_to_lookout(); !run_queue.looks_empty() || scheduler_.has_visible_work(spared) || scheduler_.stopping()) {
    go_back();
    take_by_force(spared);
    return;
  }
  park_steady(lookout);
}

IdleSet<real_sync>::Announcement Worker::announce() noexcept {
  // From the wish on a push of a child publishes, and wakes us.
  auto const announced = scheduler_.idle().prepare_park(index_, scheduler_.patience().interval() != 0, [this] { wish_everywhere(); });
  searching_ = false;
  return announced;
}

void Worker::wish_everywhere() noexcept {
  for (unsigned i = 0; i < scheduler_.size(); ++i)
    if (i != index_) scheduler_.worker(i).deque.stealer().set_want();
}

// Visible, and yet the search did not get it: the owner sits in a long leaf, or it did not look worth a steal.
void Worker::take_by_force(std::size_t spared) noexcept {
  if (scheduler_.size() != 1 && run_queue.looks_empty()) (void)steal_round({.by_force = true, .lone = spared < 1, .several = spared <= 1});
}

void Worker::go_back() noexcept {
  searching_ = scheduler_.idle().cancel_park(index_);
  search_after_announcement();
}

// The announcement may have cleared a mark that stood for more than we shall take, or somebody may have relied on us as the lookout.
void Worker::search_after_announcement() noexcept {
  if (scheduler_.size() == 1) return;
  IdleSet<real_sync>& idle = scheduler_.idle();
  if (!searching_) searching_ = idle.try_start_search(index_);
  idle.notify_one();
}

// Announced: dozes and looks, until it is woken, the time is up, a timer of another is late, or everything is at rest (null), or a worker is seen from whose queue it
// is to take.
Worker* Worker::look_out(std::int64_t until, Liberty& liberty) noexcept {
  Patience& patience = scheduler_.patience();
  std::uint64_t done = scheduler_.steps_beside(*this);
  for (std::int64_t now = Scheduler::steady_now();;) {
    if (scheduler_.idle().doze(index_, nanoseconds(std::clamp(until - now, std::int64_t{1}, Patience::look_period)))) return nullptr;
    now = Scheduler::steady_now();
    bool const tries = patience.try_is_due(now);
    for (unsigned i = 0, at = next_random() % scheduler_.size(); i < scheduler_.size(); ++i, at = (at + 1) % scheduler_.size()) {
      Worker& other = scheduler_.worker(at);
      if (!scheduler_.virtual_clock() && other.next_expiry() <= now - lookout_leaves_timers) return nullptr;
      auto const seen = other.run_queue.glance();
      std::int64_t const per_act = other.pace_.per_act(other.stats.steps.get() + seen.next, now);
      if (seen.size() == 0) continue;
      bool const worth = StealPatience::worth_taking(seen.size(), per_act);
      if (!worth && !tries) continue;
      if (!worth) liberty.most = probe;
      return &other;
    }
    std::uint64_t const before = std::exchange(done, scheduler_.steps_beside(*this));
    patience.nothing_there(done != before, tries);
    if (patience.interval() == 0 || now >= until || scheduler_.stopping()) return nullptr;
  }
}

void Worker::park_virtual() noexcept {
  IdleSet<real_sync>& idle = scheduler_.idle();
  bool lookout = false;
  for (bool tried = false;; tried = true) {
    int const phase = scheduler_.host().stuck_phase();
    Gate::Look const seen = scheduler_.gate().look();
    auto const announced = announce();
    lookout = announced.lookout;
    if (std::size_t const spared = scheduler_.left_to_lookout(); scheduler_.has_visible_work(spared) || scheduler_.stopping()) {
      go_back();
      take_by_force(spared);
      return;
    }
    if (!announced.last) break;
    // A second look after a vain one: only what can be done now counts.
    if (tried && !scheduler_.may_advance() && scheduler_.gate().look() == seen) break;
    if (!idle.try_leave_as_last(index_)) break;
    // Nobody else is awake: the moment is ours.
    if (scheduler_.advance_virtual_clock(*this, seen, phase)) return;
  }
  Liberty liberty{.by_force = true, .lone = true, .several = true};
  Worker* victim = nullptr;
  begin_idle();
  if (lookout) {
    victim = look_out(TimerWheel::never, liberty);
    searching_ = idle.cancel_park(index_);
  } else {
    idle.commit_park(index_);
    searching_ = true;
  }
  end_idle();
  woken_ = searching_;
  if (!searching_) search_after_announcement();
  if (victim != nullptr) take_as_lookout(*victim, liberty);
}

void Worker::take_as_lookout(Worker& victim, Liberty liberty) noexcept {
  if (!steal_and_run(victim, liberty)) scheduler_.patience().nothing_there(true, liberty.most == probe);
}

void Worker::park_steady(bool as_lookout) noexcept {
  IdleSet<real_sync>& idle = scheduler_.idle();
  std::int64_t const now = scheduler_.now();
  std::int64_t wake_at = next_expiry();
  bool others_have_timers = false;
  for (unsigned i = 0; i < scheduler_.size(); ++i)
    if (i != index_ && scheduler_.worker(i).next_expiry() != TimerWheel::never) others_have_timers = true;
  // The timers of a worker that is busy are looked after by those that are parked; each looks the more rarely, the more they are.
  if (others_have_timers) wake_at = std::min(wake_at, now + watch_period * std::max(1u, idle.parked_count()));
  if (wake_at <= now) {
    searching_ = idle.cancel_park(index_);
    if (as_lookout) search_after_announcement();
    fire_timers(*this, now, Firing::between_steps);
    return;
  }
  Liberty liberty{.by_force = true, .lone = true, .several = true};
  Worker* victim = nullptr;
  begin_idle();
  bool const tidies = !as_lookout && !tidied_ && wake_at - now > tidy_after;
  if (tidies) wake_at = now + tidy_after;
  if (as_lookout) {
    victim = look_out(wake_at, liberty);
    searching_ = idle.cancel_park(index_);
  } else if (wake_at == TimerWheel::never) {
    idle.commit_park(index_);
    searching_ = true;
  } else {
    searching_ = idle.commit_park(index_, nanoseconds(wake_at - now)) == Parked::woken;
  }
  tidied_ = false;
  if (tidies && !searching_ && !scheduler_.stopping()) {
    // Idle for so long: what the load has left behind goes back to the system, once.
    tidied_ = true;
    frame_pool_flush();
    (void)frame_pool_trim();
  }
  end_idle();
  woken_ = searching_;
  if (as_lookout && !searching_) search_after_announcement();
  std::int64_t const woken = recent_.load(std::memory_order_relaxed);
  if (others_have_timers || as_lookout) {
    // The lookout comes often, and others poll.
    std::int64_t const due = as_lookout ? woken - lookout_leaves_timers : woken;
    for (unsigned i = 0; i < scheduler_.size(); ++i) {
      Worker& other = scheduler_.worker(i);
      if (other.next_expiry() <= due) other.fire_timers(*this, woken, Firing::between_steps);
    }
  }
  // A stolen step may be long, and nothing may wait for its end.
  if (victim != nullptr && next_step_ == nullptr && run_queue.looks_empty() && next_expiry() > woken) take_as_lookout(*victim, liberty);
}

}  // namespace weft::engine
