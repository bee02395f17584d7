// Cilksort's plan: sort both halves, then merge them, where a merge is cut in two at the median of the longer run, so that merging is parallel
// as well. Below the leaf sizes std::sort and std::merge do the work: the same machine code for every contender, hence not inline.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace bench {

inline constexpr std::size_t sort_leaf = 2048, merge_leaf = 4096;

using Run = std::span<std::uint32_t>;

struct Merge {
  Run a, b, out;
  bool leaf() const { return out.size() <= merge_leaf; }
  [[gnu::noinline]] void merge() const { std::merge(a.begin(), a.end(), b.begin(), b.end(), out.begin()); }
};
// Few items, into `scratch` if asked to.
[[gnu::noinline]] inline void sort_few(Run items, Run scratch, bool into_scratch) {
  std::sort(items.begin(), items.end());
  if (into_scratch) std::copy(items.begin(), items.end(), scratch.begin());
}

struct MergePair {
  Merge low, high;
};

inline MergePair split(Merge m) {
  if (m.a.size() < m.b.size()) std::swap(m.a, m.b);
  std::size_t const middle = m.a.size() / 2;
  auto const cut = std::size_t(std::lower_bound(m.b.begin(), m.b.end(), m.a[middle]) - m.b.begin());
  return {{m.a.first(middle), m.b.first(cut), m.out.first(middle + cut)}, {m.a.subspan(middle), m.b.subspan(cut), m.out.subspan(middle + cut)}};
}

// Numbers to sort, the same ones each time, and the memory to merge into.
class Numbers {
 public:
  explicit Numbers(std::size_t count) : items_(count), scratch_(count) { shuffle(); }
  void shuffle() {
    std::uint32_t x = 2463534242;
    for (std::uint32_t& item : items_) {
      x ^= x << 13;
      x ^= x >> 17;
      x ^= x << 5;
      item = x;
    }
  }
  Run items() { return items_; }
  Run scratch() { return scratch_; }
  // 0 if they are not sorted.
  std::uint64_t checksum() const {
    if (!std::is_sorted(items_.begin(), items_.end())) return 0;
    std::uint64_t sum = 1;
    for (std::uint32_t const item : items_) sum = sum * 31 + item;
    return sum;
  }

 private:
  std::vector<std::uint32_t> items_, scratch_;
};

}  // namespace bench
