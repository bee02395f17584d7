// The recursive programs in oneTBB: parallel_invoke where there are two children, task_group where there are more.
#include "peers.hpp"

#include "../programs/board.hpp"
#include "tbb_arena.hpp"

#include <oneapi/tbb/parallel_invoke.h>
#include <oneapi/tbb/task_group.h>
#include <oneapi/tbb/version.h>

#include <array>

namespace bench::tbb_peer {

namespace {

std::uint64_t fib_task(unsigned n) {
  if (n < 2) return n;
  std::uint64_t a = 0, b = 0;
  tbb::parallel_invoke([&a, n] { a = fib_task(n - 1); }, [&b, n] { b = fib_task(n - 2); });
  return a + b;
}

std::uint64_t skynet_task(std::uint64_t first, std::uint64_t leaves) {
  if (leaves == 1) return first;
  std::uint64_t const part = leaves / 10;
  std::array<std::uint64_t, 10> sums{};
  tbb::task_group children;
  for (std::uint64_t i = 0; i < 9; ++i) {
    children.run([&sums, first, part, i] { sums[i] = skynet_task(first + i * part, part); });
  }
  children.run_and_wait([&sums, first, part] { sums[9] = skynet_task(first + 9 * part, part); });
  std::uint64_t total = 0;
  for (std::uint64_t const sum : sums) total += sum;
  return total;
}

std::uint64_t place(unsigned n, Board const& board) {
  if (board.rows == n) return 1;
  std::array<std::uint64_t, max_queens> solutions{};
  tbb::task_group children;
  for (unsigned column = 0; column < n; ++column) {
    if (!board.safe(column)) continue;
    children.run([&solutions, n, next = board.with(column), column] { solutions[column] = place(n, next); });
  }
  children.wait();
  std::uint64_t total = 0;
  for (std::uint64_t const count : solutions) total += count;
  return total;
}

}  // namespace

std::string version() { return TBB_runtime_version(); }

std::uint64_t fib(unsigned threads, unsigned n) {
  return arena(threads).execute([n] { return fib_task(n); });
}
std::uint64_t skynet(unsigned threads, std::uint64_t leaves) {
  return arena(threads).execute([leaves] { return skynet_task(0, leaves); });
}
std::uint64_t nqueens(unsigned threads, unsigned n) {
  return arena(threads).execute([n] { return place(n, Board{}); });
}

}  // namespace bench::tbb_peer
