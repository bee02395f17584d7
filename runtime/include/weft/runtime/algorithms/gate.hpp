// The gate through which foreign threads enter a scheduler: who is inside, and whether newcomers are still let in.
//
// A foreign thread that touches the scheduler (submits work, wakes a task, asks for metrics) is counted while it is inside. Closing the gate
// and then waiting until nobody is inside leaves the one who closed it alone: whatever was submitted before is visible, and nothing
// comes after. A wake-up of a task that still lives passes a closed gate, since ending the task needs it; it is counted all the same, so that
// the scheduler is not destroyed under the thread that woke its last task.
#pragma once

#include <cstdint>

#include <weft/runtime/platform/sync.hpp>

namespace weft::engine {

template <class Sync>
class BasicGate {
  //     63       32 31        1      0
  //     | arrivals | visitors | closed |
  static constexpr std::uint64_t closed_bit = 1, visitor = 2, arrival = std::uint64_t{1} << 32;
  static constexpr std::uint64_t visitors_mask = arrival - visitor;

 public:
  // False, and not counted, when the gate is closed.
  bool try_enter() noexcept {
    // ORDER(gate): acquire; pairs with the release in close(): who is refused sees that the runtime ends.
    if ((state_.fetch_add(arrival + visitor, std::memory_order_acquire) & closed_bit) == 0) return true;
    leave();
    return false;
  }
  void enter() noexcept { state_.fetch_add(arrival + visitor, std::memory_order_relaxed); }
  // LIFETIME: the scheduler may be gone afterwards.
  void leave() noexcept {
    // ORDER(gate): release; pairs with the acquire in wait_empty(): what the visitor did happens before the scheduler's end.
    state_.fetch_sub(visitor, std::memory_order_release);
  }
  // Changes with everyone who enters; `quiet` tells whether nobody is inside. For whoever must know that nothing came between two looks.
  struct Look {
    std::uint32_t arrivals;
    bool quiet;
    friend bool operator==(Look const&, Look const&) noexcept = default;
  };
  Look look() const noexcept {
    // ORDER(gate): acquire; pairs with leave(): what a visitor who has left pushed is visible to the looks that follow.
    std::uint64_t const state = state_.load(std::memory_order_acquire);
    return {static_cast<std::uint32_t>(state >> 32), (state & visitors_mask) == 0};
  }
  void close() noexcept {
    // ORDER(gate): acq_rel; as in try_enter() and leave().
    state_.fetch_or(closed_bit, std::memory_order_acq_rel);
  }
  bool closed() const noexcept { return (state_.load(std::memory_order_relaxed) & closed_bit) != 0; }
  void wait_empty() const noexcept {
    // ORDER(gate): acquire; pairs with leave().
    while ((state_.load(std::memory_order_acquire) & visitors_mask) != 0) Sync::yield();
  }

 private:
  typename Sync::template atomic<std::uint64_t> state_{0};
};

using Gate = BasicGate<real_sync>;

}  // namespace weft::engine
