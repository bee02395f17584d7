// What the simulated workers do: trees that unfold as they are run, and requests that arrive.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace sim {

// What a task is, apart from its place in the tree.
struct Task {
  std::uint64_t a = 0;
  std::uint32_t depth = 0;
};

struct Workload {
  std::string name{};
  // Appends the children of a task, and gives the time of its own body in nanoseconds.
  std::function<double(Task const&, std::vector<Task>& children)> expand{};
  std::vector<Task> roots{};           // in the order of arrival
  std::vector<double> arrivals{};      // of the roots, in nanoseconds; a tree has one root at 0
  std::uint64_t tasks = 0;             // in all; 0: not known in advance
};

Workload fib(unsigned n);
Workload skynet(std::uint64_t leaves);
// Trees with the distributions of UTS's T1 (wide, shallow) and T3 (narrow, deep); the bodies are a SHA-1 for each child.
Workload uts_geometric(unsigned depth);
Workload uts_binomial(unsigned root_children);
// Requests that arrive at random, each a fork of eight children of 20 us on average, at the given part of what the workers can do.
Workload requests(unsigned workers, double load, unsigned count);

}  // namespace sim
