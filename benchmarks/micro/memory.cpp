// Memory for each task asleep, and the peak of a fork-join computation: by the process's resident size, so it has to be a fresh process, which
// ./bench.sh sees to. In a process that has done other work before, free memory is used again and the figures are too small.
#include "../kernel.hpp"
#include "../peers/peers.hpp"
#include "../programs/weft_runtimes.hpp"

#include <chrono>
#include <cstring>
#include <fstream>
#include <thread>

namespace bench {

namespace {

using namespace std::chrono_literals;

// In bytes; `field` is VmRSS: or VmHWM:.
double resident(char const* field) {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with(field)) return std::stod(line.substr(std::strlen(field))) * 1024;
  }
  return 0;
}

weft::Coro<> nap() { co_await weft::sleep(1h); }

weft::Coro<> keep_tasks(std::uint32_t count) {
  std::vector<weft::Task<void>> tasks;
  tasks.reserve(count);
  for (std::uint32_t i = 0; i < count; ++i) tasks.push_back(weft::create_task(nap()));
  co_await weft::sleep(1h);
}

weft::Coro<> keep_parts(std::uint32_t count) {
  std::vector<weft::Coro<>> naps;
  naps.reserve(count);
  for (std::uint32_t i = 0; i < count; ++i) naps.push_back(nap());
  co_await weft::gather(std::move(naps));
}

std::vector<double> bytes_each(weft::Coro<> (*keep)(std::uint32_t), std::uint32_t count) {
  weft::Options options;
  options.workers = 1;
  weft::Runtime own(options);
  double const before = resident("VmRSS:");
  weft::Task<void> task = own.create_task(keep(count));
  while (own.metrics().timers < count) std::this_thread::sleep_for(1ms);
  double const after = resident("VmRSS:");
  task.cancel();
  return {(after - before) / count};
}

std::vector<double> peak(std::function<std::uint64_t()> const& run) {
  double const before = resident("VmRSS:");
  (void)run();
  return {resident("VmHWM:") - before};
}

weft::Coro<std::uint64_t> skynet(std::uint64_t first, std::uint64_t leaves) {
  if (leaves == 1) co_return first;
  std::uint64_t const part = leaves / 10;
  std::uint64_t total = 0;
  auto [a, b, c, d, e, f, g, h, i, j] = co_await weft::gather(
      skynet(first, part), skynet(first + part, part), skynet(first + 2 * part, part), skynet(first + 3 * part, part),
      skynet(first + 4 * part, part), skynet(first + 5 * part, part), skynet(first + 6 * part, part), skynet(first + 7 * part, part),
      skynet(first + 8 * part, part), skynet(first + 9 * part, part));
  total = a + b + c + d + e + f + g + h + i + j;
  co_return total;
}

}  // namespace

void add_memory(Kernels& kernels, Plan const& plan) {
  std::uint32_t const count = plan.pick(1'000U, 100'000U, 1'000'000U);
  Work asleep(kernels, plan, "memory", "a task asleep, of " + std::to_string(count), count, 0);
  asleep.ask("memory_asleep", count);
  asleep.add_samples(Contender::weft, 1, "bytes", [=] { return bytes_each(keep_tasks, count); });
  asleep.add_samples(Contender::weft, 1, "bytes", [=] { return bytes_each(keep_parts, count); }, "part of a gather");

  std::uint64_t const leaves = plan.pick<std::uint64_t>(1'000, 100'000, 10'000'000);
  Work computation(kernels, plan, "memory", "peak of skynet(" + std::to_string(leaves) + ")", 1, 0);
  unsigned const threads = plan.threads.back();
  computation.add_samples(Contender::weft, threads, "bytes", [=] { return peak([=] { return runtime(threads).run(skynet(0, leaves)); }); });
  for (Peer const& peer : all_peers()) {
    auto const found = peer.programs.find("skynet");
    if (found == peer.programs.end() || peer.contender == Contender::serial) continue;
    auto const run = found->second;
    computation.add_samples(peer.contender, threads, "bytes", [=] { return peak([=] { return run(threads, leaves); }); });
  }
}

}  // namespace bench
