// gather: fork-join inside a task, and asyncio's gather of tasks.
//
// BARE COROUTINES run in parallel as parts of the calling task (gather/join.hpp).
// TASK HANDLES are waited for as asyncio does (gather/handle_join.hpp).
// A MIXTURE runs the coroutines as parts, waits for the handles beside them, and stops waiting for handles as soon as something has failed
// (gather/mixed_join.hpp).
// Here is what a call to gather makes of its arguments.
#pragma once

#include <array>
#include <concepts>
#include <cstddef>
#include <memory>
#include <ranges>
#include <span>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include <weft/gather/handle_join.hpp>
#include <weft/gather/join.hpp>
#include <weft/gather/mixed_join.hpp>

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

template <class T>
struct Into {
  std::span<T> storage;
};

// Anything that is no handle, as a bare coroutine.
template <class A>
WEFT_INLINE decltype(auto) to_coro(A&& awaitable) {
  if constexpr (is_coro_v<A>) {
    static_assert(!std::is_lvalue_reference_v<A>, "a Coro is given as an rvalue: std::move(coro)");
    return std::move(awaitable);
  } else {
    return as_part(std::decay_t<A>(std::forward<A>(awaitable)));
  }
}

template <OnError mode, class Moves, class... State>
class [[nodiscard]] GatherHandles {
 public:
  using weft_awaitable = void;
  explicit GatherHandles(std::array<Ref<Completion>, sizeof...(State)> tasks) noexcept : tasks_(std::move(tasks)) {}
  HandleTupleJoin<mode, Moves, State...> operator co_await() && { return HandleTupleJoin<mode, Moves, State...>(std::move(tasks_)); }

 private:
  std::array<Ref<Completion>, sizeof...(State)> tasks_;
};

template <OnError mode, bool move, class State>
class [[nodiscard]] GatherHandleRange {
 public:
  using weft_awaitable = void;
  explicit GatherHandleRange(std::vector<Ref<Completion>> tasks) noexcept : tasks_(std::move(tasks)) {}
  HandleVectorJoin<mode, move, State> operator co_await() && { return HandleVectorJoin<mode, move, State>(std::move(tasks_)); }

 private:
  std::vector<Ref<Completion>> tasks_;
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

template <class A>
decltype(auto) to_watched_coro(std::shared_ptr<Watchers> const& watchers, A&& awaitable) {
  if constexpr (is_handle_v<A>) {
    return watch<handle_state_t<A>, gives_value_v<A>>(watchers, awaitable.reference());
  } else {
    return to_coro(std::forward<A>(awaitable));
  }
}

// ---------------------------------------------------------------- which of them it is

template <OnError mode, class... T>
WEFT_INLINE TupleJoin<mode, T...> join_coros(Coro<T>&&... coros) { return TupleJoin<mode, T...>(std::move(coros)...); }
template <OnError mode, class... T>
MixedJoin<mode, T...> join_mixed(std::shared_ptr<Watchers> watchers, Coro<T>&&... coros) {
  return MixedJoin<mode, T...>(std::move(watchers), std::move(coros)...);
}

template <OnError mode, class... A>
WEFT_INLINE auto gather_arguments(A&&... awaitables) {
  if constexpr (sizeof...(A) == 0) {
    return GatherNothing();
  } else if constexpr ((is_handle_v<A> && ...)) {
    using Moves = std::integer_sequence<bool, !std::is_lvalue_reference_v<A>...>;
    return GatherHandles<mode, Moves, handle_state_t<A>...>(std::array<Ref<Completion>, sizeof...(A)>{awaitables.reference()...});
  } else if constexpr (!(is_handle_v<A> || ...)) {
    return join_coros<mode>(to_coro(std::forward<A>(awaitables))...);
  } else {
    auto watchers = std::make_shared<Watchers>();
    return join_mixed<mode>(watchers, to_watched_coro(watchers, std::forward<A>(awaitables))...);
  }
}
// A join of the coroutines that a range gives.
template <class J, class Range, class... Args>
WEFT_INLINE J join_range(Range&& range, Args... args) {
  static_assert(!std::is_lvalue_reference_v<Range> || !std::is_lvalue_reference_v<std::ranges::range_reference_t<Range>>,
                "gather takes an lvalue range only if its elements are handles or prvalues: gather(std::move(coros))");
  std::size_t expected = 0;
  if constexpr (std::ranges::sized_range<Range>) expected = static_cast<std::size_t>(std::ranges::size(range));
  return J(args..., expected, [&range](auto& children) {
    for (auto&& awaitable : range) children.add(to_coro(std::move(awaitable)));
  });
}

template <OnError mode, class Range>
auto gather_range(Range&& range) {
  using Reference = std::ranges::range_reference_t<Range>;
  using Element = std::remove_cvref_t<Reference>;
  if constexpr (is_handle_v<Element>) {
    constexpr bool move = !std::is_lvalue_reference_v<Range> || !std::is_lvalue_reference_v<Reference>;
    std::vector<Ref<Completion>> tasks;
    for (auto&& task : range) tasks.push_back(task.reference());
    return GatherHandleRange<mode, move, handle_state_t<Element>>(std::move(tasks));
  } else {
    return join_range<VectorJoin<mode, await_result_t<Element>>>(std::forward<Range>(range));
  }
}
template <OnError mode, class T, class Range>
WEFT_INLINE auto gather_into(Into<T> into, Range&& range) {
  using Element = std::remove_cvref_t<std::ranges::range_reference_t<Range>>;
  static_assert(!is_handle_v<Element>, "gather(into(storage), ...) takes coroutines");
  static_assert(std::is_same_v<await_result_t<Element>, T>, "gather(into(storage), ...): the elements are of another type than the results");
  return join_range<IntoJoin<mode, T>>(std::forward<Range>(range), into.storage);
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
/// The same for a range: an rvalue range of coroutines, or any range of Tasks or Futures. Gives a std::vector; references become
/// std::reference_wrapper, void std::monostate. O(n), two allocations besides the frames.
template <engine::AwaitableRange R>
auto gather(R&& range) { return engine::gather_range<engine::OnError::plain>(std::forward<R>(range)); }

/// Where gather(into(storage), ...) puts the results: an array, a vector, a span. It must outlive the await.
///
/// T is a type without a destructor and with a trivial default constructor (numbers, pointers, aggregates of them): each child writes its result
/// straight into its element.
template <std::ranges::contiguous_range R>
  requires std::ranges::sized_range<R> && std::ranges::borrowed_range<R> && engine::written_in_place<std::remove_reference_t<std::ranges::range_reference_t<R>>>
auto into(R&& storage) noexcept {
  return engine::Into<std::remove_reference_t<std::ranges::range_reference_t<R>>>{{std::ranges::data(storage), std::ranges::size(storage)}};
}

/// Runs a range of bare coroutines as gather does and puts the results into storage of the caller's, in argument order from its front; gives
/// the part that they fill, a std::span. No allocation but the frames and a block of their pool: for recursion with many children a node.
///
/// Errors: ValueError at the await, before anything has started, when there are more coroutines than elements. When a child fails the elements of
/// those that returned are written, and the others are as they were.
template <class T, engine::AwaitableRange R>
WEFT_INLINE auto gather(engine::Into<T> into, R&& range) {
  return engine::gather_into<engine::OnError::plain>(into, std::forward<R>(range));
}

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
template <class T, engine::AwaitableRange R>
auto gather(cancel_on_error_t, engine::Into<T> into, R&& range) {
  return engine::gather_into<engine::OnError::abort>(into, std::forward<R>(range));
}

}  // namespace weft
