// Event and Lock: what happens when somebody must wait. The rules of claiming and granting are in runtime/wait_queue.hpp.
#include <mutex>

#include <weft/errors.hpp>
#include <weft/event.hpp>
#include <weft/lock.hpp>
#include <weft/runtime/runtime/runtime_core.hpp>

namespace weft {

// ---------------------------------------------------------------- Event

void Event::set() noexcept {
  if (is_set()) return;
  engine::ReadyBatch ready;
  {
    std::lock_guard const hold(lock_);
    // ORDER(event): release; pairs with the acquire in is_set().
    set_.store(true, std::memory_order_release);
    while (engine::QueuedNode* const waiter = waiters_.claim_first()) ready.push(*waiter);
  }
  engine::wake_all(ready);
}

bool Event::was_set() noexcept {
  if (!is_set()) return false;
  std::lock_guard const hold(lock_);
  return is_set();
}

void Event::clear() noexcept {
  std::lock_guard const hold(lock_);
  set_.store(false, std::memory_order_relaxed);
}

std::coroutine_handle<> Event::Waiter::commit(engine::Worker& worker) noexcept {
  return arm(worker, [this] {
    std::lock_guard const hold(event_.lock_);
    if (event_.is_set()) return false;
    event_.waiters_.push(*this);
    return true;
  });
}

void Event::Waiter::await_resume() {
  if (!was_cancelled()) return;
  {
    std::lock_guard const hold(event_.lock_);
    event_.waiters_.leave(*this);
  }
  engine::throw_cancelled(*engine::current_worker());
}

// ---------------------------------------------------------------- Lock

bool Lock::try_acquire() noexcept {
  std::lock_guard const hold(lock_);
  return !std::exchange(held_, true);
}

bool Lock::locked() const noexcept {
  std::lock_guard const hold(lock_);
  return held_;
}

void Lock::release() {
  engine::QueuedNode* next;
  {
    std::lock_guard const hold(lock_);
    if (!held_) throw RuntimeError("release of a Lock that is not held");
    next = waiters_.claim_first();
    if (next == nullptr) held_ = false;
  }
  if (next != nullptr) next->scheduler().make_ready(*next);
}

std::coroutine_handle<> Lock::Waiter::commit(engine::Worker& worker) noexcept {
  return arm(worker, [this] {
    std::lock_guard const hold(mutex_.lock_);
    if (!std::exchange(mutex_.held_, true)) return false;
    mutex_.waiters_.push(*this);
    return true;
  });
}

void Lock::Waiter::await_resume() {
  if (!was_cancelled()) return;
  {
    std::lock_guard const hold(mutex_.lock_);
    mutex_.waiters_.leave(*this);
  }
  engine::throw_cancelled(*engine::current_worker());
}

}  // namespace weft
