// Into a foreign awaitable and back.
#include <weft/foreign.hpp>
#include <weft/runtime/runtime/strand.hpp>
#include <weft/runtime/runtime/task.hpp>

namespace weft::engine {

void ForeignProxy::promise_type::Final::await_suspend(std::coroutine_handle<promise_type> proxy) const noexcept {
  ForeignNode& node = *proxy.promise().node_;
  proxy.destroy();
  node.post();
}

ForeignProxy make_proxy(ForeignNode&) { co_return; }

std::coroutine_handle<> ForeignNode::commit(Worker& worker) noexcept {
  scheduler_ = &worker.scheduler();
  state_ = worker.state;
  ordered_by = worker.strand;
  // While we are out there, nothing here knows when we come back.
  scheduler_->external_begin();
  TaskBase& task = state_.scope->task();
  task.foreign_waits.fetch_add(1, std::memory_order_relaxed);
  std::coroutine_handle<> const coroutine = coroutine_;
  std::coroutine_handle<> const proxy = proxy_;
  Scheduler& scheduler = *scheduler_;
  // The foreign code may ask for the context, and even set something, after we have been resumed elsewhere.
  ContextRef const context(worker.state.context);
  worker.state.flags &= ~ExecutionState::owns_context;
  try {
    // LIFETIME: when it waits we may be resumed, on another worker, before it returns.
    if (suspend_foreign(proxy)) {
      end_context(worker.state);
      return {};
    }
  } catch (...) {
    error_ = std::current_exception();
  }
  scheduler.external_end();
  task.foreign_waits.fetch_sub(1, std::memory_order_relaxed);
  proxy.destroy();
  end_context(worker.state);
  worker.state = state_;
  return coroutine;
}

void ForeignNode::step(Runnable& runnable, Worker& worker) noexcept {
  auto& self = static_cast<ForeignNode&>(runnable);
  if (goes_to_strand(self, self.state_, worker)) return;
  worker.state = self.state_;
  worker.state.scope->task().foreign_waits.fetch_sub(1, std::memory_order_relaxed);
  worker.scheduler().external_end();
  worker.drive(self.coroutine_);
}

}  // namespace weft::engine
