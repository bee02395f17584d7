// CapacityLimiter: a number of tokens that can be changed while they are out.
#pragma once

#include <cstddef>

#include <weft/coro.hpp>
#include <weft/runtime/runtime/permit_wait.hpp>

namespace weft {

/// Tokens for so many at a time, whose total may change at any moment.
///
/// asyncio has none; it is trio's and anyio's CapacityLimiter. Difference: it does not remember who borrowed, so a task may hold several tokens, and any
/// task or thread may give one back. Fair, as Semaphore.
/// set_total() with a larger total lets waiters in at once. A smaller one takes nothing away: those who have a token keep it, available() is
/// negative while more are out than there should be, and nobody is let in before enough have come back.
/// Cancellation: acquire() is a checkpoint only when it must wait; a token that was given before the cancel came is held.
/// Errors: ValueError for a negative total (0 is allowed, and lets nobody in); RuntimeError when a token is released that nobody has. Totals above
/// 2^60 - 1 count as that many.
/// Lifetime: release() and set_total() do not touch the limiter once a token can be had: whoever gets it may destroy it.
/// Cost: uncontended acquire and release are one compare-exchange each and never suspend; no allocation.
class CapacityLimiter {
 public:
  explicit CapacityLimiter(std::ptrdiff_t total);
  CapacityLimiter(CapacityLimiter const&) = delete;
  CapacityLimiter& operator=(CapacityLimiter const&) = delete;

  /// Holds a token; gives it back when destroyed. Movable.
  using Guard = engine::PermitGuard<CapacityLimiter>;

  engine::AcquirePermit acquire() noexcept { return {"CapacityLimiter.acquire", tokens_}; }
  engine::ScopedPermit<CapacityLimiter> scoped() noexcept { return {"CapacityLimiter.acquire", tokens_, *this}; }
  void release();

  /// How many tokens are out.
  std::ptrdiff_t borrowed() const noexcept;
  /// total() - borrowed(); negative after a large reduction.
  std::ptrdiff_t available() const noexcept { return tokens_.value(); }
  std::ptrdiff_t total() const noexcept;
  void set_total(std::ptrdiff_t total);

 private:
  // INVARIANT: total_ under the lock of tokens_, whose number is what is available.
  std::ptrdiff_t total_;
  mutable engine::Permits tokens_;
};

}  // namespace weft
