// Timers: armed and disarmed, armed and fired, and sleeping tasks that are cancelled.
//
// "sleep fired" runs under the virtual clock, which jumps to the next deadline as soon as nothing is runnable, so that
// the time measured is that of the timers and of resuming the sleepers, not the sleep. Its deadlines are the thousand
// milliseconds of a second, a hundred sleepers each, armed in an order that is not sorted.
#include "../kernel.hpp"
#include "../programs/weft_runtimes.hpp"

#include <atomic>
#include <chrono>
#include <numeric>

namespace bench {

namespace {

using namespace std::chrono_literals;

weft::Coro<std::uint64_t> pass_on(std::uint64_t value) {
  co_await weft::yield_now();
  co_return value;
}

// A timer of an hour per operation, never reached: wait_for arms it, the coroutine suspends once, wait_for disarms it.
weft::Coro<std::uint64_t> arm_disarm(std::uint32_t times) {
  std::uint64_t sum = 0;
  for (std::uint32_t i = 0; i < times; ++i) sum += co_await weft::wait_for(pass_on(1), 1h);
  co_return sum;
}

weft::Coro<int> nap(std::chrono::nanoseconds time) {
  co_await weft::sleep(time);
  co_return 1;
}

weft::Coro<std::uint64_t> fire(std::uint32_t timers) {
  std::vector<weft::Coro<int>> naps;
  naps.reserve(timers);
  for (std::uint32_t i = 0; i < timers; ++i) naps.push_back(nap(1ms * (1 + i * std::uint64_t{7919} % 1'000)));
  std::vector<int> const woken = co_await weft::gather(std::move(naps));
  co_return std::accumulate(woken.begin(), woken.end(), std::uint64_t{0});
}

weft::Coro<> sleep_for_long(std::atomic<std::uint32_t>* asleep) {
  asleep->fetch_add(1, std::memory_order_relaxed);
  co_await weft::sleep(1h);
}

// Per task: created, asleep, cancelled, joined.
weft::Coro<std::uint64_t> cancel_sleepers(std::uint32_t tasks) {
  std::atomic<std::uint32_t> asleep{0};
  std::vector<weft::Task<void>> sleepers;
  sleepers.reserve(tasks);
  for (std::uint32_t i = 0; i < tasks; ++i) sleepers.push_back(weft::create_task(sleep_for_long(&asleep)));
  while (asleep.load(std::memory_order_relaxed) < tasks) co_await weft::yield_now();
  for (weft::Task<void>& task : sleepers) task.cancel();
  std::vector<weft::Result<void>> const ends = co_await weft::gather(weft::return_exceptions, sleepers);
  std::uint64_t cancelled = 0;
  for (weft::Result<void> const& end : ends) cancelled += end.cancelled() ? 1 : 0;
  co_return cancelled;
}

}  // namespace

void add_sleep(Kernels& kernels, Plan const& plan) {
  std::uint32_t const n = plan.size == Size::full ? 100'000 : 500;
  for (unsigned const threads : plan.threads) {
    kernels.push_back({"wait_for armed, disarmed", Contender::weft, threads, n, n, [=] { return runtime(threads).run(arm_disarm(n)); }});
    kernels.push_back({"sleep fired", Contender::weft, threads, n, n,
                       [=] { return runtime(threads, weft::ClockKind::virtual_time).run(fire(n)); }});
    kernels.push_back({"sleep cancelled", Contender::weft, threads, n / 5, n / 5,
                       [=] { return runtime(threads).run(cancel_sleepers(n / 5)); }});
  }
}

}  // namespace bench
