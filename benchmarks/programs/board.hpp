// The board of the n-queens programs: the column of the queen in each row so far. Shared by all contenders, so that they
// differ in how they run tasks and in nothing else.
#pragma once

#include <array>
#include <cstdint>
#include <cstdlib>

namespace bench {

inline constexpr unsigned max_queens = 14;

struct Board {
  std::array<signed char, max_queens> column{};
  unsigned rows = 0;

  bool safe(unsigned candidate) const {
    for (unsigned row = 0; row < rows; ++row) {
      int const distance = std::abs(int(candidate) - int(column[row]));
      if (distance == 0 || distance == int(rows - row)) return false;
    }
    return true;
  }
  Board with(unsigned candidate) const {
    Board next = *this;
    next.column[next.rows++] = static_cast<signed char>(candidate);
    return next;
  }
};

}  // namespace bench
