// The recursive programs over any library that can run tasks and wait for them.
//
// A Policy has
//   class Group { void run(F); void wait(); }    tasks, and a wait for all of them; the destructor is not reached before wait()
//   static void both(F, G)                       two calls side by side, in the library's own best form
//   static void enter(unsigned threads, F)       calls F where tasks may be run, on so many threads
#pragma once

#include "peers.hpp"

#include "../programs/board.hpp"
#include "../programs/integrand.hpp"
#include "../programs/knapsack_items.hpp"
#include "../programs/matrix.hpp"
#include "../programs/sorting.hpp"
#include "../programs/uts_tree.hpp"
#include "../programs/wavefront.hpp"

#include <array>
#include <atomic>
#include <numeric>

namespace bench {

template <class Policy>
class ForkJoin {
  using Group = typename Policy::Group;

 public:
  static Programs programs() {
    return {{"fib", fib},       {"skynet", skynet}, {"nqueens", nqueens},   {"uts", uts},     {"integrate", integrate},
            {"matmul", matmul}, {"sort", sort},     {"knapsack", knapsack}, {"wavefront", wavefront}};
  }

  static std::uint64_t fib(unsigned threads, std::uint64_t n) {
    return entered(threads, [n] { return fib_task(n); });
  }
  static std::uint64_t skynet(unsigned threads, std::uint64_t leaves) {
    return entered(threads, [leaves] { return skynet_task(0, leaves); });
  }
  static std::uint64_t nqueens(unsigned threads, std::uint64_t n) {
    return entered(threads, [n] { return place(unsigned(n), Board{}); });
  }
  static std::uint64_t uts(unsigned threads, std::uint64_t which) {
    uts::Tree const tree = uts::tree(which);
    return entered(threads, [&tree] { return count(tree, uts::root(tree)); });
  }
  static std::uint64_t integrate(unsigned threads, std::uint64_t n) {
    return entered(threads, [n] { return rounded_area(area(Interval::whole(double(n)))); });
  }
  static std::uint64_t matmul(unsigned threads, std::uint64_t size) {
    Matrices& matrices = Matrices::of(size);
    Product product;
    {
      Untimed const set_up;
      product = matrices.product();
    }
    Policy::enter(threads, [&product] { multiply(product); });
    Untimed const checking;
    return matrices.checksum();
  }
  static std::uint64_t sort(unsigned threads, std::uint64_t count) {
    static Numbers* numbers = nullptr;
    static std::uint64_t made_for = 0;
    {
      Untimed const set_up;
      if (made_for != count) {
        delete numbers;
        numbers = new Numbers(count);
        made_for = count;
      }
      numbers->shuffle();
    }
    Policy::enter(threads, [] { sort_task(numbers->items(), numbers->scratch(), false); });
    Untimed const checking;
    return numbers->checksum();
  }
  static std::uint64_t knapsack(unsigned threads, std::uint64_t items) {
    Knapsack const problem{unsigned(items)};
    std::atomic<std::uint64_t> found{0};
    Policy::enter(threads, [&] { take_or_leave(problem, found, 0, problem.capacity(), 0); });
    return found.load();
  }
  static std::uint64_t wavefront(unsigned threads, std::uint64_t blocks) {
    static std::map<std::uint64_t, Wavefront> grids;
    Wavefront& grid = grids.try_emplace(blocks, blocks).first->second;
    {
      Untimed const set_up;
      grid.reset();
    }
    Policy::enter(threads, [&grid] { cell(grid, 0, 0); });
    return grid.result();
  }

 private:
  template <class F>
  static std::uint64_t entered(unsigned threads, F const& fn) {
    std::uint64_t result = 0;
    Policy::enter(threads, [&result, &fn] { result = fn(); });
    return result;
  }

  static std::uint64_t fib_task(std::uint64_t n) {
    if (n < 2) return n;
    std::uint64_t a = 0, b = 0;
    Policy::both([&a, n] { a = fib_task(n - 1); }, [&b, n] { b = fib_task(n - 2); });
    return a + b;
  }

  static std::uint64_t skynet_task(std::uint64_t first, std::uint64_t leaves) {
    if (leaves == 1) return first;
    std::uint64_t const part = leaves / 10;
    std::array<std::uint64_t, 10> sums{};
    Group children;
    for (std::uint64_t i = 0; i < 10; ++i) children.run([&sums, first, part, i] { sums[i] = skynet_task(first + i * part, part); });
    children.wait();
    return std::accumulate(sums.begin(), sums.end(), std::uint64_t{0});
  }

  static std::uint64_t place(unsigned n, Board const& board) {
    if (board.rows == n) return 1;
    std::array<std::uint64_t, max_queens> solutions{};
    Group children;
    for (unsigned column = 0; column < n; ++column) {
      if (board.safe(column)) children.run([&solutions, n, next = board.with(column), column] { solutions[column] = place(n, next); });
    }
    children.wait();
    return std::accumulate(solutions.begin(), solutions.end(), std::uint64_t{0});
  }

