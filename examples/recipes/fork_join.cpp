// Fork and join on every core: quicksort, whose two halves are sorted at once.
//
//     await asyncio.gather(quicksort(left), quicksort(right))     # on one core, and slower than without
//
// A bare gather is cheap: half of it is usually run by the worker that called it, as a plain call, and no lock or atomic
// read-modify-write is needed unless another worker steals. Below some thousand elements a plain sort is better still.
#include <weft/weft.hpp>

#include <algorithm>
#include <cstdint>
#include <iostream>
#include <span>
#include <vector>

weft::Coro<> quicksort(std::span<std::uint32_t> values) {
  if (values.size() < 2000) {
    std::sort(values.begin(), values.end());
    co_return;
  }
  std::uint32_t const pivot = values[values.size() / 2];
  auto const less = std::partition(values.begin(), values.end(), [=](std::uint32_t x) { return x < pivot; });
  auto const equal = std::partition(less, values.end(), [=](std::uint32_t x) { return x == pivot; });
  std::span const left(values.begin(), less), right(equal, values.end());
  co_await weft::gather(quicksort(left), quicksort(right));
}

weft::Coro<> amain() {
  std::vector<std::uint32_t> values(200'000);
  std::uint32_t x = 1;
  for (std::uint32_t& value : values) value = x = x * 1664525u + 1013904223u;

  co_await quicksort(values);  // `values` outlives it: a gather leaves nobody behind
  std::cout << values.size() << " numbers, " << (std::is_sorted(values.begin(), values.end()) ? "sorted" : "not sorted") << '\n';
}

int main() { weft::run(amain()); }
