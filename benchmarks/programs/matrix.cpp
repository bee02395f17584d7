// The leaf: rows of B added to a row of C, so that the inner loop runs along memory. Compiled with -O3 in every build (see CMakeLists.txt), so
// that it is vectorised.
#include "matrix.hpp"

#include <algorithm>
#include <map>

namespace bench {

void Product::multiply() const {
  for (std::size_t i = 0; i < size; ++i) {
    float* const __restrict row = c.first + i * c.stride;
    for (std::size_t k = 0; k < size; ++k) {
      float const factor = a.first[i * a.stride + k];
      float const* const __restrict from = b.first + k * b.stride;
      for (std::size_t j = 0; j < size; ++j) row[j] += factor * from[j];
    }
  }
}

Matrices::Matrices(std::size_t size) : size_(size), a_(size * size), b_(size * size), c_(size * size) {
  for (std::size_t i = 0; i < size; ++i) {
    for (std::size_t j = 0; j < size; ++j) {
      a_[i * size + j] = float((i * 3 + j) % 7);
      b_[i * size + j] = float((i + j * 5) % 5);
    }
  }
}

Product Matrices::product() {
  std::fill(c_.begin(), c_.end(), 0.0F);
  return {{c_.data(), size_}, {a_.data(), size_}, {b_.data(), size_}, size_};
}

std::uint64_t Matrices::checksum() const {
  std::uint64_t sum = 0;
  for (std::size_t i = 0; i < c_.size(); ++i) sum = sum * 31 + std::uint64_t(c_[i]);
  return sum;
}

Matrices& Matrices::of(std::size_t size) {
  static std::map<std::size_t, Matrices> all;
  return all.try_emplace(size, size).first->second;
}

}  // namespace bench
