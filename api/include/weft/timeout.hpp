// timeout, timeout_at, wait_for: a block that is cancelled when its time is up.
//
// The block has a scope of its own, below the caller's. The timer, when it is due, cancels that scope; the handshake (timeout_handshake.hpp) makes
// sure that it has either done so completely, or never will, before the block looks at what happened and destroys the scope. So no stray
// cancellation lands after the block, and a cancel from outside is told from the block's own by the scope that counts it.
#pragma once

#include <chrono>
#include <concepts>
#include <cstdint>
#include <exception>
#include <optional>
#include <type_traits>
#include <utility>

#include <weft/cancel.hpp>
#include <weft/clock.hpp>
#include <weft/runtime/algorithms/timeout_handshake.hpp>
#include <weft/sleep.hpp>

namespace weft {

namespace engine {
class TimeoutBlock;
}

/// The handle of a timeout's block.
///
/// asyncio: Timeout. Used by the body; not after the block has ended. Threads: the body and its parts, one at a time.
class Timeout {
 public:
  Timeout(Timeout const&) = delete;
  Timeout& operator=(Timeout const&) = delete;

  /// Moves the deadline; nullopt takes it away, one that has passed ends the block at once. RuntimeError when the time is up already.
  void reschedule(std::optional<Clock::time_point> when);
  /// The deadline; nullopt when there is none.
  std::optional<Clock::time_point> when() const noexcept { return when_; }
  /// Whether the time was up before the body ended.
  bool expired() const noexcept { return handshake_.expired(); }

 private:
  friend class engine::TimeoutBlock;
  explicit Timeout(std::optional<Clock::time_point> when) noexcept : timer_(*this), when_(when) {}

  // Cancels the block, on the worker that found the timer due.
  struct Alarm final : engine::Timer, engine::Runnable {
    explicit Alarm(Timeout& owner) noexcept : engine::Timer(&Alarm::fire), engine::Runnable(&Alarm::step), timeout(owner) {}
    static void fire(engine::Timer& timer, engine::ReadyBatch&, engine::ReadyBatch& at_once) noexcept;
    static void step(engine::Runnable& runnable, engine::Worker&) noexcept;
    Timeout& timeout;
  };

  // The clock is read only if the deadline is not known to lie ahead.
  void arm(engine::Worker& worker, bool ahead) noexcept;

  Alarm timer_;
  engine::TimeoutHandshake handshake_;
  engine::Scope scope_;
  std::optional<Clock::time_point> when_;
};

namespace engine {

class TimeoutBlock {
 public:
  explicit TimeoutBlock(std::optional<Clock::time_point> when) noexcept : timeout(when) {}
  // `ahead`: the deadline, if there is one, was made by adding a positive delay to now.
  void begin(bool ahead) noexcept;
  // True when the body's CancelledError is the block's own and becomes a TimeoutError.
  bool end(bool body_cancelled) noexcept;

  Timeout timeout;

