// How an end is told. The rules are at the head of completion.hpp.
#include <weft/runtime/runtime/completion.hpp>

#include <weft/runtime/platform/errors.hpp>
#include <weft/runtime/platform/sync.hpp>

namespace weft::engine {

bool Completion::tell_waiters(ReadyBatch& ready, Scheduler* here) noexcept {
  bool const gave = !teller_reference_taken_;
  waiters_lock_.lock();
  closed_ = true;
  while (TaskWaiter* const waiter = waiters_.pop_front()) waiter->on_done(*this, ready, here);
  bool const handed_on = gave && teller_reference_taken_;
  waiters_lock_.unlock();
  return handed_on;
}

bool Completion::add_waiter(TaskWaiter& waiter) noexcept {
  waiters_lock_.lock();
  bool const open = !closed_;
  if (open) waiters_.push_back(waiter);
  waiters_lock_.unlock();
  return open;
}

void Completion::remove_waiter(TaskWaiter& waiter) noexcept {
  waiters_lock_.lock();
  if (waiter.linked()) waiter.unlink();
  waiters_lock_.unlock();
}

void Completion::require_value() const {
  if (!done()) throw InvalidStateError(designation() + " has not ended yet: its result is not set");
  if (outcome_ != Outcome::value) throw_outcome();
}

std::exception_ptr Completion::exception() {
  if (!done()) throw InvalidStateError(designation() + " has not ended yet: its exception is not set");
  mark_retrieved();
  if (outcome_ == Outcome::cancelled) throw_outcome();
  return error_;
}

void Completion::throw_outcome() const {
  if (outcome_ == Outcome::cancelled) throw CancelledError(cancel_message());
  std::rethrow_exception(error_);
}

namespace {

class BlockedThread final : public TaskWaiter {
 public:
  void on_done(Completion&, ReadyBatch&, Scheduler*) noexcept override {
    // ORDER(blocked-thread): release; pairs with wait(): the thread sees what the task did.
    done_.store(1, std::memory_order_release);
    // LIFETIME: the waiter may be gone; a futex wakes by address only.
    real_sync::futex_wake(done_, 1);
  }
  void wait() noexcept {
    // ORDER(blocked-thread): acquire; pairs with on_done().
    while (done_.load(std::memory_order_acquire) == 0) real_sync::futex_wait(done_, 0);
  }

 private:
  real_sync::atomic<std::uint32_t> done_{0};
};

}  // namespace

void Completion::wait_blocking() {
  BlockedThread thread;
  if (!add_waiter(thread)) return;
  thread.wait();
  // The task may still be inside on_done().
  waiters_lock_.lock();
  waiters_lock_.unlock();
}

}  // namespace weft::engine
