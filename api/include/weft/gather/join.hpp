// The join of bare coroutines: fork-join inside a task.
//
// Join state, result slots and error live in the awaiter, inside the caller's frame. The owner pushes all children but the first on its fork
// deque, runs the first in place, then pops and runs its siblings in argument order, while thieves take from the other end. When nothing was
// stolen and nothing suspended there is no atomic read-modify-write and no suspension; a child that was stolen, or that suspended, counts
// itself into the join counter (join_counter.hpp).
// A pop that finds nothing means that every sibling left was stolen, since thieves take the oldest first and our ancestors' children are older.
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <coroutine>
#include <cstddef>
#include <exception>
#include <functional>
#include <memory>
#include <span>
#include <tuple>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include <weft/coro.hpp>
#include <weft/result.hpp>
#include <weft/runtime/runtime/context.hpp>
#include <weft/runtime/runtime/scope.hpp>

namespace weft::engine {

// void results are monostates, in tuples and in vectors; references in vectors are wrapped.
template <class T>
using slot_t = std::conditional_t<std::is_void_v<T>, std::monostate, T>;
template <class T>
using element_t = std::conditional_t<std::is_void_v<T>, std::monostate,
                                     std::conditional_t<std::is_reference_v<T>, std::reference_wrapper<std::remove_reference_t<T>>, T>>;

// What a failure does: plain keeps the first, collect keeps each in its slot, abort keeps the first and cancels the others.
enum class OnError { plain, collect, abort };

class Join : public JoinBase {
 public:
  void child_failed(void*, std::exception_ptr error) noexcept override;
  void child_dropped(void*) noexcept override { trouble_.fetch_or(dropped_bit, std::memory_order_relaxed); }

  // Runs the children of this worker's part. False when some have not ended: the caller must suspend with finish_later(). `count` is a number, or an
  // integral constant; link(i) sets the parent of the child i, if that is still to be done. INVARIANT: count > 0.
  template <class Count, class Link>
  WEFT_INLINE bool run_children(Worker& worker, std::coroutine_handle<> const* children, Count count, Link const& link) noexcept;
  void finish_later(std::coroutine_handle<> coroutine) noexcept {
    parent_frame = coroutine.address();
    current_worker()->pending = this;
  }

  // At the end: puts the caller's state back, if it is not there yet, and throws what the join must throw. A cancel is thrown by the coroutine
  // itself (throw_cancelled()): each level of a tree that is cancelled throws once.
  WEFT_INLINE void throw_if_failed() {
    Worker& worker = *current_worker();
    if (!undisturbed(worker.state)) [[unlikely]] {
      if (ends_cancelled(worker)) throw cancellation(worker);
    }
  }
  // The same, but true instead of a throw of the cancel.
  bool end_quietly() {
    Worker& worker = *current_worker();
    return !undisturbed(worker.state) && ends_cancelled(worker);
  }

 protected:
  ~Join() = default;
  // Not started: the children are still the join's own.
  bool owns_children() const noexcept { return state.scope == nullptr; }
  bool failed() const noexcept { return (trouble_.load(std::memory_order_relaxed) & failed_bit) != 0; }
  // The first failure in time, once.
  std::exception_ptr take_error() noexcept;

 private:
  // Something was asked of the scope, the caller is no part or has changed its state, the last child has changed its own, or one has failed. Throws
  // the failure of a child, unless a cancel comes before it.
  WEFT_NOINLINE bool ends_cancelled(Worker& worker);
  WEFT_COLD static CancelledError cancellation(Worker& worker);
  WEFT_COLD void child_suspended(Worker& worker, std::coroutine_handle<> child) noexcept;
  WEFT_COLD void drop(std::coroutine_handle<> child) noexcept {
    child.destroy();
    child_dropped(nullptr);
  }
  // The state with which each child starts.
  void put_child_state(Worker& worker) const noexcept {
    worker.state = ExecutionState{state.scope, state.seen, ExecutionState::part | (state.flags & ExecutionState::on_strand), state.context};
  }
  bool cancelled_meanwhile() const noexcept { return state.scope->word.changed_since(state.seen) && state.scope->word.pending(state.seen); }

