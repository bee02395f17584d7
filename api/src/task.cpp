// The cold half of handles: waiting for tasks, callbacks, circles.
#include <weft/create_task.hpp>
#include <weft/runtime.hpp>

#include <future>
#include <memory>

namespace weft {
namespace engine {

void give_place(std::source_location place) noexcept {
  TaskBase& task = current_worker()->state.scope->task();
  if (task.place().line() == 0) task.set_place(place);
}

void throw_moved_from_coro() { throw RuntimeError("await of a Coro that was moved from or awaited before"); }
void throw_empty_handle() { throw RuntimeError("use of an empty handle"); }

void look_for_circle(TaskBase& target) {
  TaskBase const& self = current_worker()->state.scope->task();
  if (&target == &self) throw RuntimeError("a task cannot await itself: " + self.name());
  // What a part of a gather awaits does not stop the task as a whole.
  constexpr int furthest = 1000;
  Ref<TaskBase> next = target.awaited_by_body();
  for (int hops = 0; next && hops < furthest; ++hops) {
    if (next.get() == &self) throw RuntimeError("tasks await each other in a circle: " + self.name() + " and " + target.name());
    next = next->awaited_by_body();
  }
}

std::coroutine_handle<> TaskWait::commit(Worker& worker) noexcept {
  return arm(worker, [this] { return awaited_->add_waiter(*this); });
}

void TaskWait::claimed(Completion& done, ReadyBatch& ready, Scheduler* here) noexcept {
  if (!std::exchange(owned_, true)) {
    if (here == &scheduler()) done.take_reference();
    else done.acquire();
  }
  wake_up(ready, here);
}

void TaskWait::throw_failure() const {
  Worker& worker = *current_worker();
  // The failure of a child has cancelled the group's body and its other children before they could see it: for them the cancel comes first,
  // so that the group counts the failure once.
  Scope const& here = *worker.state.scope;
  TaskBase const* const task = awaited_->as_task();
  if (task != nullptr && task->failed() && task->group() != nullptr && cancel_pending(worker.state) &&
      (here.task().group() == task->group() || here.inside_body_of(task->group())))
    throw_cancelled(worker);
  awaited_->throw_outcome();
}

void DoneCallback::on_done(Completion& done, ReadyBatch& ready, Scheduler* here) noexcept {
  auto* const before = static_cast<DoneCallback*>(std::exchange(done.last_callback, this));
  if (before != nullptr) {
    before->next_callback_ = this;
    return;
  }
  if (here != nullptr) (void)ready_in(runtime_of(*current_worker()));
  ready.push(*this);
}

void DoneCallback::step(Runnable& runnable, Worker& worker) noexcept {
  for (DoneCallback* callback = &static_cast<DoneCallback&>(runnable); callback != nullptr;) {
    // On the strand that registered it, and there with those behind it: their order stays.
    if (callback->strand_ && callback->strand_.get() != worker.strand && callback->strand_->runtime_serial() == runtime_of(worker).serial()) {
      callback->strand_->execute(*callback, worker);
      return;
    }
    worker.state = ExecutionState{};
    DoneCallback* const next = callback->next_callback_;
    {
      ContextGuard const context(std::move(callback->context_));
      worker.call_user([&]() noexcept {
        try {
          callback->call();
        } catch (...) {
          runtime_of(worker).report_unhandled(std::current_exception(), callback->task());
        }
      });
      delete callback;
    }
    callback = next;
  }
}

void add_task_callback(TaskBase& task, DoneCallback* callback) noexcept {
  if (task.add_waiter(*callback)) return;
  // The task has ended; its runtime may have, too.
  Worker* const here = current_worker();
  if (here != nullptr && &runtime_of(*here) == &task.runtime()) {
    here->make_ready(callback->ready_in(task.runtime()));
    return;
  }
  bool const scheduled =
      RuntimeCore::with_runtime(task.runtime_serial(), [&](RuntimeCore& runtime) { runtime.scheduler().make_ready(callback->ready_in(runtime)); });
  if (!scheduled) DoneCallback::call_detached(callback);
}

void add_future_callback(Completion& future, DoneCallback* callback) noexcept {
  Worker* const here = current_worker();
  if (here != nullptr) callback->runtime_serial = runtime_of(*here).serial();
  if (future.add_waiter(*callback)) return;
  if (here != nullptr) here->make_ready(callback->ready_in(runtime_of(*here)));
  else DoneCallback::call_detached(callback);
}

void DoneCallback::schedule_from_foreign_thread(DoneCallback* first) noexcept {
  for (DoneCallback* callback = first; callback != nullptr; callback = callback->next_callback_) {
    if (callback->runtime_serial == 0) continue;
    // The chain is the runtime's as soon as it is ready there.
    if (RuntimeCore::with_runtime(callback->runtime_serial, [&](RuntimeCore& runtime) { runtime.scheduler().make_ready(first->ready_in(runtime)); })) return;
  }
  call_detached(first);
}

void DoneCallback::call_detached(DoneCallback* first) noexcept {
  for (DoneCallback* callback = first; callback != nullptr;) {
    DoneCallback* const next = callback->next_callback_;
    {
      ContextGuard const context(std::move(callback->context_));
      try {
        callback->call();
      } catch (...) {
        // There is no runtime to report to.
      }
      delete callback;
    }
    callback = next;
  }
}

namespace {

// A thread that is blocked in get() under the virtual clock, where the program may turn out to be stuck. Destroys itself when the task has ended.
class BlockedGet final : public Submission, public TaskWaiter, public Runnable {
 public:
  // False when the task has ended.
  static bool begin(RuntimeCore& runtime, TaskBase& task, std::future<void>& ended) {
    auto get = std::unique_ptr<BlockedGet, Gone>(new BlockedGet(runtime));
    ended = get->ended_.get_future();
    runtime.add_submission(*get);
    if (!task.add_waiter(*get)) {
      runtime.remove_submission(*get);
      return false;
    }
    (void)get.release();
    // The worker that found the program stuck before looks again.
    runtime.scheduler().external_begin();
    runtime.scheduler().external_end();
    return true;
  }
  void on_done(Completion&, ReadyBatch& ready, Scheduler*) noexcept override { ready.push(*this); }
  void fail(std::exception_ptr error) noexcept override {
    failed_ = true;
    ended_.set_exception(std::move(error));
  }

