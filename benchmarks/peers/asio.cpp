// Asio (standalone): its thread_pool, where a task that waits for others would hold up its thread, so that only flat work is done, waited for from
// outside; and its C++20 coroutines on that pool, where `a() && b()` runs two of them side by side.
#include "peers.hpp"

#if WEFT_BENCH_ASIO

#include "fork_join.hpp"

#include <asio/awaitable.hpp>
#include <asio/co_spawn.hpp>
#include <asio/experimental/awaitable_operators.hpp>
#include <asio/post.hpp>
#include <asio/thread_pool.hpp>
#include <asio/use_awaitable.hpp>
#include <asio/use_future.hpp>
#include <asio/version.hpp>

#include <memory>

namespace bench {

namespace {

using namespace asio::experimental::awaitable_operators;

std::string version() { return std::to_string(ASIO_VERSION / 100000) + "." + std::to_string(ASIO_VERSION / 100 % 1000); }

asio::thread_pool& pool(unsigned threads) {
  static std::map<unsigned, std::unique_ptr<asio::thread_pool>> pools;
  std::unique_ptr<asio::thread_pool>& entry = pools[threads];
  if (!entry) entry = std::make_unique<asio::thread_pool>(threads);
  return *entry;
}

struct AsioPool {
  static thread_local asio::thread_pool* current;

  class Group {
   public:
    template <class F>
    void run(F fn) {
      left_->fetch_add(1, std::memory_order_relaxed);
      asio::post(*current, [fn = std::move(fn), left = left_] {
        fn();
        // ORDER(asio-group): release; pairs with the acquire in wait().
        if (left->fetch_sub(1, std::memory_order_acq_rel) == 1) left->notify_one();
      });
    }
    void wait() {
      // ORDER(asio-group): acquire; what the tasks wrote is visible after the wait.
      for (std::size_t now = left_->load(std::memory_order_acquire); now != 0; now = left_->load(std::memory_order_acquire)) left_->wait(now);
    }

   private:
    // Shared, because the last task still notifies when the waiter may be gone.
    std::shared_ptr<std::atomic<std::size_t>> left_ = std::make_shared<std::atomic<std::size_t>>(0);
  };
  template <class F>
  static void enter(unsigned threads, F const& fn) {
    current = &pool(threads);
    fn();
  }
};

thread_local asio::thread_pool* AsioPool::current = nullptr;

std::uint64_t submit(unsigned threads, std::uint64_t calls) {
  std::uint64_t sum = 0;
  for (std::uint64_t i = 0; i < calls; ++i) sum += asio::post(pool(threads), asio::use_future([] { return std::uint64_t{1}; })).get();
  return sum;
}

using Awaitable = asio::awaitable<std::uint64_t>;

std::uint64_t run(unsigned threads, Awaitable awaitable) { return asio::co_spawn(pool(threads), std::move(awaitable), asio::use_future).get(); }

Awaitable fib(std::uint64_t n) {
  if (n < 2) co_return n;
  auto const [a, b] = co_await (fib(n - 1) && fib(n - 2));
  co_return a + b;
}

// Ten children as a tree of pairs: `&&` takes two.
Awaitable skynet(std::uint64_t first, std::uint64_t leaves);
Awaitable skynet_range(std::uint64_t first, std::uint64_t part, std::uint64_t count) {
  if (count == 1) {
    std::uint64_t const sum = co_await skynet(first, part);
    co_return sum;
  }
  std::uint64_t const half = count / 2;
  auto const [a, b] = co_await (skynet_range(first, part, half) && skynet_range(first + half * part, part, count - half));
  co_return a + b;
}
Awaitable skynet(std::uint64_t first, std::uint64_t leaves) {
  if (leaves == 1) co_return first;
  std::uint64_t const sum = co_await skynet_range(first, leaves / 10, 10);
  co_return sum;
}

Awaitable echo(std::uint64_t value) { co_return value; }

Awaitable call_await(std::uint64_t times) {
  std::uint64_t sum = 0;
  for (std::uint64_t i = 0; i < times; ++i) {
    std::uint64_t const value = co_await echo(i);
    sum += value;
  }
  co_return sum;
}

Awaitable spawn_await(std::uint64_t tasks) {
  asio::any_io_executor const executor = co_await asio::this_coro::executor;
  std::uint64_t sum = 0;
  for (std::uint64_t i = 0; i < tasks; ++i) {
    std::uint64_t const value = co_await asio::co_spawn(executor, echo(i), asio::use_awaitable);
    sum += value;
  }
  co_return sum;
}

Awaitable yield(std::uint64_t times) {
  asio::any_io_executor const executor = co_await asio::this_coro::executor;
  for (std::uint64_t i = 0; i < times; ++i) co_await asio::post(executor, asio::use_awaitable);
  co_return times;
}

std::uint64_t yield_in_turn(unsigned threads, std::uint64_t times) {
  std::vector<std::future<std::uint64_t>> tasks;
  for (std::uint64_t i = 0; i < 100; ++i) tasks.push_back(asio::co_spawn(pool(threads), yield(times / 100), asio::use_future));
  std::uint64_t sum = 0;
  for (std::future<std::uint64_t>& task : tasks) sum += task.get();
  return sum;
}

}  // namespace

Peer asio_pool_peer() {
  Peer peer{Contender::asio_pool, version(), Spawning<AsioPool>::programs(), {}};
  peer.programs["submit"] = submit;
  return peer;
}

Peer asio_coroutines_peer() {
  return {Contender::asio_coroutines,
          version(),
          {{"fib", [](unsigned threads, std::uint64_t n) { return run(threads, fib(n)); }},
           {"skynet", [](unsigned threads, std::uint64_t leaves) { return run(threads, skynet(0, leaves)); }},
           {"call_await", [](unsigned threads, std::uint64_t n) { return run(threads, call_await(n)); }},
           {"spawn_await", [](unsigned threads, std::uint64_t n) { return run(threads, spawn_await(n)); }},
           {"yield", [](unsigned threads, std::uint64_t n) { return run(threads, yield(n)); }},
           {"yield_in_turn", yield_in_turn}},
          {}};
}

}  // namespace bench

#endif
