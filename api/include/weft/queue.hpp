// Queue: items between tasks.
//
// One lock guards items and waiters. A put that finds somebody waiting hands its item over; a get that makes room lets the first waiting
// put in. Claimed first, granted second, so an item that a put has accepted is got exactly once, or is still in the queue, whoever is
// cancelled. If moving an item throws, the one for whom it was moved gets the exception.
#pragma once

#include <algorithm>
#include <concepts>
#include <coroutine>
#include <cstddef>
#include <deque>
#include <exception>
#include <mutex>
#include <optional>
#include <type_traits>
#include <utility>

#include <weft/coro.hpp>
#include <weft/errors.hpp>
#include <weft/runtime/runtime/runtime_core.hpp>
#include <weft/runtime/runtime/wait_queue.hpp>

namespace weft {
namespace engine {

// First in, first out.
template <class T>
class FifoStore {
 public:
  void push(T&& item) { items_.push_back(std::move(item)); }
  T pop() {
    T item = std::move(items_.front());
    items_.pop_front();
    return item;
  }
  std::size_t size() const noexcept { return items_.size(); }
  void clear() noexcept { items_.clear(); }

 private:
  std::deque<T> items_;
};

// The queue over any order of items.
template <class T, class Store>
class BasicQueue {
  static_assert(std::is_object_v<T> && std::move_constructible<T>);

  class PutAwaiter;
  class GetAwaiter;
  class JoinAwaiter;

  template <class Awaiter>
  class [[nodiscard]] Operation {
   public:
    using weft_awaitable = void;
    explicit Operation(BasicQueue& queue) noexcept : queue_(queue) {}
    Awaiter operator co_await() && noexcept { return Awaiter(queue_); }

   private:
    BasicQueue& queue_;
  };
  class [[nodiscard]] Put {
   public:
    using weft_awaitable = void;
    Put(BasicQueue& queue, T item) : queue_(queue), item_(std::move(item)) {}
    PutAwaiter operator co_await() && { return PutAwaiter(queue_, std::move(item_)); }

   private:
    BasicQueue& queue_;
    T item_;
  };

 public:
  /// `maxsize` <= 0: no bound.
  explicit BasicQueue(std::ptrdiff_t maxsize = 0) noexcept : maxsize_(maxsize > 0 ? static_cast<std::size_t>(maxsize) : 0) {}
  BasicQueue(BasicQueue const&) = delete;
  BasicQueue& operator=(BasicQueue const&) = delete;

  /// Waits for room. QueueShutDown after shutdown().
  Put put(T item) { return Put(*this, std::move(item)); }
  /// Waits for an item. QueueShutDown after shutdown(), when the queue is empty.
  Operation<GetAwaiter> get() noexcept { return Operation<GetAwaiter>(*this); }
  /// QueueFull instead of waiting.
  void put_nowait(T item) {
    ReadyBatch ready;
    bool accepted = false;
    {
      std::lock_guard const hold(lock_);
      if (shut_down_) throw QueueShutDown();
      accepted = try_put(item, ready);
    }
    wake_all(ready);
    if (!accepted) throw QueueFull();
  }
  /// QueueEmpty instead of waiting.
  T get_nowait() {
    std::optional<T> item;
    ReadyBatch ready;
    bool closed = false;
    {
      std::lock_guard const hold(lock_);
      closed = shut_down_;
      (void)try_get(item, ready);
    }
    wake_all(ready);
    if (item) return std::move(*item);
    if (closed) throw QueueShutDown();
    throw QueueEmpty();
  }
  /// Waits until every item that was put has been reported by task_done().
  Operation<JoinAwaiter> join() noexcept { return Operation<JoinAwaiter>(*this); }
  /// One item that was got is finished with. ValueError when there were not as many.
  void task_done() {
    ReadyBatch ready;
    {
      std::lock_guard const hold(lock_);
      if (unfinished_ == 0) throw ValueError("task_done() called too many times");
      if (--unfinished_ == 0) end_joins(ready);
    }
    wake_all(ready);
  }

