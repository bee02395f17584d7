// gather: fork-join inside a task, and asyncio's gather of tasks.
//
// BARE COROUTINES run in parallel as parts of the calling task. Join state, result slots and error live in the awaiter, inside the caller's
// frame. The owner pushes all children but the first on its fork deque, runs the first in place, then pops and runs its siblings in argument
// order, while thieves take from the other end. When nothing was stolen and nothing suspended there is no atomic read-modify-write
// and no suspension; a child that was stolen, or that suspended, counts itself into the join counter (join_counter.hpp).
// A pop that finds nothing means that every sibling left was stolen, since thieves take the oldest first and our ancestors' children are older.
//
// TASK HANDLES are waited for as asyncio does; nothing is started, nobody owns them: see HandleGather.
//
// A MIXTURE runs the coroutines as parts, waits for the handles beside them, and stops waiting for handles as soon as something has failed.
#pragma once

#include <array>
#include <atomic>
#include <concepts>
#include <cstddef>
#include <exception>
#include <iterator>
#include <memory>
#include <optional>
#include <ranges>
#include <tuple>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include <weft/coro.hpp>
#include <weft/result.hpp>
#include <weft/runtime/runtime/scope.hpp>
#include <weft/task.hpp>

namespace weft {

struct return_exceptions_t {
  explicit return_exceptions_t() = default;
};
struct cancel_on_error_t {
  explicit cancel_on_error_t() = default;
};
/// gather(return_exceptions, ...): a Result for each child, and nothing thrown but the caller's own cancellation.
inline constexpr return_exceptions_t return_exceptions{};
/// gather(cancel_on_error, ...): the first failure cancels the other coroutines; when all have ended it is thrown.
inline constexpr cancel_on_error_t cancel_on_error{};

namespace engine {

// void results are monostates, in tuples and in vectors; references in vectors are wrapped.
template <class T>
using slot_t = std::conditional_t<std::is_void_v<T>, std::monostate, T>;
template <class T>
using element_t = std::conditional_t<std::is_void_v<T>, std::monostate,
                                     std::conditional_t<std::is_reference_v<T>, std::reference_wrapper<std::remove_reference_t<T>>, T>>;

// ---------------------------------------------------------------- the join of bare coroutines

// What a failure does: plain keeps the first, collect keeps each in its slot, abort keeps the first and cancels the others.
enum class OnError { plain, collect, abort };

class Join : public JoinBase {
  enum Trouble : std::uint32_t { failed_bit = 1, dropped_bit = 2 };

 public:
  void child_failed(void*) noexcept override {
    if ((trouble_.fetch_or(failed_bit, std::memory_order_relaxed) & failed_bit) == 0) error_ = std::current_exception();
  }
  void child_dropped(void*) noexcept override { trouble_.fetch_or(dropped_bit, std::memory_order_relaxed); }

  // Runs the children 0 to count - 1 of this worker's part. False when some have not ended: the caller must suspend with finish_later().
  // The children's promises have their parent set. `count` is a number, or an integral constant, and then the loop is unrolled.
  // INVARIANT: count > 0.
  template <class Count, class ChildAt>
  WEFT_INLINE bool run_children(Worker& worker, Count count, ChildAt&& child_at);
  void finish_later(std::coroutine_handle<> coroutine) noexcept {
    parent = coroutine;
    current_worker()->pending = this;
  }

  // At the end, in the caller's state: throws what the join must throw.
  WEFT_INLINE void throw_if_failed() {
    Worker& worker = *current_worker();
    if (worker.state.scope->word.changed_since(worker.state.seen) || trouble_.load(std::memory_order_relaxed) != 0) [[unlikely]]
      throw_failure(worker);
  }

 protected:
  ~Join() = default;
  bool failed() const noexcept { return (trouble_.load(std::memory_order_relaxed) & failed_bit) != 0; }

  // The first failure in time. INVARIANT: written by the child that set failed_bit, read when all have arrived.
  std::exception_ptr error_;

