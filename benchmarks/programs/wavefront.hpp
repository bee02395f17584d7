// A grid of blocks in which each needs its left and its upper neighbour: the longest common subsequence of two strings, by blocks. A graph of
// tasks that is no tree: whoever finishes the second of a block's two neighbours starts it.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

namespace bench {

class Wavefront {
 public:
  static constexpr std::size_t block = 64;

  explicit Wavefront(std::size_t blocks)
      : blocks_(blocks), text_a_(blocks * block), text_b_(blocks * block), table_((blocks * block + 1) * (blocks * block + 1)),
        missing_(std::make_unique<std::atomic<std::uint8_t>[]>(blocks * blocks)) {
    std::uint32_t x = 12345;
    for (auto* const text : {&text_a_, &text_b_}) {
      for (char& c : *text) {
        x = x * 1664525 + 1013904223;
        c = char('a' + (x >> 24) % 4);
      }
    }
    reset();
  }

  std::size_t blocks() const { return blocks_; }
  std::uint64_t result() const { return table_.back(); }
  void reset() {
    for (std::size_t i = 0; i < blocks_; ++i) {
      for (std::size_t j = 0; j < blocks_; ++j) {
        missing_[i * blocks_ + j].store(static_cast<std::uint8_t>((i > 0 ? 1 : 0) + (j > 0 ? 1 : 0)), std::memory_order_relaxed);
      }
    }
  }
  // The same machine code for every contender, hence not inline.
  [[gnu::noinline]] void compute(std::size_t row, std::size_t column) {
    std::size_t const width = blocks_ * block + 1;
    for (std::size_t i = row * block + 1; i <= (row + 1) * block; ++i) {
      for (std::size_t j = column * block + 1; j <= (column + 1) * block; ++j) {
        std::uint16_t const diagonal = table_[(i - 1) * width + j - 1], up = table_[(i - 1) * width + j], left = table_[i * width + j - 1];
        table_[i * width + j] = text_a_[i - 1] == text_b_[j - 1] ? static_cast<std::uint16_t>(diagonal + 1) : std::max(up, left);
      }
    }
  }
  // A neighbour of this block is done. True: it was the last one, the caller starts the block.
  bool ready(std::size_t row, std::size_t column) {
    if (row >= blocks_ || column >= blocks_) return false;
    // ORDER(wavefront): acq_rel; pairs with itself: who comes second sees what the first has written into the table.
    return missing_[row * blocks_ + column].fetch_sub(1, std::memory_order_acq_rel) == 1;
  }

 private:
  std::size_t blocks_;
  std::vector<char> text_a_, text_b_;
  std::vector<std::uint16_t> table_;
  std::unique_ptr<std::atomic<std::uint8_t>[]> missing_;
};

}  // namespace bench
