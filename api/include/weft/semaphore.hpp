// Semaphore and BoundedSemaphore: so many tasks at a time.
#pragma once

#include <cstddef>

#include <weft/coro.hpp>
#include <weft/runtime/runtime/permit_wait.hpp>

namespace weft {

/// A number of permits; acquire() takes one and waits while there is none.
///
/// asyncio: Semaphore; `auto guard = co_await semaphore.scoped()` is `async with semaphore`. Fair: a permit that is given back while tasks wait goes to
/// the first of them, and nobody who comes later can take it. release() may be called by any task or thread, also by one that acquired nothing.
/// Cancellation: acquire() is a checkpoint only when it must wait; a permit that was given before the cancel came is held, one that was meant for a
/// cancelled waiter goes to the next.
/// Errors: ValueError for a negative number. Numbers above 2^60 - 1 count as that many.
/// Lifetime: release() does not touch the semaphore once the permit can be had: whoever gets it may destroy it.
/// Cost: uncontended acquire and release are one compare-exchange each and never suspend; no allocation.
class Semaphore {
 public:
  explicit Semaphore(std::ptrdiff_t value = 1);
  Semaphore(Semaphore const&) = delete;
  Semaphore& operator=(Semaphore const&) = delete;

  /// Holds a permit; gives it back when destroyed. Movable.
  using Guard = engine::PermitGuard<Semaphore>;

  engine::AcquirePermit acquire() noexcept { return {"Semaphore.acquire", permits_}; }
  engine::ScopedPermit<Semaphore> scoped() noexcept { return {"Semaphore.acquire", permits_, *this}; }
  void release();
  /// Whether acquire() would have to wait.
  bool locked() const noexcept { return permits_.value() == 0; }

 protected:
  Semaphore(std::ptrdiff_t value, std::ptrdiff_t limit);

 private:
  std::ptrdiff_t const limit_;
  engine::Permits permits_;
};

/// A Semaphore that never has more permits than it began with.
///
/// asyncio: BoundedSemaphore. Errors: ValueError when a permit is released that nobody holds. Otherwise as Semaphore.
class BoundedSemaphore : public Semaphore {
 public:
  explicit BoundedSemaphore(std::ptrdiff_t value = 1);
};

}  // namespace weft
