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

struct Calibrated {
  std::uint64_t calls = 1;    // in one sample
  double seconds = 0;         // that a sample takes, with its pause
};

Calibrated calibrate(Kernel const& kernel, std::chrono::milliseconds min_sample) {
  if (kernel.samples) return {1, take_sample(kernel, 1).with_pause};
  call(kernel);
  double const wanted = std::chrono::duration<double>(min_sample).count();
  Sample const once = take_sample(kernel, 1);
  double const pause = once.with_pause - once.seconds;
  if (once.seconds >= wanted) return {1, once.with_pause};
  return {std::uint64_t(wanted / std::max(once.seconds, 1e-7)) + 1, pause + wanted};
}

void summarise(Measured& measured) {
  std::vector<double> sorted = measured.samples;
  std::sort(sorted.begin(), sorted.end());
  measured.median = quantile(sorted, 0.5);
  measured.lower_quartile = quantile(sorted, 0.25);
  measured.upper_quartile = quantile(sorted, 0.75);
}

// A line on stderr, at most one in two seconds, with the time left as the calibration foresees it.
class Progress {
 public:
  void announce(char const* what) const { std::fprintf(stderr, "%s\n", what); }
  void foresee(double seconds) { total_ += seconds; }
  void step(double seconds, std::string const& what) {
    double const now = seconds_since(start_);
    if (now - shown_ >= 2.0) {
      shown_ = now;
      std::fprintf(stderr, "[%3.0f %%] about %.0f s left: %s\n", 100 * done_ / total_, total_ - done_, what.c_str());
    }
    done_ += seconds;
  }

 private:
  double total_ = 0, done_ = 0, shown_ = -2;
  SteadyClock::time_point start_ = SteadyClock::now();
};

}  // namespace

double quantile(std::vector<double> const& sorted, double q) {
  double const place = q * double(sorted.size() - 1);
  auto const below = std::size_t(place);
  std::size_t const above = std::min(below + 1, sorted.size() - 1);
  return sorted[below] + (place - double(below)) * (sorted[above] - sorted[below]);
}

Sample take_sample(Kernel const& kernel, std::uint64_t calls) {
  Sample sample;
  auto const before = SteadyClock::now();
  wait_until_idle();
  (void)Untimed::take();
  auto const start = SteadyClock::now();
  if (kernel.samples) {
    sample.values = kernel.samples();
  } else {
    for (std::uint64_t i = 0; i < calls; ++i) call(kernel);
  }
  sample.seconds = seconds_since(start) - double(Untimed::take()) * 1e-9;
  sample.with_pause = seconds_since(before);
  return sample;
}

std::vector<Measured> measure(Kernels const& kernels, MeasureOptions const& options) {
  std::vector<std::string> works;
  std::map<std::string, std::vector<std::size_t>> contenders;  // work -> indices
  for (std::size_t i = 0; i < kernels.size(); ++i) {
    std::vector<std::size_t>& indices = contenders[kernels[i].work];
    if (indices.empty()) works.push_back(kernels[i].work);
    indices.push_back(i);
  }

  std::vector<Measured> all(kernels.size());
  std::vector<Calibrated> calibrated;
  Progress progress;
  progress.announce("[  0 %] calibrating");
  for (std::size_t i = 0; i < kernels.size(); ++i) {
    all[i].kernel = &kernels[i];
    calibrated.push_back(calibrate(kernels[i], options.min_sample));
    progress.foresee(calibrated[i].seconds * options.rounds);
  }
  for (std::string const& work : works) {
    std::vector<std::size_t> const& indices = contenders[work];
    for (unsigned round = 1; round <= options.rounds; ++round) {
      for (std::size_t const i : indices) {
        progress.step(calibrated[i].seconds, work + ", round " + std::to_string(round) + " of " + std::to_string(options.rounds));
        std::uint64_t const calls = calibrated[i].calls;
        Sample const sample = take_sample(kernels[i], calls);
        all[i].samples.insert(all[i].samples.end(), sample.values.begin(), sample.values.end());
        if (!kernels[i].samples) all[i].samples.push_back(sample.seconds * 1e9 / (double(calls) * double(kernels[i].tasks)));
      }
    }
    for (std::size_t const i : indices) {
      summarise(all[i]);
      if (kernels[i].release) kernels[i].release();
    }
  }
  return all;
}

}  // namespace bench
