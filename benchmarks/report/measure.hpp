// Interleaved measuring: A B C A B C ..., so that a slow phase of the machine hits every contender and not just one.
//
// Every kernel is first called twice, which warms caches, frame pools and threads and tells its time; a sample is then as
// many calls as take about `min_sample`. Before each sample the program waits until its
// own threads are idle: oneTBB's and OpenMP's threads go on spinning after their work has ended (libomp's for 200 ms), and
// on a machine with few cores they would be measured as part of whoever comes next.
#pragma once

#include "../kernel.hpp"

#include <chrono>

namespace bench {

struct MeasureOptions {
  unsigned rounds = 7;
  std::chrono::milliseconds min_sample{25};
};

struct Measured {
  Kernel const* kernel = nullptr;
  std::vector<double> samples{};  // ns per task in the order measured; of a kernel that measures by itself, all that it gave
  double median = 0, lower_quartile = 0, upper_quartile = 0;
};

// One sample: `calls` calls, each checked. The time without what they declare Untimed; of a kernel that measures by itself, its samples.
// Throws std::runtime_error if a result is wrong.
struct Sample {
  double seconds = 0;
  double with_pause = 0;  // and of the wait before them
  std::vector<double> values{};
};
Sample take_sample(Kernel const&, std::uint64_t calls);

double quantile(std::vector<double> const& sorted, double q);

// Measures all kernels, work by work, and shows its progress and the time left on stderr. Throws std::runtime_error if a
// kernel's result is wrong.
std::vector<Measured> measure(Kernels const&, MeasureOptions const&);

}  // namespace bench
