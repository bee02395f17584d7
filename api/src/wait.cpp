// How a wait for several tasks ends. The protocol is at the head of wait.hpp.
#include <weft/wait.hpp>

#include <unordered_set>

namespace weft::engine {

void throw_wait_of_nothing() { throw ValueError("wait() of nothing"); }

std::vector<bool> find_repetitions(std::vector<Completion*> const& completions) {
  std::vector<bool> repeated(completions.size());
  std::unordered_set<Completion*> seen;
  for (std::size_t i = 0; i < completions.size(); ++i) repeated[i] = !seen.insert(completions[i]).second;
  return repeated;
}

bool WaitForSeveral::await_ready() noexcept {
  // asyncio's wait() suspends also when it is over at once, so a pending cancel is delivered here.
  if (cancel_pending(current_worker()->state)) return false;
  for (std::size_t i = 0; i < count_; ++i) {
    if (!entries_[i].task->done()) continue;
    if (take_place(entries_[i], *entries_[i].task)) return true;
  }
  return false;
}

void WaitForSeveral::await_suspend(std::coroutine_handle<> coroutine) noexcept {
  suspended_ = true;
  if (!yields_) {
    if (options_.timeout) deadline_ = deadline_after(*options_.timeout);
    suspend(coroutine, *current_worker());
    return;
  }
  (void)enlist();
  yield_.await_suspend(coroutine);
}

std::coroutine_handle<> WaitForSeveral::commit(Worker& worker) noexcept {
  return arm(worker, [&] {
    // A task that ends meanwhile may have claimed us: then it wakes us.
    if (enlist() && claim.try_fire()) return false;
    // For ever is no timer at all.
    if (deadline_ != Clock::time_point::max()) worker.arm(*this, deadline_.time_since_epoch().count());
    return true;
  });
}

bool WaitForSeveral::enlist() noexcept {
  for (std::size_t i = 0; i < count_; ++i) {
    Entry& entry = entries_[i];
    if (entry.place != Entry::none || entry.task->add_waiter(entry)) continue;
    if (take_place(entry, *entry.task)) return true;
  }
  return false;
}

bool WaitForSeveral::take_place(Entry& entry, Completion& task) noexcept {
  entry.place = places_.fetch_add(1, std::memory_order_relaxed);
  if (entry.place + 1 == count_) return true;
  switch (options_.return_when) {
    case ReturnWhen::FIRST_COMPLETED: return true;
    case ReturnWhen::FIRST_EXCEPTION:
      if (!task.failed()) return false;
      // CPython looks at the exception here, which counts as retrieving it.
      task.mark_retrieved();
      return true;
    case ReturnWhen::ALL_COMPLETED: break;
  }
  return false;
}

void WaitForSeveral::ended(Entry& entry, Completion& task, ReadyBatch& ready, Scheduler* here) noexcept {
  if (take_place(entry, task) && !yields_ && claim.try_fire()) wake_up(ready, here);
}

void WaitForSeveral::fire(Timer& timer, ReadyBatch& ready, ReadyBatch&) noexcept {
  auto& self = static_cast<WaitForSeveral&>(timer);
  if (self.claim.try_fire()) ready.push(self);
}

std::size_t WaitForSeveral::end() {
  if (suspended_) {
    if (deadline_ != Clock::time_point::max()) (void)Worker::disarm(*this);
    for (std::size_t i = 0; i < count_; ++i) entries_[i].task->remove_waiter(entries_[i]);
    if (yields_) yield_.await_resume();
    else if (was_cancelled()) throw_cancelled(*current_worker());
  }
  // What has ended, and has not told us yet.
  for (std::size_t i = 0; i < count_; ++i)
    if (entries_[i].place == Entry::none && entries_[i].task->done()) entries_[i].place = places_.fetch_add(1, std::memory_order_relaxed);
  return places_.load(std::memory_order_relaxed);
}

}  // namespace weft::engine
