// Lock: one task at a time.
#pragma once

#include <coroutine>
#include <utility>

#include <weft/coro.hpp>
#include <weft/runtime/runtime/wait_queue.hpp>

namespace weft {

/// Mutual exclusion between tasks, fair: it is handed over directly, first come, first served.
///
/// asyncio: Lock; `auto guard = co_await lock.scoped()` is `async with lock`. Not recursive. release() may be called by any task or thread.
/// Cancellation: acquire() is a checkpoint only when it must wait; a lock that was handed over before the cancel came is held.
/// Errors: RuntimeError when a free lock is released. release() does not touch the lock after it has been handed over.
/// Cost: uncontended acquire and release are one read-modify-write each and never suspend.
class Lock {
  class Waiter;

 public:
  Lock() noexcept = default;
  Lock(Lock const&) = delete;
  Lock& operator=(Lock const&) = delete;

  /// Holds a lock; gives it back when destroyed. Movable.
  class [[nodiscard]] Guard {
   public:
    Guard() noexcept = default;
    explicit Guard(Lock& lock) noexcept : lock_(&lock) {}
    Guard(Guard&& other) noexcept : lock_(std::exchange(other.lock_, nullptr)) {}
    Guard& operator=(Guard&& other) noexcept {
      std::swap(lock_, other.lock_);
      return *this;
    }
    ~Guard() {
      if (lock_ != nullptr) lock_->release();
    }

   private:
    Lock* lock_ = nullptr;
  };

  class [[nodiscard]] Acquire {
   public:
    using weft_awaitable = void;
    explicit Acquire(Lock& lock) noexcept : lock_(lock) {}
    Waiter operator co_await() && noexcept;

   private:
    Lock& lock_;
  };
  class [[nodiscard]] Scoped {
    class Awaiter;

   public:
    using weft_awaitable = void;
    explicit Scoped(Lock& lock) noexcept : lock_(lock) {}
    Awaiter operator co_await() && noexcept;

   private:
    Lock& lock_;
  };

  Acquire acquire() noexcept { return Acquire(*this); }
  Scoped scoped() noexcept { return Scoped(*this); }
  void release();
  bool locked() const noexcept;

 private:
  bool try_acquire() noexcept;

  mutable engine::SpinLock lock_;
  // INVARIANT: under lock_. While somebody waits it is held, since it is handed over.
  bool held_ = false;
  engine::WaitQueue<engine::QueuedNode> waiters_;
};

class Lock::Waiter : public engine::QueuedNode {
 public:
  explicit Waiter(Lock& lock) noexcept : QueuedNode("Lock.acquire"), mutex_(lock) {}
  bool await_ready() const noexcept { return mutex_.try_acquire(); }
  void await_suspend(std::coroutine_handle<> coroutine) noexcept { suspend(coroutine, *engine::current_worker()); }
  void await_resume();
  std::coroutine_handle<> commit(engine::Worker& worker) noexcept override;

 protected:
  Lock& mutex_;
};

class Lock::Scoped::Awaiter final : public Lock::Waiter {
 public:
  using Waiter::Waiter;
  Guard await_resume() {
    Waiter::await_resume();
    return Guard(mutex_);
  }
};

inline Lock::Waiter Lock::Acquire::operator co_await() && noexcept { return Waiter(lock_); }
inline Lock::Scoped::Awaiter Lock::Scoped::operator co_await() && noexcept { return Awaiter(lock_); }

}  // namespace weft
