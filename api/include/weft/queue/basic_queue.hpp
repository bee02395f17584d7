// What Queue, PriorityQueue and LifoQueue share: the awaitables. The decisions are in runtime/algorithms/item_queue.hpp.
#pragma once

#include <concepts>
#include <coroutine>
#include <cstddef>
#include <exception>
#include <optional>
#include <type_traits>
#include <utility>

#include <weft/coro.hpp>
#include <weft/errors.hpp>
#include <weft/runtime/algorithms/item_queue.hpp>
#include <weft/runtime/runtime/runtime_core.hpp>
#include <weft/runtime/runtime/wait_queue.hpp>

namespace weft::engine {

[[noreturn]] inline void throw_not_put(PutOutcome outcome) {
  if (outcome == PutOutcome::full) throw QueueFull();
  throw QueueShutDown();
}

// The queue over any order of items.
template <class T, class Store>
class BasicQueue {
  static_assert(std::is_object_v<T> && std::move_constructible<T>);

  class PutAwaiter;
  class GetAwaiter;
  class JoinAwaiter;
  using Core = BasicItemQueue<SpinLock, Store, WaitQueue<GetAwaiter>, WaitQueue<PutAwaiter>, WaitQueue<JoinAwaiter>>;

  template <class Awaiter>
  class [[nodiscard]] Operation {
   public:
    using weft_awaitable = void;
    explicit Operation(Core& core) noexcept : core_(core) {}
    Awaiter operator co_await() && noexcept { return Awaiter(core_); }

   protected:
    Core& core_;
  };
  // What a task that is a get() has got and must drop.
  struct GiveBack {
    Core* core;
    void operator()(T& item) noexcept {
      ReadyBatch ready;
      try {
        core->give_back(item, ready);
      } catch (...) {
        // There is no room for it, or it does not want to be moved: dropped after all.
      }
      wake_all(ready);
    }
  };
  class [[nodiscard]] Get : public Operation<GetAwaiter> {
   public:
    using Operation<GetAwaiter>::Operation;
    GiveBack give_back() const noexcept { return {&this->core_}; }
  };
  class [[nodiscard]] Put {
   public:
    using weft_awaitable = void;
    Put(Core& core, T item) : core_(core), item_(std::move(item)) {}
    PutAwaiter operator co_await() && { return PutAwaiter(core_, std::move(item_)); }

   private:
    Core& core_;
    T item_;
  };

 public:
  BasicQueue(BasicQueue const&) = delete;
  BasicQueue& operator=(BasicQueue const&) = delete;

  /// Waits for room. QueueShutDown after shutdown().
  Put put(T item) { return Put(core_, std::move(item)); }
  /// Waits for an item. QueueShutDown after shutdown(), when the queue is empty.
  Get get() noexcept { return Get(core_); }
  /// QueueFull instead of waiting.
  void put_nowait(T item) {
    ReadyBatch ready;
    PutOutcome const outcome = core_.put(item, ready);
    wake_all(ready);
    if (outcome != PutOutcome::accepted) throw_not_put(outcome);
  }
  /// QueueEmpty instead of waiting.
  T get_nowait() {
    std::optional<T> item;
    ReadyBatch ready;
    GetOutcome const outcome = core_.get(item, ready);
    wake_all(ready);
    if (outcome == GetOutcome::empty) throw QueueEmpty();
    if (outcome == GetOutcome::shut_down) throw QueueShutDown();
    return std::move(*item);
  }
  /// Waits until every item that was put has been reported by task_done().
  Operation<JoinAwaiter> join() noexcept { return Operation<JoinAwaiter>(core_); }
  /// One item that was got is finished with. ValueError when there were not as many.
  void task_done() {
    ReadyBatch ready;
    if (!core_.task_done(ready)) throw ValueError("task_done() called too many times");
    wake_all(ready);
  }

  std::size_t qsize() const noexcept { return core_.size(); }
  bool empty() const noexcept { return qsize() == 0; }
  bool full() const noexcept { return core_.full(); }
  /// 0: no bound.
  std::ptrdiff_t maxsize() const noexcept { return static_cast<std::ptrdiff_t>(core_.maxsize()); }