  std::size_t qsize() const noexcept {
    std::lock_guard const hold(lock_);
    return items_.size();
  }
  bool empty() const noexcept { return qsize() == 0; }
  bool full() const noexcept {
    std::lock_guard const hold(lock_);
    return is_full();
  }
  std::ptrdiff_t maxsize() const noexcept { return static_cast<std::ptrdiff_t>(maxsize_); }

  /// No more puts; gets go on until the queue is empty. `immediate`: what is in it is dropped, and counts as done.
  void shutdown(bool immediate = false) {
    ReadyBatch ready;
    Store dropped;
    {
      std::lock_guard const hold(lock_);
      shut_down_ = true;
      if (immediate) {
        std::size_t const count = items_.size();
        std::swap(dropped, items_);
        unfinished_ -= std::min(unfinished_, count);
        if (unfinished_ == 0) end_joins(ready);
      }
      // Whoever waits to get finds the queue empty, whoever waits to put is too late.
      if (items_.size() == 0)
        while (GetAwaiter* const getter = getters_.claim_first()) ready.push(*getter);
      while (PutAwaiter* const putter = putters_.claim_first()) {
        putter->refuse();
        ready.push(*putter);
      }
    }
    wake_all(ready);
  }

 private:
  bool is_full() const noexcept { return maxsize_ != 0 && items_.size() >= maxsize_; }

  // Under the lock. False when there is no room; then the item is untouched.
  bool try_put(T& item, ReadyBatch& ready) {
    if (GetAwaiter* const getter = getters_.claim_first()) {
      // Somebody waits, so the queue is empty.
      getter->grant(item);
      ready.push(*getter);
      ++unfinished_;
      return true;
    }
    if (is_full()) return false;
    items_.push(std::move(item));
    ++unfinished_;
    return true;
  }

  // Under the lock. False when the queue is empty.
  bool try_get(std::optional<T>& item, ReadyBatch& ready) {
    if (items_.size() == 0) return false;
    item.emplace(items_.pop());
    while (!is_full()) {
      PutAwaiter* const putter = putters_.claim_first();
      if (putter == nullptr) break;
      ready.push(*putter);
      if (putter->admit(items_)) ++unfinished_;
    }
    return true;
  }

  void end_joins(ReadyBatch& ready) noexcept {
    while (JoinAwaiter* const waiter = joins_.claim_first()) ready.push(*waiter);
  }

  std::size_t const maxsize_;
  mutable SpinLock lock_;
  // INVARIANT: all under lock_. Getters wait only while the queue is empty, putters only while it is full.
  bool shut_down_ = false;
  std::size_t unfinished_ = 0;
  Store items_;
  WaitQueue<GetAwaiter> getters_;
  WaitQueue<PutAwaiter> putters_;
  WaitQueue<JoinAwaiter> joins_;
};

template <class T, class Store>
class BasicQueue<T, Store>::PutAwaiter final : public QueuedNode {
 public:
  PutAwaiter(BasicQueue& queue, T&& item) : QueuedNode("Queue.put"), queue_(queue), item_(std::move(item)) {}

  bool await_ready() {
    ReadyBatch ready;
    bool accepted = false;
    {
      std::lock_guard const hold(queue_.lock_);
      if (queue_.shut_down_) throw QueueShutDown();
      accepted = queue_.try_put(item_, ready);
    }
    wake_all(ready);
    return accepted;
  }
  void await_suspend(std::coroutine_handle<> coroutine) noexcept { suspend(coroutine, *current_worker()); }
  std::coroutine_handle<> commit(Worker& worker) noexcept override {
    ReadyBatch ready;
    std::coroutine_handle<> const now = arm(worker, [&] {
      std::lock_guard const hold(queue_.lock_);
      bool accepted = false;
      if (queue_.shut_down_) {
        refused_ = true;
        return false;
      }
      try {
        accepted = queue_.try_put(item_, ready);
      } catch (...) {
        error_ = std::current_exception();
        return false;
      }
      if (!accepted) queue_.putters_.push(*this);
      return !accepted;
    });
    wake_all(ready);
    return now;
  }
  void await_resume() {
    if (was_cancelled()) {
      {
        std::lock_guard const hold(queue_.lock_);
        queue_.putters_.leave(*this);
      }
      throw_cancelled(*current_worker());
    }
    if (error_) std::rethrow_exception(error_);
    if (refused_) throw QueueShutDown();
  }

