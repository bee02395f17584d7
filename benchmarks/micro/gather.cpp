// gather of N coroutines that do nothing, again and again: the time for each child. Two and ten as arguments, more as a vector.
#include "../kernel.hpp"
#include "../peers/peers.hpp"
#include "../programs/weft_runtimes.hpp"

#include <numeric>

namespace bench {

namespace {

weft::Coro<std::uint64_t> one() { co_return 1; }

weft::Coro<std::uint64_t> gather_two(std::uint64_t children) {
  std::uint64_t sum = 0;
  for (std::uint64_t i = 0; i < children; i += 2) {
    auto [a, b] = co_await weft::gather(one(), one());
    sum += a + b;
  }
  co_return sum;
}

weft::Coro<std::uint64_t> gather_ten(std::uint64_t children) {
  std::uint64_t sum = 0;
  for (std::uint64_t i = 0; i < children; i += 10) {
    auto [a, b, c, d, e, f, g, h, k, l] = co_await weft::gather(one(), one(), one(), one(), one(), one(), one(), one(), one(), one());
    sum += a + b + c + d + e + f + g + h + k + l;
  }
  co_return sum;
}

weft::Coro<std::uint64_t> gather_many(std::uint64_t width, std::uint64_t children) {
  std::uint64_t sum = 0;
  for (std::uint64_t i = 0; i < children; i += width) {
    std::vector<weft::Coro<std::uint64_t>> coros;
    coros.reserve(width);
    for (std::uint64_t k = 0; k < width; ++k) coros.push_back(one());
    std::vector<std::uint64_t> const results = co_await weft::gather(std::move(coros));
    sum = std::accumulate(results.begin(), results.end(), sum);
  }
  co_return sum;
}

}  // namespace

void add_gather(Kernels& kernels, Plan const& plan) {
  std::uint64_t const usual = plan.pick<std::uint64_t>(2'000, 20'000, 200'000), most = plan.pick<std::uint64_t>(5'000, 100'000, 1'000'000);
  for (std::uint64_t const width : {std::uint64_t{2}, std::uint64_t{10}, std::uint64_t{1'000}, most}) {
    std::uint64_t const children = std::max(usual, width);
    Work work(kernels, plan, "micro", "gather of " + std::to_string(width), children, children);
    if (width == most) work.peers("gather_once", children);
    else work.peers("gather" + std::to_string(width), children);
    work.weft([=](unsigned workers) {
      if (width == 2) return runtime(workers).run(gather_two(children));
      if (width == 10) return runtime(workers).run(gather_ten(children));
      return runtime(workers).run(gather_many(width, children));
    });
  }
}

}  // namespace bench
