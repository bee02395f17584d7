// integrate: adaptive quadrature, two tasks per interval that is not good enough. Little work in each node, an uneven tree.
#include "integrand.hpp"
#include "../kernel.hpp"
#include "../peers/peers.hpp"
#include "weft_runtimes.hpp"

namespace bench {

namespace {

// By reference: the interval lies in the frame that awaits this one.
weft::Coro<double> area(Interval const& whole) {
  Halves const halves = halve(whole);
  if (halves.good_enough(whole)) co_return halves.sum();
  auto [left, right] = co_await weft::gather(area(halves.left), area(halves.right));
  co_return left + right;
}

weft::Coro<> area_tasks(Interval whole, double* result) {
  Halves const halves = halve(whole);
  *result = halves.sum();
  if (halves.good_enough(whole)) co_return;
  double left = 0, right = 0;
  co_await weft::task_group([&](weft::TaskGroup& tg) -> weft::Coro<> {
    tg.start_soon(area_tasks(halves.left, &left));
    tg.start_soon(area_tasks(halves.right, &right));
    co_return;
  });
  *result = left + right;
}

std::uint64_t count_intervals(Interval const& whole) {
  Halves const halves = halve(whole);
  return halves.good_enough(whole) ? 1 : 1 + count_intervals(halves.left) + count_intervals(halves.right);
}

}  // namespace

void add_integrate(Kernels& kernels, Plan const& plan) {
  std::uint64_t const n = plan.pick<std::uint64_t>(10, 30, 1'000);
  std::uint64_t const calls = count_intervals(Interval::whole(double(n)));
  Work work(kernels, plan, "programs", "integrate(" + std::to_string(n) + ")", calls, serial("integrate", n));
  work.peers("integrate", n);
  work.weft([n](unsigned workers) { return rounded_area(runtime(workers).run(area(Interval::whole(double(n))))); });
  auto run_tasks = [n](unsigned workers) {
    double result = 0;
    runtime(workers).run(area_tasks(Interval::whole(double(n)), &result));
    return rounded_area(result);
  };
  work.weft(run_tasks, "TaskGroup");
}

}  // namespace bench
