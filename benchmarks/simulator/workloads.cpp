// See workloads.hpp. Random numbers are hashes of the task, so that a tree does not depend on who unfolds it when.
#include "workloads.hpp"

#include <algorithm>
#include <cmath>
#include <random>

namespace sim {

namespace {

std::uint64_t hash(std::uint64_t x) {
  x += 0x9e3779b97f4a7c15;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
  x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
  return x ^ (x >> 31);
}

// In (0, 1).
double uniform(std::uint64_t state) { return (double(state >> 11) + 0.5) / 9007199254740992.0; }

constexpr double plain_body = 2;    // a few instructions
constexpr double sha1 = 350;

}  // namespace

Workload fib(unsigned n) {
  Workload w;
  w.name = "fib(" + std::to_string(n) + ")";
  w.expand = [](Task const& task, std::vector<Task>& children) {
    if (task.a >= 2) {
      children.push_back({task.a - 1, 0});
      children.push_back({task.a - 2, 0});
    }
    return plain_body;
  };
  w.roots = {{n, 0}};
  w.arrivals = {0};
  std::uint64_t a = 1, b = 1;  // calls of fib(0), fib(1)
  for (unsigned i = 2; i <= n; ++i) {
    std::uint64_t const next = a + b + 1;
    a = b;
    b = next;
  }
  w.tasks = b;
  return w;
}

Workload skynet(std::uint64_t leaves) {
  Workload w;
  w.name = "skynet(" + std::to_string(leaves) + ")";
  w.expand = [](Task const& task, std::vector<Task>& children) {
    if (task.a > 1) children.assign(10, {task.a / 10, 0});
    return plain_body;
  };
  w.roots = {{leaves, 0}};
  w.arrivals = {0};
  for (std::uint64_t level = leaves; level > 0; level /= 10) w.tasks += level;
  return w;
}

Workload uts_geometric(unsigned depth) {
  Workload w;
  w.name = "uts, geometric, depth " + std::to_string(depth);
  w.expand = [depth](Task const& task, std::vector<Task>& children) {
    if (task.depth < depth) {
      auto const count = std::min(100U, unsigned(std::log(uniform(task.a)) / std::log(1 - 1 / 5.0)));
      for (unsigned i = 0; i < count; ++i) children.push_back({hash(task.a + i + 1), task.depth + 1});
    }
    return sha1 * double(children.size()) + plain_body;
  };
  w.roots = {{hash(19), 0}};
  w.arrivals = {0};
  return w;
}

Workload uts_binomial(unsigned root_children) {
  Workload w;
  w.name = "uts, binomial, root " + std::to_string(root_children);
  w.expand = [root_children](Task const& task, std::vector<Task>& children) {
    unsigned const count = task.depth == 0 ? root_children : uniform(task.a) < 0.124875 ? 8 : 0;
    for (unsigned i = 0; i < count; ++i) children.push_back({hash(task.a + i + 1), task.depth + 1});
    return sha1 * count + plain_body;
  };
  w.roots = {{hash(42), 0}};
  w.arrivals = {0};
  return w;
}

Workload requests(unsigned workers, double load, unsigned count) {
  constexpr double body = 20'000;
  constexpr unsigned fan_out = 8;
  Workload w;
  w.name = "requests at " + std::to_string(int(std::lround(load * 100))) + " %";
  w.expand = [](Task const& task, std::vector<Task>& children) {
    if (task.depth == 0) {
      for (unsigned i = 0; i < fan_out; ++i) children.push_back({hash(task.a + i + 1), 1});
      return 1'000.0;
    }
    return -body * std::log(uniform(task.a));
  };
  std::mt19937_64 random(7);
  std::exponential_distribution<double> gap(double(workers) * load / (body * fan_out));
  double at = 0;
  for (unsigned i = 0; i < count; ++i) {
    at += gap(random);
    w.roots.push_back({hash(i), 0});
    w.arrivals.push_back(at);
  }
  w.tasks = std::uint64_t{count} * (fan_out + 1);
  return w;
}

}  // namespace sim
