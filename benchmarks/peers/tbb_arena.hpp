// The arenas of the oneTBB peers: one per thread count, made once and kept, as weft's runtimes are.
#pragma once

#include <oneapi/tbb/global_control.h>
#include <oneapi/tbb/task_arena.h>

#include <map>

namespace bench::tbb_peer {

// An arena for `threads` threads, the caller's included. The first call lifts oneTBB's limit on its own threads, so
// that asking for more than the machine has measures what it says.
inline tbb::task_arena& arena(unsigned threads) {
  static tbb::global_control const limit(tbb::global_control::max_allowed_parallelism, 256);
  static std::map<unsigned, tbb::task_arena> arenas;
  auto [entry, is_new] = arenas.try_emplace(threads, static_cast<int>(threads));
  if (is_new) entry->second.initialize();
  return entry->second;
}

}  // namespace bench::tbb_peer
