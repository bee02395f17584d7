// The cold half of the join of bare coroutines: failures, and children that suspend.
#include <weft/gather/join.hpp>

namespace weft::engine {

std::exception_ptr Join::take_error() noexcept {
  if (!failed()) return nullptr;
  auto& stored = *std::launder(reinterpret_cast<std::exception_ptr*>(error_));
  std::exception_ptr error = std::move(stored);
  std::destroy_at(&stored);
  return error;
}

void Join::throw_failure(Worker& worker) {
  std::exception_ptr error = take_error();
  if (cancel_pending(worker.state)) throw_cancelled(worker);
  if (error) std::rethrow_exception(std::move(error));
  if ((trouble_.load(std::memory_order_relaxed) & dropped_bit) != 0) throw CancelledError();
}

void Join::child_suspended(Worker& worker, PromiseBase& child) noexcept {
  // From here on it must tell the join when it ends, on whatever worker; before the commit makes that possible.
  child.detach();
  Suspension* const suspension = std::exchange(worker.pending, nullptr);
  worker.enter_nested();
  if (std::coroutine_handle<> const ready = suspension->commit(worker)) worker.drive(ready);
  worker.leave_nested();
  // What the worker's state is now, nobody knows.
  put_child_state(worker);
}

void JoinMode<OnError::abort>::child_failed(void* slot) noexcept {
  Join::child_failed(slot);
  abort_others();
}

void JoinMode<OnError::abort>::abort_others() noexcept {
  // A cancel that is under way already ends the others; it must not strike their cleanup a second time.
  if (block_.word.epoch() != 0) return;
  CancelRequest request(nullptr);
  (void)request.reach(block_);
}

void JoinMode<OnError::abort>::end() {
  leave_block(*current_worker());
  throw_if_failed();
}

}  // namespace weft::engine
