// What stands around an algorithm in the engine, in a form that costs the search little.
//
// Handoff: the run queue that takes a coroutine from the one who makes it ready to the one who resumes it; release, acquire.
// Mutex: a lock that is not itself under test. It blocks where a spin lock would spin, and only its lock() is a scheduling point.
#pragma once

#include "model/checker/program.hpp"
#include "model/checker/sync.hpp"

namespace weft::model {

class Mutex {
 public:
  Mutex(Site at = Site::current()) {
    id_ = engine().add_atomic(this, 0, at);
    generation_ = engine().generation();
  }
  ~Mutex() {
    if (engine().inside()) engine().remove_atomic(id_, generation_);
  }
  Mutex(Mutex const&) = delete;
  Mutex& operator=(Mutex const&) = delete;

  void lock(Site at = Site::current()) {
    if (!engine().alive(id_, generation_)) engine().lifeless(this, generation_, at);
    engine().mutex_lock(id_, at);
  }
  void unlock(Site at = Site::current()) {
    if (!engine().alive(id_, generation_)) engine().lifeless(this, generation_, at);
    engine().mutex_unlock(id_, at);
  }

 private:
  std::uint32_t id_ = 0;
  std::uint32_t generation_ = 0;
};

class Handoff {
 public:
  // A second give() before the take() is an error: a coroutine was made ready twice.
  void give(std::uint32_t reason) {
    require(word_.exchange(reason, std::memory_order_acq_rel) == 0, "made ready twice");
  }
  std::uint32_t take() {
    for (;;) {
      std::uint32_t const reason = word_.load(std::memory_order_acquire);
      if (reason != 0) {
        word_.store(0, std::memory_order_relaxed);
        return reason;
      }
      model_sync::yield();
    }
  }

 private:
  model_sync::atomic<std::uint32_t> word_{0};
};

}  // namespace weft::model
