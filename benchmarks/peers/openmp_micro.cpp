// Spawning as OpenMP tasks, one at a time and many before one taskwait.
#include "peers.hpp"

#if WEFT_BENCH_OPENMP

#include <numeric>
#include <vector>

namespace bench::openmp_peer {

std::uint64_t spawn_await(unsigned threads, std::uint32_t tasks) {
  std::uint64_t sum = 0;
#pragma omp parallel num_threads(threads) shared(sum) firstprivate(tasks)
#pragma omp single
  for (std::uint32_t i = 0; i < tasks; ++i) {
    std::uint32_t result = 0;
#pragma omp task shared(result) firstprivate(i)
    result = i;
#pragma omp taskwait
    sum += result;
  }
  return sum;
}

std::uint64_t group(unsigned threads, std::uint32_t tasks) {
  std::vector<std::uint32_t> slots(tasks);
  std::uint32_t* const first = slots.data();
#pragma omp parallel num_threads(threads) firstprivate(first, tasks)
#pragma omp single
  {
    for (std::uint32_t i = 0; i < tasks; ++i) {
#pragma omp task firstprivate(first, i)
      first[i] = i;
    }
#pragma omp taskwait
  }
  return std::accumulate(slots.begin(), slots.end(), std::uint64_t{0});
}

}  // namespace bench::openmp_peer

#endif
