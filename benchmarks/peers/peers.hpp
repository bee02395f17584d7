// The peers that are libraries: what each of them can do, as plain functions by name. No header of a peer is seen outside its own
// translation unit.
//
// Grain: one task per call down to the leaves for every contender, weft included, and each peer in the form that its own documentation
// recommends. The recursive programs are written once (fork_join.hpp) over what a peer calls a group of tasks. `threads` counts the
// calling thread. A peer that cannot do a program, or not at such sizes (one thread for each of a million tasks), does not
// name it.
#pragma once

#include "../kernel.hpp"

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#ifndef WEFT_BENCH_OPENMP
#define WEFT_BENCH_OPENMP 0
#endif
#ifndef WEFT_BENCH_ASIO
#define WEFT_BENCH_ASIO 0
#endif

namespace bench {

using Program = std::uint64_t (*)(unsigned threads, std::uint64_t size);
using Programs = std::map<std::string, Program>;

struct Peer {
  Contender contender{};
  std::string version{};
  Programs programs{};
  std::vector<unsigned> only_threads{};  // empty: any number
};

Peer serial_peer();
Peer tbb_peer();
Peer openmp_peer();
Peer std_async_peer();
Peer thread_pool_peer();
Peer asio_pool_peer();
Peer asio_coroutines_peer();
Peer hardware_peer();

// All that this program was built with.
std::vector<Peer> const& all_peers();

// What `program` gives on one thread without any task.
std::uint64_t serial(std::string const& program, std::uint64_t size);

}  // namespace bench
