// weft_simulator: tables of what the policies do with the workloads at 1 to 256 workers, as Markdown.
//
//   weft_simulator [--workers 8,16,...] [--cost NAME=NANOSECONDS]...     all workloads, all policies; a minute or two
//   weft_simulator --smoke                                                small ones, and a check that every task ran
#include "simulation.hpp"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <string>
#include <vector>

namespace {

using namespace sim;

std::map<std::string, double Costs::*> const cost_names{
    {"spawn", &Costs::spawn}, {"join", &Costs::join},     {"remote_join", &Costs::remote_join}, {"probe", &Costs::probe}, {"probe_parked", &Costs::probe_parked},
    {"steal", &Costs::steal}, {"word", &Costs::word},     {"pause", &Costs::pause},             {"rounds", &Costs::rounds},
    {"park", &Costs::park},   {"wake_call", &Costs::wake_call}, {"wake_latency", &Costs::wake_latency}};

std::vector<Policy> policies() {
  return {
      {"weft", Waking::chain, 50, Victims::stride, Amount::one},
      {"scan in order", Waking::chain, 50, Victims::scan, Amount::one},
      {"random victims", Waking::chain, 50, Victims::random, Amount::one},
      {"all may search", Waking::chain, 100, Victims::stride, Amount::one},
      {"an eighth may search", Waking::chain, 12, Victims::stride, Amount::one},
      {"steal half", Waking::chain, 50, Victims::stride, Amount::half},
      {"the last always wakes", Waking::last_always, 50, Victims::stride, Amount::one},
      {"wakes while more is left", Waking::more_left, 50, Victims::stride, Amount::one},
      {"searchers wake nobody", Waking::producers, 50, Victims::stride, Amount::one},
      {"each push wakes", Waking::each_push, 50, Victims::stride, Amount::one},
      {"wake all at once", Waking::all, 100, Victims::stride, Amount::one},
      {"never sleep", Waking::never_sleep, 100, Victims::stride, Amount::one},
  };
}

double percentile(std::vector<double> values, double p) {
  std::sort(values.begin(), values.end());
  return values[std::min(values.size() - 1, std::size_t(p * double(values.size())))];
}

bool right(Workload const& workload, Outcome const& outcome, std::uint64_t expected, Policy const& policy) {
  std::uint64_t const tasks = workload.tasks != 0 ? workload.tasks : expected;
  if (outcome.tasks == tasks) return true;
  std::printf("WRONG: %s under '%s' ran %llu tasks, not %llu\n", workload.name.c_str(), policy.name.c_str(), static_cast<unsigned long long>(outcome.tasks),
              static_cast<unsigned long long>(tasks));
  return false;
}

// Speed-ups over one worker, and what they cost.
bool show_tree(Workload const& workload, std::vector<unsigned> const& counts, Costs const& costs) {
  Outcome const one = simulate(workload, 1, policies().front(), costs);
  std::printf("\n%s: %llu tasks, %.1f ms on one worker. Speed-up (steals per 1,000 tasks, wake-ups):\n\n| policy |", workload.name.c_str(),
              static_cast<unsigned long long>(one.tasks), one.time / 1e6);
  for (unsigned const workers : counts) std::printf(" %u |", workers);
  std::printf("\n|---|");
  for (std::size_t i = 0; i < counts.size(); ++i) std::printf("---|");
  bool all_right = right(workload, one, one.tasks, policies().front());
  for (Policy const& policy : policies()) {
    std::printf("\n| %s |", policy.name.c_str());
    for (unsigned const workers : counts) {
      Outcome const outcome = simulate(workload, workers, policy, costs);
      std::printf(" %.1f (%.1f, %llu) |", one.time / outcome.time, 1e3 * double(outcome.steals) / double(outcome.tasks),
                  static_cast<unsigned long long>(outcome.wake_ups));
      all_right &= right(workload, outcome, one.tasks, policy);
    }
  }
  std::printf("\n");
  return all_right;
}

// Latencies, and how much of the workers' time goes into searching.
bool show_requests(double load, unsigned each, std::vector<unsigned> const& counts, Costs const& costs) {
  std::printf("\nRequests of 8 x 20 us at %.0f %% load. Latency, median and 99 %% in us (processor time spent on searching, in %% of that in tasks):\n\n| policy |", load * 100);
  for (unsigned const workers : counts) std::printf(" %u |", workers);
  std::printf("\n|---|");
  for (std::size_t i = 0; i < counts.size(); ++i) std::printf("---|");
  bool all_right = true;
  for (Policy const& policy : policies()) {
    std::printf("\n| %s |", policy.name.c_str());
    for (unsigned const workers : counts) {
      Workload const workload = requests(workers, load, each * workers);
      Outcome const outcome = simulate(workload, workers, policy, costs);
      // Who searches when the last request ends is not counted, but who never sleeps searches whenever it is not busy.
      double const searching = policy.waking == Waking::never_sleep ? outcome.time * workers - outcome.busy : outcome.searching;
      std::printf(" %.0f, %.0f (%.0f %%) |", percentile(outcome.latencies, 0.5) / 1e3, percentile(outcome.latencies, 0.99) / 1e3, 100 * searching / outcome.busy);
      all_right &= right(workload, outcome, 0, policy);
    }
  }
  std::printf("\n");
  return all_right;
}

}  // namespace

int main(int argc, char** argv) {
  Costs costs;
  std::vector<unsigned> counts{8, 16, 32, 64, 128, 256};
  bool smoke = false;
  for (int i = 1; i < argc; ++i) {
    std::string const word = argv[i];
    std::string const value = i + 1 < argc ? argv[i + 1] : "";
    std::size_t const equals = value.find('=');
    if (word == "--smoke") {
      smoke = true;
    } else if (word == "--workers" && !value.empty()) {
      counts.clear();
      for (char const* text = value.c_str(); *text != '\0'; text += *text == ',' ? 1 : 0) counts.push_back(unsigned(std::strtoul(text, const_cast<char**>(&text), 10)));
      ++i;
    } else if (word == "--cost" && equals != std::string::npos && cost_names.count(value.substr(0, equals)) == 1) {
      costs.*cost_names.at(value.substr(0, equals)) = std::strtod(value.c_str() + equals + 1, nullptr);
      ++i;
    } else {
      std::fprintf(stderr, "weft_simulator [--workers 8,16,...] [--cost NAME=NANOSECONDS]... [--smoke]\n");
      return 2;
    }
  }
  if (counts.empty() || *std::min_element(counts.begin(), counts.end()) == 0) return 2;
  if (smoke) counts = {2, 16};

  std::printf("Costs in ns:");
  for (auto const& [name, member] : cost_names) std::printf(" %s %g", name.c_str(), costs.*member);
  std::printf("\n");
  bool all_right = true;
  std::vector<Workload> const trees = smoke ? std::vector<Workload>{fib(15), skynet(1'000), uts_geometric(5), uts_binomial(50)}
                                            : std::vector<Workload>{fib(27), skynet(1'000'000), uts_geometric(8), uts_binomial(2'000)};
  for (Workload const& tree : trees) all_right &= show_tree(tree, counts, costs);
  for (double const load : {0.3, 0.8}) all_right &= show_requests(load, smoke ? 20 : 60, counts, costs);
  return all_right ? 0 : 1;
}