 private:
  WEFT_COLD void throw_failure(Worker& worker);
  WEFT_COLD void child_suspended(Worker& worker, PromiseBase& child) noexcept;
  WEFT_COLD void drop(PromiseBase& child) noexcept {
    std::coroutine_handle<PromiseBase>::from_promise(child).destroy();
    child_dropped(nullptr);
  }
  // The state with which each child starts.
  WEFT_INLINE void put_child_state(Worker& worker) const noexcept {
    worker.state = ExecutionState{state.scope, state.seen, ExecutionState::part};
  }
  // Runs one child in place: false when it has not ended.
  WEFT_INLINE bool run_child(Worker& worker, PromiseBase& child) noexcept {
    std::coroutine_handle<PromiseBase>::from_promise(child).resume();
    if (worker.pending == nullptr) [[likely]] return true;
    child_suspended(worker, child);
    return false;
  }
  WEFT_INLINE bool cancelled_meanwhile() const noexcept {
    return state.scope->word.changed_since(state.seen) && state.scope->word.pending(state.seen);
  }
  // Runs one child that is not the first, unless it was stolen or must stay: false ends the loop.
  WEFT_INLINE bool run_sibling(Worker& worker, PromiseBase& child, bool pushed, std::int64_t& left) noexcept;

  // A child that was dropped before it started leaves its slot empty, whatever becomes of the cancel.
  std::atomic<std::uint32_t> trouble_{0};
};

WEFT_INLINE bool Join::run_sibling(Worker& worker, PromiseBase& child, bool pushed, std::int64_t& left) noexcept {
  if (worker.state.flags != ExecutionState::part) [[unlikely]] put_child_state(worker);
  if (--worker.fuel == 0) [[unlikely]] worker.poll_from_gather();
  if (pushed) [[likely]] {
    // When the stack is being left our children stay on the deque, above those of our ancestors. A pop that finds nothing means that
    // all that are left were stolen.
    if (worker.unwind) [[unlikely]] return false;
    if (worker.deque.pop() == nullptr) [[unlikely]] return false;
  }
  if (cancelled_meanwhile()) [[unlikely]] {
    drop(child);
    --left;
    return true;
  }
  if (run_child(worker, child)) [[likely]] --left;
  return true;
}

template <class Count, class ChildAt>
WEFT_INLINE bool Join::run_children(Worker& worker, Count count, ChildAt&& child_at) {
  constexpr bool few = !std::is_same_v<Count, std::size_t>;
  state = worker.state;
  if (cancelled_meanwhile()) [[unlikely]] {
    // A bare gather is a point of delivery: nothing starts.
    for (std::size_t i = 0; i < count; ++i) drop(child_at(i));
    return true;
  }
  // Near the end of the native stack all children go on the deque, and everybody below us leaves the stack.
  bool const leave_stack = worker.near_stack_limit();
  // Pushed from the last to the first, so that pops give them in argument order. The first runs in place without a detour. When there is no
  // memory for the deque the rest runs in place, too.
  std::size_t const first_pushed = leave_stack ? 0 : 1;
  std::size_t in_place = first_pushed;
  for (std::size_t i = count; i-- > first_pushed;) {
    Pushed const pushed = worker.deque.push(fork_item(child_at(i)));
    if (pushed == Pushed::kept) [[likely]] continue;
    if (pushed == Pushed::failed) {
      in_place = i + 1;
      break;
    }
    worker.on_published();
  }
  std::int64_t left = static_cast<std::int64_t>(std::size_t{count});
  // Nested gathers find these flags already: a partial write here would stall the next copy of the state.
  if (worker.state.flags != ExecutionState::part) worker.state.flags = ExecutionState::part;
  if (leave_stack) [[unlikely]] worker.unwind = true;
  if (in_place != 0) [[likely]] {
    if (run_child(worker, child_at(0))) [[likely]] --left;
    if constexpr (few) {
      [&]<std::size_t... I>(std::index_sequence<I...>) {
        (void)(run_sibling(worker, child_at(I + 1), I + 1 >= in_place, left) && ...);
      }(std::make_index_sequence<Count::value - 1>());
    } else {
      for (std::size_t i = 1; i < count; ++i)
        if (!run_sibling(worker, child_at(i), i >= in_place, left)) break;
    }
  }
  if (worker.state.flags != ExecutionState::part || state.flags != ExecutionState::part) worker.state = state;
  if (left == 0) [[likely]] return true;
  if (counter.all_arrived(left)) return true;
  outstanding = left;
  return false;
}

// ---------------------------------------------------------------- awaiters of bare coroutines

// A result slot, and beside it the error of gather(return_exceptions).
template <class T, OnError mode>
struct ChildSlot {
  Slot<T> value;
  WEFT_INLINE slot_t<T> take() {
    if constexpr (std::is_void_v<T>) return {};
    else return static_cast<T>(value.take());
  }
};
template <class T>
struct ChildSlot<T, OnError::collect> {
  Slot<T> value;
  std::exception_ptr error;
  Result<T> take() {
    if (error) return Result<T>::from_error(std::move(error));
    if constexpr (std::is_void_v<T>) return Result<T>::from_value();
    else return Result<T>::from_value(static_cast<T>(value.take()));
  }
};
template <class T, OnError mode>
using child_result_t = std::conditional_t<mode == OnError::collect, Result<T>, slot_t<T>>;
template <class T, OnError mode>
using child_element_t = std::conditional_t<mode == OnError::collect, Result<T>, element_t<T>>;

// Adds to a join what its mode needs: nothing, or a scope around the children that the first failure cancels.
template <OnError mode>
class JoinMode : public Join {
 public:
  WEFT_INLINE void begin(Worker&) noexcept {}
  WEFT_INLINE void end() { throw_if_failed(); }
};

template <>
class JoinMode<OnError::collect> : public Join {
 public:
  void begin(Worker&) noexcept {}
  // Only the caller's own cancellation is thrown.
  void end() {
    WEFT_ASSERT(!failed());
    throw_if_failed();
  }
};

template <>
class JoinMode<OnError::abort> : public Join {
 public:
  void begin(Worker& worker) noexcept { block_.enter(worker, Scope::Link::linked); }
  void end();
  void child_failed(void* slot) noexcept override;

