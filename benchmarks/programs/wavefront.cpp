// wavefront: a graph of tasks that is no tree (wavefront.hpp).
#include "wavefront.hpp"
#include "../kernel.hpp"
#include "../peers/peers.hpp"
#include "weft_runtimes.hpp"

namespace bench {

namespace {

weft::Coro<> cell(Wavefront* grid, std::size_t row, std::size_t column) {
  for (;;) {
    grid->compute(row, column);
    bool const below = grid->ready(row + 1, column), beside = grid->ready(row, column + 1);
    if (below && beside) {
      co_await weft::gather(cell(grid, row + 1, column), cell(grid, row, column + 1));
      co_return;
    }
    if (!below && !beside) co_return;
    if (below) ++row;
    else ++column;
  }
}

weft::Coro<> cell_task(Wavefront* grid, weft::TaskGroup* tg, std::size_t row, std::size_t column) {
  grid->compute(row, column);
  if (grid->ready(row + 1, column)) tg->start_soon(cell_task(grid, tg, row + 1, column));
  if (grid->ready(row, column + 1)) tg->start_soon(cell_task(grid, tg, row, column + 1));
  co_return;
}

weft::Coro<> by_group(Wavefront* grid) {
  co_await weft::task_group([&](weft::TaskGroup& tg) -> weft::Coro<> {
    tg.start_soon(cell_task(grid, &tg, 0, 0));
    co_return;
  });
}

template <class How>
std::uint64_t run_grid(unsigned workers, Wavefront& grid, How how) {
  {
    Untimed const set_up;
    grid.reset();
  }
  runtime(workers).run(how(&grid));
  return grid.result();
}

}  // namespace

void add_wavefront(Kernels& kernels, Plan const& plan) {
  std::size_t const blocks = plan.pick<std::uint64_t>(6, 24, 100);
  auto const grid = std::make_shared<Wavefront>(blocks);
  Work work(kernels, plan, "programs", "wavefront(" + std::to_string(blocks) + ")", blocks * blocks, serial("wavefront", blocks));
  work.peers("wavefront", blocks);
  work.weft([grid](unsigned workers) { return run_grid(workers, *grid, [](Wavefront* g) { return cell(g, 0, 0); }); });
  work.weft([grid](unsigned workers) { return run_grid(workers, *grid, by_group); }, "TaskGroup");
}

}  // namespace bench
