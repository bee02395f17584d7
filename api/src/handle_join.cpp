// How a gather of handles ends: by the child that decides, or by the last.
#include <weft/gather/handle_join.hpp>

namespace weft::engine {

bool HandleJoin::await_ready() {
  bool all_done = true;
  for (std::size_t i = 0; i < count_; ++i) {
    Completion& task = *entries_[i].task;
    if (!task.done()) {
      require_no_circle(task);
      all_done = false;
    } else if (decides(task) && decided_.load(std::memory_order_relaxed) == nullptr) {
      decided_.store(&task, std::memory_order_relaxed);
    }
  }
  // No suspension, so a pending cancel is not delivered here, as in asyncio (since 3.12).
  return all_done || decided_.load(std::memory_order_relaxed) != nullptr;
}

std::coroutine_handle<> HandleJoin::commit(Worker& worker) noexcept {
  return arm(worker, [this] {
    enlisted_ = true;
    remaining_.store(count_, std::memory_order_relaxed);
    std::size_t done = 0;
    for (std::size_t i = 0; i < count_; ++i) {
      Completion& task = *entries_[i].task;
      if (task.add_waiter(entries_[i])) continue;
      ++done;
      if (decides(task)) {
        Completion* none = nullptr;
        decided_.compare_exchange_strong(none, &task, std::memory_order_relaxed);
      }
    }
    // ORDER(handle-join): acq_rel; as in child_done().
    bool const all = done != 0 && remaining_.fetch_sub(done, std::memory_order_acq_rel) == done;
    bool const ended = all || count_ == 0 || decided_.load(std::memory_order_relaxed) != nullptr;
    // A child that ended meanwhile may have claimed us: then it wakes us.
    return !(ended && claim.try_fire());
  });
}

void HandleJoin::child_done(Completion& task, ReadyBatch& ready, Scheduler* here) noexcept {
  bool ended = false;
  if (decides(task)) {
    Completion* none = nullptr;
    ended = decided_.compare_exchange_strong(none, &task, std::memory_order_relaxed);
  }
  // ORDER(handle-join): acq_rel; the last child to end publishes what all did.
  if (remaining_.fetch_sub(1, std::memory_order_acq_rel) == 1) ended = true;
  if (ended && claim.try_fire()) wake_up(ready, here);
}

bool HandleJoin::hand_down(CancelRequest& request) noexcept {
  if (claim.state() != ClaimState::armed) return false;
  bool accepted = false;
  // A task that was given twice is cancelled twice, in one step, as in asyncio: it sees that once, and its count says two.
  for (std::size_t i = 0; i < count_; ++i) accepted |= entries_[i].task->hand_down(request);
  return accepted;
}

void HandleJoin::end() {
  for (std::size_t i = 0; i < count_; ++i) {
    Completion& task = *entries_[i].task;
    if (enlisted_) task.remove_waiter(entries_[i]);
    task.mark_retrieved();
  }
  if (Completion* const failed = decided_.load(std::memory_order_relaxed)) failed->throw_outcome();
  // All have ended without deciding anything, although the caller was cancelled: it is cancelled all the same.
  if (was_handed_down()) throw CancelledError(current_worker()->state.scope->task().cancel_message());
}

}  // namespace weft::engine
