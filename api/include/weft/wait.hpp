// wait: until some or all of several tasks have ended.
//
// The waiter enlists an entry with each task. An entry that is told takes a number, so that the order of completion is known, and whoever ends the
// wait claims the node: a task, the timer, or a cancel. When the coroutine goes on it takes the entries off, under the locks of their tasks, and looks at which
// tasks have ended.
#pragma once

#include <atomic>
#include <coroutine>
#include <cstddef>
#include <memory>
#include <optional>
#include <ranges>
#include <type_traits>
#include <utility>
#include <vector>

#include <weft/clock.hpp>
#include <weft/create_task.hpp>
#include <weft/gather.hpp>
#include <weft/sleep.hpp>
#include <weft/task.hpp>

namespace weft {

/// asyncio: FIRST_COMPLETED, FIRST_EXCEPTION, ALL_COMPLETED.
enum class ReturnWhen { FIRST_COMPLETED, FIRST_EXCEPTION, ALL_COMPLETED };
inline constexpr auto FIRST_COMPLETED = ReturnWhen::FIRST_COMPLETED;
inline constexpr auto FIRST_EXCEPTION = ReturnWhen::FIRST_EXCEPTION;
inline constexpr auto ALL_COMPLETED = ReturnWhen::ALL_COMPLETED;

/// How long wait() waits. Trivially destructible, so that it may be written inside an await (g++ 12).
struct WaitOptions {
  /// nullopt: without limit. Not positive: what is ready runs once, then the wait ends.
  std::optional<Clock::duration> timeout{};
  ReturnWhen return_when = ALL_COMPLETED;
};

/// What wait() gives: the tasks that have ended, in the order in which they did, and the others in the order in which they were given.
template <class Handle>
struct WaitResult {
  std::vector<Handle> done, pending;
};

namespace engine {

class WaitForSeveral : public WaitNode, public Timer {
 public:
  class Entry final : public TaskWaiter {
   public:
    static constexpr std::size_t none = static_cast<std::size_t>(-1);
    void on_done(Completion& done, ReadyBatch& ready, Scheduler* here) noexcept override { wait->ended(*this, done, ready, here); }
    WaitForSeveral* wait = nullptr;
    Completion* task = nullptr;
    // Its place in the order of completion. INVARIANT: under the task's waiters lock while it is enlisted, else the waiter's.
    std::size_t place = none;
  };

  bool await_ready() noexcept;
  void await_suspend(std::coroutine_handle<> coroutine) noexcept;
  std::coroutine_handle<> commit(Worker& worker) noexcept override;

 protected:
  explicit WaitForSeveral(WaitOptions options) noexcept
      : WaitNode("wait"), Timer(&WaitForSeveral::fire), options_(options), yields_(options.timeout && *options.timeout <= Clock::duration::zero()) {}
  ~WaitForSeveral() = default;
  void set_entries(Entry* entries, std::size_t count) noexcept {
    entries_ = entries;
    count_ = count;
  }
  // Takes the entries off their tasks. Throws when the caller was cancelled; else `place` is set for those that have ended. Gives their number.
  std::size_t end();

 private:
  void ended(Entry& entry, Completion& task, ReadyBatch& ready, Scheduler* here) noexcept;
  // Takes a place. True when the wait is over.
  bool take_place(Entry& entry, Completion& task) noexcept;
  // True when the wait is over already.
  bool enlist() noexcept;
  static void fire(Timer& timer, ReadyBatch& ready, ReadyBatch& at_once) noexcept;

