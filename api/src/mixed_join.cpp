// Watchers of a mixed gather, and how they are made to let go.
#include <weft/gather/mixed_join.hpp>

namespace weft::engine {

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
    return !late_ && awaited().add_waiter(*this);
  });
}

bool Watchers::Node::end() noexcept {
  watchers_.lock_.lock();
  if (static_cast<ListHook<WatcherTag>&>(*this).linked()) static_cast<ListHook<WatcherTag>&>(*this).unlink();
  watchers_.lock_.unlock();
  if (!late_ && !was_cancelled()) return true;
  awaited().remove_waiter(*this);
  return false;
}

}  // namespace weft::engine
