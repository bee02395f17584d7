// How a TaskGroup's block ends: CPython 3.13's _aexit, step by step; its cancel() as in 3.15.
#include <weft/task_group.hpp>

namespace weft::engine {

void GroupBlock::body_ended(std::exception_ptr error) noexcept {
  body_asked_ = group.state_.body_ended();
  body_.exit(*current_worker());
  if (!error) return;
  (is_cancelled_error(error) ? cancelled_ : body_error_) = std::move(error);
  group.state_.abort(false);
}

Coro<void> GroupBlock::finish() {
  std::exception_ptr while_aborting;
  while (!group.state_.close()) {
    bool const cancelled = co_await GroupWait(group.state_);
    if (!cancelled) continue;
    // Cancelled from outside while the children run on: they are cancelled, and the cancellation goes on when they have ended; also when the
    // group is aborting already.
    std::exception_ptr error = std::make_exception_ptr(CancelledError(current_worker()->state.scope->task().cancel_message()));
    (group.state_.aborting() ? while_aborting : cancelled_) = std::move(error);
    group.state_.abort(false);
  }
  Worker& worker = *current_worker();
  if (body_asked_) body_.take_back_own();
  std::uint32_t const outside = worker.state.scope->requests_around();
  // The group's own request is gone with the body's scope: without any other there is nothing to propagate, with one it is that which goes on
  // (CPython 3.15; 3.13 has no quiet end in which it could get lost).
  if (group.state_.asked_for_cancel()) {
    if (outside == 0) cancelled_ = nullptr;
    else if (while_aborting) cancelled_ = std::move(while_aborting);
  }
  std::vector<std::exception_ptr> errors = group.state_.take_errors();
  if (body_error_) errors.push_back(std::move(body_error_));
  if (errors.empty()) {
    if (cancelled_) std::rethrow_exception(std::move(cancelled_));
    co_return;
  }
  // The errors win; a cancellation from outside is delivered at the next suspension instead.
  if (outside != 0) worker.state.scope->deliver_again(worker);
  throw ExceptionGroup("unhandled errors in a TaskGroup", std::move(errors));
}

}  // namespace weft::engine