 private:
  Scope block_;
};

template <OnError mode, class... T>
class TupleJoin : public JoinMode<mode> {
 public:
  WEFT_INLINE explicit TupleJoin(CoroHandle<T>... children) noexcept : children_{&children.promise()...} {
    link(std::index_sequence_for<T...>());
  }

  WEFT_INLINE bool await_ready() {
    Worker& worker = *current_worker();
    this->begin(worker);
    return this->run_children(worker, std::integral_constant<std::size_t, sizeof...(T)>(), [this](std::size_t i) -> PromiseBase& { return *children_[i]; });
  }
  static constexpr bool keeps_first_failure = mode != OnError::collect;
  void await_suspend(std::coroutine_handle<> coroutine) noexcept { this->finish_later(coroutine); }
  WEFT_INLINE std::tuple<child_result_t<T, mode>...> await_resume() {
    this->end();
    return take(std::index_sequence_for<T...>());
  }

  void child_failed(void* slot) noexcept override {
    if constexpr (mode == OnError::collect) store_error(slot, std::index_sequence_for<T...>());
    else JoinMode<mode>::child_failed(slot);
  }

 private:
  template <std::size_t... I>
  WEFT_INLINE void link(std::index_sequence<I...>) noexcept {
    (children_[I]->set_parent(*this, &std::get<I>(slots_).value), ...);
  }
  template <std::size_t... I>
  WEFT_INLINE std::tuple<child_result_t<T, mode>...> take(std::index_sequence<I...>) {
    return std::tuple<child_result_t<T, mode>...>(std::get<I>(slots_).take()...);
  }
  template <std::size_t... I>
  void store_error(void* slot, std::index_sequence<I...>) noexcept {
    ((static_cast<void*>(&std::get<I>(slots_).value) == slot ? void(std::get<I>(slots_).error = std::current_exception()) : void()), ...);
  }

