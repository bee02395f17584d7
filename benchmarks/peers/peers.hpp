// The peers' side of each kernel, as plain functions: no header of a peer is seen outside its own translation unit.
//
// Grain: one task per call down to the leaves for every contender, weft included, and each peer in the form that its own
// documentation recommends (oneTBB: parallel_invoke for two calls, task_group with the last child run by the caller for
// more; OpenMP: one `task` per child and a `taskwait`). `threads` counts the calling thread. The oneTBB functions keep
// one task_arena per thread count, the OpenMP ones open a parallel region whose team the run-time library keeps.
#pragma once

#include <cstdint>
#include <string>

#ifndef WEFT_BENCH_OPENMP
#define WEFT_BENCH_OPENMP 0
#endif

namespace bench::serial {
std::uint64_t fib(unsigned n);
std::uint64_t skynet(std::uint64_t leaves);
std::uint64_t nqueens(unsigned n);
}  // namespace bench::serial

namespace bench::tbb_peer {
std::string version();
std::uint64_t fib(unsigned threads, unsigned n);
std::uint64_t skynet(unsigned threads, std::uint64_t leaves);
std::uint64_t nqueens(unsigned threads, unsigned n);
std::uint64_t spawn_await(unsigned threads, std::uint32_t tasks);  // one task after the other, each waited for
std::uint64_t group(unsigned threads, std::uint32_t tasks);        // all tasks in one group
}  // namespace bench::tbb_peer

#if WEFT_BENCH_OPENMP
namespace bench::openmp_peer {
std::string version();
std::uint64_t fib(unsigned threads, unsigned n);
std::uint64_t skynet(unsigned threads, std::uint64_t leaves);
std::uint64_t nqueens(unsigned threads, unsigned n);
std::uint64_t spawn_await(unsigned threads, std::uint32_t tasks);
std::uint64_t group(unsigned threads, std::uint32_t tasks);
}  // namespace bench::openmp_peer
#endif
