// Spawning in oneTBB, one task at a time and many in a group.
#include "peers.hpp"

#include "tbb_arena.hpp"

#include <oneapi/tbb/task_group.h>

#include <numeric>
#include <vector>

namespace bench::tbb_peer {

std::uint64_t spawn_await(unsigned threads, std::uint32_t tasks) {
  return arena(threads).execute([tasks] {
    std::uint64_t sum = 0;
    tbb::task_group one;
    for (std::uint32_t i = 0; i < tasks; ++i) {
      std::uint32_t result = 0;
      one.run([&result, i] { result = i; });
      one.wait();
      sum += result;
    }
    return sum;
  });
}

std::uint64_t group(unsigned threads, std::uint32_t tasks) {
  return arena(threads).execute([tasks] {
    std::vector<std::uint32_t> slots(tasks);
    tbb::task_group all;
    for (std::uint32_t i = 0; i < tasks; ++i) all.run([slot = &slots[i], i] { *slot = i; });
    all.wait();
    return std::accumulate(slots.begin(), slots.end(), std::uint64_t{0});
  });
}

}  // namespace bench::tbb_peer
