// The recursive programs as OpenMP tasks: a `task` per child, a `taskwait` for all.
#include "peers.hpp"

#if WEFT_BENCH_OPENMP

#include "../programs/board.hpp"

#include <array>

namespace bench::openmp_peer {

namespace {

std::uint64_t fib_task(unsigned n) {
  if (n < 2) return n;
  std::uint64_t a = 0, b = 0;
#pragma omp task shared(a) firstprivate(n)
  a = fib_task(n - 1);
#pragma omp task shared(b) firstprivate(n)
  b = fib_task(n - 2);
#pragma omp taskwait
  return a + b;
}

std::uint64_t skynet_task(std::uint64_t first, std::uint64_t leaves) {
  if (leaves == 1) return first;
  std::uint64_t const part = leaves / 10;
  std::array<std::uint64_t, 10> sums{};
  for (std::uint64_t i = 0; i < 10; ++i) {
#pragma omp task shared(sums) firstprivate(first, part, i)
    sums[i] = skynet_task(first + i * part, part);
  }
#pragma omp taskwait
  std::uint64_t total = 0;
  for (std::uint64_t const sum : sums) total += sum;
  return total;
}

std::uint64_t place(unsigned n, Board const& board) {
  if (board.rows == n) return 1;
  std::array<std::uint64_t, max_queens> solutions{};
  for (unsigned column = 0; column < n; ++column) {
    if (!board.safe(column)) continue;
    Board const next = board.with(column);
#pragma omp task shared(solutions) firstprivate(n, next, column)
    solutions[column] = place(n, next);
  }
#pragma omp taskwait
  std::uint64_t total = 0;
  for (std::uint64_t const count : solutions) total += count;
  return total;
}

}  // namespace

std::string version() {
#ifdef __clang__
  return "libomp, specification " + std::to_string(_OPENMP);
#else
  return "libgomp, specification " + std::to_string(_OPENMP);
#endif
}

std::uint64_t fib(unsigned threads, unsigned n) {
  std::uint64_t result = 0;
#pragma omp parallel num_threads(threads) shared(result) firstprivate(n)
#pragma omp single
  result = fib_task(n);
  return result;
}

std::uint64_t skynet(unsigned threads, std::uint64_t leaves) {
  std::uint64_t result = 0;
#pragma omp parallel num_threads(threads) shared(result) firstprivate(leaves)
#pragma omp single
  result = skynet_task(0, leaves);
  return result;
}

std::uint64_t nqueens(unsigned threads, unsigned n) {
  std::uint64_t result = 0;
#pragma omp parallel num_threads(threads) shared(result) firstprivate(n)
#pragma omp single
  result = place(n, Board{});
  return result;
}

}  // namespace bench::openmp_peer

#endif
