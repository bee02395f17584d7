// The interleaved loop; see measure.hpp.
#include "measure.hpp"

#include <algorithm>
#include <cstdio>
#include <ctime>
#include <map>
#include <stdexcept>
#include <thread>

namespace bench {

namespace {

using SteadyClock = std::chrono::steady_clock;

double seconds_since(SteadyClock::time_point start) { return std::chrono::duration<double>(SteadyClock::now() - start).count(); }

double processor_seconds() {
  timespec used{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
  return double(used.tv_sec) + double(used.tv_nsec) * 1e-9;
}

void wait_until_idle() {
  auto const start = SteadyClock::now();
  while (seconds_since(start) < 0.5) {
    double const before = processor_seconds();
    std::this_thread::sleep_for(std::chrono::milliseconds(3));
    if (processor_seconds() - before < 0.0003) return;
  }
}

void call(Kernel const& kernel) {
  std::uint64_t const result = kernel.run();
  if (result == kernel.expected) return;
  throw std::runtime_error(kernel.work + " by " + name_of(kernel.contender) + " gave " + std::to_string(result) + ", not " +
                           std::to_string(kernel.expected));
}

double timed_calls(Kernel const& kernel, std::uint64_t calls) {
  wait_until_idle();
  auto const start = SteadyClock::now();
  for (std::uint64_t i = 0; i < calls; ++i) call(kernel);
  return seconds_since(start);
}

std::uint64_t calls_per_sample(Kernel const& kernel, std::chrono::milliseconds min_sample) {
  call(kernel);
  double const wanted = std::chrono::duration<double>(min_sample).count();
  double const once = std::max(timed_calls(kernel, 1), 1e-7);
  return once >= wanted ? 1 : std::uint64_t(wanted / once) + 1;
}

double quantile(std::vector<double> sorted, double q) {
  double const place = q * double(sorted.size() - 1);
  auto const below = std::size_t(place);
  std::size_t const above = std::min(below + 1, sorted.size() - 1);
  return sorted[below] + (place - double(below)) * (sorted[above] - sorted[below]);
}

void summarise(Measured& measured) {
  std::vector<double> sorted = measured.samples;
  std::sort(sorted.begin(), sorted.end());
  measured.median = quantile(sorted, 0.5);
  measured.lower_quartile = quantile(sorted, 0.25);
  measured.upper_quartile = quantile(sorted, 0.75);
}

// One line per second at most. What is left is guessed from the works done so far: they differ by less than two.
class Progress {
 public:
  explicit Progress(std::size_t steps) : steps_(steps) {}

  void step(std::string const& what) {
    double const elapsed = seconds_since(start_);
    if (done_ == 0 || elapsed - shown_ >= 1.0) {
      shown_ = elapsed;
      double const left = done_ == 0 ? 0.0 : elapsed / double(done_) * double(steps_ - done_);
      std::fprintf(stderr, "[%3zu %%] %3.0f s gone", 100 * done_ / steps_, elapsed);
      if (done_ != 0) std::fprintf(stderr, ", about %.0f s left", left);
      std::fprintf(stderr, ": %s\n", what.c_str());
    }
    ++done_;
  }

 private:
  std::size_t steps_, done_ = 0;
  double shown_ = 0;
  SteadyClock::time_point start_ = SteadyClock::now();
};

}  // namespace

std::vector<Measured> measure(Kernels const& kernels, MeasureOptions const& options) {
  std::vector<std::string> works;
  std::map<std::string, std::vector<std::size_t>> contenders;  // work -> indices
  for (std::size_t i = 0; i < kernels.size(); ++i) {
    std::vector<std::size_t>& indices = contenders[kernels[i].work];
    if (indices.empty()) works.push_back(kernels[i].work);
    indices.push_back(i);
  }

  std::vector<Measured> all(kernels.size());
  Progress progress(works.size() * (options.rounds + 1));
  for (std::string const& work : works) {
    std::vector<std::size_t> const& indices = contenders[work];
    progress.step(work + ", warming up");
    std::map<std::size_t, std::uint64_t> calls;
    for (std::size_t const i : indices) {
      all[i].kernel = &kernels[i];
      calls[i] = calls_per_sample(kernels[i], options.min_sample);
    }
    for (unsigned round = 1; round <= options.rounds; ++round) {
      progress.step(work + ", round " + std::to_string(round) + " of " + std::to_string(options.rounds));
      for (std::size_t const i : indices) {
        double const seconds = timed_calls(kernels[i], calls[i]);
        all[i].samples.push_back(seconds * 1e9 / (double(calls[i]) * double(kernels[i].tasks)));
      }
    }
    for (std::size_t const i : indices) summarise(all[i]);
  }
  return all;
}

}  // namespace bench
