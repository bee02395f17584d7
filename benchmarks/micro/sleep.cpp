// Timers: armed and fired, armed and disarmed, and armed and disarmed while very many others are pending.
//
// "sleep fired" runs under the virtual clock, which jumps to the next deadline as soon as nothing is runnable, so that the time measured is that
// of the timers and of resuming the sleepers, not the sleep. Its deadlines are the thousand milliseconds of a second, a
// hundred sleepers each, armed in an order that is not sorted.
#include "../kernel.hpp"
#include "../programs/weft_runtimes.hpp"

#include <atomic>
#include <chrono>
#include <memory>
#include <numeric>
#include <optional>
#include <thread>

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

weft::Coro<std::uint64_t> nap(std::chrono::nanoseconds time) {
  co_await weft::sleep(time);
  co_return 1;
}

weft::Coro<std::uint64_t> fire(std::uint32_t timers) {
  std::vector<weft::Coro<std::uint64_t>> naps;
  naps.reserve(timers);
  for (std::uint32_t i = 0; i < timers; ++i) naps.push_back(nap(1ms * (1 + i * std::uint64_t{7919} % 1'000)));
  std::vector<std::uint64_t> const woken = co_await weft::gather(std::move(naps));
  co_return std::accumulate(woken.begin(), woken.end(), std::uint64_t{0});
}

// So many sleeping parts of one task, with deadlines all over the next hours, in a runtime of their own, from the first call to the release.
class Pending {
 public:
  Pending(unsigned workers, std::uint32_t count) : workers_(workers), count_(count) {}

  std::uint64_t measure(std::uint32_t times) {
    if (!runtime_) {
      Untimed const set_up;
      weft::Options options;
      options.workers = workers_;
      runtime_.emplace(options);
      sleepers_ = runtime_->create_task(sleep_all(count_));
      while (runtime_->metrics().timers < count_) std::this_thread::sleep_for(1ms);
    }
    return runtime_->create_task(arm_disarm(times)).get();
  }
  void release() {
    sleepers_ = {};
    runtime_.reset();
  }

 private:
  static weft::Coro<std::uint64_t> sleep_all(std::uint32_t count) {
    std::vector<weft::Coro<std::uint64_t>> naps;
    naps.reserve(count);
    for (std::uint32_t i = 0; i < count; ++i) naps.push_back(nap(1h + 1ms * (i * std::uint64_t{7919} % 10'000'000)));
    std::vector<std::uint64_t> const woken = co_await weft::gather(std::move(naps));
    co_return woken.size();
  }

  unsigned workers_;
  std::uint32_t count_;
  std::optional<weft::Runtime> runtime_{};
  weft::Task<std::uint64_t> sleepers_{};
};

}  // namespace

void add_sleep(Kernels& kernels, Plan const& plan) {
  std::uint32_t const n = plan.pick(500U, 10'000U, 100'000U);
  Work fired(kernels, plan, "micro", "sleep fired", n, n);
  fired.ask("sleep_fired", n);
  fired.weft([n](unsigned workers) { return runtime(workers, weft::ClockKind::virtual_time).run(fire(n)); });

  Work armed(kernels, plan, "micro", "timeouts armed, disarmed", n, n);
  armed.ask("timeouts", n);
  armed.weft([n](unsigned workers) { return runtime(workers).run(arm_disarm(n)); });

  using Counts = std::vector<std::uint32_t>;
  for (std::uint32_t const pending : plan.pick(Counts{1'000}, Counts{1'000, 100'000}, Counts{1'000, 100'000, 1'000'000, 10'000'000})) {
    Work work(kernels, plan, "micro", "timeouts, " + std::to_string(pending) + " pending", n, n);
    for (unsigned const threads : plan.threads) {
      auto const shared = std::make_shared<Pending>(threads, pending);
      work.add(Contender::weft, threads, [shared, n] { return shared->measure(n); });
      work.release([shared] { shared->release(); });
    }
  }
}

}  // namespace bench
