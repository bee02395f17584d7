// oneTBB: parallel_invoke where there are two children, task_group where there are more. One arena per thread count, made once and kept,
// as weft's runtimes are.
#include "fork_join.hpp"

#include <oneapi/tbb/global_control.h>
#include <oneapi/tbb/parallel_invoke.h>
#include <oneapi/tbb/task_arena.h>
#include <oneapi/tbb/task_group.h>
#include <oneapi/tbb/version.h>

namespace bench {

namespace {

// The first call lifts oneTBB's limit on its own threads, so that asking for more than the machine has measures what it says.
tbb::task_arena& arena(unsigned threads) {
  static tbb::global_control const limit(tbb::global_control::max_allowed_parallelism, 256);
  static std::map<unsigned, tbb::task_arena> arenas;
  auto [entry, is_new] = arenas.try_emplace(threads, static_cast<int>(threads));
  if (is_new) entry->second.initialize();
  return entry->second;
}

struct Tbb {
  class Group {
   public:
    template <class F>
    void run(F fn) {
      tasks_.run(std::move(fn));
    }
    void wait() { tasks_.wait(); }

   private:
    tbb::task_group tasks_;
  };
  template <class F, class G>
  static void both(F const& first, G const& second) {
    tbb::parallel_invoke(first, second);
  }
  template <class F>
  static void enter(unsigned threads, F const& fn) {
    arena(threads).execute(fn);
  }
};

}  // namespace

Peer tbb_peer() {
  Peer peer{Contender::tbb, TBB_runtime_version(), ForkJoin<Tbb>::programs(), {}};
  peer.programs.merge(Spawning<Tbb>::programs());
  return peer;
}

}  // namespace bench
