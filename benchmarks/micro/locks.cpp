// Event, Lock and Semaphore: where nobody waits, and hand-overs from task to task.
#include "../kernel.hpp"
#include "../programs/weft_runtimes.hpp"

namespace bench {

namespace {

constexpr std::uint32_t players = 4;

// Two tasks wake each other in turn: set, wait, and the resume between them.
weft::Coro<std::uint64_t> take_turns(weft::Event* mine, weft::Event* other, std::uint32_t times) {
  for (std::uint32_t i = 0; i < times; ++i) {
    co_await mine->wait();
    mine->clear();
    other->set();
  }
  co_return times;
}

weft::Coro<std::uint64_t> event_turns(std::uint32_t times) {
  weft::Event a, b;
  weft::Task<std::uint64_t> const first = weft::create_task(take_turns(&a, &b, times / 2));
  weft::Task<std::uint64_t> const second = weft::create_task(take_turns(&b, &a, times / 2));
  a.set();
  std::uint64_t const x = co_await first;
  std::uint64_t const y = co_await second;
  co_return x + y;
}

template <class Mutex>
weft::Coro<std::uint64_t> hold_often(Mutex* mutex, std::uint32_t times) {
  std::uint64_t held = 0;
  for (std::uint32_t i = 0; i < times; ++i) {
    co_await mutex->acquire();
    ++held;
    mutex->release();
  }
  co_return held;
}

// The holder yields, so that the others find it taken.
template <class Mutex>
weft::Coro<std::uint64_t> hold_long(Mutex* mutex, std::uint32_t times) {
  std::uint64_t held = 0;
  for (std::uint32_t i = 0; i < times; ++i) {
    co_await mutex->acquire();
    co_await weft::yield_now();
    ++held;
    mutex->release();
  }
  co_return held;
}

template <class Mutex>
weft::Coro<std::uint64_t> contend(std::uint32_t times) {
  Mutex mutex;
  std::vector<weft::Task<std::uint64_t>> tasks;
  for (std::uint32_t i = 0; i < players; ++i) tasks.push_back(weft::create_task(hold_long(&mutex, times / players)));
  std::uint64_t held = 0;
  for (weft::Task<std::uint64_t> const& task : tasks) held += co_await task;
  co_return held;
}

template <class Mutex>
void add_mutex(Kernels& kernels, Plan const& plan, std::string const& name, std::string const& program) {
  std::uint32_t const n = plan.pick(1'000U, 20'000U, 200'000U);
  Work free(kernels, plan, "micro", name + ", free", n, n);
  free.ask(program + "_free", n);
  free.weft([n](unsigned workers) {
    Mutex mutex;
    return runtime(workers).run(hold_often(&mutex, n));
  });
  Work contended(kernels, plan, "micro", name + ", contended", n, n);
  contended.ask(program + "_contended", n);
  contended.weft([n](unsigned workers) { return runtime(workers).run(contend<Mutex>(n)); });
}

}  // namespace

void add_locks(Kernels& kernels, Plan const& plan) {
  std::uint32_t const n = plan.pick(1'000U, 20'000U, 200'000U);
  Work event(kernels, plan, "micro", "event set -> resume", n, n);
  event.ask("event", n);
  event.weft([n](unsigned workers) { return runtime(workers).run(event_turns(n)); });
  add_mutex<weft::Lock>(kernels, plan, "lock", "lock");
  add_mutex<weft::Semaphore>(kernels, plan, "semaphore", "semaphore");
}

}  // namespace bench
