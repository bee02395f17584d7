// nqueens(n): the number of ways to place n queens, with one task per safe placement. Uneven trees with some real work
// in each node (the test whether a square is attacked).
#include <array>
#include <numeric>
#include <ranges>
#include <span>

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
  std::array<std::uint64_t, max_queens> solutions;
  std::span<std::uint64_t> const found = co_await weft::gather(weft::into(solutions), std::move(children));
  co_return std::accumulate(found.begin(), found.end(), std::uint64_t{0});
}

weft::Coro<> place_tasks(unsigned n, Board board, std::uint64_t* result) {
  if (board.rows == n) {
    *result = 1;
    co_return;
  }
  std::array<std::uint64_t, max_queens> solutions{};
  co_await weft::task_group([&](weft::TaskGroup& tg) -> weft::Coro<> {
    for (unsigned column = 0; column < n; ++column) {
      if (board.safe(column)) tg.start_soon(place_tasks(n, board.with(column), &solutions[column]));
    }
    co_return;
  });
  *result = 0;
  for (std::uint64_t const count : solutions) *result += count;
}

std::uint64_t run_tasks(unsigned workers, unsigned n) {
  std::uint64_t result = 0;
  runtime(workers).run(place_tasks(n, Board{}, &result));
  return result;
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
  unsigned const n = plan.pick(7U, 10U, 12U, 14U);
  std::uint64_t const solutions = plan.pick<std::uint64_t>(40, 724, 14'200, 365'596);
  Work work(kernels, plan, "programs", "nqueens(" + std::to_string(n) + ")", count_placements(n, Board{}), solutions);
  work.peers("nqueens", n);
  work.weft([n](unsigned workers) { return runtime(workers).run(place(n, Board{})); });
  if (plan.size != Size::table) work.weft([n](unsigned workers) { return run_tasks(workers, n); }, "TaskGroup");
}

}  // namespace bench
