// The cold half of the coroutine machinery: ends that find their parent suspended, starts that were put off, children taken from a deque.
#include <weft/runtime/runtime/promise.hpp>

#include <atomic>
#include <cstdio>

#include <weft/runtime/runtime/context.hpp>
#include <weft/runtime/runtime/runtime_core.hpp>
#include <weft/runtime/runtime/strand.hpp>
#include <weft/runtime/runtime/task.hpp>

namespace weft::engine {
namespace {

// A coroutine that starts when the native stack has unwound. On the fork deque as a tagged pointer: frames are aligned, so bit 0 is free. Or, for a
// strand, in its queue.
class DeferredStart final : public Suspension, public Runnable {
 public:
  explicit DeferredStart(std::coroutine_handle<> coroutine) noexcept : Runnable(&DeferredStart::step), coroutine_(coroutine) {}
  static void* operator new(std::size_t size) { return frame_allocate(size); }
  static void operator delete(void* block, std::size_t size) noexcept { frame_free(block, size); }

  std::coroutine_handle<> commit(Worker& worker) noexcept override {
    state_ = worker.state;
    if (worker.strand != nullptr) {
      worker.strand->execute(*this, worker);
      return {};
    }
    switch (worker.deque.push(reinterpret_cast<ForkItem*>(reinterpret_cast<std::uintptr_t>(this) | 1))) {
      case Pushed::published: worker.on_published(); break;
      case Pushed::kept: break;
      case Pushed::failed: {
        // No memory for the deque: start it here, on whatever stack is left.
        std::coroutine_handle<> const coroutine = coroutine_;
        delete this;
        return coroutine;
      }
    }
    return {};
  }

  static DeferredStart* from(ForkItem* item) noexcept {
    auto const bits = reinterpret_cast<std::uintptr_t>(item);
    return (bits & 1) != 0 ? reinterpret_cast<DeferredStart*>(bits & ~std::uintptr_t{1}) : nullptr;
  }

  std::coroutine_handle<> take(Worker& worker) noexcept {
    std::coroutine_handle<> const coroutine = coroutine_;
    worker.state = state_;
    delete this;
    return coroutine;
  }

 private:
  static void step(Runnable& runnable, Worker& worker) noexcept { worker.drive(static_cast<DeferredStart&>(runnable).take(worker)); }

  std::coroutine_handle<> coroutine_;
  ExecutionState state_{};
};

// A child of a gather that left the stack of the worker that made it; its join holds the state.
void start_child(Worker& worker, std::coroutine_handle<> coroutine, std::uint32_t flags) noexcept {
  PromiseBase& promise = promise_of(coroutine);
  JoinBase& join = promise.join();
  worker.state = join.state;
  worker.state.flags = flags;
  promise.detach();
  if (!cancel_pending(worker.state)) {
    worker.drive(coroutine);
    return;
  }
  // A cancel reached the part before this child had started: it never runs.
  join.child_dropped(promise.slot());
  coroutine.destroy();
  if (!join.counter.arrive()) return;
  join.put_back(worker);
  worker.drive(join.parent());
}

// A child of a strand's gather that starts later, in the strand's queue.
class DeferredChild final : public Runnable {
 public:
  explicit DeferredChild(std::coroutine_handle<> child) noexcept : Runnable(&DeferredChild::step), child_(child) {}
  static void* operator new(std::size_t size) { return frame_allocate(size); }
  static void operator delete(void* block, std::size_t size) noexcept { frame_free(block, size); }

 private:
  static void step(Runnable& runnable, Worker& worker) noexcept {
    auto* const self = static_cast<DeferredChild*>(&runnable);
    std::coroutine_handle<> const child = self->child_;
    delete self;
    start_child(worker, child, ExecutionState::part | ExecutionState::on_strand);
  }
  std::coroutine_handle<> child_;
};

}  // namespace

bool defer_child(Worker& worker, std::coroutine_handle<> child) noexcept {
  try {
    worker.strand->execute(*new DeferredChild(child), worker);
    return true;
  } catch (...) {
    return false;
  }
}

std::coroutine_handle<> JoinBase::commit(Worker& worker) noexcept {
  std::coroutine_handle<> const resumed = parent();
  // LIFETIME: from here on the last child may resume the parent, whose frame holds this join.
  if (!counter.wait(outstanding)) return {};
  put_back(worker);
  return resumed;
}

void JoinBase::put_back(Worker& worker) const noexcept {
  worker.state = state;
  if (trouble_.load(std::memory_order_relaxed) != 0) worker.state.flags |= ExecutionState::dirty;
}

void PromiseBase::end_detached(std::uintptr_t up) noexcept {
  Worker& worker = *current_worker();
  std::uintptr_t const pointer = up & ~std::uintptr_t{tag_mask};
  switch (up & kind_mask) {
    case kind_await:
      worker.next = reinterpret_cast<AwaitRecord*>(pointer)->parent;
      return;
    case kind_join: {
      auto& join = *reinterpret_cast<JoinBase*>(pointer);
      end_context(worker.state);
      if (!join.counter.arrive()) return;
      join.put_back(worker);
      worker.next = join.parent();
      return;
    }
    default: reinterpret_cast<TaskBase*>(pointer)->finish(worker); return;
  }
}

void PromiseBase::store(std::exception_ptr error) noexcept {
  switch (up_ & kind_mask) {
    case kind_await: up<AwaitRecord>()->error = std::move(error); return;
    case kind_join: up<JoinBase>()->child_failed(slot_, std::move(error)); return;
    default: up<TaskBase>()->store_exception(std::move(error)); return;
  }
}

void PromiseBase::end_cancelled(std::coroutine_handle<> coroutine, bool stands) noexcept {
  std::uintptr_t const parent = up_;
  Worker& worker = *current_worker();
  if ((parent & kind_mask) == kind_task) up<TaskBase>()->store_cancelled(stands ? deliver_cancel(worker) : CancelMessage());
  else store(cancellation_of(worker, stands));
  coroutine.destroy();
  if ((parent & detached_bit) != 0) end_detached(parent);
}

namespace {

// Runtimes alive that were made with WEFT_DEBUG.
std::atomic<int> debug_runtimes{0};

}  // namespace

void count_debug_runtime(int by) noexcept { debug_runtimes.fetch_add(by, std::memory_order_relaxed); }

void drop_unawaited(PromiseBase& promise) noexcept {
  // While an exception passes, it tells why nobody came to the await.
  if (debug_runtimes.load(std::memory_order_relaxed) != 0 && std::uncaught_exceptions() == 0) {
    std::source_location const place = promise.place();
    if (place.line() == 0) std::fputs("weft: coroutine was never awaited: a call of a task or block that did not begin\n", stderr);
    else std::fprintf(stderr, "weft: coroutine was never awaited: %s\n  %s:%u\n", place.function_name(), place.file_name(), static_cast<unsigned>(place.line()));
  }
  std::coroutine_handle<PromiseBase>::from_promise(promise).destroy();
}

void defer_start(Worker& worker, std::coroutine_handle<> coroutine) {
  worker.pending = new DeferredStart(coroutine);
  // The gathers below leave the stack too, otherwise the start would be behind their children.
  worker.leave_stack();
}

void RuntimeCore::run_forked(Worker& worker, ForkItem* item) noexcept {
  if (DeferredStart* const deferred = DeferredStart::from(item)) {
    worker.drive(deferred->take(worker));
    return;
  }
  start_child(worker, std::coroutine_handle<>::from_address(item), ExecutionState::part);
}

}  // namespace weft::engine
