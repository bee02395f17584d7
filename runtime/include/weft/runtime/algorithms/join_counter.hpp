// The join counter of gather: who resumes a parent whose children end on several workers.
//
// The parent counts, in a plain variable of its own, the children that ended on its native stack. Only a child that was stolen or that
// suspended comes here. Such a child adds one; a parent that has nothing left to run subtracts the number that it still waits for. The
// counter starts at zero, so it is negative exactly while the parent sleeps, and the child that lifts it from -1 to 0 was the last: it
// resumes the parent. A parent whose subtraction finds that all have arrived does not sleep. When nothing was stolen and nothing
// suspended the counter is never touched.
//
// The parent must have suspended, as a coroutine, before it calls wait(): from then on another worker may resume it.
// Model-checked in tests/model/join_counter_test.cpp.
#pragma once

#include <cstdint>

#include <weft/runtime/platform/sync.hpp>

namespace weft::engine {

template <class Sync>
class BasicJoinCounter {
 public:
  // By a child, when its result is written: true when the caller must resume the parent. LIFETIME: after a false the join may be gone.
  bool arrive() noexcept {
    // ORDER(join-arrive): release publishes this child's result to whoever brings the counter to zero; acquire lets the last one, who
    // resumes the parent, see the results of all. Without either the parent reads an unwritten slot.
    return count_.fetch_add(1, std::memory_order_acq_rel) == -1;
  }

  // By the parent, when it has suspended: true when all `outstanding` children had already arrived and it must not sleep.
  bool wait(std::int64_t outstanding) noexcept {
    // ORDER(join-wait): acquire pairs with join-arrive for the children that came before; release publishes the parent's suspended frame
    // to the child that will resume it.
    return count_.fetch_sub(outstanding, std::memory_order_acq_rel) == outstanding;
  }

  // By the parent, before it suspends: true when all have arrived already, so that it need not suspend at all.
  bool all_arrived(std::int64_t outstanding) const noexcept {
    // ORDER(join-probe): acquire pairs with join-arrive. Without it the parent reads results that are not written yet.
    return count_.load(std::memory_order_acquire) == outstanding;
  }

 private:
  typename Sync::template atomic<std::int64_t> count_{0};
};

using JoinCounter = BasicJoinCounter<real_sync>;

}  // namespace weft::engine
