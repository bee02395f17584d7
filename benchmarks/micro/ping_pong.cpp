// Hand-overs between two workers, beside what the hardware and the kernel need for the same.
//
// Spinning: two workers. The server sets an event and watches a flag without suspending, so the waiter can only be resumed by the other
// worker, which is searching; the waiter answers through the flag. One event and one bare cache line per round. Hardware: two
// threads that watch each other's flag.
//
// Parked: two runtimes with one worker each. Before a task sets the other's event it waits, untimed, until the other's worker has gone to sleep;
// a round is two wake-ups. Hardware: two threads that wait on futexes (std::atomic::wait), with the same pause.
#include "../kernel.hpp"
#include "../peers/peers.hpp"
#include "../programs/weft_runtimes.hpp"

#include <atomic>

namespace bench {

namespace {

weft::Coro<> answer(weft::Event* serve, std::atomic<std::uint64_t>* answered, std::uint64_t rounds) {
  for (std::uint64_t i = 1; i <= rounds; ++i) {
    co_await serve->wait();
    serve->clear();
    // ORDER(ping-pong): release; pairs with the acquire in the server's loop: the clear comes before the next set.
    answered->store(i, std::memory_order_release);
  }
}

weft::Coro<std::uint64_t> spinning(std::uint64_t rounds) {
  weft::Event serve;
  std::atomic<std::uint64_t> answered{0};
  weft::Task<void> const other = weft::create_task(answer(&serve, &answered, rounds));
  for (std::uint64_t i = 1; i <= rounds; ++i) {
    serve.set();
    // ORDER(ping-pong): acquire; see answer().
    while (answered.load(std::memory_order_acquire) != i) {
    }
  }
  co_await other;
  co_return answered.load();
}

std::uint64_t parks(weft::Runtime& runtime) {
  std::uint64_t sum = 0;
  for (weft::WorkerMetrics const& worker : runtime.metrics().workers) sum += worker.parks;
  return sum;
}

// What a task of the parked game knows: its own event, and of the other side the event and the runtime.
struct Side {
  weft::Event* mine;
  weft::Event* other;
  weft::Runtime* other_runtime;
};

weft::Coro<std::uint64_t> play_parked(Side const* side, std::uint64_t rounds) {
  std::uint64_t seen = 0;
  for (std::uint64_t i = 0; i < rounds; ++i) {
    co_await side->mine->wait();
    side->mine->clear();
    {
      Untimed const until_it_sleeps;
      for (std::uint64_t now = seen; now == seen;) now = parks(*side->other_runtime);
      seen = parks(*side->other_runtime);
    }
    side->other->set();
  }
  co_return rounds;
}

std::uint64_t parked(std::uint64_t rounds) {
  weft::Runtime& one = runtime(1);
  static weft::Runtime two = weft::Runtime([] {
    weft::Options options;
    options.workers = 1;
    return options;
  }());
  weft::Event a, b;
  Side const left{&a, &b, &two}, right{&b, &a, &one};
  weft::Task<std::uint64_t> const first = one.create_task(play_parked(&left, rounds));
  weft::Task<std::uint64_t> const second = two.create_task(play_parked(&right, rounds));
  a.set();
  std::uint64_t const x = first.get(), y = second.get();
  return (x + y) / 2;
}

}  // namespace

void add_ping_pong(Kernels& kernels, Plan const& plan) {
  std::uint64_t const spin_rounds = plan.pick<std::uint64_t>(50, 200, 50'000), park_rounds = plan.pick<std::uint64_t>(20, 100, 3'000);
  Work spin(kernels, plan, "micro", "ping-pong, spinning", spin_rounds, spin_rounds);
  spin.peers("ping_pong_spinning", spin_rounds);
  spin.add(Contender::weft, 2, [spin_rounds] { return runtime(2).run(spinning(spin_rounds)); });
  Work park(kernels, plan, "micro", "ping-pong, parked", park_rounds, park_rounds);
  park.peers("ping_pong_parked", park_rounds);
  park.add(Contender::weft, 2, [park_rounds] { return parked(park_rounds); });
}

}  // namespace bench
