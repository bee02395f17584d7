// Pending timers: a hierarchical timing wheel, O(1) to set and to cancel.
//
// Varghese and Lauck, "Hashed and Hierarchical Timing Wheels" (SOSP 1987). Eleven levels of 64 slots, six bits of the tick each,
// so every 64-bit time has a place and there is no overflow list. A node goes to the level of the highest bit group in which its
// tick differs from `elapsed`, the tick up to which everything has been taken out. When time enters a slot of a higher level,
// the slot's nodes cascade: they are hashed again, into lower levels, in order. A bitmap per level finds the next occupied slot.
//
// A tick is 2^granularity_shift nanoseconds. 0 makes the wheel exact, for the virtual clock; 12 (about 4 us) saves cascades where
// a finer answer is worth nothing. A timer is never early: its expiry is rounded up to a tick, the time of day down.
//
// Order: nodes come out by tick, and within one tick in the order of insertion. That holds through cascades because a slot keeps its
// order and is emptied before a later insertion can be hashed below it; nodes that were already due when they were inserted
// are sorted in among those that are due with them. So with shift 0 the order is that of asyncio's heap, and ties are first
// in, first out.
//
// Not synchronised: each wheel has a lock that its owner names. Nodes live in awaiters and are not owned; one must be erased or
// have come out before it is destroyed. advance() takes a budget, so that a lock need not be held while a million nodes cascade.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <limits>

#include <weft/runtime/algorithms/intrusive_list.hpp>
#include <weft/runtime/platform/config.hpp>

namespace weft::engine {

struct TimerTag;

// Derive from it, or make it a member of what waits. `user` is the owner's, untouched by the wheel.
class TimerNode : public ListHook<TimerTag> {
 public:
  explicit constexpr TimerNode(std::uint32_t user_word = 0) noexcept : user(user_word) {}

  // Nanoseconds of the wheel's clock, as inserted.
  std::int64_t expiry() const noexcept { return expiry_; }
  // In a wheel: inserted, not erased, and not come out yet.
  bool pending() const noexcept { return place_ != outside; }

  std::uint32_t user;

 private:
  friend class TimerWheel;
  static constexpr std::uint16_t outside = 0xffff;

  std::uint16_t place_ = outside;  // the list that it was hashed to; stale but harmless once that list was spliced away
  std::int64_t expiry_ = 0;
};

using TimerList = IntrusiveList<TimerNode, TimerTag>;

class TimerWheel {
 public:
  static constexpr std::int64_t never = std::numeric_limits<std::int64_t>::max();
  static constexpr std::size_t unlimited = std::numeric_limits<std::size_t>::max();

  explicit TimerWheel(unsigned granularity_shift = 0) noexcept : shift_(granularity_shift) {}
  TimerWheel(TimerWheel const&) = delete;
  TimerWheel& operator=(TimerWheel const&) = delete;

  std::size_t size() const noexcept { return size_; }
  bool empty() const noexcept { return size_ == 0; }

  // Any expiry is good: one in the past is due at the next advance(). Negative is as 0. `never` is the last moment of the clock; with
  // a granularity no call reaches it.
  void insert(TimerNode& node, std::int64_t expiry) noexcept {
    WEFT_ASSERT(!node.pending() && !node.linked());
    node.expiry_ = expiry;
    if (size_ == 0 || expiry < least_) least_ = expiry;
    ++size_;
    place(node);
  }

  // False when the node was not in the wheel (it has come out, or was never in).
  bool erase(TimerNode& node) noexcept {
    if (!node.pending()) return false;
    std::size_t const at = node.place_;
    node.unlink();
    node.place_ = TimerNode::outside;
    --size_;
    if (node.expiry_ == least_) least_ = unknown;
    // Without a branch for the two lists that have no bit: their "level" is a spare word.
    if (lists_[at].empty()) occupied_[at / slots] &= ~(std::uint64_t{1} << (at % slots));
    return true;
  }