  std::array<PromiseBase*, sizeof...(T)> children_;
  std::tuple<ChildSlot<T, mode>...> slots_;
};

// Small vectors of ours are made and freed with every gather, so they come from the frame pool.
template <class X>
struct PoolAllocator {
  using value_type = X;
  PoolAllocator() noexcept = default;
  template <class Y>
  PoolAllocator(PoolAllocator<Y> const&) noexcept {}
  X* allocate(std::size_t count) { return static_cast<X*>(frame_allocate(count * sizeof(X), std::align_val_t{alignof(X)})); }
  void deallocate(X* block, std::size_t count) noexcept { frame_free(block, count * sizeof(X), std::align_val_t{alignof(X)}); }
  friend bool operator==(PoolAllocator const&, PoolAllocator const&) noexcept { return true; }
};
template <class X>
using PoolVector = std::vector<X, PoolAllocator<X>>;

// A range of children. Where a result is a plain object the children write into the vector that the caller gets; otherwise into slots.
// Everything that needs memory is made before a child is started.
template <OnError mode, class T>
class VectorJoin final : public JoinMode<mode> {
 public:
  using Element = child_element_t<T, mode>;
  static constexpr bool in_place =
      mode != OnError::collect && std::is_trivially_destructible_v<T> && std::is_trivially_default_constructible_v<T> && !std::is_same_v<T, bool>;

  template <class Coros>
  explicit VectorJoin(Coros coros) {
    for (Coro<T>& coro : coros) (void)coro.promise();
    std::size_t const count = coros.size();
    children_.reserve(count);
    if constexpr (in_place) {
      results_.resize(count);
    } else {
      results_.reserve(count);
      slots_ = PoolVector<Slots>(count);
    }
    for (Coro<T>& coro : coros) {
      CoroPromise<T>& promise = coro.release().promise();
      if constexpr (in_place) promise.set_parent(*this, &results_[children_.size()]);
      else promise.set_parent(*this, &slots_[children_.size()].value);
      children_.push_back(&promise);
    }
  }

  bool await_ready() {
    if (children_.empty()) return true;
    Worker& worker = *current_worker();
    this->begin(worker);
    return this->run_children(worker, children_.size(), [this](std::size_t i) -> PromiseBase& { return *children_[i]; });
  }
  void await_suspend(std::coroutine_handle<> coroutine) noexcept { this->finish_later(coroutine); }
  std::vector<Element> await_resume() {
    if (!children_.empty()) this->end();
    if constexpr (!in_place)
      for (Slots& slot : slots_) results_.push_back(slot.take());
    return std::move(results_);
  }

  void child_failed(void* slot) noexcept override {
    if constexpr (mode == OnError::collect) {
      // The slot's value is its first member.
      static_cast<Slots*>(slot)->error = std::current_exception();
    } else {
      JoinMode<mode>::child_failed(slot);
    }
  }

 private:
  using Slots = ChildSlot<T, mode>;
  PoolVector<PromiseBase*> children_;
  PoolVector<Slots> slots_;
  std::vector<Element> results_;
};

// ---------------------------------------------------------------- handles

// asyncio's gather of tasks, to the letter: the first failure in time, or the first child that ends cancelled, ends the wait at once and the
// others run on; a cancel of the caller is handed down to every child that has not ended. With return_exceptions the wait ends when all have
// ended, and a cancel that was handed down is thrown then. Failures count as retrieved, also those that come after the wait has ended.
class HandleJoin : public WaitNode {
 public:
  class Entry final : public TaskWaiter {
   public:
    void on_done(TaskBase& done, ReadyBatch& ready) noexcept override { join->child_done(done, ready); }
    HandleJoin* join = nullptr;
    Ref<TaskBase> task;
  };

  bool await_ready();
  void await_suspend(std::coroutine_handle<> coroutine) noexcept { suspend(coroutine, *current_worker()); }
  std::coroutine_handle<> commit(Worker& worker) noexcept override;
  bool hand_down(CancelRequest& request) noexcept override;

