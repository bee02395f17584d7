// std::async(std::launch::async): a thread for each task, so nothing recursive. It has no number of threads; it is shown with 1.
#include "fork_join.hpp"

#include <future>

namespace bench {

namespace {

struct StdAsync {
  class Group {
   public:
    template <class F>
    void run(F fn) {
      futures_.push_back(std::async(std::launch::async, std::move(fn)));
    }
    void wait() {
      for (std::future<void>& future : futures_) future.get();
      futures_.clear();
    }

   private:
    std::vector<std::future<void>> futures_;
  };
  template <class F>
  static void enter(unsigned, F const& fn) {
    fn();
  }
};

}  // namespace

Peer std_async_peer() { return {Contender::std_async, "", {{"spawn_await", Spawning<StdAsync>::spawn_await}}, {1}}; }

}  // namespace bench
