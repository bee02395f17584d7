// Queue: items between tasks, first in, first out.
#pragma once

#include <cstddef>
#include <deque>
#include <utility>

#include <weft/queue/basic_queue.hpp>

namespace weft {
namespace engine {

template <class T>
class FifoStore {
 public:
  using Item = T;
  using Items = std::deque<T>;
  void push(T&& item) { items_.push_back(std::move(item)); }
  void restore(T&& item) { items_.push_front(std::move(item)); }
  T pop() {
    T item = std::move(items_.front());
    items_.pop_front();
    return item;
  }
  std::size_t size() const noexcept { return items_.size(); }
  void swap(Items& other) noexcept { items_.swap(other); }

 private:
  Items items_;
};

}  // namespace engine

/// Items from tasks to tasks, first in, first out, bounded if `maxsize` is positive.
///
/// asyncio: Queue (3.13, with shutdown). Differences: put_nowait, get_nowait, task_done, shutdown and the questions may be called from any thread;
/// T may be move-only. Waiters are served in the order in which they came, by direct hand-over.
/// Cancellation: put and get are checkpoints only when they must wait. A put that was let in before the cancel came has put, a get that was
/// given its item has it.
/// Errors: QueueFull, QueueEmpty, QueueShutDown, ValueError (task_done too often). What moving an item throws reaches the put or get for which it was moved.
/// Lifetime: destroy it when nobody waits in it. T's moves run under the queue's lock and must not use the queue.
/// Cost: one lock of a few instructions for each operation, no allocation but the items' room.
template <class T>
class Queue : public engine::BasicQueue<T, engine::FifoStore<T>> {
 public:
  /// `maxsize` <= 0: no bound.
  explicit Queue(std::ptrdiff_t maxsize = 0) : engine::BasicQueue<T, engine::FifoStore<T>>(maxsize, {}) {}
};

}  // namespace weft
