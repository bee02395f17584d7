// What a task costs: created and awaited one by one, and many in one group (with handles, and by start_soon without).
#include "../kernel.hpp"
#include "../peers/peers.hpp"
#include "../programs/weft_runtimes.hpp"

#include <numeric>

namespace bench {

namespace {

weft::Coro<std::uint32_t> echo(std::uint32_t value) { co_return value; }

weft::Coro<std::uint64_t> spawn_await(std::uint32_t tasks) {
  std::uint64_t sum = 0;
  for (std::uint32_t i = 0; i < tasks; ++i) {
    weft::Task<std::uint32_t> task = weft::create_task(echo(i));
    sum += co_await task;
  }
  co_return sum;
}

weft::Coro<> store(std::uint32_t* slot, std::uint32_t value) {
  *slot = value;
  co_return;
}

weft::Coro<std::uint64_t> group_create_task(std::uint32_t tasks) {
  std::vector<std::uint32_t> slots(tasks);
  co_await weft::task_group([&](weft::TaskGroup& tg) -> weft::Coro<> {
    for (std::uint32_t i = 0; i < tasks; ++i) tg.create_task(store(&slots[i], i));
    co_return;
  });
  co_return std::accumulate(slots.begin(), slots.end(), std::uint64_t{0});
}

weft::Coro<std::uint64_t> group_start_soon(std::uint32_t tasks) {
  std::vector<std::uint32_t> slots(tasks);
  co_await weft::task_group([&](weft::TaskGroup& tg) -> weft::Coro<> {
    for (std::uint32_t i = 0; i < tasks; ++i) tg.start_soon(store(&slots[i], i));
    co_return;
  });
  co_return std::accumulate(slots.begin(), slots.end(), std::uint64_t{0});
}

}  // namespace

void add_spawn(Kernels& kernels, Plan const& plan) {
  std::uint32_t const n = plan.size == Size::full ? 100'000 : 1'000;
  std::uint64_t const expected = std::uint64_t{n} * (n - 1) / 2;
  std::string const one = "spawn+await", many = "TaskGroup spawn", soon = "TaskGroup start_soon";

  for (unsigned const threads : plan.threads) {
    kernels.push_back({one, Contender::weft, threads, n, expected, [=] { return runtime(threads).run(spawn_await(n)); }});
    kernels.push_back({one, Contender::tbb, threads, n, expected, [=] { return tbb_peer::spawn_await(threads, n); }});
#if WEFT_BENCH_OPENMP
    kernels.push_back({one, Contender::openmp, threads, n, expected, [=] { return openmp_peer::spawn_await(threads, n); }});
#endif
    kernels.push_back({many, Contender::weft, threads, n, expected, [=] { return runtime(threads).run(group_create_task(n)); }});
    kernels.push_back({soon, Contender::weft, threads, n, expected, [=] { return runtime(threads).run(group_start_soon(n)); }});
    // The peers know no handles: the same kernel stands beside both forms.
    for (std::string const& work : {many, soon}) {
      kernels.push_back({work, Contender::tbb, threads, n, expected, [=] { return tbb_peer::group(threads, n); }});
#if WEFT_BENCH_OPENMP
      kernels.push_back({work, Contender::openmp, threads, n, expected, [=] { return openmp_peer::group(threads, n); }});
#endif
    }
  }
}

}  // namespace bench
