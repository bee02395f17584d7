// The list of peers, and how a work takes them in.
#include "peers.hpp"

#include <algorithm>

namespace bench {

std::vector<Peer> const& all_peers() {
  static std::vector<Peer> const peers = [] {
    std::vector<Peer> list{serial_peer(), tbb_peer()};
#if WEFT_BENCH_OPENMP
    list.push_back(openmp_peer());
#endif
    list.push_back(std_async_peer());
    list.push_back(thread_pool_peer());
#if WEFT_BENCH_ASIO
    list.push_back(asio_pool_peer());
    list.push_back(asio_coroutines_peer());
#endif
    list.push_back(hardware_peer());
    return list;
  }();
  return peers;
}

std::uint64_t serial(std::string const& program, std::uint64_t size) { return all_peers().front().programs.at(program)(1, size); }

void Work::peers(std::string const& program, std::uint64_t size) {
  ask(program, size);
  for (Peer const& peer : all_peers()) {
    auto const found = peer.programs.find(program);
    if (found == peer.programs.end()) continue;
    auto const run = found->second;
    for (unsigned const threads : peer.only_threads.empty() ? plan_.threads : peer.only_threads) {
      add(peer.contender, threads, [run, threads, size] { return run(threads, size); });
    }
  }
}

}  // namespace bench