 private:
  struct Gone {
    void operator()(BlockedGet* get) const noexcept { delete get; }
  };
  explicit BlockedGet(RuntimeCore& runtime) : Runnable(&BlockedGet::step), runtime_(runtime) {}
  ~BlockedGet() = default;
  static void step(Runnable& runnable, Worker& worker) noexcept {
    worker.state = ExecutionState{};
    std::unique_ptr<BlockedGet, Gone> const get(static_cast<BlockedGet*>(&runnable));
    get->runtime_.remove_submission(*get);
    if (!get->failed_) get->ended_.set_value();
  }

  RuntimeCore& runtime_;
  std::promise<void> ended_;
  // INVARIANT: under the runtime's lock of submissions until it has left the list.
  bool failed_ = false;
};

}  // namespace

void wait_on_foreign_thread(TaskBase& task) {
  if (current_worker() != nullptr) throw RuntimeError("Task::get() blocks, so it cannot be called on a worker: await the task");
  std::future<void> ended;
  bool registered = false;
  auto const begin = [&](RuntimeCore& runtime) {
    if (!runtime.scheduler().virtual_clock()) return;
    GatePass const pass(runtime.scheduler().gate());
    if (!pass) return;
    registered = BlockedGet::begin(runtime, task, ended);
  };
  if (!task.done()) (void)RuntimeCore::with_runtime(task.runtime_serial(), begin);
  if (registered) ended.get();
  else task.wait_blocking();
}

bool TaskHandle::cancel(std::string message) {
  TaskBase& task = base();
  if (task.done()) {
    // Who cancels a task that has failed wants it gone, and not to hear of it (CPython).
    task.mark_retrieved();
    return false;
  }
  return task.cancel(message.empty() ? nullptr : std::make_shared<std::string const>(std::move(message)));
}

}  // namespace engine

AnyTask current_task() {
  engine::Worker& worker = engine::require_task("current_task()");
  return AnyTask(engine::Ref<engine::TaskBase>(&worker.state.scope->task()));
}

std::vector<AnyTask> all_tasks() {
  std::vector<AnyTask> tasks;
  for (auto& task : engine::runtime_of(engine::require_task("all_tasks()")).all_tasks()) tasks.emplace_back(std::move(task));
  return tasks;
}

}  // namespace weft
