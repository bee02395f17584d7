// uts: counts the nodes of an unbalanced tree (uts_tree.hpp), one task per node. T1 is wide and shallow; T3 has one path in a thousand that
// goes on for a thousand levels.
#include "../kernel.hpp"
#include "../peers/peers.hpp"
#include "uts_tree.hpp"
#include "weft_runtimes.hpp"

#include <ranges>
#include <stdexcept>

namespace bench {

namespace {

weft::Coro<std::uint64_t> count(uts::Tree const* tree, uts::Node node) {
  unsigned const number = uts::child_count(*tree, node);
  if (number == 0) co_return std::uint64_t{1};
  auto child = [&](unsigned i) { return count(tree, uts::child(node, i)); };
  auto children = std::views::iota(0U, number) | std::views::transform(child);
  std::vector<std::uint64_t> const nodes = co_await weft::gather(std::move(children));
  std::uint64_t total = 1;
  for (std::uint64_t const n : nodes) total += n;
  co_return total;
}

weft::Coro<> count_tasks(uts::Tree const* tree, uts::Node node, std::uint64_t* result) {
  unsigned const number = uts::child_count(*tree, node);
  *result = 1;
  if (number == 0) co_return;
  std::vector<std::uint64_t> nodes(number);
  co_await weft::task_group([&](weft::TaskGroup& tg) -> weft::Coro<> {
    for (unsigned i = 0; i < number; ++i) tg.start_soon(count_tasks(tree, uts::child(node, i), &nodes[i]));
    co_return;
  });
  for (std::uint64_t const n : nodes) *result += n;
}

}  // namespace

void add_uts(Kernels& kernels, Plan const& plan) {
  using Sizes = std::vector<std::uint64_t>;
  for (std::uint64_t const which : plan.pick(Sizes{104, 1020}, Sizes{106, 1100}, Sizes{1, 3})) {
    std::uint64_t const nodes = which == 1 ? 4'130'071 : which == 3 ? 4'112'897 : serial("uts", which);
    uts::Tree const tree = uts::tree(which);
    Work work(kernels, plan, "programs", "uts(" + tree.name + ")", nodes, nodes);
    work.peers("uts", which);
    work.weft([tree](unsigned workers) { return runtime(workers).run(count(&tree, uts::root(tree))); });
    auto run_tasks = [tree](unsigned workers) {
      std::uint64_t result = 0;
      runtime(workers).run(count_tasks(&tree, uts::root(tree), &result));
      return result;
    };
    work.weft(run_tasks, "TaskGroup");
  }
}

}  // namespace bench
