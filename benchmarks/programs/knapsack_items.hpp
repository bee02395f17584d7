// The knapsack problem as a race: the best value is known (by dynamic programming), the tree of takes and leaves is searched for a way to
// reach it, and the first branch that does stops all others. How much of the tree is searched depends on luck; how soon the
// rest stops is what is looked at, beside the search itself.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace bench {

class Knapsack {
 public:
  static constexpr unsigned max_items = 40;

  explicit Knapsack(unsigned count) : count_(count) {
    std::uint32_t x = 88172645;
    auto next = [&x](std::uint32_t below) {
      x = x * 1664525 + 1013904223;
      return (x >> 8) % below;
    };
    std::uint32_t all = 0;
    // Value close to weight: the hard kind, in which the bound cuts off little.
    for (unsigned i = 0; i < count; ++i) {
      items_[i].weight = 100 + next(900);
      items_[i].value = items_[i].weight + next(30);
      all += items_[i].weight;
    }
    capacity_ = int(all / 2);
    std::sort(items_.begin(), items_.begin() + count, [](Item const& a, Item const& b) { return a.value * b.weight > b.value * a.weight; });
    best_ = solve();
  }

  unsigned count() const { return count_; }
  int capacity() const { return capacity_; }
  std::uint64_t best() const { return best_; }
  int weight(unsigned item) const { return int(items_[item].weight); }
  std::uint64_t value(unsigned item) const { return items_[item].value; }
  // Can the best value still be reached from here?
  bool promising(unsigned item, int room, std::uint64_t value) const {
    if (room < 0) return false;
    return value + (item < count_ ? std::uint64_t(room) * items_[item].value / items_[item].weight + 1 : 0) >= best_;
  }

 private:
  struct Item {
    std::uint32_t weight = 1, value = 0;
  };
  std::uint64_t solve() const {
    std::vector<std::uint64_t> value(std::size_t(capacity_) + 1);
    for (unsigned i = 0; i < count_; ++i) {
      for (std::size_t room = value.size(); room-- > items_[i].weight;) {
        value[room] = std::max(value[room], value[room - items_[i].weight] + items_[i].value);
      }
    }
    return value.back();
  }

  unsigned count_;
  int capacity_ = 0;
  std::uint64_t best_ = 0;
  std::array<Item, max_items> items_{};
};

}  // namespace bench
