// nqueens(n): the number of ways to place n queens, with one task per safe placement. Uneven trees with some real work
// in each node (the test whether a square is attacked).
#include <ranges>

#include "../kernel.hpp"
#include "../peers/peers.hpp"
#include "board.hpp"
#include "weft_runtimes.hpp"

namespace bench {

namespace {

weft::Coro<std::uint64_t> place(unsigned n, Board board) {
  if (board.rows == n) co_return std::uint64_t{1};
  auto safe = [&board](unsigned column) { return board.safe(column); };
  auto with = [n, &board](unsigned column) { return place(n, board.with(column)); };
  auto children = std::views::iota(0U, n) | std::views::filter(safe) | std::views::transform(with);
  std::vector<std::uint64_t> const solutions = co_await weft::gather(std::move(children));
  std::uint64_t total = 0;
  for (std::uint64_t const count : solutions) total += count;
  co_return total;
}

std::uint64_t count_placements(unsigned n, Board const& board) {
  std::uint64_t placements = 1;
  if (board.rows == n) return placements;
  for (unsigned column = 0; column < n; ++column) {
    if (board.safe(column)) placements += count_placements(n, board.with(column));
  }
  return placements;
}

}  // namespace

void add_nqueens(Kernels& kernels, Plan const& plan) {
  unsigned const n = plan.size == Size::full ? 11 : 7;
  std::string const work = "nqueens(" + std::to_string(n) + ")";
  std::uint64_t const expected = plan.size == Size::full ? 2680 : 40;
  std::uint64_t const tasks = count_placements(n, Board{});

  kernels.push_back({work, Contender::serial, 1, tasks, expected, [n] { return serial::nqueens(n); }});
  for (unsigned const threads : plan.threads) {
    kernels.push_back({work, Contender::weft, threads, tasks, expected, [=] { return runtime(threads).run(place(n, Board{})); }});
    kernels.push_back({work, Contender::tbb, threads, tasks, expected, [=] { return tbb_peer::nqueens(threads, n); }});
#if WEFT_BENCH_OPENMP
    kernels.push_back({work, Contender::openmp, threads, tasks, expected, [=] { return openmp_peer::nqueens(threads, n); }});
#endif
  }
}

}  // namespace bench
