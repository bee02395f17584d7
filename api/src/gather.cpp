// The cold half of gather: failures, children that suspend, and gathers of handles.
#include <weft/gather.hpp>

#include <algorithm>
#include <unordered_set>

namespace weft::engine {

// ---------------------------------------------------------------- bare coroutines

void Join::throw_failure(Worker& worker) {
  if (cancel_pending(worker.state)) throw_cancelled(worker);
  if (failed()) std::rethrow_exception(std::move(error_));
  if ((trouble_.load(std::memory_order_relaxed) & dropped_bit) != 0) throw CancelledError();
}

void Join::child_suspended(Worker& worker, PromiseBase& child) noexcept {
  // From here on it must tell the join when it ends, on whatever worker; before the commit makes that possible.
  child.detach();
  Suspension* const suspension = std::exchange(worker.pending, nullptr);
  if (std::coroutine_handle<> const ready = suspension->commit(worker)) worker.drive(ready);
  // What the worker's state is now, nobody knows.
  put_child_state(worker);
}

void JoinMode<OnError::abort>::child_failed(void* slot) noexcept {
  Join::child_failed(slot);
  // A cancel that is under way already ends the others; it must not strike their cleanup a second time.
  if (block_.word.epoch() != 0) return;
  CancelRequest request(nullptr);
  (void)request.reach(block_);
}

void JoinMode<OnError::abort>::end() {
  block_.exit(*current_worker());
  throw_if_failed();
}

// ---------------------------------------------------------------- coroutines and handles together

void Watchers::let_go() noexcept {
  // The one who calls is a part of the task whose parts the watchers are.
  TaskBase& task = current_worker()->state.scope->task();
  ReadyBatch ready;
  task.scopes_lock().lock();
  lock_.lock();
  failed_ = true;
  while (Node* const node = nodes_.pop_front()) {
    if (!node->claim.try_cancel()) continue;
    static_cast<ListHook<WaitingTag>&>(*node).unlink();
    ready.push(*node);
  }
  lock_.unlock();
  task.scopes_lock().unlock();
  while (Runnable* const runnable = ready.pop()) current_worker()->make_ready(*runnable);
}

std::coroutine_handle<> Watchers::Node::commit(Worker& worker) noexcept {
  return arm(worker, [this] {
    watchers_.lock_.lock();
    late_ = watchers_.failed_;
    if (!late_) watchers_.nodes_.push_back(*this);
    watchers_.lock_.unlock();
    // On false end() takes the node off the watchers' list.
    return !late_ && waited_task().add_waiter(*this);
  });
}

bool Watchers::Node::end() noexcept {
  watchers_.lock_.lock();
  if (static_cast<ListHook<WatcherTag>&>(*this).linked()) static_cast<ListHook<WatcherTag>&>(*this).unlink();
  watchers_.lock_.unlock();
  if (!late_ && !was_cancelled()) return true;
  waited_task().remove_waiter(*this);
  return false;
}

// ---------------------------------------------------------------- handles

std::exception_ptr HandleJoin::error_of(TaskBase& task) {
  if (task.outcome() == Outcome::cancelled) return std::make_exception_ptr(CancelledError(task.cancel_message()));
  return task.error();
}

bool HandleJoin::await_ready() {
  bool all_done = true;
  for (std::size_t i = 0; i < count_; ++i) {
    TaskBase& task = *entries_[i].task;
    if (!task.done()) {
      require_no_circle(task);
      all_done = false;
    } else if (decides(task) && decided_.load(std::memory_order_relaxed) == nullptr) {
      decided_.store(&task, std::memory_order_relaxed);
    }
  }
  return all_done || decided_.load(std::memory_order_relaxed) != nullptr;
}

std::coroutine_handle<> HandleJoin::commit(Worker& worker) noexcept {
  return arm(worker, [this] {
    enlisted_ = true;
    remaining_.store(count_, std::memory_order_relaxed);
    std::size_t done = 0;
    for (std::size_t i = 0; i < count_; ++i) {
      TaskBase& task = *entries_[i].task;
      if (task.add_waiter(entries_[i])) continue;
      ++done;
      if (decides(task)) {
        TaskBase* none = nullptr;
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

void HandleJoin::child_done(TaskBase& task, ReadyBatch& ready) noexcept {
  bool ended = false;
  if (decides(task)) {
    TaskBase* none = nullptr;
    ended = decided_.compare_exchange_strong(none, &task, std::memory_order_relaxed);
  }
  // ORDER(handle-join): acq_rel; the last child to end publishes what all did.
  if (remaining_.fetch_sub(1, std::memory_order_acq_rel) == 1) ended = true;
  if (!ended || !claim.try_fire()) return;
  Scheduler& home = scheduler();
  if (&home == &task.runtime().scheduler()) ready.push(*this);
  else home.make_ready(*this);
}

bool HandleJoin::hand_down(CancelRequest& request) noexcept {
  if (claim.state() != ClaimState::armed) return false;
  bool accepted = false;
  // A task that was given twice is cancelled once, as in asyncio. The set is for long ranges only.
  std::unordered_set<TaskBase*> seen;
  constexpr std::size_t short_range = 16;
  for (std::size_t i = 0; i < count_; ++i) {
    TaskBase* const task = entries_[i].task.get();
    bool repeated = false;
    if (count_ <= short_range) {
      for (std::size_t k = 0; k < i && !repeated; ++k) repeated = entries_[k].task.get() == task;
    } else {
      try {
        repeated = !seen.insert(task).second;
      } catch (std::bad_alloc const&) {
        // Without memory for the set a duplicate is cancelled twice, which only raises its count.
      }
    }
    if (!repeated) accepted |= request.reach(task->root());
  }
  return accepted;
}

void HandleJoin::end() {
  for (std::size_t i = 0; i < count_; ++i) {
    TaskBase& task = *entries_[i].task;
    if (enlisted_) task.remove_waiter(entries_[i]);
    task.mark_retrieved();
  }
  if (TaskBase* const failed = decided_.load(std::memory_order_relaxed)) failed->throw_outcome();
  // All have ended without deciding anything, although the caller was cancelled: it is cancelled all the same.
  if (was_handed_down()) throw CancelledError(current_worker()->state.scope->task().cancel_message());
}

}  // namespace weft::engine
