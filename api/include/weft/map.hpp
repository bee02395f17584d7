// map: a coroutine for each element of a range, a limited number of them at a time.
//
// A few parts of the calling task, gathered with cancel_on_error, take elements one after the other, each at its turn, under a mutex: what a range's iterators do is the
// user's code, so it is no spin lock. Each result goes into the slot of its element.
#pragma once

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <functional>
#include <mutex>
#include <optional>
#include <ranges>
#include <type_traits>
#include <utility>
#include <vector>

#include <weft/cancel.hpp>
#include <weft/gather.hpp>

namespace weft {

/// How map() works. Trivially destructible, so that it may be written inside an await (g++ 12).
struct MapOptions {
  /// How many calls may be under way at once. Zero: all of them.
  std::size_t concurrency = 0;
};

namespace engine {

// `moves`: the range is the map's own, so its elements are moved into the calls.
template <class View, class F, bool moves>
class Mapping {
  using Reference = std::ranges::range_reference_t<View>;

 public:
  using Argument = std::conditional_t<moves, std::ranges::range_rvalue_reference_t<View>, Reference>;
  using U = await_result_t<std::invoke_result_t<F&, Argument>>;
  struct Turn {
    std::size_t index;
    std::ranges::iterator_t<View> element;
  };

  Mapping(View range, F fn) : range_(std::move(range)), fn_(std::move(fn)), next_(std::ranges::begin(range_)) {
    count_ = static_cast<std::size_t>(std::ranges::distance(range_));
    results_ = std::vector<ChildSlot<U, OnError::plain>>(count_);
  }

  std::size_t count() const noexcept { return count_; }
  std::optional<Turn> take_turn() {
    std::lock_guard const hold(mutex_);
    if (taken_ == count_) return std::nullopt;
    Turn turn{taken_, next_};
    try {
      ++next_;
    } catch (...) {
      // The failure of this part: nobody goes on from here.
      taken_ = count_;
      throw;
    }
    ++taken_;
    return turn;
  }
  // fn's coroutine for an element.
  auto call(Turn const& turn) {
    if constexpr (moves) return std::invoke(fn_, std::ranges::iter_move(turn.element));
    else return std::invoke(fn_, *turn.element);
  }
  Slot<U>& slot(std::size_t index) noexcept { return results_[index].value; }
  std::vector<element_t<U>> results() {
    std::vector<element_t<U>> values;
    values.reserve(count_);
    for (auto& result : results_) values.push_back(result.take());
    return values;
  }

 private:
  View range_;
  F fn_;
  std::size_t count_ = 0;
  std::vector<ChildSlot<U, OnError::plain>> results_;
  std::mutex mutex_;
  // INVARIANT: these under mutex_.
  std::ranges::iterator_t<View> next_;
  std::size_t taken_ = 0;
};

// Takes one element after the other, until none is left.
template <class M>
Coro<void> map_part(M& mapping) {
  using U = typename M::U;
  for (;;) {
    // After a failure, or a cancel of the caller, nothing more begins.
    co_await checkpoint();
    auto const turn = mapping.take_turn();
    if (!turn) co_return;
    if constexpr (std::is_void_v<U>) {
      co_await mapping.call(*turn);
    } else {
      U&& value = co_await mapping.call(*turn);
      mapping.slot(turn->index).construct(std::forward<U>(value));
    }
  }
}

template <bool moves, class View, class F>
Coro<std::vector<element_t<typename Mapping<View, F, moves>::U>>> map_block(View range, F fn, MapOptions options) {
  Mapping<View, F, moves> mapping(std::move(range), std::move(fn));
  std::size_t const at_once = options.concurrency == 0 ? mapping.count() : std::min(options.concurrency, mapping.count());
  std::vector<Coro<void>> parts;
  parts.reserve(at_once);
  for (std::size_t i = 0; i < at_once; ++i) parts.push_back(map_part(mapping));
  co_await gather(cancel_on_error, std::move(parts));
  co_return mapping.results();
}

// An lvalue is referred to, a container is taken, and a range that can be gone through once only is gone through at once.
template <class R>
auto to_forward_range(R&& range) {
  using Range = std::remove_cvref_t<R>;
  if constexpr (!std::ranges::forward_range<R>) {
    std::vector<std::ranges::range_value_t<R>> elements;
    if constexpr (std::ranges::sized_range<R>) elements.reserve(std::ranges::size(range));
    for (auto&& element : range) elements.push_back(std::forward<decltype(element)>(element));
    return elements;
  } else if constexpr (std::is_lvalue_reference_v<R>) {
    return std::views::all(range);
  } else {
    return Range(std::forward<R>(range));
  }
}

}  // namespace engine

/// Calls fn(element) for each element of a range, awaits what it gives, at most `concurrency` at a time, and gives the results in the order of the range:
/// `co_await map(urls, fetch, {.concurrency = 8})`. void results are std::monostate, references std::reference_wrapper.
///
/// No counterpart in asyncio (a Semaphore and gather). The calls are made in the order of the range, as parts of the calling task; fn itself is called on
/// several workers at once, each element once. The first failure, of fn or of what it gave, cancels the others; when all have ended it is thrown.
/// Cancellation: as gather(cancel_on_error, ...): no further element is begun.
/// Lifetime: an lvalue range is referred to and must outlive the await, as must what a view refers to; another rvalue is moved in, and its elements are moved into the calls. fn is copied or
/// moved in. Cost: a frame for each of the calls that are under way, and a mutex for each element.
template <engine::AwaitableRange R, class F>
auto map(R&& range, F fn, MapOptions options = {}) {
  auto elements = engine::to_forward_range(std::forward<R>(range));
  constexpr bool moves = !std::ranges::view<decltype(elements)>;
  return engine::map_block<moves>(std::move(elements), std::move(fn), options);
}

}  // namespace weft
