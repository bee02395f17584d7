// Square matrices of floats for the matmul programs, and the product of blocks at which their recursion ends. The elements are small whole
// numbers, so that every order of additions gives the same sums.
//
// C += A B for quadrants: first the four C_ij += A_i0 B_0j, side by side, then the four C_ij += A_i1 B_1j.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace bench {

inline constexpr std::size_t matrix_leaf = 64;

struct Block {
  float* first = nullptr;
  std::size_t stride = 0;
  Block quadrant(std::size_t half, unsigned row, unsigned column) const { return {first + row * half * stride + column * half, stride}; }
};

// One of the eight products of a step.
struct Product {
  Block c, a, b;
  std::size_t size = 0;
  bool leaf() const { return size <= matrix_leaf; }
  void multiply() const;
  Product part(unsigned phase, unsigned quarter) const {
    std::size_t const half = size / 2;
    unsigned const row = quarter / 2, column = quarter % 2;
    return {c.quadrant(half, row, column), a.quadrant(half, row, phase), b.quadrant(half, phase, column), half};
  }
};

class Matrices {
 public:
  explicit Matrices(std::size_t size);  // a power of two, at least matrix_leaf
  Product product();                    // c is zero again
  std::uint64_t checksum() const;
  // Calls of the recursion, leaves included.
  static std::uint64_t calls(std::size_t size) { return size <= matrix_leaf ? 1 : 1 + 8 * calls(size / 2); }

  // One for each size, made once.
  static Matrices& of(std::size_t size);

 private:
  std::size_t size_;
  std::vector<float> a_, b_, c_;
};

}  // namespace bench