  /// No more puts; gets go on until the queue is empty. `immediate`: what is in it is dropped, and counts as done.
  void shutdown(bool immediate = false) {
    ReadyBatch ready;
    typename Store::Items dropped;
    core_.shut_down(immediate ? &dropped : nullptr, ready);
    wake_all(ready);
  }

 protected:
  BasicQueue(std::ptrdiff_t maxsize, Store store) : core_(maxsize > 0 ? static_cast<std::size_t>(maxsize) : 0, std::move(store)) {}
  ~BasicQueue() = default;

 private:
  Core core_;
};

template <class T, class Store>
class BasicQueue<T, Store>::PutAwaiter final : public QueuedNode {
 public:
  PutAwaiter(Core& core, T&& item) : QueuedNode("Queue.put"), core_(core), item_(std::move(item)) {}

  WEFT_INLINE bool await_ready() {
    ReadyBatch ready;
    PutOutcome const outcome = core_.put(item_, ready);
    wake_all(ready);
    if (outcome == PutOutcome::shut_down) throw QueueShutDown();
    return outcome == PutOutcome::accepted;
  }
  void await_suspend(std::coroutine_handle<> coroutine) noexcept { suspend(coroutine, *current_worker()); }
  std::coroutine_handle<> commit(Worker& worker) noexcept override {
    ReadyBatch ready;
    std::coroutine_handle<> const now = arm(worker, [&] {
      try {
        PutOutcome const outcome = core_.put_or_enlist(item_, *this, ready);
        if (outcome == PutOutcome::full) return true;
        refused_ = outcome == PutOutcome::shut_down;
      } catch (...) {
        error_ = std::current_exception();
      }
      return false;
    });
    wake_all(ready);
    return now;
  }
  WEFT_INLINE bool ends_cancelled() noexcept {
    if (!was_cancelled()) [[likely]] return false;
    core_.leave_putters(*this);
    return true;
  }
  WEFT_INLINE void await_resume() { end_of(*this); }
  WEFT_INLINE void take() {
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
  Core& core_;
  T item_;
  bool refused_ = false;
  std::exception_ptr error_;
};

template <class T, class Store>
class BasicQueue<T, Store>::GetAwaiter final : public QueuedNode {
 public:
  explicit GetAwaiter(Core& core) noexcept : QueuedNode("Queue.get"), core_(core) {}

  bool await_ready() {
    ReadyBatch ready;
    GetOutcome const outcome = core_.get(item_, ready);
    wake_all(ready);
    return outcome != GetOutcome::empty;
  }
  void await_suspend(std::coroutine_handle<> coroutine) noexcept { suspend(coroutine, *current_worker()); }
  std::coroutine_handle<> commit(Worker& worker) noexcept override {
    ReadyBatch ready;
    std::coroutine_handle<> const now = arm(worker, [&] {
      try {
        return core_.get_or_enlist(item_, *this, ready) == GetOutcome::empty;
      } catch (...) {
        error_ = std::current_exception();
        return false;
      }
    });
    wake_all(ready);
    return now;
  }
  WEFT_INLINE bool ends_cancelled() noexcept {
    if (!was_cancelled()) [[likely]] return false;
    core_.leave_getters(*this);
    return true;
  }
  WEFT_INLINE T await_resume() { return end_of(*this); }
  WEFT_INLINE T take() {
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
  Core& core_;
  std::optional<T> item_;
  std::exception_ptr error_;
};

template <class T, class Store>
class BasicQueue<T, Store>::JoinAwaiter final : public QueuedNode {
 public:
  explicit JoinAwaiter(Core& core) noexcept : QueuedNode("Queue.join"), core_(core) {}
  bool await_ready() const noexcept { return core_.finished(); }
  void await_suspend(std::coroutine_handle<> coroutine) noexcept { suspend(coroutine, *current_worker()); }
  std::coroutine_handle<> commit(Worker& worker) noexcept override {
    return arm(worker, [this] { return core_.enlist_joiner(*this); });
  }
  WEFT_INLINE bool ends_cancelled() noexcept {
    if (!was_cancelled()) [[likely]] return false;
    core_.leave_joiners(*this);
    return true;
  }
  void take() const noexcept {}
  WEFT_INLINE void await_resume() { end_of(*this); }

 private:
  Core& core_;
};

}  // namespace weft::engine
