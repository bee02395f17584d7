// What a coroutine does about cancellation: look for it, hold it off, turn it into a value.
#pragma once

#include <coroutine>
#include <exception>
#include <type_traits>
#include <utility>

#include <weft/coro.hpp>
#include <weft/create_task.hpp>
#include <weft/result.hpp>
#include <weft/runtime/runtime/scope.hpp>
#include <weft/task.hpp>

namespace weft {
namespace engine {

// Awaits a coroutine, and gives back how it ended instead of throwing.
template <class T>
class CaptureAwaiter final : public CoroAwaiter<T> {
 public:
  using CoroAwaiter<T>::CoroAwaiter;
  // Blocks rely on it that nothing is thrown between their begin and their end.
  bool await_ready() noexcept {
    try {
      return CoroAwaiter<T>::await_ready();
    } catch (...) {
      this->error = std::current_exception();
      return true;
    }
  }
  Result<T> await_resume() {
    if (this->error) return Result<T>::from_error(std::move(this->error));
    try {
      if constexpr (std::is_void_v<T>) return Result<T>::from_value();
      else return Result<T>::from_value(static_cast<T>(this->slot_.take()));
    } catch (...) {
      return Result<T>::from_error(std::current_exception());
    }
  }
};

template <class T>
class [[nodiscard]] Capture {
 public:
  using weft_awaitable = void;
  explicit Capture(Coro<T> coro) noexcept : coro_(std::move(coro)) {}
  CaptureAwaiter<T> operator co_await() && { return CaptureAwaiter<T>(coro_.release()); }

 private:
  Coro<T> coro_;
};

// Awaits an operation, and gives back how it ended: without a frame, and without a throw for a cancel.
template <class A, class T>
class LeafCaptureAwaiter : public WaitsLike<A> {
 public:
  explicit LeafCaptureAwaiter(A& operation) noexcept : leaf_(operation) {}
  bool await_ready() noexcept {
    try {
      return leaf_.await_ready();
    } catch (...) {
      error_ = std::current_exception();
      return true;
    }
  }
  void await_suspend(std::coroutine_handle<> coroutine) noexcept { leaf_.await_suspend(coroutine); }
  Result<T> await_resume() {
    if (error_) return Result<T>::from_error(std::move(error_));
    try {
      if (leaf_.await_resume()) {
        Worker& worker = *current_worker();
        return Result<T>::from_error(cancellation_of(worker, Leaf<A>::cancel_stands(worker)));
      }
      if constexpr (std::is_void_v<T>) {
        leaf_.take();
        return Result<T>::from_value();
      } else {
        return Result<T>::from_value(leaf_.take());
      }
    } catch (...) {
      return Result<T>::from_error(std::current_exception());
    }
  }

 private:
  Leaf<A> leaf_;
  std::exception_ptr error_;
};

template <class A>
class [[nodiscard]] LeafCapture {
 public:
  using weft_awaitable = void;
  template <class Operation>
  explicit LeafCapture(std::in_place_t, Operation&& operation) : operation_(std::forward<Operation>(operation)) {}
  LeafCaptureAwaiter<A, await_result_t<A>> operator co_await() && noexcept { return LeafCaptureAwaiter<A, await_result_t<A>>(operation_); }

 private:
  A operation_;
};

// Throws the error, or gives the value.
template <class T>
T unwrap(Result<T> result) {
  if constexpr (std::is_void_v<T>) result.rethrow_if_error();
  else if constexpr (std::is_reference_v<T>) return result.value();
  else return std::move(result).value();
}

// How a task or future ended.
template <class State, bool move>
Result<typename State::value_type> result_of(Completion& ended) {
  using T = typename State::value_type;
  if (ended.outcome() == Outcome::error) return Result<T>::from_error(ended.error());
  if (ended.outcome() == Outcome::cancelled)
    return Result<T>::from_error(std::make_exception_ptr(CancelledError(ended.cancel_message())));
  try {
    if constexpr (std::is_void_v<T>) return Result<T>::from_value();
    else return Result<T>::from_value(value_of<State, move>(ended));
  } catch (...) {
    return Result<T>::from_error(std::current_exception());
  }
}

template <class State, bool move>
class CaptureHandleAwaiter final : public StateWait<State> {
 public:
  using StateWait<State>::StateWait;
  Result<typename State::value_type> await_resume() const {
    this->awaited().mark_retrieved();
    return result_of<State, move>(this->awaited());
  }
};

template <class State, bool move>
class [[nodiscard]] CaptureHandle {
 public:
  using weft_awaitable = void;
  explicit CaptureHandle(Ref<Completion> handle) noexcept : handle_(std::move(handle)) {}
  CaptureHandleAwaiter<State, move> operator co_await() && { return CaptureHandleAwaiter<State, move>(std::move(handle_)); }

 private:
  Ref<Completion> handle_;
};

class CheckpointAwaiter {
 public:
  using weft_never_waits = void;
  bool await_ready() const noexcept { return true; }
  void await_suspend(std::coroutine_handle<>) const noexcept {}
  WEFT_INLINE bool ends_cancelled() const noexcept { return cancel_pending(current_worker()->state); }
  void take() const noexcept {}
  WEFT_INLINE void await_resume() const { end_of(*this); }
};

class [[nodiscard]] Checkpoint {
 public:
  using weft_awaitable = void;
  CheckpointAwaiter operator co_await() && noexcept { return {}; }
};

// Waits for a task or future without handing a cancel down.
template <class State, bool move>
class ShieldAwaiter final : public WaitNode, public TaskWaiter {
 public:
  explicit ShieldAwaiter(Ref<Completion> awaited) noexcept : WaitNode("shielded task"), awaited_(std::move(awaited)) {}