 private:
  std::uint32_t requests_before_ = 0;
};

[[noreturn]] void throw_timeout();

template <class T, class F, class... Args>
Coro<T> timeout_block(Unplaced, std::optional<Clock::time_point> when, bool ahead, F fn, Args... args) {
  TimeoutBlock block(when);
  // Made before the block begins: nothing may throw between its begin and its end.
  Coro<T> body = call(std::move(fn), std::ref(block.timeout), std::move(args)...);
  block.begin(ahead);
  Result<T> result = co_await Capture<T>(std::move(body));
  if (block.end(result.cancelled())) throw_timeout();
  co_return unwrap(std::move(result));
}

template <class T, class F, class... Args>
Coro<T> timeout_after(std::optional<Clock::duration> delay, F fn, Args... args) {
  std::optional<Clock::time_point> when;
  if (delay) when = deadline_after(*delay);
  bool const ahead = !delay || *delay != Clock::duration::zero();
  return timeout_block<T, F, Args...>(Unplaced(), when, ahead, std::move(fn), std::move(args)...);
}

// The delay counts from the await, so the deadline is made inside.
template <class T>
Coro<T> wait_for_block(Coro<T> coro, Clock::duration delay) {
  (void)coro.promise();
  TimeoutBlock block(deadline_after(delay));
  block.begin(true);
  Result<T> result = co_await Capture<T>(std::move(coro));
  if (block.end(result.cancelled())) throw_timeout();
  co_return unwrap(std::move(result));
}

// CPython: with nothing to wait for, what is done already counts, and the rest is cancelled and awaited.
template <class T, class A>
Coro<T> wait_for_at_once(A task) {
  if (!task.done()) {
    (void)task.cancel();
    Result<T> result = co_await Capture<T>(as_coro<A, T>(std::move(task)));
    if (result.cancelled()) throw_timeout();
    co_return unwrap(std::move(result));
  }
  co_return co_await std::move(task);
}

template <class T>
Coro<T> wait_for_coro(Coro<T> coro, std::optional<Clock::duration> delay) {
  if (!delay) co_return co_await std::move(coro);
  if (*delay == Clock::duration::zero()) {
    // CPython makes a task of it and cancels that unstarted: the body never runs, and the caller lets others run once.
    (void)coro.promise();
    { Coro<T> const unstarted = std::move(coro); }
    co_await yield_now();
    throw_timeout();
  }
  co_return co_await wait_for_block(std::move(coro), *delay);
}

template <class T, class A>
Coro<T> wait_for_task(A task, std::optional<Clock::duration> delay) {
  if (!delay) co_return co_await std::move(task);
  if (*delay == Clock::duration::zero()) co_return co_await wait_for_at_once<T>(std::move(task));
  co_return co_await wait_for_block(as_coro<A, T>(std::move(task)), *delay);
}

template <class Rep, class Period>
std::optional<Clock::duration> optional_delay(std::chrono::duration<Rep, Period> delay) { return to_delay(delay); }
inline std::optional<Clock::duration> optional_delay(std::nullopt_t) { return std::nullopt; }
template <class Rep, class Period>
std::optional<Clock::duration> optional_delay(std::optional<std::chrono::duration<Rep, Period>> delay) {
  if (!delay) return std::nullopt;
  return to_delay(*delay);
}

template <class D>
concept Delay = requires(D delay) { optional_delay(delay); };

}  // namespace engine

/// Runs fn(timeout, args...) and cancels it when `delay` is over; then TimeoutError is thrown.
///
/// asyncio: `async with timeout(delay) as t`. Only the block's own cancellation becomes TimeoutError; one from outside goes on as CancelledError.
/// A body that ends in spite of it, or throws something else, is let through. nullopt: no deadline, until reschedule() sets one. The delay
/// counts from the call. Cancellation: not a checkpoint in itself. Errors: TimeoutError; ValueError for NaN and negative infinity, at the call.
/// Lifetime: fn and args are copied or moved in and live as long as the block. Cost: a frame and a timer, O(1).
template <engine::Delay D, class F, class... Args>
auto timeout(D delay, F&& fn, Args&&... args) {
  using T = engine::coro_result_t<std::decay_t<F>, Timeout&, std::decay_t<Args>...>;
  return engine::timeout_after<T, std::decay_t<F>, std::decay_t<Args>...>(engine::optional_delay(delay), std::forward<F>(fn), std::forward<Args>(args)...);
}

/// The same with a deadline. asyncio: timeout_at().
template <class F, class... Args>
auto timeout_at(std::optional<Clock::time_point> when, F&& fn, Args&&... args) {
  using T = engine::coro_result_t<std::decay_t<F>, Timeout&, std::decay_t<Args>...>;
  return engine::timeout_block<T, std::decay_t<F>, std::decay_t<Args>...>(engine::Unplaced(), when, false, std::forward<F>(fn), std::forward<Args>(args)...);
}

/// Waits for an awaitable, at most `delay`; then it is cancelled, waited for, and TimeoutError is thrown.
///
/// asyncio 3.13: wait_for(). A coroutine runs in the caller's task; with a delay that is not positive it gets a task, which is cancelled unstarted. A
/// task is cancelled by the timeout (shield it to prevent that). nullopt waits for ever. `wait_for(task, d)` copies the value out,
/// `wait_for(std::move(task), d)` moves it. Errors and cancellation: as timeout().
template <class T, engine::Delay D>
Coro<T> wait_for(Coro<T> coro, D delay) { return engine::wait_for_coro(std::move(coro), engine::optional_delay(delay)); }
template <engine::Handle H, engine::Delay D>
auto wait_for(H&& handle, D delay) {
  using Taken = std::remove_cvref_t<H>;
  using A = std::conditional_t<engine::gives_value_v<H>, Taken, engine::LvalueHandle<Taken>>;
  return engine::wait_for_task<engine::handle_value_t<H>, A>(A(std::forward<H>(handle)), engine::optional_delay(delay));
}
template <engine::OtherAwaitable A, engine::Delay D>
auto wait_for(A&& awaitable, D delay) { return wait_for(engine::as_coro(std::decay_t<A>(std::forward<A>(awaitable))), delay); }

}  // namespace weft