  template <bool in_part, class Count, class Link>
  WEFT_INLINE bool take_common_course(Worker& worker, std::coroutine_handle<> const* children, Count count, Link const& link) noexcept;

  // ---- everything that is not the common course
  // A push is not done yet. False when there was no memory for it.
  WEFT_COLD static bool settle_push(Worker& worker) noexcept;
  // The same for what is taken back: false when everything has been stolen.
  WEFT_COLD static bool settle_unpush(Worker& worker) noexcept;
  // From the start: in the body of a task, in a part that has changed its state, with a cancel or the end of the stack in sight.
  WEFT_NOINLINE bool start_otherwise(Worker& worker, std::coroutine_handle<> const* children, std::size_t count) noexcept;
  // From the child `next` on, when `unfinished` before it have not ended. Those below `in_place` are not on the deque.
  WEFT_NOINLINE bool run_rest(Worker& worker, std::coroutine_handle<> const* children, std::size_t count, std::size_t next, std::size_t in_place, std::int64_t unfinished) noexcept;
  // The child `i` has suspended.
  WEFT_NOINLINE bool run_after_suspended(Worker& worker, std::coroutine_handle<> const* children, std::size_t count, std::size_t i) noexcept;
  // The children of a strand: all in place, one after the other; what must start later goes into the strand's queue.
  WEFT_COLD bool run_serially(Worker& worker, std::coroutine_handle<> const* children, std::size_t count) noexcept;
  // All that could be run here has run.
  WEFT_NOINLINE bool end_part(Worker& worker, std::int64_t left) noexcept;
  // Runs one child in place: false when it has not ended.
  bool run_child(Worker& worker, std::coroutine_handle<> child) noexcept;

  // An exception_ptr while failed_bit is set: a member with a destructor would cost every join that does not fail. INVARIANT: written by the
  // child that set failed_bit, read when all have arrived.
  alignas(std::exception_ptr) unsigned char error_[sizeof(std::exception_ptr)];
};

// THE COMMON COURSE is what is inline: a gather in a part of another, no cancel, room on the stack, every child ends where it was resumed and leaves
// its state as it was, nobody steals. Where something else happens the children go on out of line (join.cpp), so that nothing is kept in
// registers for it. In a part the worker's state is at all times that of a part of this scope, the caller's and the children's alike, so
// nothing is put in or back.
template <class Count, class Link>
WEFT_INLINE bool Join::run_children(Worker& worker, std::coroutine_handle<> const* children, Count count, Link const& link) noexcept {
  state = worker.state;
  if (!undisturbed(worker.state) || worker.near_stack_limit()) [[unlikely]] {
    for (std::size_t i = 0; i != count; ++i) link(i);
    return start_otherwise(worker, children, count);
  }
  return take_common_course<true>(worker, children, count, link);
}

template <bool in_part, class Count, class Link>
WEFT_INLINE bool Join::take_common_course(Worker& worker, std::coroutine_handle<> const* children, Count count, Link const& link) noexcept {
  std::coroutine_handle<> const first = children[0];
  link(0);
  // Pushed from the last to the second, so that pops give them in argument order. The first runs in place without a detour.
  for (std::size_t i = count - 1; i != 0; --i) {
    link(i);
    if (worker.deque.put(fork_item(children[i]))) [[likely]] continue;
    // No memory for the deque: this one and those before it run in place.
    if (!settle_push(worker)) {
      for (std::size_t k = 1; k != i; ++k) link(k);
      return run_rest(worker, children, count, 0, i + 1, 0);
    }
  }
  first.resume();
  if (worker.pending != nullptr) [[unlikely]] return run_after_suspended(worker, children, count, 0);
  for (std::size_t i = 1; i != count; ++i) {
    if (!undisturbed(worker.state) || --worker.fuel == 0) [[unlikely]] return run_rest(worker, children, count, i, 1, 0);
    if (!worker.deque.unput() && !settle_unpush(worker)) [[unlikely]] return end_part(worker, static_cast<std::int64_t>(count - i));
    children[i].resume();
    if (worker.pending != nullptr) [[unlikely]] return run_after_suspended(worker, children, count, i);
  }
  if constexpr (in_part) return true;
  else return end_part(worker, 0);
}

// ---------------------------------------------------------------- awaiters of bare coroutines

[[noreturn]] WEFT_COLD void throw_short_storage();

// A result slot, and beside it the error of gather(return_exceptions).
template <class T, OnError mode>
struct ChildSlot {
  // Not implicit: it would write zeros first.
  ChildSlot() noexcept {}
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
  bool end_quietly();
  void child_failed(void* slot, std::exception_ptr error) noexcept override;

