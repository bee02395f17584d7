// Facts that are no benchmark: work conservation, how fast a running tree stops, how late timers and submitted work are when every worker is busy,
// and memory. Prints one line each; exits with 1 when a count is wrong (never because something was slow).
//
//   weft_facts [two_leaves|stop|lateness|memory|skynet|scaling]...     all of them by default
#include <weft/weft.hpp>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <string>
#include <vector>

namespace {

using Steady = std::chrono::steady_clock;
using namespace std::chrono_literals;

double micros(Steady::duration d) { return std::chrono::duration<double, std::micro>(d).count(); }

weft::Options with_workers(unsigned workers) {
  weft::Options options;
  options.workers = workers;
  return options;
}

// The process's memory in bytes; `field` is VmRSS or VmHWM.
std::size_t memory(char const* field) {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);)
    if (line.compare(0, std::strlen(field), field) == 0) return std::stoul(line.substr(std::strlen(field) + 1)) * 1024;
  return 0;
}

// ---------------------------------------------------------------- two leaves of 10 ms, two workers

weft::Coro<int> spin(Steady::duration length) {
  auto const end = Steady::now() + length;
  while (Steady::now() < end) {
  }
  co_return 1;
}

weft::Coro<std::vector<double>> two_leaves(int rounds) {
  std::vector<double> times;
  for (int i = 0; i < rounds; ++i) {
    auto const start = Steady::now();
    (void)co_await weft::gather(spin(10ms), spin(10ms));
    times.push_back(micros(Steady::now() - start));
  }
  co_return times;
}