  static std::uint64_t count(uts::Tree const& tree, uts::Node const& node) {
    unsigned const number = uts::child_count(tree, node);
    if (number == 0) return 1;
    std::vector<std::uint64_t> nodes(number);
    Group children;
    for (unsigned i = 0; i < number; ++i) children.run([&nodes, &tree, &node, i] { nodes[i] = count(tree, uts::child(node, i)); });
    children.wait();
    return std::accumulate(nodes.begin(), nodes.end(), std::uint64_t{1});
  }

  static double area(Interval const& whole) {
    Halves const halves = halve(whole);
    if (halves.good_enough(whole)) return halves.sum();
    double left = 0, right = 0;
    Policy::both([&left, &halves] { left = area(halves.left); }, [&right, &halves] { right = area(halves.right); });
    return left + right;
  }

  static void multiply(Product const& product) {
    if (product.leaf()) return product.multiply();
    for (unsigned phase = 0; phase < 2; ++phase) {
      Group quarters;
      for (unsigned quarter = 0; quarter < 4; ++quarter) quarters.run([part = product.part(phase, quarter)] { multiply(part); });
      quarters.wait();
    }
  }

  // Sorts `items`, into `scratch` if asked to.
  static void sort_task(Run items, Run scratch, bool into_scratch) {
    if (items.size() <= sort_leaf) {
      sort_few(items, scratch, into_scratch);
      return;
    }
    std::size_t const half = items.size() / 2;
    Policy::both([=] { sort_task(items.first(half), scratch.first(half), !into_scratch); },
                 [=] { sort_task(items.subspan(half), scratch.subspan(half), !into_scratch); });
    Run const from = into_scratch ? items : scratch;
    merge(Merge{from.first(half), from.subspan(half), into_scratch ? scratch : items});
  }
  static void merge(Merge const& runs) {
    if (runs.leaf()) return runs.merge();
    MergePair const parts = split(runs);
    Policy::both([&parts] { merge(parts.low); }, [&parts] { merge(parts.high); });
  }

  static void take_or_leave(Knapsack const& problem, std::atomic<std::uint64_t>& found, unsigned item, int room, std::uint64_t value) {
    if (found.load(std::memory_order_relaxed) != 0 || !problem.promising(item, room, value)) return;
    if (item == problem.count()) return found.store(value, std::memory_order_relaxed);
    Policy::both([&, item, room, value] { take_or_leave(problem, found, item + 1, room - problem.weight(item), value + problem.value(item)); },
                 [&, item, room, value] { take_or_leave(problem, found, item + 1, room, value); });
  }

  static void cell(Wavefront& grid, std::size_t row, std::size_t column) {
    for (;;) {
      grid.compute(row, column);
      bool const below = grid.ready(row + 1, column), beside = grid.ready(row, column + 1);
      if (below && beside) return Policy::both([&grid, row, column] { cell(grid, row + 1, column); }, [&grid, row, column] { cell(grid, row, column + 1); });
      if (!below && !beside) return;
      if (below) ++row;
      else ++column;
    }
  }
};

// Spawning, over the same Policy: `spawn_await` one task after the other, each waited for; `group` all tasks before one wait; `gatherN` groups of N,
// one after the other, `children` tasks in all.
template <class Policy>
struct Spawning {
  static Programs programs() {
    return {{"spawn_await", spawn_await},   {"group", group},           {"gather2", gathers<2>},
            {"gather10", gathers<10>},      {"gather1000", gathers<1000>}, {"gather_once", gather_once}};
  }

  static std::uint64_t spawn_await(unsigned threads, std::uint64_t tasks) {
    std::uint64_t sum = 0;
    Policy::enter(threads, [&sum, tasks] {
      for (std::uint64_t i = 0; i < tasks; ++i) {
        std::uint64_t result = 0;
        typename Policy::Group one;
        one.run([&result, i] { result = i; });
        one.wait();
        sum += result;
      }
    });
    return sum;
  }
  static std::uint64_t group(unsigned threads, std::uint64_t tasks) {
    std::vector<std::uint32_t> slots(tasks);
    Policy::enter(threads, [&slots] {
      typename Policy::Group all;
      for (std::uint32_t i = 0; i < slots.size(); ++i) all.run([slot = &slots[i], i] { *slot = i; });
      all.wait();
    });
    return std::accumulate(slots.begin(), slots.end(), std::uint64_t{0});
  }
  static std::uint64_t gather_once(unsigned threads, std::uint64_t children) { return gather(threads, children, children); }
  template <std::uint64_t width>
  static std::uint64_t gathers(unsigned threads, std::uint64_t children) {
    return gather(threads, width, children);
  }
  static std::uint64_t gather(unsigned threads, std::uint64_t width, std::uint64_t children) {
    std::uint64_t sum = 0;
    Policy::enter(threads, [&sum, width, children] {
      std::vector<std::uint64_t> slots(width);
      for (std::uint64_t i = 0; i < children; i += width) {
        std::fill(slots.begin(), slots.end(), 0);
        typename Policy::Group all;
        for (std::uint64_t& slot : slots) all.run([&slot] { slot = 1; });
        all.wait();
        sum = std::accumulate(slots.begin(), slots.end(), sum);
      }
    });
    return sum;
  }
};

}  // namespace bench
