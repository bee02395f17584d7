// Event: a flag that tasks wait for.
#pragma once

#include <atomic>
#include <coroutine>

#include <weft/coro.hpp>
#include <weft/runtime/runtime/wait_queue.hpp>

namespace weft {

/// A flag; wait() ends when it is set.
///
/// asyncio: Event. Differences: every member may be called from any thread. set() wakes all who wait at that moment, in the order in which they
/// came, also when clear() follows at once. set() does not touch the event after the last waiter was made ready: a woken waiter may destroy it.
/// Cancellation: wait() is a checkpoint only when the flag is not set. Cost: is_set() is one load, wait() on a set event one read-modify-write.
class Event {
  class Waiter;

 public:
  Event() noexcept = default;
  Event(Event const&) = delete;
  Event& operator=(Event const&) = delete;

  void set() noexcept;
  void clear() noexcept;
  bool is_set() const noexcept {
    // ORDER(event): acquire; pairs with the release in set(): what the setter did before is visible to who sees the flag.
    return set_.load(std::memory_order_acquire);
  }

  class [[nodiscard]] Wait {
   public:
    using weft_awaitable = void;
    explicit Wait(Event& event) noexcept : event_(event) {}
    Waiter operator co_await() && noexcept;

   private:
    Event& event_;
  };
  /// Returns when the flag is, or has been, set.
  Wait wait() noexcept { return Wait(*this); }

 private:
  // For a waiter that finds the flag set: whoever set it may still hold the lock, and must have let go before the waiter may destroy the event.
  bool was_set() noexcept;

  engine::SpinLock lock_;
  std::atomic<bool> set_{false};
  engine::WaitQueue<engine::QueuedNode> waiters_;
};

class Event::Waiter final : public engine::QueuedNode {
 public:
  explicit Waiter(Event& event) noexcept : QueuedNode("Event.wait"), event_(event) {}
  bool await_ready() const noexcept { return event_.was_set(); }
  void await_suspend(std::coroutine_handle<> coroutine) noexcept { suspend(coroutine, *engine::current_worker()); }
  void await_resume();
  std::coroutine_handle<> commit(engine::Worker& worker) noexcept override;

 private:
  Event& event_;
};

inline Event::Waiter Event::Wait::operator co_await() && noexcept { return Waiter(event_); }

}  // namespace weft
