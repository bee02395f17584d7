// The programs as plain calls: what the work costs without any task.
#include "fork_join.hpp"

namespace bench {

namespace {

struct Plain {
  struct Group {
    template <class F>
    void run(F const& fn) {
      fn();
    }
    void wait() {}
  };
  template <class F, class G>
  static void both(F const& first, G const& second) {
    first();
    second();
  }
  template <class F>
  static void enter(unsigned, F const& fn) {
    fn();
  }
};

}  // namespace

Peer serial_peer() { return {Contender::serial, "", ForkJoin<Plain>::programs(), {1}}; }

}  // namespace bench
