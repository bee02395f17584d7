// The half of the join of bare coroutines that is not the common course: cancels, the end of the stack, steals, children that suspend, failures.
#include <weft/gather/join.hpp>

#include <weft/runtime/platform/errors.hpp>

namespace weft::engine {

void throw_short_storage() { throw ValueError("gather(into(storage), ...): there are more coroutines than elements"); }

void Join::child_failed(void*, std::exception_ptr error) noexcept {
  if ((trouble_.fetch_or(failed_bit, std::memory_order_relaxed) & failed_bit) == 0) ::new (error_) std::exception_ptr(std::move(error));
  // On the common course the gather finds out by this; otherwise by put_back().
  current_worker()->state.flags |= ExecutionState::dirty;
}

std::exception_ptr Join::take_error() noexcept {
  if (!failed()) return nullptr;
  auto& stored = *std::launder(reinterpret_cast<std::exception_ptr*>(error_));
  std::exception_ptr error = std::move(stored);
  std::destroy_at(&stored);
  return error;
}

bool Join::ends_cancelled(Worker& worker) {
  // A part that had not changed its state may have taken the common course, and then the worker's is still that of the last child. Otherwise it is the
  // caller's, marked at most.
  if (state.flags == ExecutionState::part && worker.state.flags != ExecutionState::part) {
    end_context(worker.state);
    worker.state = state;
  }
  if (trouble_.load(std::memory_order_relaxed) == 0) [[likely]] return cancel_pending(worker.state);
  std::exception_ptr error = take_error();
  if (cancel_pending(worker.state)) return true;
  if (error) std::rethrow_exception(std::move(error));
  return (trouble_.load(std::memory_order_relaxed) & dropped_bit) != 0;
}

CancelledError Join::cancellation(Worker& worker) {
  // Nothing pending: a child was dropped by a cancel that is void by now.
  return cancel_pending(worker.state) ? delivered_cancel(worker) : CancelledError();
}

bool Join::start_otherwise(Worker& worker, std::coroutine_handle<> const* children, std::size_t count) noexcept {
  if (cancelled_meanwhile()) {
    // A bare gather is a point of delivery: nothing starts.
    for (std::size_t i = 0; i < count; ++i) drop(children[i]);
    return true;
  }
  if (!worker.near_stack_limit()) [[likely]] {
    // The body of a task, or a part that has changed its state: the children's is put in, and ours back at the end.
    worker.state.flags = ExecutionState::part;
    return take_common_course<false>(worker, children, count, [](std::size_t) {});
  }
  if (worker.strand != nullptr) return run_serially(worker, children, count);
  // Near the end of the native stack all children go on the deque, and everybody below us leaves the stack.
  std::size_t in_place = 0;
  for (std::size_t i = count; i-- > in_place;) {
    if (!worker.deque.put(fork_item(children[i])) && !settle_push(worker)) in_place = i + 1;
  }
  worker.leave_stack();
  if (in_place == 0) return end_part(worker, static_cast<std::int64_t>(count));
  return run_rest(worker, children, count, 0, in_place, 0);
}

bool Join::settle_push(Worker& worker) noexcept {
  Pushed const pushed = worker.deque.settle_put();
  if (pushed == Pushed::published) worker.on_published();
  return pushed != Pushed::failed;
}

bool Join::settle_unpush(Worker& worker) noexcept { return worker.deque.settle_unput(); }

bool Join::run_rest(Worker& worker, std::coroutine_handle<> const* children, std::size_t count, std::size_t next, std::size_t in_place, std::int64_t unfinished) noexcept {
  std::int64_t left = unfinished + static_cast<std::int64_t>(count - next);
  for (std::size_t i = next; i < count; ++i) {
    std::coroutine_handle<> const child = children[i];
    if (i == 0) {
      put_child_state(worker);
    } else {
      if (worker.state.flags != ExecutionState::part) {
        end_context(worker.state);
        put_child_state(worker);
      }
      // It may have run out on the common course.
      if (worker.fuel == 0 || --worker.fuel == 0) worker.poll_from_gather();
    }
    if (i >= in_place) {
      // When the stack is being left our children stay on the deque, above those of our ancestors. When nothing is there, all that
      // are left were stolen.
      if (worker.unwind || !worker.deque.unpush()) break;
    }
    if (i != 0 && cancelled_meanwhile()) {
      drop(child);
      --left;
    } else if (run_child(worker, child)) {
      --left;
    }
  }
  return end_part(worker, left);
}

bool Join::run_after_suspended(Worker& worker, std::coroutine_handle<> const* children, std::size_t count, std::size_t i) noexcept {
  child_suspended(worker, children[i]);
  return run_rest(worker, children, count, i + 1, 1, 1);
}

bool Join::end_part(Worker& worker, std::int64_t left) noexcept {
  end_context(worker.state);
  bool const all = left == 0 || counter.all_arrived(left);
  // Also when the parent has to wait: it suspends in its own state.
  put_back(worker);
  outstanding = left;
  return all;
}

bool Join::run_serially(Worker& worker, std::coroutine_handle<> const* children, std::size_t count) noexcept {
  auto left = static_cast<std::int64_t>(count);
  put_child_state(worker);
  for (std::size_t i = 0; i < count; ++i) {
    std::coroutine_handle<> const child = children[i];
    if (i != 0) {
      end_context(worker.state);
      put_child_state(worker);
      if (--worker.fuel == 0) worker.poll_from_gather();
      if (cancelled_meanwhile()) {
        drop(child);
        --left;
        continue;
      }
    }
    if (worker.near_stack_end()) worker.leave_stack();
    // The first one runs at once as long as there is stack.
    if (worker.unwind && (i != 0 || worker.near_stack_end()) && defer_child(worker, child)) continue;
    if (run_child(worker, child)) --left;
  }
  return end_part(worker, left);
}

bool Join::run_child(Worker& worker, std::coroutine_handle<> child) noexcept {
  child.resume();
  if (worker.pending == nullptr) return true;
  child_suspended(worker, child);
  return false;
}

void Join::child_suspended(Worker& worker, std::coroutine_handle<> child) noexcept {
  // From here on it must tell the join when it ends, on whatever worker; before the commit makes that possible.
  promise_of(child).detach();
  Suspension* const suspension = std::exchange(worker.pending, nullptr);
  worker.enter_nested();
  if (std::coroutine_handle<> const ready = suspension->commit(worker)) worker.drive(ready);
  worker.leave_nested();
  // What the worker's state is now, nobody knows.
  put_child_state(worker);
}

void JoinMode<OnError::abort>::child_failed(void* slot, std::exception_ptr error) noexcept {
  Join::child_failed(slot, std::move(error));
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

bool JoinMode<OnError::abort>::end_quietly() {
  leave_block(*current_worker());
  return Join::end_quietly();
}

}  // namespace weft::engine