  bool await_ready() const {
    if (awaited_->done()) return true;
    require_no_circle(*awaited_);
    return false;
  }
  void await_suspend(std::coroutine_handle<> coroutine) noexcept { suspend(coroutine, *current_worker()); }
  std::coroutine_handle<> commit(Worker& worker) noexcept override {
    return arm(worker, [this] { return awaited_->add_waiter(*this); });
  }
  void on_done(Completion&, ReadyBatch& ready, Scheduler* here) noexcept override {
    if (claim.try_fire()) wake_up(ready, here);
  }
  TaskBase const* awaited_task() const noexcept override { return awaited_->as_task(); }

  WEFT_INLINE bool ends_cancelled() noexcept {
    if (!was_cancelled()) [[likely]] return false;
    awaited_->remove_waiter(*this);
    return true;
  }
  WEFT_INLINE awaited_t<typename State::value_type, move> await_resume() { return end_of(*this); }
  awaited_t<typename State::value_type, move> take() {
    awaited_->mark_retrieved();
    if (awaited_->outcome() != Outcome::value) awaited_->throw_outcome();
    return value_of<State, move>(*awaited_);
  }

 private:
  Ref<Completion> awaited_;
};

template <class State, bool move>
class [[nodiscard]] ShieldHandle {
 public:
  using weft_awaitable = void;
  explicit ShieldHandle(Ref<Completion> handle) noexcept : handle_(std::move(handle)) {}
  ShieldAwaiter<State, move> operator co_await() && { return ShieldAwaiter<State, move>(std::move(handle_)); }

 private:
  Ref<Completion> handle_;
};

template <class T>
class [[nodiscard]] ShieldCoro {
 public:
  using weft_awaitable = void;
  explicit ShieldCoro(Coro<T> coro) noexcept : coro_(std::move(coro)) {}
  ShieldAwaiter<TaskState<T>, true> operator co_await() && {
    return ShieldAwaiter<TaskState<T>, true>(create_task(std::move(coro_)).reference());
  }

 private:
  Coro<T> coro_;
};

template <class T>
Coro<T> shielded_block(Coro<T> body) {
  (void)body.promise();
  Scope block;
  block.enter(*current_worker(), Scope::Link::shielded);
  Result<T> result = co_await Capture<T>(std::move(body));
  block.exit(*current_worker());
  co_return unwrap(std::move(result));
}

template <class T>
Coro<T> finally_block(Coro<T> body, Coro<void> cleanup) {
  (void)cleanup.promise();
  Result<T> result = co_await Capture<T>(std::move(body));
  co_await std::move(cleanup);
  co_return unwrap(std::move(result));
}

}  // namespace engine

/// Throws CancelledError if a cancel is pending; else goes on. Never suspends.
///
/// No counterpart in asyncio. For long computations: cost is a load and a compare.
inline engine::Checkpoint checkpoint() noexcept { return {}; }

/// Waits for a task or future; a cancel of the caller ends the wait and leaves the task alone.
///
/// asyncio: shield(). A coroutine, or any other awaitable, becomes a task when the shield is awaited, and runs on when the caller goes; what it
/// throws then is reported as never retrieved. Cancellation: a checkpoint unless the task has ended. When the task itself is
/// cancelled the caller gets CancelledError. `shield(task)` gives T const&, `shield(std::move(task))` and `shield(coro)` give T.
template <engine::Handle H>
auto shield(H&& handle) {
  // From an rvalue the handle is taken: the await moves the value out.
  std::remove_cvref_t<H> const taken(std::forward<H>(handle));
  return engine::ShieldHandle<engine::handle_state_t<H>, engine::gives_value_v<H>>(taken.reference());
}
template <class T>
auto shield(Coro<T> coro) { return engine::ShieldCoro<T>(std::move(coro)); }
template <engine::OtherAwaitable A>
auto shield(A awaitable) { return shield(engine::as_coro(std::move(awaitable))); }

/// Runs a coroutine in the caller's task to its end, whatever is cancelled meanwhile: for cleanup that awaits.
///
/// No counterpart in asyncio (trio: a shielded cancel scope). Timeouts and groups inside still work. A cancel from outside is delivered at the
/// first suspension after it. Not a checkpoint in itself.
template <class T>
Coro<T> shielded(Coro<T> coro) { return engine::shielded_block(std::move(coro)); }

/// Runs `cleanup` after `body` on every way out, and then returns or throws as `body` did.
///
/// Python: try/finally with an await in it, which C++ cannot have in a catch block. The cleanup is not shielded (wrap it in shielded()); what
/// it throws replaces what the body threw.
template <class T>
Coro<T> finally_(Coro<T> body, Coro<void> cleanup) { return engine::finally_block(std::move(body), std::move(cleanup)); }

/// How an awaitable ended, as a Result; nothing is thrown, cancellation included.
///
/// asyncio: `try: ... except BaseException as e`. Costs no throw between the coroutine and here. Beware: a loop over as_result swallows
/// cancellation; ask `current_task().cancelling()` in it.
template <class T>
auto as_result(Coro<T> coro) { return engine::Capture<T>(std::move(coro)); }
template <engine::Handle H>
auto as_result(H&& handle) {
  std::remove_cvref_t<H> const taken(std::forward<H>(handle));
  return engine::CaptureHandle<engine::handle_state_t<H>, engine::gives_value_v<H>>(taken.reference());
}
template <engine::OtherAwaitable A>
auto as_result(A&& awaitable) {
  using Operation = std::decay_t<A>;
  if constexpr (engine::QuietAwaitable<Operation>) return engine::LeafCapture<Operation>(std::in_place, std::forward<A>(awaitable));
  else return as_result(engine::as_coro(Operation(std::forward<A>(awaitable))));
}

}  // namespace weft
