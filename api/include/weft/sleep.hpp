// sleep, sleep_until, yield_now.
#pragma once

#include <chrono>
#include <coroutine>
#include <new>
#include <type_traits>

#include <weft/clock.hpp>
#include <weft/coro.hpp>
#include <weft/runtime/runtime/strand.hpp>
#include <weft/runtime/runtime/wait_node.hpp>

namespace weft {
namespace engine {

class YieldAwaiter final : public Suspension, public Runnable {
 public:
  using weft_never_waits = void;
  YieldAwaiter() noexcept : Runnable(&YieldAwaiter::step) {}
  bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> coroutine) noexcept {
    coroutine_ = coroutine;
    current_worker()->pending = this;
  }
  WEFT_INLINE bool ends_cancelled() const noexcept { return cancel_pending(current_worker()->state); }
  void take() const noexcept {}
  WEFT_INLINE void await_resume() const { end_of(*this); }
  std::coroutine_handle<> commit(Worker& worker) noexcept override {
    state_ = worker.state;
    ordered_by = worker.strand;
    worker.fire_overdue();
    worker.make_ready_last(*this);
    return {};
  }

 private:
  static void step(Runnable& runnable, Worker& worker) noexcept {
    auto& self = static_cast<YieldAwaiter&>(runnable);
    if (goes_to_strand(self, self.state_, worker)) return;
    worker.state = self.state_;
    worker.drive(self.coroutine_);
  }
  std::coroutine_handle<> coroutine_;
  ExecutionState state_{};
};

class SleepAwaiter final : public WaitNode, public Timer {
 public:
  explicit SleepAwaiter(Clock::time_point deadline) noexcept
      : WaitNode("sleep"), Timer(&SleepAwaiter::fire), deadline_(deadline) {}
  bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> coroutine) noexcept { suspend(coroutine, *current_worker()); }
  WEFT_INLINE bool ends_cancelled() noexcept {
    if (!was_cancelled()) [[likely]] return false;
    (void)Worker::disarm(*this);
    return true;
  }
  void take() const noexcept {}
  WEFT_INLINE void await_resume() { end_of(*this); }
  std::coroutine_handle<> commit(Worker& worker) noexcept override {
    return arm(worker, [&] {
      // For ever is no timer at all.
      if (deadline_ != Clock::time_point::max()) worker.arm(*this, deadline_.time_since_epoch().count());
      return true;
    });
  }

 private:
  static void fire(Timer& timer, ReadyBatch& ready, ReadyBatch&) noexcept {
    auto& self = static_cast<SleepAwaiter&>(timer);
    if (self.claim.try_fire()) ready.push(self);
  }
  Clock::time_point const deadline_;
};

class [[nodiscard]] Yield {
 public:
  using weft_awaitable = void;
  YieldAwaiter operator co_await() && noexcept { return YieldAwaiter(); }
};

// A sleep that is due already lets others run once, as sleep(0) does. One or the other: a sleeping frame is not larger for it.
class SleepOrYieldAwaiter {
 public:
  SleepOrYieldAwaiter(Clock::duration delay) noexcept : SleepOrYieldAwaiter(delay == Clock::duration::zero(), delay) {}
  explicit SleepOrYieldAwaiter(Clock::time_point deadline) noexcept : yields_(deadline <= Clock::now()) {
    if (yields_) ::new (&yield_) YieldAwaiter();
    else ::new (&sleep_) SleepAwaiter(deadline);
  }
  SleepOrYieldAwaiter(SleepOrYieldAwaiter const&) = delete;
  SleepOrYieldAwaiter& operator=(SleepOrYieldAwaiter const&) = delete;

  bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> coroutine) noexcept {
    if (yields_) yield_.await_suspend(coroutine);
    else sleep_.await_suspend(coroutine);
  }
  WEFT_INLINE bool ends_cancelled() noexcept { return yields_ ? yield_.ends_cancelled() : sleep_.ends_cancelled(); }
  void take() const noexcept {}
  WEFT_INLINE void await_resume() { end_of(*this); }

 private:
  SleepOrYieldAwaiter(bool yields, Clock::duration delay) noexcept : yields_(yields) {
    if (yields) ::new (&yield_) YieldAwaiter();
    else ::new (&sleep_) SleepAwaiter(deadline_after(delay));
  }

  static_assert(std::is_trivially_destructible_v<YieldAwaiter> && std::is_trivially_destructible_v<SleepAwaiter>);
  bool const yields_;
  union {
    YieldAwaiter yield_;
    SleepAwaiter sleep_;
  };
};

class [[nodiscard]] Sleep {
 public:
  using weft_awaitable = void;
  explicit Sleep(Clock::duration delay) noexcept : delay_(delay) {}
  SleepOrYieldAwaiter operator co_await() && noexcept { return SleepOrYieldAwaiter(delay_); }

 private:
  Clock::duration delay_;
};

class [[nodiscard]] SleepUntil {
 public:
  using weft_awaitable = void;
  explicit SleepUntil(Clock::time_point deadline) noexcept : deadline_(deadline) {}
  SleepOrYieldAwaiter operator co_await() && noexcept { return SleepOrYieldAwaiter(deadline_); }

 private:
  Clock::time_point deadline_;
};

}  // namespace engine

/// Suspends the task for `delay`; others run meanwhile.
///
/// asyncio: sleep(). The delay counts from the await. Zero and negative delays are yield_now(); what the clock cannot represent, infinity
/// included, means for ever. Cancellation: a checkpoint; a cancel ends it at once. Errors: ValueError for NaN and negative infinity,
/// at the call. Cost: O(1), no allocation; never early, and late by some microseconds at least.
template <class Rep, class Period>
engine::Sleep sleep(std::chrono::duration<Rep, Period> delay) { return engine::Sleep(engine::to_delay(delay)); }

/// Suspends until the clock shows `deadline`; yields once when it already does. Cancellation, cost: as sleep().
inline engine::SleepUntil sleep_until(Clock::time_point deadline) noexcept { return engine::SleepUntil(deadline); }

/// Lets everything that is ready here run once. asyncio: sleep(0). Cancellation: a checkpoint.
inline engine::Yield yield_now() noexcept { return {}; }

}  // namespace weft