  // By the one who claimed us, under the queue's lock.
  void refuse() noexcept { refused_ = true; }
  bool admit(Store& items) noexcept {
    try {
      items.push(std::move(item_));
      return true;
    } catch (...) {
      error_ = std::current_exception();
      return false;
    }
  }

 private:
  BasicQueue& queue_;
  T item_;
  bool refused_ = false;
  std::exception_ptr error_;
};

template <class T, class Store>
class BasicQueue<T, Store>::GetAwaiter final : public QueuedNode {
 public:
  explicit GetAwaiter(BasicQueue& queue) noexcept : QueuedNode("Queue.get"), queue_(queue) {}

  bool await_ready() {
    ReadyBatch ready;
    bool ended = false;
    {
      std::lock_guard const hold(queue_.lock_);
      ended = queue_.try_get(item_, ready) || queue_.shut_down_;
    }
    wake_all(ready);
    return ended;
  }
  void await_suspend(std::coroutine_handle<> coroutine) noexcept { suspend(coroutine, *current_worker()); }
  std::coroutine_handle<> commit(Worker& worker) noexcept override {
    ReadyBatch ready;
    std::coroutine_handle<> const now = arm(worker, [&] {
      std::lock_guard const hold(queue_.lock_);
      try {
        if (queue_.try_get(item_, ready) || queue_.shut_down_) return false;
      } catch (...) {
        error_ = std::current_exception();
        return false;
      }
      queue_.getters_.push(*this);
      return true;
    });
    wake_all(ready);
    return now;
  }
  T await_resume() {
    if (was_cancelled()) {
      {
        std::lock_guard const hold(queue_.lock_);
        queue_.getters_.leave(*this);
      }
      throw_cancelled(*current_worker());
    }
    if (error_) std::rethrow_exception(error_);
    if (!item_) throw QueueShutDown();
    return std::move(*item_);
  }

  // By the one who claimed us, under the queue's lock.
  void grant(T& item) noexcept {
    try {
      item_.emplace(std::move(item));
    } catch (...) {
      error_ = std::current_exception();
    }
  }

 private:
  BasicQueue& queue_;
  std::optional<T> item_;
  std::exception_ptr error_;
};

template <class T, class Store>
class BasicQueue<T, Store>::JoinAwaiter final : public QueuedNode {
 public:
  explicit JoinAwaiter(BasicQueue& queue) noexcept : QueuedNode("Queue.join"), queue_(queue) {}
  bool await_ready() const noexcept {
    std::lock_guard const hold(queue_.lock_);
    return queue_.unfinished_ == 0;
  }
  void await_suspend(std::coroutine_handle<> coroutine) noexcept { suspend(coroutine, *current_worker()); }
  std::coroutine_handle<> commit(Worker& worker) noexcept override {
    return arm(worker, [this] {
      std::lock_guard const hold(queue_.lock_);
      if (queue_.unfinished_ == 0) return false;
      queue_.joins_.push(*this);
      return true;
    });
  }
  void await_resume() {
    if (!was_cancelled()) return;
    {
      std::lock_guard const hold(queue_.lock_);
      queue_.joins_.leave(*this);
    }
    throw_cancelled(*current_worker());
  }

 private:
  BasicQueue& queue_;
};

}  // namespace engine

/// Items from tasks to tasks, first in, first out, bounded if `maxsize` is positive.
///
/// asyncio: Queue (3.13, with shutdown). Differences: put_nowait, get_nowait, task_done, shutdown and the questions may be called from any thread;
/// T may be move-only. Waiters are served in the order in which they came, by direct hand-over.
/// Cancellation: put and get are checkpoints only when they must wait. A put that was let in before the cancel came has put, a get that was
/// given its item has it. Errors: QueueFull, QueueEmpty, QueueShutDown, ValueError (task_done too often).
/// Lifetime: destroy it when nobody waits in it. Cost: one lock of a few instructions for each operation, no allocation but the items' room.
template <class T>
class Queue : public engine::BasicQueue<T, engine::FifoStore<T>> {
 public:
  using engine::BasicQueue<T, engine::FifoStore<T>>::BasicQueue;
};

}  // namespace weft
