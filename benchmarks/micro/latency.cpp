// How long it takes until something happens, as distributions: a parked worker runs a task; a running fork-join tree has stopped; timers and
// submitted work get their turn while every worker is busy with fork-join that never suspends.
#include "../kernel.hpp"
#include "../programs/weft_runtimes.hpp"

#include <atomic>
#include <chrono>
#include <thread>

namespace bench {

namespace {

using namespace std::chrono_literals;
using Steady = std::chrono::steady_clock;

double nanos_since(Steady::time_point start) { return std::chrono::duration<double, std::nano>(Steady::now() - start).count(); }

weft::Coro<double> first_step(Steady::time_point start) { co_return nanos_since(start); }

// The runtime has been idle for a millisecond, so its workers sleep.
std::vector<double> wake_up(unsigned workers, unsigned rounds) {
  std::vector<double> times;
  for (unsigned i = 0; i < rounds; ++i) {
    std::this_thread::sleep_for(1ms);
    times.push_back(runtime(workers).submit(first_step(Steady::now())).get());
  }
  return times;
}

// The same by the operating system: a thread that sleeps on a futex.
std::vector<double> wake_up_thread(unsigned rounds) {
  std::vector<double> times(rounds);
  std::atomic<unsigned> round{0}, done{0};
  Steady::time_point start;
  std::jthread const sleeper([&] {
    for (unsigned i = 1; i <= rounds; ++i) {
      // ORDER(wake-up): acquire; pairs with the release below, `start` is read after it.
      for (unsigned seen = round.load(std::memory_order_acquire); seen != i; seen = round.load(std::memory_order_acquire)) round.wait(seen);
      times[i - 1] = nanos_since(start);
      done.store(i, std::memory_order_release);
    }
  });
  for (unsigned i = 1; i <= rounds; ++i) {
    std::this_thread::sleep_for(1ms);
    start = Steady::now();
    round.store(i, std::memory_order_release);
    round.notify_one();
    while (done.load(std::memory_order_acquire) != i) std::this_thread::yield();
  }
  return times;
}

weft::Coro<std::uint64_t> fib(unsigned n) {
  if (n < 2) co_return n;
  auto [a, b] = co_await weft::gather(fib(n - 1), fib(n - 2));
  co_return a + b;
}

// Longer than anybody waits.
weft::Coro<> endless(std::atomic<bool>* running) {
  for (;;) {
    running->store(true, std::memory_order_relaxed);
    (void)co_await fib(25);
  }
}

std::vector<double> stop_running(unsigned workers, unsigned rounds) {
  std::vector<double> times;
  for (unsigned i = 0; i < rounds; ++i) {
    std::atomic<bool> running{false};
    weft::Task<void> task = runtime(workers).create_task(endless(&running));
    while (!running.load(std::memory_order_relaxed)) std::this_thread::yield();
    std::this_thread::sleep_for(1ms);
    auto const start = Steady::now();
    task.cancel();
    try {
      task.get();
    } catch (weft::CancelledError const&) {
    }
    times.push_back(nanos_since(start));
  }
  return times;
}

weft::Coro<std::vector<double>> sample_timers(unsigned rounds) {
  std::vector<double> late;
  for (unsigned i = 0; i < rounds; ++i) {
    auto const due = weft::Clock::now() + 1ms;
    co_await weft::sleep_until(due);
    late.push_back(std::chrono::duration<double, std::nano>(weft::Clock::now() - due).count());
  }
  co_return late;
}

std::vector<double> under_load(unsigned workers, weft::Coro<std::vector<double>> sampler) {
  std::atomic<bool> running{false};
  weft::Task<void> load = runtime(workers).create_task(endless(&running));
  while (!running.load(std::memory_order_relaxed)) std::this_thread::yield();
  std::vector<double> const times = runtime(workers).create_task(std::move(sampler)).get();
  load.cancel();
  try {
    load.get();
  } catch (weft::CancelledError const&) {
  }
  return times;
}

std::vector<double> submit_under_load(unsigned workers, unsigned rounds) {
  std::atomic<bool> running{false};
  weft::Task<void> load = runtime(workers).create_task(endless(&running));
  while (!running.load(std::memory_order_relaxed)) std::this_thread::yield();
  std::vector<double> times;
  for (unsigned i = 0; i < rounds; ++i) {
    std::this_thread::sleep_for(1ms);
    times.push_back(runtime(workers).submit(first_step(Steady::now())).get());
  }
  load.cancel();
  try {
    load.get();
  } catch (weft::CancelledError const&) {
  }
  return times;
}

}  // namespace

void add_latency(Kernels& kernels, Plan const& plan) {
  unsigned const rounds = plan.pick(5U, 50U, 500U);
  Work wake(kernels, plan, "latency", "wake-up of a parked worker", rounds, 0);
  wake.ask("wake_up", rounds);
  wake.add_samples(Contender::hardware, 1, "ns", [=] { return wake_up_thread(rounds); });
  Work stop(kernels, plan, "latency", "cancel of a running fork-join tree, joined", rounds, 0);
  Work late(kernels, plan, "latency", "timer lateness under fork-join load", rounds, 0);
  Work submitted(kernels, plan, "latency", "submitted work under fork-join load", rounds, 0);
  for (unsigned const threads : plan.threads) {
    wake.add_samples(Contender::weft, threads, "ns", [=] { return wake_up(threads, rounds); });
    stop.add_samples(Contender::weft, threads, "ns", [=] { return stop_running(threads, rounds); });
    late.add_samples(Contender::weft, threads, "ns", [=] { return under_load(threads, sample_timers(rounds)); });
    submitted.add_samples(Contender::weft, threads, "ns", [=] { return submit_under_load(threads, rounds); });
  }
}

}  // namespace bench
