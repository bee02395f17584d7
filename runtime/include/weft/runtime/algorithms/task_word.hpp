// The word of a cancellation scope: requests, their count, and the end, decided in one atomic.
//
//     63      35    34       33     32    31             0
//     +---------+----------+------+------+---------------+
//     |  count  | annulled |  1   | done |     epoch     |
//     +---------+----------+------+------+---------------+
//
//   epoch     rises with every request that reaches the scope. Each part of a task remembers the epoch that it has seen; a request is
//             pending for a part while the two differ, so each part sees each request once (asyncio's edge-triggered delivery).
//   count     asyncio's Task.cancelling(): raised by cancel(), lowered by uncancel().
//   annulled  set when uncancel() brings the count to zero before delivery: what is pending is void (CPython 3.13). The next request
//             clears it.
//   done      the task has ended. No request after it; no end while a request is pending (then the task ends cancelled instead).
//   1         stands where a part's flags say "part" when the upper half is compared with them (ExecutionState), so that a gather sees with one
//             comparison that neither the word nor the part has changed.
//
// Epoch, count and done must change together: a cancel() that returned true either is seen by the coroutine, or makes the task end
// cancelled, or was annulled; it is never lost. Model-checked in tests/model/task_word_test.cpp.
#pragma once

#include <cstdint>

#include <weft/runtime/platform/sync.hpp>

namespace weft::engine {

template <class Sync>
class BasicTaskWord {
  static constexpr std::uint64_t epoch_mask = 0xffff'ffff, done_bit = std::uint64_t{1} << 32, part_bit = done_bit << 1;
  static constexpr std::uint64_t annulled_bit = done_bit << 2, count_unit = done_bit << 3, count_mask = ~(count_unit - 1);

 public:
  // The upper half of a word of which nothing has been asked yet, or nothing that counts.
  static constexpr std::uint32_t quiet_half = static_cast<std::uint32_t>(part_bit >> 32);

  // A request: false, and nothing changes, when the task is done. `counted` is false for one that only passes through from an outer scope.
  bool cancel(bool counted = true) noexcept {
    std::uint64_t old = word_.load(std::memory_order_relaxed);
    for (;;) {
      if (old & done_bit) return false;
      std::uint64_t next = (old & ~(annulled_bit | epoch_mask)) | ((old + 1) & epoch_mask);
      if (counted && (old & count_mask) != count_mask) next += count_unit;
      // ORDER(task-cancel): release publishes what the canceller did before to the part that sees the epoch.
      if (word_.compare_exchange_weak(old, next, std::memory_order_release, std::memory_order_relaxed)) return true;
    }
  }

  // Lowers the count, not below zero, and returns it; at zero whatever is pending is void.
  std::uint32_t uncancel() noexcept {
    std::uint64_t old = word_.load(std::memory_order_relaxed);
    for (;;) {
      if ((old & count_mask) == 0) return 0;
      std::uint64_t next = old - count_unit;
      if ((next & count_mask) == 0) next |= annulled_bit;
      if (word_.compare_exchange_weak(old, next, std::memory_order_relaxed, std::memory_order_relaxed))
        return static_cast<std::uint32_t>((next & count_mask) / count_unit);
    }
  }

  // Whatever is pending is void: the count of a task and its blocks together has come to zero.
  void annul() noexcept { word_.fetch_or(annulled_bit, std::memory_order_relaxed); }

  // The end by returning: false, and nothing changes, when a request is pending for a part that has seen `seen`.
  bool try_finish(std::uint32_t seen) noexcept {
    std::uint64_t old = word_.load(std::memory_order_relaxed);
    do {
      if (is_pending(old, seen)) return false;
      // ORDER(task-done): release publishes the outcome; pairs with the acquire in done().
    } while (!word_.compare_exchange_weak(old, old | done_bit, std::memory_order_release, std::memory_order_relaxed));
    return true;
  }

  // The end by an exception or cancelled: requests are void from here on.
  void finish() noexcept {
    // ORDER(task-done): as in try_finish.
    word_.fetch_or(done_bit, std::memory_order_release);
  }

  bool done() const noexcept {
    // ORDER(task-done): acquire; pairs with the release in try_finish() and finish(). Without it a reader sees done before the outcome.
    return (word_.load(std::memory_order_acquire) & done_bit) != 0;
  }

  std::uint32_t cancelling() const noexcept {
    return static_cast<std::uint32_t>((word_.load(std::memory_order_relaxed) & count_mask) / count_unit);
  }

  std::uint32_t epoch() const noexcept {
    // ORDER(task-cancel): acquire; pairs with the release in cancel(): what happened before the request happens before its delivery.
    return static_cast<std::uint32_t>(word_.load(std::memory_order_acquire));
  }

  // The check at every gather: `mark` has the part's flags in its upper half and what it has seen in the lower. When it finds a difference
  // that may be of no importance: ask pending().
  WEFT_INLINE bool undisturbed(std::uint64_t mark) const noexcept { return word_.load(std::memory_order_relaxed) == mark; }

  // The check at every await that may suspend: a load and a compare.
  WEFT_INLINE bool changed_since(std::uint32_t seen) const noexcept {
    return static_cast<std::uint32_t>(word_.load(std::memory_order_relaxed)) != seen;
  }

  bool pending(std::uint32_t seen) const noexcept {
    // ORDER(task-cancel): acquire; as in epoch().
    return is_pending(word_.load(std::memory_order_acquire), seen);
  }

 private:
  static bool is_pending(std::uint64_t word, std::uint32_t seen) noexcept {
    return static_cast<std::uint32_t>(word) != seen && (word & annulled_bit) == 0;
  }

  typename Sync::template atomic<std::uint64_t> word_{part_bit};
};

using TaskWord = BasicTaskWord<real_sync>;

}  // namespace weft::engine