 protected:
  HandleJoin(OnError mode) noexcept : WaitNode("gather of tasks"), collect_(mode == OnError::collect) { hands_down(); }
  ~HandleJoin() = default;
  void set_entries(Entry* entries, std::size_t count) noexcept {
    entries_ = entries;
    count_ = count;
  }
  // Takes the entries off their tasks and throws what must be thrown.
  void end();

  template <class T, bool move>
  static slot_t<T> value_of(TaskBase& task) {
    auto& state = static_cast<TaskState<T>&>(task);
    if constexpr (std::is_void_v<T>) return {};
    else if constexpr (move) return static_cast<T>(state.slot.take());
    else return static_cast<T>(state.slot.get());
  }
  template <class T, bool move>
  static Result<T> result_of(TaskBase& task) {
    if (task.outcome() != Outcome::value) return Result<T>::from_error(error_of(task));
    if constexpr (std::is_void_v<T>) return Result<T>::from_value();
    else return Result<T>::from_value(value_of<T, move>(task));
  }

 private:
  void child_done(TaskBase& task, ReadyBatch& ready) noexcept;
  bool decides(TaskBase const& task) const noexcept { return !collect_ && task.outcome() != Outcome::value; }
  static std::exception_ptr error_of(TaskBase& task);

  Entry* entries_ = nullptr;
  std::size_t count_ = 0;
  bool const collect_;
  bool enlisted_ = false;
  std::atomic<std::size_t> remaining_{0};
  // The child that ended the wait by its failure.
  std::atomic<TaskBase*> decided_{nullptr};
};

// `moves` tells for each child whether it was given as an rvalue, so that its value is moved out.
template <OnError mode, class Moves, class... T>
class HandleTupleJoin;
template <OnError mode, bool... moves, class... T>
class HandleTupleJoin<mode, std::integer_sequence<bool, moves...>, T...> final : public HandleJoin {
 public:
  explicit HandleTupleJoin(std::array<Ref<TaskBase>, sizeof...(T)> tasks) noexcept : HandleJoin(mode) {
    for (std::size_t i = 0; i < sizeof...(T); ++i) {
      entries_[i].join = this;
      entries_[i].task = std::move(tasks[i]);
    }
    set_entries(entries_.data(), entries_.size());
  }
  std::tuple<child_result_t<T, mode>...> await_resume() {
    end();
    return take(std::index_sequence_for<T...>());
  }

 private:
  template <std::size_t... I>
  std::tuple<child_result_t<T, mode>...> take(std::index_sequence<I...>) {
    if constexpr (mode == OnError::collect) return {result_of<T, moves>(*entries_[I].task)...};
    else return std::tuple<child_result_t<T, mode>...>(value_of<T, moves>(*entries_[I].task)...);
  }
  std::array<Entry, sizeof...(T)> entries_;
};

template <OnError mode, bool move, class T>
class HandleVectorJoin final : public HandleJoin {
 public:
  using Element = child_element_t<T, mode>;
  explicit HandleVectorJoin(std::vector<Ref<TaskBase>> tasks)
      : HandleJoin(mode), entries_(std::make_unique<Entry[]>(tasks.size())), count_(tasks.size()) {
    results_.reserve(count_);
    for (std::size_t i = 0; i < count_; ++i) {
      entries_[i].join = this;
      entries_[i].task = std::move(tasks[i]);
    }
    set_entries(entries_.get(), count_);
  }
  std::vector<Element> await_resume() {
    end();
    for (std::size_t i = 0; i < count_; ++i) {
      if constexpr (mode == OnError::collect) results_.push_back(result_of<T, move>(*entries_[i].task));
      else results_.push_back(value_of<T, move>(*entries_[i].task));
    }
    return std::move(results_);
  }

