// OpenMP tasks: a `task` for each child, the last of two called directly, and a `taskwait`. Each call opens a parallel region, whose team the
// run-time library keeps.
#include "peers.hpp"

#if WEFT_BENCH_OPENMP

#include "fork_join.hpp"

namespace bench {

namespace {

struct OpenMp {
  struct Group {
    template <class F>
    void run(F fn) {
#pragma omp task firstprivate(fn)
      fn();
    }
    void wait() {
#pragma omp taskwait
    }
  };
  template <class F, class G>
  static void both(F const& first, G const& second) {
    F const* const pointer = &first;
#pragma omp task firstprivate(pointer)
    (*pointer)();
    second();
#pragma omp taskwait
  }
  template <class F>
  static void enter(unsigned threads, F const& fn) {
#pragma omp parallel num_threads(threads)
#pragma omp single
    fn();
  }
};

}  // namespace

Peer openmp_peer() {
#ifdef __clang__
  std::string const version = "libomp, specification " + std::to_string(_OPENMP);
#else
  std::string const version = "libgomp, specification " + std::to_string(_OPENMP);
#endif
  Peer peer{Contender::openmp, version, ForkJoin<OpenMp>::programs(), {}};
  peer.programs.merge(Spawning<OpenMp>::programs());
  return peer;
}

}  // namespace bench

#endif