 protected:
  // Cancels the children that have not ended, unless a cancel is under way.
  void abort_others() noexcept;
  // The caller is back in its own scope.
  void leave_block(Worker& worker) noexcept { block_.exit(worker); }

 private:
  Scope block_;
};

// How a join is awaited. The join itself is the object that gather() gave: it lives in the caller's frame as long as the co_await expression.
template <class J>
class JoinAwaiter {
 public:
  using weft_never_waits = void;

  WEFT_INLINE explicit JoinAwaiter(J& join) noexcept : join_(&join) {}
  WEFT_INLINE bool await_ready() { return join_->start(); }
  void await_suspend(std::coroutine_handle<> coroutine) noexcept { join_->finish_later(coroutine); }
  WEFT_INLINE decltype(auto) await_resume() { return join_->finish(); }
  // By a cancel that is void by now when a child was dropped for it.
  using weft_cancel_may_be_void = void;
  bool ends_cancelled() { return join_->end_quietly(); }
  decltype(auto) take() { return join_->results(); }

 private:
  J* join_;
};

template <OnError mode, class... T>
class [[nodiscard]] TupleJoin : public JoinMode<mode> {
 public:
  using weft_awaitable = void;

  // Strong: one that was moved from throws, and the others are still the caller's.
  WEFT_INLINE explicit TupleJoin(Coro<T>&&... coros) : children_{coros.handle()...} { ((void)coros.release(), ...); }
  TupleJoin(TupleJoin&& other) noexcept : children_(std::exchange(other.children_, {})) {}
  WEFT_INLINE ~TupleJoin() {
    if (this->owns_children()) [[unlikely]] destroy_children();
  }

  WEFT_INLINE JoinAwaiter<TupleJoin> operator co_await() && {
    if (!children_[0]) [[unlikely]] throw_moved_from_coro();
    return JoinAwaiter<TupleJoin>(*this);
  }
  WEFT_INLINE bool start() {
    Worker& worker = *current_worker();
    this->begin(worker);
    link(std::index_sequence_for<T...>());
    return this->run_children(worker, children_.data(), std::integral_constant<std::size_t, sizeof...(T)>(), [](std::size_t) {});
  }
  WEFT_INLINE std::tuple<child_result_t<T, mode>...> finish() {
    this->end();
    return results();
  }
  WEFT_INLINE std::tuple<child_result_t<T, mode>...> results() { return take(std::index_sequence_for<T...>()); }

  void child_failed(void* slot, std::exception_ptr error) noexcept override {
    if constexpr (mode == OnError::collect) store_error(slot, error, std::index_sequence_for<T...>());
    else JoinMode<mode>::child_failed(slot, std::move(error));
  }

 private:
  template <std::size_t... I>
  WEFT_INLINE void link(std::index_sequence<I...>) noexcept {
    // A copy, or each would be read again behind the stores of the one before.
    std::array const children = children_;
    (promise_of(children[I]).set_parent(*this, &std::get<I>(slots_).value), ...);
  }
  template <std::size_t... I>
  WEFT_INLINE std::tuple<child_result_t<T, mode>...> take(std::index_sequence<I...>) {
    return std::tuple<child_result_t<T, mode>...>(std::get<I>(slots_).take()...);
  }
  template <std::size_t... I>
  void store_error(void* slot, std::exception_ptr const& error, std::index_sequence<I...>) noexcept {
    ((static_cast<void*>(&std::get<I>(slots_).value) == slot ? void(std::get<I>(slots_).error = error) : void()), ...);
  }
  WEFT_COLD void destroy_children() noexcept {
    for (std::coroutine_handle<> const child : children_)
      if (child) child.destroy();
  }

