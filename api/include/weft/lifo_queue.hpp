// LifoQueue: items between tasks, last in, first out.
#pragma once

#include <cstddef>
#include <utility>
#include <vector>

#include <weft/queue/basic_queue.hpp>

namespace weft {
namespace engine {

template <class T>
class LifoStore {
 public:
  using Item = T;
  using Items = std::vector<T>;
  void push(T&& item) { items_.push_back(std::move(item)); }
  void restore(T&& item) { push(std::move(item)); }
  T pop() {
    T item = std::move(items_.back());
    items_.pop_back();
    return item;
  }
  std::size_t size() const noexcept { return items_.size(); }
  void swap(Items& other) noexcept { items_.swap(other); }

 private:
  Items items_;
};

}  // namespace engine

/// A Queue that gives the newest item first.
///
/// asyncio: LifoQueue. Otherwise as Queue: those who wait are served first come, first served, and an item that is put while somebody waits to get is
/// handed over at once.
template <class T>
class LifoQueue : public engine::BasicQueue<T, engine::LifoStore<T>> {
 public:
  /// `maxsize` <= 0: no bound.
  explicit LifoQueue(std::ptrdiff_t maxsize = 0) : engine::BasicQueue<T, engine::LifoStore<T>>(maxsize, {}) {}
};

}  // namespace weft
