// The two ends of a call in a thread: finished, and abandoned.
#include <weft/to_thread.hpp>

namespace weft::engine {

void ThreadCallBase::start() {
  references_.fetch_add(1, std::memory_order_relaxed);
  context_ = ContextRef(current_context());
  scheduler_.external_begin();
  try {
    pool_.submit(*this);
  } catch (...) {
    scheduler_.external_end();
    references_.fetch_sub(1, std::memory_order_relaxed);
    throw;
  }
}

bool ThreadCallBase::wait(WaitNode& node) noexcept {
  std::lock_guard const hold(lock_);
  if (ended_) return false;
  waiter_ = &node;
  return true;
}

void ThreadCallBase::abandon() noexcept {
  {
    std::lock_guard const hold(lock_);
    waiter_ = nullptr;
  }
  stop_.request_stop();
}

void ThreadCallBase::run() noexcept {
  {
    ContextGuard const context(std::move(context_));
    try {
      call();
    } catch (...) {
      error = std::current_exception();
    }
  }
  WaitNode* claimed = nullptr;
  {
    std::lock_guard const hold(lock_);
    ended_ = true;
    if (waiter_ != nullptr && waiter_->claim.try_fire()) claimed = waiter_;
  }
  // The pool is joined before the scheduler ends, so both outlive this.
  Scheduler& scheduler = scheduler_;
  if (claimed != nullptr) scheduler.make_ready(*claimed);
  // Only now: the virtual clock must not jump before the waiter is ready.
  scheduler.external_end();
  release();
}

}  // namespace weft::engine
