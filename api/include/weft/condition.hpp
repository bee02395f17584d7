// Condition: to wait, with a lock given up, until somebody says that something has changed.
#pragma once

#include <coroutine>
#include <cstddef>
#include <functional>
#include <limits>
#include <type_traits>
#include <utility>

#include <weft/coro.hpp>
#include <weft/lock.hpp>
#include <weft/runtime/algorithms/monitor.hpp>

namespace weft {

/// A condition variable with its lock: its own, or a Lock that it shares with others.
///
/// asyncio: Condition (3.13); `auto guard = co_await condition.scoped()` is `async with condition`. Those who are notified get the lock in the order
/// in which they waited. wait() may return without a notification that was meant for it (see below): loop, or use wait_for().
/// Cancellation: wait() and wait_for() are checkpoints. However wait() ends, the lock is held again, and getting it again cannot be cancelled: a cancel
/// that comes meanwhile is thrown when it is held. As in asyncio, each cancel sends the waiter behind those who wait for the lock by then. A wait that ends by
/// CancelledError notifies one other waiter in its place, so no notification is lost; it does so, as asyncio does, also if it had not been notified itself.
/// Errors: RuntimeError from wait, notify and notify_all when nobody holds the lock; from release likewise.
/// Threads: notify and notify_all must be called with the lock held, by whatever thread.
/// Lifetime: a Lock that is shared must outlive the condition. Whoever was notified may destroy the condition when it has the lock.
/// Cost: O(1) for wait and for each who is notified; no allocation but a frame for wait_for.
class Condition {
  class Waiter;
  using Monitor = engine::BasicMonitor<engine::real_sync, engine::WaitQueue<engine::QueuedNode>, engine::Permits>;

 public:
  Condition() noexcept : lock_(own_), monitor_(own_.free_) {}
  explicit Condition(Lock& lock) noexcept : lock_(lock), monitor_(lock.free_) {}
  Condition(Condition const&) = delete;
  Condition& operator=(Condition const&) = delete;

  using Guard = Lock::Guard;

  engine::AcquirePermit acquire() noexcept { return lock_.acquire(); }
  engine::ScopedPermit<Lock> scoped() noexcept { return lock_.scoped(); }
  void release() { lock_.release(); }
  bool locked() const noexcept { return lock_.locked(); }

  class [[nodiscard]] Wait {
   public:
    using weft_awaitable = void;
    explicit Wait(Condition& condition) noexcept : condition_(condition) {}
    Waiter operator co_await() && noexcept;

   private:
    Condition& condition_;
  };
  /// Gives up the lock, waits for a notification, and has the lock again.
  Wait wait() noexcept { return Wait(*this); }
  /// Waits until predicate() is true; gives the predicate's value. It is called with the lock held, first before any wait.
  template <class Predicate>
  auto wait_for(Predicate predicate) {
    return wait_until_true<std::decay_t<std::invoke_result_t<Predicate&>>>(*this, std::move(predicate));
  }
  /// Wakes the first `count` of those who wait, as soon as they can have the lock.
  void notify(std::size_t count = 1);
  void notify_all() { notify(std::numeric_limits<std::size_t>::max()); }

 private:
  template <class R, class Predicate>
  static Coro<R> wait_until_true(Condition& condition, Predicate predicate) {
    for (;;) {
      R value = std::invoke(predicate);
      if (static_cast<bool>(value)) co_return std::move(value);
      co_await condition.wait();
    }
  }
  void pass_on() noexcept;

  Lock own_;
  Lock& lock_;
  Monitor monitor_;
};

// A step of its own: when a cancel has claimed it, it goes and waits for the lock before its coroutine resumes.
class Condition::Waiter final : public engine::QueuedNode {
 public:
  explicit Waiter(Condition& condition) noexcept : QueuedNode("Condition.wait"), condition_(condition) { step = &Waiter::on_ready; }
  bool await_ready() const;
  void await_suspend(std::coroutine_handle<> coroutine) noexcept { suspend(coroutine, *engine::current_worker()); }
  bool ends_cancelled();
  void take() const;
  WEFT_INLINE void await_resume() { engine::end_of(*this); }
  std::coroutine_handle<> commit(engine::Worker& worker) noexcept override;

 private:
  static void on_ready(engine::Runnable& runnable, engine::Worker& worker) noexcept;

  Condition& condition_;
  // Written by our own part before it waits and by our own step.
  bool gave_up_lock_ = false;
  bool cancelled_ = false;
};

inline Condition::Waiter Condition::Wait::operator co_await() && noexcept { return Waiter(condition_); }

}  // namespace weft