 private:
  std::unique_ptr<Entry[]> entries_;
  std::size_t count_;
  std::vector<Element> results_;
};

// ---------------------------------------------------------------- what gather was given

// Anything that is no handle, as a bare coroutine.
template <class A>
auto to_coro(A&& awaitable) {
  if constexpr (is_coro_v<A>) {
    static_assert(!std::is_lvalue_reference_v<A>, "a Coro is given as an rvalue: std::move(coro)");
    return Coro(std::move(awaitable));
  } else {
    return as_coro(std::decay_t<A>(std::forward<A>(awaitable)));
  }
}

template <OnError mode, class... T>
class [[nodiscard]] GatherCoros {
 public:
  using weft_awaitable = void;
  explicit GatherCoros(Coro<T>... coros) noexcept : coros_(std::move(coros)...) {}
  WEFT_INLINE TupleJoin<mode, T...> operator co_await() && { return release(std::index_sequence_for<T...>()); }

 private:
  template <std::size_t... I>
  WEFT_INLINE TupleJoin<mode, T...> release(std::index_sequence<I...>) {
    // All or nothing: one that was moved from throws here, and the others are still ours.
    (void)(std::get<I>(coros_).promise(), ...);
    return TupleJoin<mode, T...>(std::get<I>(coros_).release()...);
  }
  std::tuple<Coro<T>...> coros_;
};

template <OnError mode, class T, class Coros>
class [[nodiscard]] GatherCoroRange {
 public:
  using weft_awaitable = void;
  explicit GatherCoroRange(Coros coros) noexcept : coros_(std::move(coros)) {}
  VectorJoin<mode, T> operator co_await() && { return VectorJoin<mode, T>(std::move(coros_)); }

 private:
  Coros coros_;
};

template <OnError mode, class Moves, class... T>
class [[nodiscard]] GatherHandles {
 public:
  using weft_awaitable = void;
  explicit GatherHandles(std::array<Ref<TaskBase>, sizeof...(T)> tasks) noexcept : tasks_(std::move(tasks)) {}
  HandleTupleJoin<mode, Moves, T...> operator co_await() && { return HandleTupleJoin<mode, Moves, T...>(std::move(tasks_)); }

 private:
  std::array<Ref<TaskBase>, sizeof...(T)> tasks_;
};

template <OnError mode, bool move, class T>
class [[nodiscard]] GatherHandleRange {
 public:
  using weft_awaitable = void;
  explicit GatherHandleRange(std::vector<Ref<TaskBase>> tasks) noexcept : tasks_(std::move(tasks)) {}
  HandleVectorJoin<mode, move, T> operator co_await() && { return HandleVectorJoin<mode, move, T>(std::move(tasks_)); }

 private:
  std::vector<Ref<TaskBase>> tasks_;
};

class [[nodiscard]] GatherNothing {
 public:
  using weft_awaitable = void;
  struct Awaiter {
    bool await_ready() const noexcept { return true; }
    void await_suspend(std::coroutine_handle<>) const noexcept {}
    std::tuple<> await_resume() const noexcept { return {}; }
  };
  Awaiter operator co_await() && { return {}; }
};

// ---------------------------------------------------------------- coroutines and handles together

// The handles of a mixed gather, each awaited by a part of its own. The first failure makes all of them let go. LOCK ORDER: the task's
// scopes_lock, then lock_.
class Watchers {
 public:
  class Node;
  // By the part that failed: wakes every watcher, now and later, without a result.
  void let_go() noexcept;

 private:
  SpinLock lock_;
  bool failed_ = false;
  IntrusiveList<Node, struct WatcherTag> nodes_;
};

class Watchers::Node : public TaskWait, public ListHook<WatcherTag> {
 public:
  Node(Watchers& watchers, Ref<TaskBase> task) noexcept : TaskWait(std::move(task)), watchers_(watchers) {}
  std::coroutine_handle<> commit(Worker& worker) noexcept override;

 protected:
  ~Node() = default;
  // False when the watcher was made to let go.
  bool end() noexcept;