  // A time before which advance() has nothing to do: at the latest the moment at which the first timer comes out, often
  // exactly that, but when the first is far away the start of its slot. It moves forward when advance() is called at that
  // time, at most once per level. `never` when the wheel is empty. O(1).
  std::int64_t next_expiry() const noexcept {
    if (size_ == 0) return never;
    if (!lists_[due].empty() || !lists_[cascading].empty()) return time_of(elapsed_);
    return time_of(first_slot().start);
  }

  // The time at which advance() will give out the first timer, exactly: its expiry, rounded up to a tick, or the time
  // of the last advance() when it was late already.
  // Looks through one slot when the answer is not known from before; that slot's nodes are looked at again only after
  // the first of them was erased, or has come out.
  std::int64_t next_expiry_exact() noexcept {
    if (size_ == 0) return never;
    if (least_ == unknown) least_ = find_least();
    return time_of(std::max(tick_of(least_), elapsed_));
  }

  // Moves every timer that is due at `now` behind `expired`, in order. At most `budget` nodes are moved, out of the wheel or within
  // it; true if the budget ended it, and then another call has more to do. `now` that goes back is as if it stood still.
  bool advance(std::int64_t now, TimerList& expired, std::size_t budget = unlimited) noexcept {
    std::uint64_t const target = now <= 0 ? 0 : static_cast<std::uint64_t>(now) >> shift_;
    for (;;) {
      while (TimerNode* const node = lists_[cascading].front()) {
        if (budget-- == 0) return true;
        node->unlink();
        hash(*node, tick_of(node->expiry_));
      }
      if (due_unsorted_) sort_due();
      while (TimerNode* const node = lists_[due].front()) {
        if (budget-- == 0) return true;
        if (node->expiry_ == least_) least_ = unknown;
        node->unlink();
        node->place_ = TimerNode::outside;
        --size_;
        expired.push_back(*node);
      }
      if (target <= elapsed_) return false;
      if (size_ == 0) {
        elapsed_ = target;
        return false;
      }
      Slot const slot = first_slot();
      if (slot.start > target) {
        elapsed_ = target;
        return false;
      }
      occupied_[slot.list / slots] &= ~(std::uint64_t{1} << (slot.list % slots));
      TimerNode& first = *lists_[slot.list].front();
      if (slot.list >= slots && lists_[slot.list].next(first) == nullptr) {
        // Alone in the first slot it is before all others, so it need not go down level by level.
        std::uint64_t const tick = tick_of(first.expiry_);
        first.unlink();
        elapsed_ = std::min(tick, target);
        hash(first, tick);
        continue;
      }
      elapsed_ = slot.start;
      if (slot.list < slots) {
        lists_[due].splice_back(lists_[slot.list]);
        due_latest_ = slot.start;
      } else {
        cascade_shift_ = static_cast<unsigned>(slot.list / slots) * bits;
        lists_[cascading].splice_back(lists_[slot.list]);
      }
    }
  }

 private:
  static constexpr unsigned bits = 6;
  static constexpr std::size_t slots = std::size_t{1} << bits;
  static constexpr std::size_t levels = (64 + bits - 1) / bits;
  // Two lists that are no slots: what came due, and what is left of a slot that is being cascaded. The bitmap word that their
  // places name is their own, and nobody reads it.
  static constexpr std::size_t due = levels * slots;
  static constexpr std::size_t cascading = due + 1;
  // Says that `least_` has to be looked up. No timer that is pending in a slot expires before the clock's zero.
  static constexpr std::int64_t unknown = std::numeric_limits<std::int64_t>::min();

  struct Slot {
    std::size_t list;
    std::uint64_t start;  // tick
  };

  std::uint64_t tick_of(std::int64_t expiry) const noexcept {
    if (expiry <= 0) return 0;
    return (static_cast<std::uint64_t>(expiry) + ((std::uint64_t{1} << shift_) - 1)) >> shift_;
  }
  std::int64_t time_of(std::uint64_t tick) const noexcept {
    if (tick > static_cast<std::uint64_t>(never) >> shift_) return never;
    return static_cast<std::int64_t>(tick << shift_);
  }

