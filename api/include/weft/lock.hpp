// Lock: one task at a time.
#pragma once

#include <weft/coro.hpp>
#include <weft/runtime/runtime/permit_wait.hpp>

namespace weft {

/// Mutual exclusion between tasks, fair: it is handed over directly, first come, first served.
///
/// asyncio: Lock; `auto guard = co_await lock.scoped()` is `async with lock`. Not recursive. release() may be called by any task or thread.
/// Cancellation: acquire() is a checkpoint only when it must wait; a lock that was handed over before the cancel came is held.
/// Errors: RuntimeError when a free lock is released.
/// Lifetime: release() does not touch the lock after it has been handed over, or is free: the next holder may destroy it.
/// Cost: uncontended acquire and release are one compare-exchange each and never suspend; no allocation.
class Lock {
 public:
  Lock() noexcept = default;
  Lock(Lock const&) = delete;
  Lock& operator=(Lock const&) = delete;

  /// Holds a lock; gives it back when destroyed. Movable.
  using Guard = engine::PermitGuard<Lock>;

  engine::AcquirePermit acquire() noexcept { return {"Lock.acquire", free_}; }
  engine::ScopedPermit<Lock> scoped() noexcept { return {"Lock.acquire", free_, *this}; }
  void release();
  bool locked() const noexcept { return free_.value() == 0; }

 private:
  friend class Condition;

  engine::Permits free_{1};
};

}  // namespace weft
