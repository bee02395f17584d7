// The programs as plain recursive functions: what the work costs without any task.
#include "peers.hpp"

#include "../programs/board.hpp"

namespace bench::serial {

std::uint64_t fib(unsigned n) { return n < 2 ? n : fib(n - 1) + fib(n - 2); }

namespace {

std::uint64_t skynet_from(std::uint64_t first, std::uint64_t leaves) {
  if (leaves == 1) return first;
  std::uint64_t const part = leaves / 10;
  std::uint64_t sum = 0;
  for (std::uint64_t i = 0; i < 10; ++i) sum += skynet_from(first + i * part, part);
  return sum;
}

std::uint64_t place(unsigned n, Board const& board) {
  if (board.rows == n) return 1;
  std::uint64_t solutions = 0;
  for (unsigned column = 0; column < n; ++column) {
    if (board.safe(column)) solutions += place(n, board.with(column));
  }
  return solutions;
}

}  // namespace

std::uint64_t skynet(std::uint64_t leaves) { return skynet_from(0, leaves); }
std::uint64_t nqueens(unsigned n) { return place(n, Board{}); }

}  // namespace bench::serial
