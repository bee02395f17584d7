// skynet: a tree of ten children per node down to a million leaves, or a hundred million; a leaf gives its number, a node its children's sum.
//
// Three weft forms beside the peers' one: gather of ten arguments (results in a tuple, no allocation but the frames),
// gather of a vector, and a TaskGroup, whose children are full tasks with handles, names and cancellation of their own.
#include "../kernel.hpp"
#include "../peers/peers.hpp"
#include "weft_runtimes.hpp"

#include <array>

namespace bench {

namespace {

weft::Coro<std::uint64_t> skynet(std::uint64_t first, std::uint64_t leaves) {
  if (leaves == 1) co_return first;
  std::uint64_t const part = leaves / 10;
  auto [a, b, c, d, e, f, g, h, i, j] = co_await weft::gather(
      skynet(first, part), skynet(first + part, part), skynet(first + 2 * part, part), skynet(first + 3 * part, part),
      skynet(first + 4 * part, part), skynet(first + 5 * part, part), skynet(first + 6 * part, part),
      skynet(first + 7 * part, part), skynet(first + 8 * part, part), skynet(first + 9 * part, part));
  co_return a + b + c + d + e + f + g + h + i + j;
}

weft::Coro<std::uint64_t> skynet_vector(std::uint64_t first, std::uint64_t leaves) {
  if (leaves == 1) co_return first;
  std::uint64_t const part = leaves / 10;
  std::vector<weft::Coro<std::uint64_t>> children;
  children.reserve(10);
  for (std::uint64_t i = 0; i < 10; ++i) children.push_back(skynet_vector(first + i * part, part));
  std::vector<std::uint64_t> const sums = co_await weft::gather(std::move(children));
  std::uint64_t total = 0;
  for (std::uint64_t const sum : sums) total += sum;
  co_return total;
}

weft::Coro<> skynet_tasks(std::uint64_t first, std::uint64_t leaves, std::uint64_t* result) {
  if (leaves == 1) {
    *result = first;
    co_return;
  }
  std::uint64_t const part = leaves / 10;
  std::array<std::uint64_t, 10> sums{};
  co_await weft::task_group([&](weft::TaskGroup& tg) -> weft::Coro<> {
    for (std::uint64_t i = 0; i < 10; ++i) tg.start_soon(skynet_tasks(first + i * part, part, &sums[i]));
    co_return;
  });
  *result = 0;
  for (std::uint64_t const sum : sums) *result += sum;
}

std::uint64_t run_skynet_tasks(unsigned workers, std::uint64_t leaves) {
  std::uint64_t result = 0;
  runtime(workers).run(skynet_tasks(0, leaves, &result));
  return result;
}

}  // namespace

void add_skynet(Kernels& kernels, Plan const& plan) {
  std::vector<std::uint64_t> sizes{plan.pick<std::uint64_t>(1'000, 10'000, 1'000'000, 1'000'000)};
  if (plan.size == Size::full) sizes.push_back(100'000'000);
  for (std::uint64_t const leaves : sizes) {
    std::uint64_t calls = 0;
    for (std::uint64_t level = leaves; level > 0; level /= 10) calls += level;
    Work work(kernels, plan, "programs", "skynet(" + std::to_string(leaves) + ")", calls, leaves * (leaves - 1) / 2);
    work.peers("skynet", leaves);
    work.weft([leaves](unsigned workers) { return runtime(workers).run(skynet(0, leaves)); });
    work.weft([leaves](unsigned workers) { return runtime(workers).run(skynet_vector(0, leaves)); }, "vector");
    if (plan.size != Size::table) work.weft([leaves](unsigned workers) { return run_skynet_tasks(workers, leaves); }, "TaskGroup");
  }
}

}  // namespace bench