 private:
  friend class Watchers;
  Watchers& watchers_;
  bool late_ = false;
};

// Thrown in a part whose handle is not waited for any more, when the gather has its failure already.
struct LetGo {};

template <class T, bool move>
class WatchAwaiter final : public Watchers::Node {
 public:
  using Node::Node;
  T await_resume() {
    if (!end()) throw LetGo();
    require_value();
    auto& state = static_cast<TaskState<T>&>(waited_task());
    if constexpr (std::is_void_v<T>) return;
    else if constexpr (move) return static_cast<T>(state.slot.take());
    else return static_cast<T>(state.slot.get());
  }
};

template <class T, bool move>
class Watch {
 public:
  using weft_awaitable = void;
  Watch(Watchers& watchers, Ref<TaskBase> task) noexcept : watchers_(watchers), task_(std::move(task)) {}
  WatchAwaiter<T, move> operator co_await() && { return WatchAwaiter<T, move>(watchers_, std::move(task_)); }

 private:
  Watchers& watchers_;
  Ref<TaskBase> task_;
};

template <class T, bool move>
Coro<T> watch(std::shared_ptr<Watchers> watchers, Ref<TaskBase> task) {
  co_return co_await Watch<T, move>(*watchers, std::move(task));
}

template <class Base>
class MixedJoin final : public Base {
 public:
  template <class... Children>
  explicit MixedJoin(std::shared_ptr<Watchers> watchers, Children... children) noexcept
      : Base(children...), watchers_(std::move(watchers)) {}
  void child_failed(void* slot) noexcept override {
    Base::child_failed(slot);
    if constexpr (Base::keeps_first_failure) watchers_->let_go();
  }

 private:
  std::shared_ptr<Watchers> watchers_;
};

template <OnError mode, class... T>
class [[nodiscard]] GatherMixed {
 public:
  using weft_awaitable = void;
  GatherMixed(std::shared_ptr<Watchers> watchers, Coro<T>... coros) noexcept
      : watchers_(std::move(watchers)), coros_(std::move(coros)...) {}
  MixedJoin<TupleJoin<mode, T...>> operator co_await() && { return release(std::index_sequence_for<T...>()); }

