// The queue behind as_completed. The protocol is at the head of as_completed.hpp.
#include <weft/as_completed.hpp>

#include <chrono>
#include <mutex>

namespace weft::engine {

CompletedQueue::CompletedQueue(std::size_t count, std::optional<Clock::duration> timeout)
    : entries_(std::make_unique<Entry[]>(count)), count_(count), home_(&current_worker()->scheduler()), virtual_clock_(home_->virtual_clock()), left_(count) {
  if (timeout) deadline_ = deadline_after(*timeout);
}

void CompletedQueue::start() noexcept {
  for (std::size_t i = 0; i < count_; ++i) {
    Entry& entry = entries_[i];
    entry.queue = this;
    entry.index = i;
    if (entry.task->add_waiter(entry)) continue;
    // It had ended before: in time, whatever the deadline is.
    std::lock_guard const hold(lock_);
    ended_.push_back(entry);
  }
}

CompletedQueue::~CompletedQueue() {
  for (std::size_t i = 0; i < count_; ++i) entries_[i].task->remove_waiter(entries_[i]);
  while (ended_.pop_front() != nullptr) {
  }
}

bool CompletedQueue::is_late(Scheduler const* here) const noexcept {
  if (deadline_ == Clock::time_point::max()) return false;
  // A future may be completed elsewhere, and after our runtime's end; a virtual clock means nothing there.
  if (here != home_ && virtual_clock_) return false;
  std::int64_t const now = here == home_ ? home_->now() : std::chrono::steady_clock::now().time_since_epoch() / Clock::duration(1);
  return now >= deadline_.time_since_epoch().count();
}

void CompletedQueue::ended(Entry& entry, ReadyBatch& ready, Scheduler* here) noexcept {
  if (is_late(here)) return;
  std::lock_guard const hold(lock_);
  Waiter* const first = waiters_.claim_first();
  if (first == nullptr) {
    ended_.push_back(entry);
    return;
  }
  first->got_ = Waiter::Got::task;
  first->index_ = entry.index;
  first->wake_up(ready, here);
  if (--left_ != 0) return;
  // That was the last: those who still wait get nothing.
  while (Waiter* const waiter = waiters_.claim_first()) {
    waiter->got_ = Waiter::Got::all_gone;
    waiter->wake_up(ready, here);
  }
  // LIFETIME: whoever drops the state now waits in its destructor for the lock under which we are called.
}

bool CompletedQueue::Waiter::take() noexcept {
  if (queue_.left_ == 0) {
    got_ = Got::all_gone;
    return true;
  }
  if (Entry* const entry = queue_.ended_.pop_front()) {
    got_ = Got::task;
    index_ = entry->index;
  } else if (timer_fired_ || (queue_.deadline_ != Clock::time_point::max() && Clock::now() >= queue_.deadline_)) {
    got_ = Got::timeout;
  } else {
    return false;
  }
  --queue_.left_;
  return true;
}

bool CompletedQueue::Waiter::await_ready() noexcept {
  std::lock_guard const hold(queue_.lock_);
  // asyncio learns at a first suspension what had ended before, so a pending cancel is delivered there.
  if (queue_.count_ != 0 && queue_.left_ == queue_.count_ && cancel_pending(current_worker()->state)) return false;
  return take();
}

std::coroutine_handle<> CompletedQueue::Waiter::commit(Worker& worker) noexcept {
  return arm(worker, [&] {
    {
      std::lock_guard const hold(queue_.lock_);
      if (take()) return false;
      queue_.waiters_.push(*this);
    }
    if (queue_.deadline_ != Clock::time_point::max()) worker.arm(*this, queue_.deadline_.time_since_epoch().count());
    return true;
  });
}

void CompletedQueue::Waiter::fire(Timer& timer, ReadyBatch& ready, ReadyBatch&) noexcept {
  auto& self = static_cast<Waiter&>(timer);
  if (!self.claim.try_fire()) return;
  self.timer_fired_ = true;
  ready.push(self);
}

std::optional<std::size_t> CompletedQueue::Waiter::end() {
  if (queue_.deadline_ != Clock::time_point::max()) (void)Worker::disarm(*this);
  if (was_cancelled()) {
    {
      std::lock_guard const hold(queue_.lock_);
      WaitQueue<Waiter>::leave(*this);
    }
    throw_cancelled(*current_worker());
  }
  if (timer_fired_) {
    std::lock_guard const hold(queue_.lock_);
    WaitQueue<Waiter>::leave(*this);
    // Something may have ended in the last moment.
    (void)take();
  }
  switch (got_) {
    case Got::task: return index_;
    case Got::timeout: throw_timeout();
    case Got::all_gone: break;
  }
  return std::nullopt;
}

}  // namespace weft::engine
