// PriorityQueue: items between tasks, the least first.
#pragma once

#include <concepts>
#include <cstddef>
#include <functional>
#include <utility>
#include <vector>

#include <weft/queue/basic_queue.hpp>

namespace weft {
namespace engine {

// A binary heap. The comparisons of an operation come first and its moves second, so what a comparison throws leaves it as it was.
template <class T, class Less>
class PriorityStore {
 public:
  using Item = T;
  using Items = std::vector<T>;

  explicit PriorityStore(Less less) : less_(std::move(less)) {}

  void push(T&& item) {
    std::size_t place = items_.size();
    while (place != 0 && less_(std::as_const(item), std::as_const(items_[above(place)]))) place = above(place);
    std::size_t hole = items_.size();
    if (hole == place) {
      items_.push_back(std::move(item));
      return;
    }
    items_.push_back(std::move(items_[above(hole)]));
    for (hole = above(hole); hole != place; hole = above(hole)) items_[hole] = std::move(items_[above(hole)]);
    items_[place] = std::move(item);
  }
  void restore(T&& item) { push(std::move(item)); }
  T pop() {
    // The way down along the lesser children, to where the last item fits in.
    std::size_t const last = items_.size() - 1;
    std::size_t way[64];
    std::size_t steps = 0;
    for (std::size_t at = 0; 2 * at + 1 < last;) {
      std::size_t child = 2 * at + 1;
      if (child + 1 < last && less_(std::as_const(items_[child + 1]), std::as_const(items_[child]))) ++child;
      if (!less_(std::as_const(items_[child]), std::as_const(items_[last]))) break;
      way[steps++] = at = child;
    }
    T least = std::move(items_.front());
    std::size_t hole = 0;
    for (std::size_t i = 0; i != steps; hole = way[i++]) items_[hole] = std::move(items_[way[i]]);
    if (hole != last) items_[hole] = std::move(items_[last]);
    items_.pop_back();
    return least;
  }
  std::size_t size() const noexcept { return items_.size(); }
  void swap(Items& other) noexcept { items_.swap(other); }

 private:
  static std::size_t above(std::size_t place) noexcept { return (place - 1) / 2; }

  [[no_unique_address]] Less less_;
  Items items_;
};

}  // namespace engine

/// A Queue that gives the least item by `Less` first.
///
/// asyncio: PriorityQueue; unlike std::priority_queue, which gives the greatest. Which of several equal items comes first is not specified.
/// Otherwise as Queue: those who wait are served first come, first served, and an item that is put while somebody waits to get is handed over at once.
/// Less and T's moves run under the queue's lock and must not use the queue; what Less throws reaches the put or get that compares, and changes nothing.
template <class T, class Less = std::less<T>>
class PriorityQueue : public engine::BasicQueue<T, engine::PriorityStore<T, Less>> {
  static_assert(std::assignable_from<T&, T> && std::predicate<Less&, T const&, T const&>);

 public:
  /// `maxsize` <= 0: no bound.
  explicit PriorityQueue(std::ptrdiff_t maxsize = 0, Less less = Less())
      : engine::BasicQueue<T, engine::PriorityStore<T, Less>>(maxsize, engine::PriorityStore<T, Less>(std::move(less))) {}
};

}  // namespace weft