  void place(TimerNode& node) noexcept {
    std::uint64_t const tick = tick_of(node.expiry_);
    // While a slot is being cascaded, newcomers to its span, and late ones, queue behind what is still in it.
    if (!lists_[cascading].empty() && (tick <= elapsed_ || (tick ^ elapsed_) >> cascade_shift_ == 0)) [[unlikely]] {
      node.place_ = cascading;
      lists_[cascading].push_back(node);
      return;
    }
    hash(node, tick);
  }

  void hash(TimerNode& node, std::uint64_t tick) noexcept {
    if (tick <= elapsed_) [[unlikely]] {
      node.place_ = due;
      if (lists_[due].empty() || tick >= due_latest_) due_latest_ = tick;
      else due_unsorted_ = true;
      lists_[due].push_back(node);
      return;
    }
    unsigned const level = (static_cast<unsigned>(std::bit_width(tick ^ elapsed_)) - 1) / bits;
    std::size_t const slot = (tick >> (level * bits)) % slots;
    std::size_t const at = level * slots + slot;
    node.place_ = static_cast<std::uint16_t>(at);
    lists_[at].push_back(node);
    occupied_[level] |= std::uint64_t{1} << slot;
  }

  // The occupied slot that time enters next. Every occupied slot is ahead of `elapsed_` within its level, and lower levels
  // come before higher ones. There must be one.
  Slot first_slot() const noexcept {
    std::size_t level = 0;
    while (occupied_[level] == 0) ++level;
    WEFT_ASSERT(level < levels);
    auto const slot = static_cast<std::size_t>(std::countr_zero(occupied_[level]));
    unsigned const low = static_cast<unsigned>(level) * bits;
    std::uint64_t const above = low + bits >= 64 ? 0 : elapsed_ >> (low + bits) << (low + bits);
    return {level * slots + slot, above | static_cast<std::uint64_t>(slot) << low};
  }

  static std::int64_t least_of(TimerList const& list, std::int64_t least) noexcept {
    for (TimerNode const* node = list.front(); node != nullptr; node = list.next(*node))
      if (node->expiry_ < least) least = node->expiry_;
    return least;
  }
  std::int64_t find_least() const noexcept {
    std::int64_t const least = least_of(lists_[cascading], least_of(lists_[due], never));
    bool occupied = false;
    for (std::size_t level = 0; level < levels; ++level) occupied = occupied || occupied_[level] != 0;
    return occupied ? least_of(lists_[first_slot().list], least) : least;
  }

  // A stable merge sort by tick, without memory: run i holds 2^i nodes.
  void sort_due() noexcept {
    std::array<TimerList, 48> runs;
    std::size_t used = 0;
    while (TimerNode* const node = lists_[due].pop_front()) {
      TimerList carry;
      carry.push_back(*node);
      std::size_t i = 0;
      for (; i < used && !runs[i].empty(); ++i) merge_into(runs[i], carry);
      if (i == used) ++used;
      runs[i].splice_back(carry);
    }
    for (std::size_t i = 0; i < used; ++i) merge_into(runs[i], lists_[due]);
    due_unsorted_ = false;
  }
  // later = merge(earlier, later), equal elements of `earlier` first.
  void merge_into(TimerList& earlier, TimerList& later) const noexcept {
    TimerList merged;
    while (!earlier.empty() && !later.empty()) {
      TimerList& from = tick_of(later.front()->expiry_) < tick_of(earlier.front()->expiry_) ? later : earlier;
      merged.push_back(*from.pop_front());
    }
    merged.splice_back(earlier);
    merged.splice_back(later);
    later.splice_back(merged);
  }

  // INVARIANT: the least expiry of all that is in the wheel, or `unknown`. `never` in an empty wheel.
  std::int64_t least_ = never;
  std::uint64_t elapsed_ = 0;  // INVARIANT: no slot holds a tick at or before it
  std::size_t size_ = 0;
  unsigned const shift_;
  unsigned cascade_shift_ = 0;  // the level that `cascading` comes from, as a shift
  // INVARIANT: `due` is in order of ticks unless the flag says otherwise, and none in it is later than this.
  std::uint64_t due_latest_ = 0;
  bool due_unsorted_ = false;
  std::array<std::uint64_t, levels + 1> occupied_{};
  std::array<TimerList, levels * slots + 2> lists_;
};

}  // namespace weft::engine
