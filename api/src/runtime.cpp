// Options into an engine, and what a Runtime tells about itself.
#include <weft/runtime.hpp>

#include <cstdio>
#include <cstdlib>
#include <string_view>

#include <weft/runtime/platform/cpu.hpp>
#include <weft/runtime/scheduler/frame_pool.hpp>

namespace weft {
namespace {

unsigned worker_count(Options const& options) {
  if (options.workers > 4096) throw ValueError("Options::workers is " + std::to_string(options.workers) + ", the most is 4096");
  if (options.deterministic) return 1;
  if (options.workers != 0) return options.workers;
  if (auto const from_environment = engine::workers_from_environment()) return *from_environment;
  return std::min(engine::available_parallelism(), 4096u);
}

void report_on_stderr(std::exception_ptr const& error, engine::TaskBase* task) {
  std::string text = task != nullptr ? "Task exception was never retrieved: " + task->name() : "Exception in a callback";
  if (task != nullptr && task->place().line() != 0)
    text += std::string(" (") + task->place().function_name() + ", " + task->place().file_name() + ":" + std::to_string(task->place().line()) + ")";
  std::fprintf(stderr, "weft: %s\n  %s\n", text.c_str(), describe_exception(error).c_str());
}

engine::RuntimeConfig make_config(Options options) {
  engine::RuntimeConfig config;
  config.scheduler.workers = worker_count(options);
  config.scheduler.thread_name = std::move(options.thread_name);
  config.scheduler.pin = options.pin == Pin::core;
  config.scheduler.virtual_clock = options.clock == ClockKind::virtual_time;
  config.scheduler.deterministic = options.deterministic;
  config.scheduler.seed = options.seed;
  char const* const debug = std::getenv("WEFT_DEBUG");
  config.debug = debug != nullptr && *debug != '\0' && std::string_view(debug) != "0";
  config.blocking_threads = options.blocking_threads;
  config.handle_sigint = options.handle_sigint;
  config.on_unhandled = [hook = std::move(options.on_unhandled_exception)](std::exception_ptr error, engine::TaskBase* task) {
    if (hook) hook(error, AnyTask(engine::Ref<engine::TaskBase>(task)));
    else report_on_stderr(error, task);
  };
  // No exception of a user's may end a worker.
  auto const guarded = [&config](std::function<void(unsigned)> hook) -> std::function<void(unsigned)> {
    if (!hook) return nullptr;
    return [hook = std::move(hook), report = config.on_unhandled](unsigned index) {
      try {
        hook(index);
      } catch (...) {
        report(std::current_exception(), nullptr);
      }
    };
  };
  config.scheduler.on_thread_start = guarded(std::move(options.on_thread_start));
  config.scheduler.on_thread_stop = guarded(std::move(options.on_thread_stop));
  return config;
}

}  // namespace

namespace engine {

void throw_runtime_ending() { throw RuntimeError("the Runtime is being destroyed"); }

}  // namespace engine

Runtime::Runtime(Options options) : core_(std::make_unique<engine::RuntimeCore>(make_config(std::move(options)))) {}

Runtime::~Runtime() {
  // In a child of fork() the workers do not exist and locks may be held by nobody: the memory is left alone.
  if (core_->forked()) (void)core_.release();
}

Metrics Runtime::metrics() const {
  core_->require_not_forked();
  engine::Scheduler const& scheduler = core_->scheduler();
  Metrics metrics{};
  for (unsigned i = 0; i < scheduler.size(); ++i) {
    engine::Worker const& worker = scheduler.worker(i);
    engine::Worker::Stats const& stats = worker.stats;
    std::chrono::nanoseconds const busy(worker.busy.get(engine::Scheduler::steady_now));
    metrics.workers.push_back({stats.steps.get(), stats.local_pops.get(), stats.steals_tried.get(), stats.steals_won.get(), stats.parks.get(),
                               stats.wakeups.get(), worker.run_queue.size_hint() + worker.deque.size(), busy});
    metrics.timers += worker.timer_count();
  }
  metrics.live_tasks = core_->live_tasks();
  metrics.frame_bytes = engine::frame_bytes();
  return metrics;
}

std::vector<AnyTask> Runtime::all_tasks() const {
  core_->require_not_forked();
  std::vector<AnyTask> tasks;
  for (auto& task : core_->all_tasks()) tasks.emplace_back(std::move(task));
  return tasks;
}

std::string Runtime::task_tree() const {
  core_->require_not_forked();
  return core_->task_tree();
}

std::string Runtime::task_tree_json() const {
  core_->require_not_forked();
  return core_->task_tree_json();
}

std::string task_tree_json() { return engine::runtime_of(engine::require_task("task_tree_json()")).task_tree_json(); }
std::string task_tree() { return engine::runtime_of(engine::require_task("task_tree()")).task_tree(); }

}  // namespace weft
