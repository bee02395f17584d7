// Event: a flag that tasks wait for.
#pragma once

#include <coroutine>

#include <weft/coro.hpp>
#include <weft/runtime/algorithms/flag.hpp>
#include <weft/runtime/runtime/wait_queue.hpp>

namespace weft {

/// A flag; wait() ends when it is set.
///
/// asyncio: Event. Differences: every member may be called from any thread. set() wakes all who wait at that moment, in the order in which they
/// came, also when clear() follows at once.
/// Cancellation: wait() is a checkpoint only when the flag is not set.
/// Threads: what came before a set() happens before what follows a wait() that it ended, an is_set() that saw it, or a clear() that undid it.
/// Lifetime: set() does not touch the event after the last waiter was made ready, nor once the flag shows: whoever was woken, or has seen the flag,
/// may destroy it.
/// Cost: is_set(), and wait() on a set event, are one load; set() and clear() one compare-exchange when nobody waits. No allocation.
class Event {
  class Waiter;

 public:
  Event() noexcept = default;
  Event(Event const&) = delete;
  Event& operator=(Event const&) = delete;

  void set() noexcept;
  void clear() noexcept { flag_.clear(); }
  bool is_set() const noexcept { return flag_.is_set(); }

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
  engine::BasicFlag<engine::real_sync, engine::WaitQueue<engine::QueuedNode>> flag_;
};

class Event::Waiter final : public engine::QueuedNode {
 public:
  explicit Waiter(Event& event) noexcept : QueuedNode("Event.wait"), event_(event) {}
  bool await_ready() const noexcept { return event_.is_set(); }
  void await_suspend(std::coroutine_handle<> coroutine) noexcept { suspend(coroutine, *engine::current_worker()); }
  WEFT_INLINE bool ends_cancelled() noexcept {
    if (!was_cancelled()) [[likely]] return false;
    event_.flag_.leave(*this);
    return true;
  }
  void take() const noexcept {}
  WEFT_INLINE void await_resume() { engine::end_of(*this); }
  std::coroutine_handle<> commit(engine::Worker& worker) noexcept override;

 private:
  Event& event_;
};

inline Event::Waiter Event::Wait::operator co_await() && noexcept { return Waiter(event_); }

}  // namespace weft