 private:
  template <std::size_t... I>
  MixedJoin<TupleJoin<mode, T...>> release(std::index_sequence<I...>) {
    (void)(std::get<I>(coros_).promise(), ...);
    return MixedJoin<TupleJoin<mode, T...>>(std::move(watchers_), std::get<I>(coros_).release()...);
  }
  std::shared_ptr<Watchers> watchers_;
  std::tuple<Coro<T>...> coros_;
};

template <class A>
auto to_watched_coro(std::shared_ptr<Watchers> const& watchers, A&& awaitable) {
  if constexpr (is_handle_v<A>) {
    using T = typename handle_traits<std::remove_cvref_t<A>>::value;
    return watch<T, !std::is_lvalue_reference_v<A>>(watchers, awaitable.reference());
  } else {
    return to_coro(std::forward<A>(awaitable));
  }
}

// ---------------------------------------------------------------- which of them it is

template <OnError mode, class... T>
auto gather_coros(Coro<T>... coros) { return GatherCoros<mode, T...>(std::move(coros)...); }
template <OnError mode, class... T>
auto gather_mixed(std::shared_ptr<Watchers> watchers, Coro<T>... coros) {
  return GatherMixed<mode, T...>(std::move(watchers), std::move(coros)...);
}

template <OnError mode, class... A>
auto gather_arguments(A&&... awaitables) {
  if constexpr (sizeof...(A) == 0) {
    return GatherNothing();
  } else if constexpr ((is_handle_v<A> && ...)) {
    using Moves = std::integer_sequence<bool, !std::is_lvalue_reference_v<A>...>;
    return GatherHandles<mode, Moves, typename handle_traits<std::remove_cvref_t<A>>::value...>(
        std::array<Ref<TaskBase>, sizeof...(A)>{awaitables.reference()...});
  } else if constexpr (!(is_handle_v<A> || ...)) {
    return gather_coros<mode>(to_coro(std::forward<A>(awaitables))...);
  } else {
    auto watchers = std::make_shared<Watchers>();
    return gather_mixed<mode>(watchers, to_watched_coro(watchers, std::forward<A>(awaitables))...);
  }
}
template <OnError mode, class Range>
auto gather_range(Range&& range) {
  using Reference = std::ranges::range_reference_t<Range>;
  using Element = std::remove_cvref_t<Reference>;
  if constexpr (is_handle_v<Element>) {
    constexpr bool move = !std::is_lvalue_reference_v<Range> || !std::is_lvalue_reference_v<Reference>;
    std::vector<Ref<TaskBase>> tasks;
    for (auto&& task : range) tasks.push_back(task.reference());
    return GatherHandleRange<mode, move, typename Element::value_type>(std::move(tasks));
  } else {
    static_assert(!std::is_lvalue_reference_v<Range> || !std::is_lvalue_reference_v<Reference>,
                  "gather takes an lvalue range only if its elements are handles or prvalues: gather(std::move(coros))");
    using T = await_result_t<Element>;
    if constexpr (std::is_same_v<Range, std::vector<Coro<T>>>) {
      return GatherCoroRange<mode, T, Range>(std::move(range));
    } else {
      constexpr std::size_t likely_enough = 8;
      PoolVector<Coro<T>> coros;
      if constexpr (std::ranges::sized_range<Range>) coros.reserve(std::ranges::size(range));
      else coros.reserve(likely_enough);
      for (auto&& awaitable : range) coros.push_back(to_coro(std::move(awaitable)));
      return GatherCoroRange<mode, T, PoolVector<Coro<T>>>(std::move(coros));
    }
  }
}

template <class R>
concept AwaitableRange = std::ranges::input_range<R> && !NativeAwaitable<R>;
template <class... A>
concept GatherArguments = (!AwaitableRange<A> && ...);

}  // namespace engine

/// Runs awaitables concurrently and gives their results in argument order: a std::tuple, void results as std::monostate.
///
/// asyncio: gather(). Bare coroutines run in parallel as parts of the calling task, and none outlives the gather. Differences from asyncio: it
/// waits for all of them also when one fails; then the first failure (in time) is thrown and the others are dropped. Task handles are
/// gathered exactly as asyncio does: the first exception is thrown at once, the others run on.
/// Cancellation: a bare gather that has children is a checkpoint. A cancel of the caller reaches every part, whatever it does; when all have
/// ended the caller gets CancelledError. For handles it is handed down to each.
/// Errors: RuntimeError for a moved-from Coro or an empty handle, before anything has started.
/// Lifetime: nothing starts before the co_await. The awaitable may be stored and awaited later, as an rvalue.
/// Cost: no allocation but the children's frames, no lock, no atomic read-modify-write for children that were not stolen and did not suspend.
template <class... A>
  requires engine::GatherArguments<A...>
WEFT_INLINE auto gather(A&&... awaitables) { return engine::gather_arguments<engine::OnError::plain>(std::forward<A>(awaitables)...); }
/// The same for a range: an rvalue range of coroutines, or any range of Tasks. Gives a std::vector; references become
/// std::reference_wrapper, void std::monostate. O(n), two allocations besides the frames.
template <engine::AwaitableRange R>
auto gather(R&& range) { return engine::gather_range<engine::OnError::plain>(std::forward<R>(range)); }

/// A Result for each child; only the caller's own cancellation is thrown. asyncio: gather(return_exceptions=True).
template <class... A>
  requires engine::GatherArguments<A...>
auto gather(return_exceptions_t, A&&... awaitables) {
  return engine::gather_arguments<engine::OnError::collect>(std::forward<A>(awaitables)...);
}
template <engine::AwaitableRange R>
auto gather(return_exceptions_t, R&& range) { return engine::gather_range<engine::OnError::collect>(std::forward<R>(range)); }

/// The first failure cancels the other coroutines; when all have ended it is thrown.
template <class... A>
  requires engine::GatherArguments<A...>
auto gather(cancel_on_error_t, A&&... awaitables) {
  return engine::gather_arguments<engine::OnError::abort>(std::forward<A>(awaitables)...);
}
template <engine::AwaitableRange R>
auto gather(cancel_on_error_t, R&& range) { return engine::gather_range<engine::OnError::abort>(std::forward<R>(range)); }

}  // namespace weft
