// fib(n) by two recursive calls, each a task: nothing but task overhead.
#include "../kernel.hpp"
#include "../peers/peers.hpp"
#include "weft_runtimes.hpp"

namespace bench {

namespace {

weft::Coro<std::uint64_t> fib(unsigned n) {
  if (n < 2) co_return n;
  auto [a, b] = co_await weft::gather(fib(n - 1), fib(n - 2));
  co_return a + b;
}

}  // namespace

void add_fib(Kernels& kernels, Plan const& plan) {
  unsigned const n = plan.size == Size::full ? 30 : 15;
  std::string const work = "fib(" + std::to_string(n) + ")";
  std::uint64_t const expected = serial::fib(n);
  std::uint64_t const calls = 2 * serial::fib(n + 1) - 1;

  kernels.push_back({work, Contender::serial, 1, calls, expected, [n] { return serial::fib(n); }});
  for (unsigned const threads : plan.threads) {
    kernels.push_back({work, Contender::weft, threads, calls, expected, [=] { return runtime(threads).run(fib(n)); }});
    kernels.push_back({work, Contender::tbb, threads, calls, expected, [=] { return tbb_peer::fib(threads, n); }});
#if WEFT_BENCH_OPENMP
    kernels.push_back({work, Contender::openmp, threads, calls, expected, [=] { return openmp_peer::fib(threads, n); }});
#endif
  }
}

}  // namespace bench
