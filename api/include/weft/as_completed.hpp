// as_completed: several tasks, one after the other, as they end.
//
// THE STATE is shared and counted by the AsCompleted and by those who wait in next(). It has an entry enlisted with each task; an entry that is told joins the
// queue of what has ended, or is handed to the first who waits. LOCK ORDER: a task's waiters lock (or scopes_lock), then the state's. When the
// state goes its entries are taken off their tasks, under the tasks' locks, so none is told any more.
//
// THE DEADLINE needs no timer of its own: who waits has one, and a task that ends later is not queued.
#pragma once

#include <coroutine>
#include <cstddef>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include <weft/clock.hpp>
#include <weft/runtime/runtime/wait_queue.hpp>
#include <weft/timeout.hpp>
#include <weft/wait.hpp>

namespace weft {
namespace engine {

struct EndedTag;

class CompletedQueue {
 public:
  class Waiter;
  class Entry final : public TaskWaiter, public ListHook<EndedTag> {
   public:
    void on_done(Completion&, ReadyBatch& ready, Scheduler* here) noexcept override { queue->ended(*this, ready, here); }
    CompletedQueue* queue = nullptr;
    Completion* task = nullptr;
    std::size_t index = 0;
  };

  CompletedQueue(std::size_t count, std::optional<Clock::duration> timeout);
  CompletedQueue(CompletedQueue const&) = delete;
  CompletedQueue& operator=(CompletedQueue const&) = delete;
  ~CompletedQueue();

  Entry& entry(std::size_t index) noexcept { return entries_[index]; }
  // Enlists with every task. Once, when all entries are set.
  void start() noexcept;

 private:
  void ended(Entry& entry, ReadyBatch& ready, Scheduler* here) noexcept;
  bool is_late(Scheduler const* here) const noexcept;

  std::unique_ptr<Entry[]> entries_;
  std::size_t const count_;
  Clock::time_point deadline_ = Clock::time_point::max();
  // The clock of the deadline, and whether it can be read from elsewhere.
  Scheduler* const home_;
  bool const virtual_clock_;

  SpinLock lock_;
  // INVARIANT: these under lock_. What next() has not given yet, be it a task or a TimeoutError; what has ended in time.
  std::size_t left_;
  IntrusiveList<Entry, EndedTag> ended_;
  WaitQueue<Waiter> waiters_;
};

// One who waits for the next task.
class CompletedQueue::Waiter : public QueuedNode, public Timer {
 public:
  explicit Waiter(std::shared_ptr<void> owner, CompletedQueue& queue) noexcept
      : QueuedNode("as_completed"), Timer(&Waiter::fire), owner_(std::move(owner)), queue_(queue) {}

  bool await_ready() noexcept;
  void await_suspend(std::coroutine_handle<> coroutine) noexcept { suspend(coroutine, *current_worker()); }
  std::coroutine_handle<> commit(Worker& worker) noexcept override;

 protected:
  ~Waiter() = default;
  // The index of the task that has ended; nullopt when there is none left. Throws TimeoutError or CancelledError.
  std::optional<std::size_t> end();

 private:
  friend class CompletedQueue;
  enum class Got { task, all_gone, timeout };

  // Under the queue's lock: what there is for us now, if there is anything.
  bool take() noexcept;
  static void fire(Timer& timer, ReadyBatch& ready, ReadyBatch& at_once) noexcept;

  std::shared_ptr<void> owner_;
  CompletedQueue& queue_;
  // INVARIANT: written by take(), or by the one who has claimed us.
  Got got_ = Got::all_gone;
  std::size_t index_ = 0;
  bool timer_fired_ = false;
};

template <class H>
struct CompletedState {
  CompletedState(std::vector<H> tasks, std::optional<Clock::duration> timeout)
      : handles(std::move(tasks)), queue(handles.size(), timeout) {
    for (std::size_t i = 0; i < handles.size(); ++i) queue.entry(i).task = handles[i].reference().get();
    queue.start();
  }
  std::vector<H> handles;
  CompletedQueue queue;
};

template <class H>
class NextAwaiter final : public CompletedQueue::Waiter {
 public:
  explicit NextAwaiter(std::shared_ptr<CompletedState<H>> state) noexcept : Waiter(state, state->queue), handles_(state->handles) {}
  std::optional<H> await_resume() {
    std::optional<std::size_t> const index = end();
    if (!index) return std::nullopt;
    return handles_[*index];
  }

 private:
  std::vector<H> const& handles_;
};

template <class H>
class [[nodiscard]] NextCompleted {
 public:
  using weft_awaitable = void;
  explicit NextCompleted(std::shared_ptr<CompletedState<H>> state) noexcept : state_(std::move(state)) {}
  NextAwaiter<H> operator co_await() && noexcept { return NextAwaiter<H>(std::move(state_)); }

 private:
  std::shared_ptr<CompletedState<H>> state_;
};

}  // namespace engine

/// What as_completed() gives: the tasks, one by one, as they end. `while (auto next = co_await it.next())`.
///
/// asyncio: the iterator of as_completed(). Threads: next() may be called from several tasks at once; each task that ended is given to one of them.
/// Lifetime: dropping it leaves the tasks alone.
template <class T, class Handle = Task<T>>
class [[nodiscard]] AsCompleted {
 public:
  explicit AsCompleted(std::shared_ptr<engine::CompletedState<Handle>> state) noexcept : state_(std::move(state)) {}

  /// The next task that has ended, in the order of completion; nullopt when each has been given. Nothing is thrown that the tasks throw.
  ///
  /// Cancellation: a checkpoint if it is the first, or if none has ended that was not given; a cancel leaves the tasks alone, and the task that would have come is given to the next
  /// call. Errors: TimeoutError when the time is up, once for each task that had not ended by then, after those that had; then nullopt (asyncio's rule).
  engine::NextCompleted<Handle> next() { return engine::NextCompleted<Handle>(state_); }

 private:
  std::shared_ptr<engine::CompletedState<Handle>> state_;
};

namespace engine {

template <class R>
auto as_completed_of(R&& range, std::optional<Clock::duration> timeout) {
  (void)require_task("as_completed()");
  auto members = handles_or_coros(std::forward<R>(range));
  using Member = typename decltype(members)::value_type;
  auto const make = [&](auto handles) {
    using H = typename decltype(handles)::value_type;
    static_assert(!std::is_same_v<H, AnyTask>, "as_completed takes tasks whose result type is known");
    return AsCompleted<typename H::value_type, H>(std::make_shared<CompletedState<H>>(std::move(handles), timeout));
  };
  if constexpr (WaitHandle<Member>) return make(std::move(members));
  else return make(make_tasks(std::move(members)));
}

}  // namespace engine

/// Gives several tasks one after the other, in the order in which they end.
///
/// asyncio: as_completed(). Takes a range of Task or Future, or an rvalue range of coroutines or other awaitables, which become tasks at the call and run on if the
/// AsCompleted is dropped. A task that is given twice counts once. Of nothing: next() gives nullopt at once.
/// Errors: RuntimeError outside a running task, for an empty handle or a moved-from Coro. Cost: O(n), few allocations; O(1) for each next().
template <engine::AwaitableRange R>
auto as_completed(R&& range) { return engine::as_completed_of(std::forward<R>(range), std::nullopt); }
/// The same with a time limit for all of them together, which counts from the call.
template <engine::AwaitableRange R, engine::Delay D>
auto as_completed(R&& range, D timeout) { return engine::as_completed_of(std::forward<R>(range), engine::optional_delay(timeout)); }

}  // namespace weft
