// To wait for a permit: the awaitables that Lock, Semaphore, CapacityLimiter and Condition share.
//
// The decisions are in algorithms/permits.hpp. An awaiter that finds a permit takes it in await_ready() and never suspends.
#pragma once

#include <coroutine>
#include <utility>

#include <weft/runtime/algorithms/permits.hpp>
#include <weft/runtime/runtime/wait_queue.hpp>

namespace weft::engine {

using Permits = BasicPermits<real_sync, WaitQueue<QueuedNode>>;

class PermitAwaiter : public QueuedNode {
 public:
  PermitAwaiter(char const* what, Permits& permits) noexcept : QueuedNode(what), permits_(permits) {}
  bool await_ready() const noexcept { return permits_.try_acquire(); }
  void await_suspend(std::coroutine_handle<> coroutine) noexcept { suspend(coroutine, *current_worker()); }
  WEFT_INLINE bool ends_cancelled() noexcept {
    if (!was_cancelled()) [[likely]] return false;
    permits_.leave(*this);
    return true;
  }
  void take() const noexcept {}
  WEFT_INLINE void await_resume() { end_of(*this); }
  std::coroutine_handle<> commit(Worker& worker) noexcept override;

 private:
  Permits& permits_;
};

class [[nodiscard]] AcquirePermit {
  // What a task that is an acquire() has got and must drop.
  struct GiveBack {
    Permits* permits;
    void operator()() noexcept {
      ReadyBatch ready;
      (void)permits->release(Permits::no_limit, ready);
      wake_all(ready);
    }
  };

 public:
  using weft_awaitable = void;
  AcquirePermit(char const* what, Permits& permits) noexcept : what_(what), permits_(permits) {}
  PermitAwaiter operator co_await() && noexcept { return PermitAwaiter(what_, permits_); }
  GiveBack give_back() const noexcept { return {&permits_}; }

 private:
  char const* what_;
  Permits& permits_;
};

// Holds a permit of an `Owner`, and gives it back when it is destroyed. Movable; a guard that is assigned to gives its own back first.
template <class Owner>
class [[nodiscard]] PermitGuard {
 public:
  PermitGuard() noexcept = default;
  explicit PermitGuard(Owner& owner) noexcept : owner_(&owner) {}
  PermitGuard(PermitGuard&& other) noexcept : owner_(std::exchange(other.owner_, nullptr)) {}
  PermitGuard& operator=(PermitGuard&& other) noexcept {
    PermitGuard taken(std::move(other));
    std::swap(owner_, taken.owner_);
    return *this;
  }
  ~PermitGuard() {
    if (owner_ == nullptr) return;
    try {
      owner_->release();
    } catch (...) {
      // Somebody has given it back by hand. There is nothing to undo, and no one to tell.
    }
  }

 private:
  Owner* owner_ = nullptr;
};

template <class Owner>
class [[nodiscard]] ScopedPermit {
  class Awaiter final : public PermitAwaiter {
   public:
    Awaiter(char const* what, Permits& permits, Owner& owner) noexcept : PermitAwaiter(what, permits), owner_(owner) {}
    PermitGuard<Owner> take() noexcept { return PermitGuard<Owner>(owner_); }
    PermitGuard<Owner> await_resume() { return end_of(*this); }

   private:
    Owner& owner_;
  };

 public:
  using weft_awaitable = void;
  ScopedPermit(char const* what, Permits& permits, Owner& owner) noexcept : what_(what), permits_(permits), owner_(owner) {}
  Awaiter operator co_await() && noexcept { return Awaiter(what_, permits_, owner_); }

 private:
  char const* what_;
  Permits& permits_;
  Owner& owner_;
};

}  // namespace weft::engine
