// The borders of the runtime: work handed in by foreign threads, and blocking calls handed out.
#include "../kernel.hpp"
#include "../peers/peers.hpp"
#include "../programs/weft_runtimes.hpp"

#include <atomic>
#include <thread>

namespace bench {

namespace {

weft::Coro<std::uint64_t> give_one() { co_return 1; }

// submit and wait for the future, one after the other.
std::uint64_t submit(unsigned workers, std::uint64_t calls) {
  std::uint64_t sum = 0;
  for (std::uint64_t i = 0; i < calls; ++i) sum += runtime(workers).submit(give_one()).get();
  return sum;
}

// As fast as the threads can, then a wait for the last one.
std::uint64_t submit_burst(unsigned workers, std::uint64_t threads, std::uint64_t calls) {
  std::atomic<std::uint64_t> done{0};
  weft::Runtime& target = runtime(workers);
  {
    std::vector<std::jthread> submitters;
    for (std::uint64_t t = 0; t < threads; ++t) {
      submitters.emplace_back([&] {
        for (std::uint64_t i = 0; i < calls / threads; ++i) {
          target.call_soon_threadsafe([&done, calls] {
            // ORDER(burst): release; pairs with the acquire below.
            if (done.fetch_add(1, std::memory_order_acq_rel) + 1 == calls) done.notify_one();
          });
        }
      });
    }
  }
  for (std::uint64_t seen = done.load(std::memory_order_acquire); seen != calls; seen = done.load(std::memory_order_acquire)) done.wait(seen);
  return calls;
}

weft::Coro<std::uint64_t> call_out(std::uint64_t calls) {
  std::uint64_t sum = 0;
  auto plain = [] { return std::uint64_t{1}; };
  for (std::uint64_t i = 0; i < calls; ++i) sum += co_await weft::to_thread(plain);
  co_return sum;
}

}  // namespace

void add_threads(Kernels& kernels, Plan const& plan) {
  std::uint64_t const n = plan.pick<std::uint64_t>(100, 1'000, 20'000);
  Work round_trip(kernels, plan, "micro", "submit from a foreign thread, round trip", n, n);
  round_trip.peers("submit", n);
  round_trip.weft([n](unsigned workers) { return submit(workers, n); });
  std::uint64_t const many = plan.pick<std::uint64_t>(1'000, 20'000, 200'000);
  for (std::uint64_t const threads : {std::uint64_t{1}, std::uint64_t{4}}) {
    std::string const from = std::to_string(threads) + (threads == 1 ? " thread" : " threads");
    Work burst(kernels, plan, "micro", "submitted in a burst by " + from, many, many);
    burst.weft([=](unsigned workers) { return submit_burst(workers, threads, many); });
  }
  Work out(kernels, plan, "micro", "to_thread, round trip", n, n);
  out.peers("to_thread", n);
  out.weft([n](unsigned workers) { return runtime(workers).run(call_out(n)); });
}

}  // namespace bench
