// Barrier: a fixed number of tasks wait for each other.
#pragma once

#include <coroutine>
#include <cstddef>

#include <weft/coro.hpp>
#include <weft/runtime/algorithms/rendezvous.hpp>
#include <weft/runtime/runtime/wait_queue.hpp>

namespace weft {

/// wait() ends when `parties` tasks are in it; then the next round begins.
///
/// asyncio: Barrier (3.13). Differences: reset() and abort() are plain functions, from any thread. There is no draining state: the next round is open as soon
/// as one is complete, also while those of the last are still being resumed.
/// wait() gives the number of tasks that were waiting when it came, 0 for the first, parties - 1 for the one that completes the round and does not suspend.
/// Cancellation: wait() is a checkpoint unless it completes the round. A cancelled waiter leaves, which does not break the barrier; one more has to
/// come, and then two may have had the same number, as in asyncio. A round that is complete before the cancelled one has left is complete.
/// Errors: ValueError when parties < 1. BrokenBarrierError for all who wait when reset() or abort() is called, and for all who come after abort().
/// Lifetime: a woken waiter may destroy the barrier. Cost: one lock of a few instructions; O(1) for each party, no allocation.
class Barrier {
  class Waiter;

 public:
  explicit Barrier(std::ptrdiff_t parties);
  Barrier(Barrier const&) = delete;
  Barrier& operator=(Barrier const&) = delete;

  class [[nodiscard]] Wait {
   public:
    using weft_awaitable = void;
    explicit Wait(Barrier& barrier) noexcept : barrier_(barrier) {}
    Waiter operator co_await() && noexcept;

   private:
    Barrier& barrier_;
  };
  Wait wait() noexcept { return Wait(*this); }
  /// Sends away those who wait, with BrokenBarrierError, and begins anew, also after abort().
  void reset() noexcept { send_away(false); }
  /// Breaks the barrier: BrokenBarrierError for those who wait and those who come, until reset().
  void abort() noexcept { send_away(true); }

  std::size_t parties() const noexcept { return meeting_.parties(); }
  std::size_t n_waiting() const noexcept { return meeting_.waiting(); }
  bool broken() const noexcept { return meeting_.broken(); }

 private:
  void send_away(bool broken) noexcept;

  engine::BasicRendezvous<engine::real_sync, engine::WaitQueue<Waiter>> meeting_;
};

class Barrier::Waiter final : public engine::QueuedNode {
 public:
  explicit Waiter(Barrier& barrier) noexcept : QueuedNode("Barrier.wait"), barrier_(barrier) {}
  bool await_ready();
  void await_suspend(std::coroutine_handle<> coroutine) noexcept { suspend(coroutine, *engine::current_worker()); }
  bool ends_cancelled() noexcept;
  std::size_t take() const;
  WEFT_INLINE std::size_t await_resume() { return engine::end_of(*this); }
  std::coroutine_handle<> commit(engine::Worker& worker) noexcept override;

  // By the one who claimed us, under the lock.
  void refuse() noexcept { broken_ = true; }

 private:
  Barrier& barrier_;
  std::size_t index_ = 0;
  bool broken_ = false;
};

inline Barrier::Waiter Barrier::Wait::operator co_await() && noexcept { return Waiter(barrier_); }

}  // namespace weft