  std::array<std::coroutine_handle<>, sizeof...(T)> children_;
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

// The children of a range: their frames, owned until a join starts them. One block from the frame pool.
template <class T>
class Children {
 public:
  // The block is taken at once, also when nobody knows whether there will be a child (`expected` is 0 then): it costs less than to ask.
  WEFT_INLINE explicit Children(std::size_t expected) {
    if (expected > few) [[unlikely]] capacity_ = expected;
    frames_ = allocate(capacity_);
  }
  Children(Children&& other) noexcept
      : frames_(std::exchange(other.frames_, nullptr)),
        size_(std::exchange(other.size_, 0)),
        capacity_(other.capacity_),
        owned_(other.owned_),
        complete_(other.complete_) {}
  Children& operator=(Children&&) = delete;
  WEFT_INLINE ~Children() {
    if (frames_ == nullptr) return;
    if (owned_ && size_ != 0) [[unlikely]] destroy_frames();
    release_block();
  }

  // A Coro that was moved from throws in require_all(), not here: nothing happens before the await.
  WEFT_INLINE void add(Coro<T> coro) {
    if (size_ == capacity_) [[unlikely]] grow();
    if (coro) [[likely]] {
      frames_[size_++] = coro.release();
    } else {
      frames_[size_++] = nullptr;
      complete_ = false;
    }
  }
  WEFT_INLINE std::size_t size() const noexcept { return size_; }
  std::coroutine_handle<> const* data() const noexcept { return frames_; }
  void require_all() const {
    if (!complete_) [[unlikely]] throw_moved_from_coro();
  }
  // From here on each frame destroys itself at its end.
  WEFT_INLINE void disown() noexcept { owned_ = false; }

 private:
  // What fits into the smallest block of the pool, which costs next to nothing: its size is known here.
  static constexpr std::size_t few = frame_granule / sizeof(std::coroutine_handle<>);

  WEFT_INLINE static std::coroutine_handle<>* allocate(std::size_t capacity) {
    // So that the usual size is a constant.
    void* const block = frame_allocate((capacity == few ? few : capacity) * sizeof(std::coroutine_handle<>));
    return static_cast<std::coroutine_handle<>*>(block);
  }
  WEFT_NOINLINE void grow() {
    std::coroutine_handle<>* const frames = allocate(2 * capacity_);
    std::copy_n(frames_, size_, frames);
    release_block();
    frames_ = frames;
    capacity_ *= 2;
  }
  WEFT_INLINE void release_block() noexcept {
    if (capacity_ == few) [[likely]] frame_free(frames_, few * sizeof(std::coroutine_handle<>));
    else frame_free(frames_, capacity_ * sizeof(std::coroutine_handle<>));
  }
  WEFT_COLD void destroy_frames() noexcept {
    for (std::size_t i = 0; i < size_; ++i)
      if (frames_[i]) frames_[i].destroy();
  }

  std::coroutine_handle<>* frames_;
  std::size_t size_ = 0;
  std::size_t capacity_ = few;
  bool owned_ = true;
  // None of them was moved from.
  bool complete_ = true;
};

// Whether a child may write its result straight into an object that lives already.
template <class T>
inline constexpr bool written_in_place =
    std::is_object_v<T> && !std::is_const_v<T> && std::is_trivially_destructible_v<T> && std::is_trivially_default_constructible_v<T>;

// A range of children.
template <OnError mode, class T>
class RangeJoin : public JoinMode<mode> {
 public:
  using weft_awaitable = void;

 protected:
  // fill(children) adds them: made here, they are not moved. `expected` is 0 when nobody knows how many there will be.
  template <class Fill>
  WEFT_INLINE RangeJoin(std::size_t expected, Fill const& fill) : children_(expected) {
    fill(children_);
  }
  RangeJoin(RangeJoin&& other) noexcept : children_(std::move(other.children_)) {}
  WEFT_INLINE ~RangeJoin() {}

