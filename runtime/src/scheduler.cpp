// Starting and ending the workers, the way in for foreign threads, and the virtual clock.
#include <weft/runtime/scheduler/scheduler.hpp>

#include <chrono>
#include <ctime>
#include <numeric>
#include <system_error>

#include <weft/runtime/platform/cpu.hpp>
#include <weft/runtime/platform/fault.hpp>

namespace weft::engine {
namespace {

// The native stack that a chain of nested awaits may use; what is below belongs to the user's own calls.
constexpr std::size_t nested_stack = std::size_t{1} << 20;
constexpr std::size_t worker_stack = std::size_t{8} << 20;

}  // namespace

Scheduler::Scheduler(SchedulerConfig config, SchedulerHost& host)
    : config_(std::move(config)), host_(host), idle_(config_.workers) {
  workers_.reserve(config_.workers);
  for (unsigned i = 0; i < config_.workers; ++i) workers_.push_back(std::make_unique<Worker>(*this, i));
  threads_.reserve(config_.workers);
  for (unsigned i = 1; i <= config_.workers; ++i)
    if (std::gcd(i, config_.workers) == 1) strides_.push_back(i);
}

Scheduler::~Scheduler() {
  if (!threads_.empty()) stop();
}

void Scheduler::start() {
  pthread_attr_t attributes;
  WEFT_CHECK(pthread_attr_init(&attributes) == 0);
  int error = pthread_attr_setstacksize(&attributes, worker_stack);
  for (auto& worker : workers_) {
    if (error != 0) break;
    pthread_t thread{};
    try {
      fault::on_thread_creation();
      error = pthread_create(&thread, &attributes, &Scheduler::thread_main, worker.get());
    } catch (std::system_error const& injected) {
      error = injected.code().value();
    }
    if (error == 0) threads_.push_back(thread);
  }
  pthread_attr_destroy(&attributes);
  if (error == 0) return;
  stop();
  throw std::system_error(error, std::generic_category(), "weft: a worker thread could not be created");
}

void Scheduler::stop() noexcept {
  // ORDER(stop): release; pairs with stopping(): what was done before the end is visible to the workers that end.
  stopping_.store(true, std::memory_order_release);
  idle_.notify_all();
  for (pthread_t const thread : threads_) pthread_join(thread, nullptr);
  threads_.clear();
  gate_.close();
  gate_.wait_empty();
}

void* Scheduler::thread_main(void* argument) noexcept {
  Worker& worker = *static_cast<Worker*>(argument);
  Scheduler& scheduler = worker.scheduler();
  SchedulerConfig const& config = scheduler.config();
  tls_worker = &worker;
  set_thread_name((config.thread_name + "-" + std::to_string(worker.index())).c_str());
  if (config.pin) pin_to_core(worker.index());
  wake_on_time();
  worker.stack_limit = worker.stack_end = stack_pointer() - nested_stack;
  std::int64_t const begins = steady_now();
  worker.recent_.store(begins, std::memory_order_relaxed);
  worker.busy.begin(begins);
  if (config.on_thread_start) config.on_thread_start(worker.index());
  worker.run();
  if (config.on_thread_stop) config.on_thread_stop(worker.index());
  tls_worker = nullptr;
  return nullptr;
}

void Scheduler::make_ready(Runnable& given) noexcept {
  Worker* const here = current_worker();
  if (here != nullptr && &here->scheduler() == this) {
    here->make_ready(given);
    return;
  }
  // LIFETIME: once a runnable is anybody's to run, the runtime may end; only the gate holds it.
  gate_.enter();
  if (Runnable* const runnable = in_order(given)) inject(*runnable);
  gate_.leave();
}

void Scheduler::inject(Runnable& runnable) noexcept {
  (void)injector_.push(runnable);
  idle_.notify_one_from_foreign_thread();
  if (!idle_.any_idle()) {
    // Everybody is busy, perhaps inside gathers that never suspend: ask one, each time another, to look.
    workers_[next_attention_.fetch_add(1, std::memory_order_relaxed) % workers_.size()]->request_attention();
  }
}

void Scheduler::make_ready(ReadyBatch& batch) noexcept {
  while (Runnable* const runnable = batch.pop()) make_ready(*runnable);
}

std::int64_t Scheduler::now() const noexcept {
  // ORDER(virtual-now): acquire; pairs with advance_virtual_clock(): what happened before the jump happens before what follows.
  if (config_.virtual_clock) return virtual_now_.load(std::memory_order_acquire);
  return steady_now();
}

std::int64_t Scheduler::steady_now() noexcept {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

std::int64_t Scheduler::coarse_now() noexcept {
  timespec now{};
  (void)clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
  return std::int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

void Scheduler::external_end() noexcept {
  gate_.enter();
  external_.fetch_sub(1, std::memory_order_relaxed);
  // The worker that parked last may have waited for nothing but this.
  if (config_.virtual_clock) idle_.notify_one_from_foreign_thread();
  gate_.leave();
}

bool Scheduler::has_visible_work(std::size_t spared) const noexcept {
  if (!injector_.empty()) return true;
  for (auto const& worker : workers_)
    if (worker->has_visible_work(spared)) return true;
  return false;
}

std::uint64_t Scheduler::steps_beside(Worker const& worker) const noexcept {
  std::uint64_t steps = 0;
  for (auto const& other : workers_)
    if (other.get() != &worker) steps += other->stats.steps.get();
  return steps;
}

bool Scheduler::may_advance() const noexcept {
  return external_.load(std::memory_order_relaxed) == 0 && workers_[0]->next_expiry() != TimerWheel::never;
}

bool Scheduler::advance_virtual_clock(Worker& worker, Gate::Look seen, int phase) noexcept {
  if (external_.load(std::memory_order_relaxed) != 0) return false;
  Worker& home = *workers_[0];
  std::int64_t const expiry = home.exact_next_expiry();
  if (expiry == TimerWheel::never) {
    if (!seen.quiet || gate_.look() != seen) return true;
    host_.on_stuck(worker, phase, seen);
    return has_visible_work();
  }
  if (expiry > virtual_now_.load(std::memory_order_relaxed)) {
    // ORDER(virtual-now): release; pairs with now().
    virtual_now_.store(expiry, std::memory_order_release);
  }
  home.fire_timers(worker, virtual_now_.load(std::memory_order_relaxed), Worker::Firing::between_steps);
  return true;
}

}  // namespace weft::engine