  Entry* entries_ = nullptr;
  std::size_t count_ = 0;
  WaitOptions const options_;
  // A timeout that is not positive: nothing claims the node, and what is ready runs once.
  bool const yields_;
  bool suspended_ = false;
  Clock::time_point deadline_ = Clock::time_point::max();
  std::atomic<std::size_t> places_{0};
  YieldAwaiter yield_;
};

[[noreturn]] void throw_wait_of_nothing();
// For each, whether it stands further ahead already.
std::vector<bool> find_repetitions(std::vector<Completion*> const& completions);

// Each handle once, in the order of the first. Throws RuntimeError for an empty handle.
template <class H>
std::vector<H> without_repetitions(std::vector<H> handles) {
  std::vector<Completion*> completions;
  completions.reserve(handles.size());
  for (H const& handle : handles) completions.push_back(handle.reference().get());
  std::vector<bool> const repeated = find_repetitions(completions);
  std::size_t kept = 0;
  for (std::size_t i = 0; i < handles.size(); ++i) {
    if (repeated[i]) continue;
    if (kept != i) handles[kept] = std::move(handles[i]);
    ++kept;
  }
  handles.erase(handles.begin() + static_cast<std::ptrdiff_t>(kept), handles.end());
  return handles;
}

template <class H>
class WaitAwaiter final : public WaitForSeveral {
 public:
  WaitAwaiter(std::vector<H> handles, WaitOptions options)
      : WaitForSeveral(options), handles_(std::move(handles)), entries_(std::make_unique<Entry[]>(handles_.size())) {
    for (std::size_t i = 0; i < handles_.size(); ++i) {
      entries_[i].wait = this;
      entries_[i].task = handles_[i].reference().get();
    }
    set_entries(entries_.get(), handles_.size());
  }
  WaitResult<H> await_resume() {
    WaitResult<H> result;
    result.done.resize(end());
    for (std::size_t i = 0; i < handles_.size(); ++i) {
      if (entries_[i].place == Entry::none) result.pending.push_back(std::move(handles_[i]));
      else result.done[entries_[i].place] = std::move(handles_[i]);
    }
    return result;
  }

 private:
  std::vector<H> handles_;
  std::unique_ptr<Entry[]> entries_;
};

template <class H>
class [[nodiscard]] Wait {
 public:
  using weft_awaitable = void;
  Wait(std::vector<H> handles, WaitOptions options) noexcept : handles_(std::move(handles)), options_(options) {}
  WaitAwaiter<H> operator co_await() && { return WaitAwaiter<H>(std::move(handles_), options_); }

 private:
  std::vector<H> handles_;
  WaitOptions options_;
};

template <class T>
std::vector<Task<T>> make_tasks(std::vector<Coro<T>> coros) {
  std::vector<Task<T>> tasks;
  tasks.reserve(coros.size());
  for (Coro<T> const& coro : coros) (void)coro.promise();
  for (Coro<T>& coro : coros) tasks.push_back(create_task(std::move(coro)));
  return tasks;
}

template <class T>
Coro<WaitResult<Task<T>>> wait_for_coros(std::vector<Coro<T>> coros, WaitOptions options) {
  co_return co_await Wait<Task<T>>(make_tasks(std::move(coros)), options);
}

template <class E>
concept WaitHandle = Handle<E> || std::is_same_v<std::remove_cvref_t<E>, AnyTask>;

// The elements of a range: handles as they are, anything else as coroutines.
template <class R>
auto handles_or_coros(R&& range) {
  using Reference = std::ranges::range_reference_t<R>;
  using Element = std::remove_cvref_t<Reference>;
  if constexpr (WaitHandle<Element>) {
    std::vector<Element> handles;
    for (auto&& handle : range) handles.push_back(handle);
    return without_repetitions(std::move(handles));
  } else {
    static_assert(!std::is_lvalue_reference_v<R> || !std::is_lvalue_reference_v<Reference>,
                  "an lvalue range is taken only if its elements are handles or prvalues: std::move(coros)");
    std::vector<Coro<await_result_t<Element>>> coros;
    for (auto&& awaitable : range) coros.push_back(to_coro(std::move(awaitable)));
    return coros;
  }
}

}  // namespace engine

/// Waits until some or all of the tasks have ended; gives those that have, in the order in which they did, and the others.
///
/// asyncio: wait(). Takes a range of Task, Future or AnyTask, as an lvalue or an rvalue; a task that is given twice counts once. Differences: a range of coroutines, or of
/// other awaitables, given as an rvalue, becomes tasks when it is awaited, and they run on if nobody keeps them. What had ended before
/// comes first in `done`, in the order of the range.
/// Nothing is thrown that the tasks throw, and their failures do not count as retrieved, except (as in asyncio) one that ends a wait for FIRST_EXCEPTION. A task that ends cancelled is no
/// exception in that sense. A timeout is no error: the wait ends with what there is.
/// Cancellation: a checkpoint, also if the wait is over at once; a cancel of the caller leaves the tasks alone.
/// Errors: ValueError for an empty range, RuntimeError for an empty handle, at the call. The timeout counts from the await. Cost: O(n), few allocations.
template <engine::AwaitableRange R>
auto wait(R&& range, WaitOptions options = {}) {
  auto members = engine::handles_or_coros(std::forward<R>(range));
  if (members.empty()) engine::throw_wait_of_nothing();
  using Member = typename decltype(members)::value_type;
  if constexpr (engine::WaitHandle<Member>) return engine::Wait<Member>(std::move(members), options);
  else return engine::wait_for_coros(std::move(members), options);
}

}  // namespace weft