  std::size_t count() const noexcept { return children_.size(); }
  void require_all() const { children_.require_all(); }
  // place(i): where the child i puts its result. INVARIANT: there are children, and everything that needs memory has been made.
  template <class Place>
  WEFT_INLINE bool start_children(Place const& place) noexcept {
    children_.disown();
    Worker& worker = *current_worker();
    this->begin(worker);
    std::coroutine_handle<> const* const children = children_.data();
    return this->run_children(worker, children, children_.size(), [&](std::size_t i) { promise_of(children[i]).set_parent(*this, place(i)); });
  }

 private:
  Children<T> children_;
};

// Gives a vector. Where a result is a plain object the children write into the vector that the caller gets; otherwise into slots.
template <OnError mode, class T>
class [[nodiscard]] VectorJoin final : public RangeJoin<mode, T> {
 public:
  using Element = child_element_t<T, mode>;
  // The elements of a vector of bools are no objects.
  static constexpr bool in_place = mode != OnError::collect && written_in_place<T> && !std::is_same_v<T, bool>;

  template <class Fill>
  WEFT_INLINE VectorJoin(std::size_t expected, Fill const& fill) : RangeJoin<mode, T>(expected, fill) {}
  VectorJoin(VectorJoin&& other) noexcept : RangeJoin<mode, T>(std::move(other)) {}

  WEFT_INLINE JoinAwaiter<VectorJoin> operator co_await() && {
    this->require_all();
    return JoinAwaiter<VectorJoin>(*this);
  }
  WEFT_INLINE bool start() {
    std::size_t const count = this->count();
    if (count == 0) return true;
    if constexpr (in_place) {
      results_ = std::vector<Element>(count);
      return this->start_children([first = results_.data()](std::size_t i) { return static_cast<void*>(first + i); });
    } else {
      results_.reserve(count);
      slots_ = PoolVector<Slots>(count);
      return this->start_children([first = slots_.data()](std::size_t i) { return static_cast<void*>(&first[i].value); });
    }
  }
  WEFT_INLINE std::vector<Element> finish() {
    if (this->count() != 0) this->end();
    return results();
  }
  bool end_quietly() { return this->count() != 0 && JoinMode<mode>::end_quietly(); }
  std::vector<Element> results() {
    if constexpr (!in_place)
      for (Slots& slot : slots_) results_.push_back(slot.take());
    return std::move(results_);
  }

  void child_failed(void* slot, std::exception_ptr error) noexcept override {
    if constexpr (mode == OnError::collect) {
      // The slot's value is its first member.
      static_cast<Slots*>(slot)->error = std::move(error);
    } else {
      JoinMode<mode>::child_failed(slot, std::move(error));
    }
  }

 private:
  using Slots = ChildSlot<T, mode>;
  // Only where results are not written in place.
  [[no_unique_address]] std::conditional_t<in_place, std::monostate, PoolVector<Slots>> slots_;
  std::vector<Element> results_;
};

// Puts the results into the caller's storage.
template <OnError mode, class T>
class [[nodiscard]] IntoJoin final : public RangeJoin<mode, T> {
 public:
  template <class Fill>
  WEFT_INLINE IntoJoin(std::span<T> storage, std::size_t expected, Fill const& fill) : RangeJoin<mode, T>(expected, fill), storage_(storage) {}
  IntoJoin(IntoJoin&& other) noexcept : RangeJoin<mode, T>(std::move(other)), storage_(other.storage_) {}

  WEFT_INLINE JoinAwaiter<IntoJoin> operator co_await() && {
    this->require_all();
    if (this->count() > storage_.size()) [[unlikely]] throw_short_storage();
    return JoinAwaiter<IntoJoin>(*this);
  }
  WEFT_INLINE bool start() {
    if (this->count() == 0) return true;
    return this->start_children([first = storage_.data()](std::size_t i) { return static_cast<void*>(first + i); });
  }
  WEFT_INLINE std::span<T> finish() {
    if (this->count() != 0) this->end();
    return results();
  }
  bool end_quietly() { return this->count() != 0 && JoinMode<mode>::end_quietly(); }
  WEFT_INLINE std::span<T> results() const noexcept { return storage_.first(this->count()); }

 private:
  std::span<T> storage_;
};

}  // namespace weft::engine
