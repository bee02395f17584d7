// What a task costs: a coroutine awaited in place, a task created and awaited, and many in one group (with handles, and by start_soon without).
#include "../kernel.hpp"
#include "../peers/peers.hpp"
#include "../programs/weft_runtimes.hpp"

#include <numeric>

namespace bench {

namespace {

weft::Coro<std::uint32_t> echo(std::uint32_t value) { co_return value; }

weft::Coro<std::uint64_t> call_await(std::uint32_t times) {
  std::uint64_t sum = 0;
  for (std::uint32_t i = 0; i < times; ++i) sum += co_await echo(i);
  co_return sum;
}

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

// Some ten microseconds of computing.
std::uint32_t churn(std::uint32_t value) {
  for (int i = 0; i < 10'000; ++i) value = value * 1'664'525 + 1'013'904'223;
  return value % 1'000;
}

weft::Coro<> store_churned(std::uint32_t* slot, std::uint32_t value) {
  *slot = churn(value);
  co_return;
}

// Many tasks that are not worth a steal, then a few that are, again and again: what the others learn from the ones must not cost the others.
constexpr std::uint32_t small_tasks = 500, long_tasks = 16;

weft::Coro<std::uint64_t> small_and_long(std::uint32_t rounds) {
  std::uint64_t sum = 0;
  for (std::uint32_t round = 0; round < rounds; ++round) {
    sum += co_await group_start_soon(small_tasks);
    std::vector<std::uint32_t> slots(long_tasks);
    co_await weft::task_group([&](weft::TaskGroup& tg) -> weft::Coro<> {
      for (std::uint32_t i = 0; i < long_tasks; ++i) tg.start_soon(store_churned(&slots[i], i));
      co_return;
    });
    sum = std::accumulate(slots.begin(), slots.end(), sum);
  }
  co_return sum;
}

std::uint64_t small_and_long_result(std::uint32_t rounds) {
  std::uint64_t sum = std::uint64_t{small_tasks} * (small_tasks - 1) / 2;
  for (std::uint32_t i = 0; i < long_tasks; ++i) sum += churn(i);
  return sum * rounds;
}

}  // namespace

void add_spawn(Kernels& kernels, Plan const& plan) {
  std::uint32_t const n = plan.pick(1'000U, 20'000U, 100'000U);
  std::uint64_t const expected = std::uint64_t{n} * (n - 1) / 2;

  Work call(kernels, plan, "micro", "await a coroutine", n, expected);
  call.peers("call_await", n);
  call.weft([n](unsigned workers) { return runtime(workers).run(call_await(n)); });

  Work one(kernels, plan, "micro", "spawn+await", n, expected);
  one.peers("spawn_await", n);
  one.weft([n](unsigned workers) { return runtime(workers).run(spawn_await(n)); });

  Work many(kernels, plan, "micro", "TaskGroup spawn", n, expected);
  many.peers("group", n);
  many.weft([n](unsigned workers) { return runtime(workers).run(group_create_task(n)); });
  many.weft([n](unsigned workers) { return runtime(workers).run(group_start_soon(n)); }, "start_soon");

  std::uint32_t const rounds = plan.pick(1U, 10U, 100U);
  Work mixed(kernels, plan, "micro", "500 small tasks, then 16 long", rounds * (small_tasks + long_tasks), small_and_long_result(rounds));
  mixed.weft([rounds](unsigned workers) { return runtime(workers).run(small_and_long(rounds)); });
}

}  // namespace bench