bool show_two_leaves() {
  weft::Runtime runtime(with_workers(2));
  std::vector<double> times = runtime.run(two_leaves(1000));
  std::sort(times.begin(), times.end());
  auto const parallel = std::count_if(times.begin(), times.end(), [](double t) { return t < 15'000; });
  std::printf("two leaves of 10 ms, 2 workers: %zd of 1000 in parallel; median %.2f ms, worst %.2f ms\n", parallel, times[500] / 1e3,
              times.back() / 1e3);
  return true;
}

// ---------------------------------------------------------------- a running tree stops

std::atomic<bool> running{false};

weft::Coro<unsigned> tree(unsigned levels) {
  running.store(true, std::memory_order_relaxed);
  if (levels == 0) co_return 1;
  auto [a, b] = co_await weft::gather(tree(levels - 1), tree(levels - 1));
  co_return a + b;
}

// The tree has stopped when its root gets the CancelledError; that the thread in get() hears of it is a wake-up more.
weft::Coro<> stopped(unsigned levels, Steady::time_point& when) {
  try {
    while (true) (void)co_await tree(levels);
  } catch (weft::CancelledError const&) {
    when = Steady::now();
    throw;
  }
}

bool show_stop(unsigned levels) {
  weft::Runtime runtime(with_workers(2));
  std::vector<double> stops, times;
  bool all_cancelled = true;
  for (int i = 0; i < 101; ++i) {
    running.store(false);
    Steady::time_point when;
    auto task = runtime.create_task(stopped(levels, when));
    while (!running.load()) {
    }
    std::this_thread::sleep_for(2ms);
    auto const start = Steady::now();
    task.cancel();
    try {
      task.get();
      all_cancelled = false;
    } catch (weft::CancelledError const&) {
    }
    times.push_back(micros(Steady::now() - start));
    stops.push_back(micros(when - start));
  }
  std::sort(times.begin(), times.end());
  std::sort(stops.begin(), stops.end());
  std::printf("a running fork-join tree of %u levels, 2 workers, from cancel(): stopped after %.0f us (median of 101; least %.0f, most %.0f), ", levels,
              stops[50], stops.front(), stops.back());
  std::printf("get() back after %.0f us (most %.0f); all cancelled: %s\n", times[50], times.back(), all_cancelled ? "yes" : "NO");
  return all_cancelled;
}

// 2.5 us a level are the throw; the rest, how soon the workers see it.
bool show_stops() {
  bool all_cancelled = true;
  for (unsigned const levels : {20U, 30U, 40U}) all_cancelled &= show_stop(levels);
  return all_cancelled;
}

// ---------------------------------------------------------------- lateness while every worker is in fork-join

weft::Coro<std::uint64_t> fib(unsigned n) {
  if (n < 2) co_return n;
  auto [a, b] = co_await weft::gather(fib(n - 1), fib(n - 2));
  co_return a + b;
}

weft::Coro<> sample_timers(std::vector<double>& late, std::atomic<bool>& over) {
  while (!over.load()) {
    auto const due = weft::Clock::now() + 1ms;
    co_await weft::sleep_until(due);
    late.push_back(std::chrono::duration<double, std::micro>(weft::Clock::now() - due).count());
  }
}

weft::Coro<Steady::time_point> now() { co_return Steady::now(); }

bool show_lateness() {
  weft::Runtime runtime(with_workers(2));
  std::vector<double> timers, submits;
  std::atomic<bool> over{false};
  auto load = [](std::atomic<bool>& flag) -> weft::Coro<std::uint64_t> {
    std::uint64_t sum = 0;
    for (int i = 0; i < 30; ++i) {
      std::uint64_t const part = co_await fib(30);
      sum += part;
    }
    flag.store(true);
    co_return sum;
  };
  auto a = runtime.create_task(sample_timers(timers, over));
  auto b = runtime.create_task(load, std::ref(over));
  while (!over.load()) {
    auto const start = Steady::now();
    submits.push_back(micros(runtime.submit(now()).get() - start));
    std::this_thread::sleep_for(1ms);
  }
  (void)b.get();
  a.get();
  for (auto* times : {&timers, &submits}) std::sort(times->begin(), times->end());
  std::printf("2 workers inside fork-join without a suspension: timers late by median %.0f us, worst %.0f us (%zu); submitted work by %.0f us, %.0f us (%zu)\n",
              timers[timers.size() / 2], timers.back(), timers.size(), submits[submits.size() / 2], submits.back(), submits.size());
  return true;
}

// ---------------------------------------------------------------- memory

// How many of the tasks ended cancelled; `bytes` is what each took.
template <class Sleep>
weft::Coro<std::size_t> cancel_sleepers(std::size_t count, Sleep sleep, std::size_t& bytes, double& nanoseconds) {
  std::vector<weft::Task<void>> tasks;
  tasks.reserve(count);
  std::size_t const before = memory("VmRSS:");
  for (std::size_t i = 0; i < count; ++i) tasks.push_back(weft::create_task(sleep()));
  co_await weft::sleep(200ms);
  bytes = (memory("VmRSS:") - before) / count;
  auto const start = Steady::now();
  for (auto& task : tasks) task.cancel();
  std::size_t cancelled = 0;
  for (auto& task : tasks) {
    auto const result = co_await weft::as_result(task);
    cancelled += result.cancelled() ? 1u : 0u;
  }
  nanoseconds = micros(Steady::now() - start) * 1e3 / double(count);
  co_return cancelled;
}

bool show_memory() {
  constexpr std::size_t count = 1'000'000;
  weft::Runtime runtime(with_workers(2));
  std::size_t bytes = 0, bytes_again = 0;
  double nanoseconds = 0;
  auto coroutine = []() -> weft::Coro<> { co_await weft::sleep(1h); };
  std::size_t const first = runtime.run([&] { return cancel_sleepers(count, coroutine, bytes, nanoseconds); });
  std::printf("1 M sleeping tasks: %zu bytes each, frame included; cancelling and joining them: %.0f ns each; ", bytes, nanoseconds);
  // The memory is the pool's by now.
  std::size_t const second = runtime.run([&] { return cancel_sleepers(count, [] { return weft::sleep(1h); }, bytes_again, nanoseconds); });
  std::printf("of create_task(sleep(1h)), which has no coroutine to throw into: %.0f ns each\n", nanoseconds);
  return first == count && second == count;
}

weft::Coro<std::uint64_t> skynet(std::uint64_t first, std::uint64_t size) {
  if (size == 1) co_return first;
  std::uint64_t const part = size / 10;
  auto [a, b, c, d, e, f, g, h, i, j] = co_await weft::gather(
      skynet(first, part), skynet(first + part, part), skynet(first + 2 * part, part), skynet(first + 3 * part, part),
      skynet(first + 4 * part, part), skynet(first + 5 * part, part), skynet(first + 6 * part, part), skynet(first + 7 * part, part),
      skynet(first + 8 * part, part), skynet(first + 9 * part, part));
  co_return a + b + c + d + e + f + g + h + i + j;
}

bool show_skynet() {
  weft::Runtime runtime(with_workers(2));
  std::uint64_t const sum = runtime.run(skynet(0, 10'000'000));
  std::printf("skynet of 10 M leaves, 2 workers: peak resident size of the process %.1f MB\n", static_cast<double>(memory("VmHWM:")) / 1e6);
  return sum == 49'999'995'000'000u;
}

// ---------------------------------------------------------------- 1 worker against 2

bool show_scaling() {
  std::vector<double> one, two;
  weft::Runtime single(with_workers(1)), pair(with_workers(2));
  bool right = true;
  for (int i = 0; i < 7; ++i) {
    for (auto* side : {&one, &two}) {
      auto const start = Steady::now();
      right &= (side == &one ? single : pair).run(fib(38)) == 39'088'169u;
      side->push_back(micros(Steady::now() - start));
    }
  }
  std::sort(one.begin(), one.end());
  std::sort(two.begin(), two.end());
  std::printf("fib(38): %.0f ms with 1 worker, %.0f ms with 2: speed-up %.2f (medians of 7, interleaved)\n", one[3] / 1e3, two[3] / 1e3,
              one[3] / two[3]);
  return right;
}

}  // namespace

int main(int argc, char** argv) {
  struct Fact {
    char const* name;
    bool (*show)();
  };
  // Peak memory first: it only ever rises.
  Fact const facts[] = {{"skynet", show_skynet},     {"two_leaves", show_two_leaves}, {"stop", show_stops},
                        {"lateness", show_lateness}, {"memory", show_memory},         {"scaling", show_scaling}};
  bool right = true;
  for (Fact const& fact : facts) {
    bool const wanted = argc == 1 || std::any_of(argv + 1, argv + argc, [&](char const* name) { return std::strcmp(name, fact.name) == 0; });
    if (!wanted) continue;
    right &= fact.show();
    std::fflush(stdout);
  }
  return right ? 0 : 1;
}
