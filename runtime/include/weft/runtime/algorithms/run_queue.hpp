// A worker's queue of ready tasks: first in, first out; other workers take half of it.
//
// A ring with one producer (the owner) and many consumers (the owner and thieves). Indexes are 64-bit and only go up, so they are
// never used twice and the compare-exchange on head_ cannot succeed on a value that has been away and come back.
//   push   stores the slot, then tail_ (release). Full: reads head_ again (acquire), or grows.
//   pop    reads the slot, then moves head_ by one compare-exchange.
//   steal  copies up to half of what is there (at most max_steal items) into the free slots behind the thief's own tail, moves the
//          victim's head_ past them by ONE compare-exchange, and only then moves its own tail_. Nothing is visible twice, nothing
//          can be lost: a failed exchange leaves copies in slots that nobody reads.
// Why a slot that is read before the exchange is right after it: the owner writes index i + capacity into the slot of i only
// after it has read head_ > i. If that happened before our read, head_ is past our expected value, for ever, and the exchange
// fails. If our own exchange is what the owner read, its acquire orders its store behind our release, and so behind our read.
// Growth: the owner copies into a ring twice as large; a consumer with the old ring reads the same items there, since
// retired rings are not written; they are freed with the queue.
//
// With `single_consumer` (a runtime of one worker) pop moves head_ by a plain store; steal_into must not be called then.
// Threads: push and pop are the owner's; steal_into(mine) is called by the owner of `mine`; hints are anybody's.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <new>
#include <type_traits>

#include <weft/runtime/algorithms/slot_ring.hpp>
#include <weft/runtime/platform/config.hpp>
#include <weft/runtime/platform/sync.hpp>

namespace weft::engine {

template <class Sync, class Item, class Memory = RingMemory>
class RunQueue {
  static_assert(std::is_trivially_copyable_v<Item> && sizeof(Item) == sizeof(void*), "Item{} stands for none");

  template <class T>
  using Atomic = typename Sync::template atomic<T>;
  template <class T>
  using Var = typename Sync::template var<T>;
  using Index = std::uint64_t;
  using Ring = SlotRing<Sync, Item, Memory>;

 public:
  static constexpr std::size_t default_capacity = 256;
  static constexpr std::size_t max_steal = 128;

  // `capacity` is a power of two.
  explicit RunQueue(bool single_consumer = false, std::size_t capacity = default_capacity)
      : RunQueue(single_consumer, Ring::make_first(capacity)) {}
  RunQueue(RunQueue const&) = delete;
  RunQueue& operator=(RunQueue const&) = delete;
  ~RunQueue() { Ring::destroy_all(ring_.load(std::memory_order_relaxed)); }

  // Owner. False if the ring is full and could not grow; the item is not in the queue then.
  WEFT_INLINE bool push(Item item) noexcept {
    Index const t = tail_.load(std::memory_order_relaxed);
    if (t == limit_.get()) [[unlikely]] {
      if (!make_room(1)) return false;
    }
    slots_.get()[t & mask_.get()].store(item, std::memory_order_relaxed);
    // ORDER(runq-tail): release; pairs with the acquire in steal_into(). Without it a thief reads an unwritten slot or item.
    tail_.store(t + 1, std::memory_order_release);
    return true;
  }

  // Owner. The oldest item, or Item{}.
  WEFT_INLINE Item pop() noexcept {
    Index const t = tail_.load(std::memory_order_relaxed);
    Index h = head_.load(std::memory_order_relaxed);
    while (h != t) {
      Item const item = slots_.get()[h & mask_.get()].load(std::memory_order_relaxed);
      if (single_consumer_) {
        head_.store(h + 1, std::memory_order_relaxed);
        return item;
      }
      // Slots and items are this thread's own writes: nothing to order. As a read-modify-write it continues the release
      // sequences of the steals before it.
      if (head_.compare_exchange_weak(h, h + 1, std::memory_order_relaxed, std::memory_order_relaxed)) [[likely]] return item;
    }
    return Item{};
  }

  // The owner of `mine` takes up to half of this queue, and no more than `most`: returns the oldest item, the rest goes behind mine's tail in order.
  // Item{} if this queue is empty. Never loses an item: it takes no more than mine has, or can get, room for.
  WEFT_NOINLINE Item steal_into(RunQueue& mine, std::size_t most = max_steal) noexcept {
    WEFT_ASSERT(!single_consumer_ && this != &mine);
    Index h = head_.load(std::memory_order_relaxed);
    for (;;) {
      // ORDER(runq-tail): acquire; pairs with the release in push() and steal_into(). Without it slot, ring or item are read unwritten.
      Index const t = tail_.load(std::memory_order_acquire);
      // A tail older than the head that we have read: somebody else emptied the queue meanwhile.
      std::int64_t const there = static_cast<std::int64_t>(t - h);
      if (there <= 0) return Item{};
      Index n = std::min<Index>((static_cast<Index>(there) + 1) / 2, most);
      n = std::min<Index>(n, mine.room_for(n - 1) + 1);
      // ORDER(runq-grow): acquire; pairs with the release in adopt(). Without it slots of the new ring are read uncopied.
      Ring& ring = *ring_.load(std::memory_order_acquire);
      Item const first = ring.read(h);
      Index const my_tail = mine.tail_.load(std::memory_order_relaxed);
      for (Index i = 1; i < n; ++i) {
        mine.slots_.get()[(my_tail + i - 1) & mine.mask_.get()].store(ring.read(h + i), std::memory_order_relaxed);
      }
      // ORDER(runq-reuse): release; pairs with the acquire in make_room(). Without it the owner's next item in one of these slots
      // may be what we just read.
      if (!head_.compare_exchange_strong(h, h + n, std::memory_order_release, std::memory_order_relaxed)) continue;
      // ORDER(runq-tail): release; hands on what our acquire has seen, to the thieves of `mine`.
      if (n > 1) mine.tail_.store(my_tail + n - 1, std::memory_order_release);
      return first;
    }
  }

  // The numbers of the oldest item and of the next to be pushed. Two glances that are equal have seen the same items wait.
  struct Glance {
    std::uint64_t oldest = 0, next = 0;
    std::size_t size() const noexcept {
      auto const n = static_cast<std::int64_t>(next - oldest);
      return n > 0 ? static_cast<std::size_t>(n) : 0;
    }
    friend bool operator==(Glance const&, Glance const&) = default;
  };
  Glance glance() const noexcept {
    Index const oldest = head_.load(std::memory_order_relaxed);
    return {oldest, tail_.load(std::memory_order_relaxed)};
  }
  std::size_t size_hint() const noexcept { return glance().size(); }
  // After a heavy fence it sees all that was pushed before the owner's last light fence.
  bool looks_empty() const noexcept { return size_hint() == 0; }

 private:
  RunQueue(bool single_consumer, Ring& ring) noexcept
      : limit_(ring.mask() + 1), slots_(ring.slots()), mask_(ring.mask()), ring_(&ring), single_consumer_(single_consumer) {}

  // Owner. How many of `wanted` items can be stored behind the tail: grows if need be.
  Index room_for(Index wanted) noexcept {
    while (limit_.get() - tail_.load(std::memory_order_relaxed) < wanted && make_room(wanted)) {
    }
    return std::min(wanted, limit_.get() - tail_.load(std::memory_order_relaxed));
  }

  // Owner. Looks at head_ again, and grows if three quarters are in use. False if fewer than `wanted` slots are free and memory is out.
  WEFT_COLD bool make_room(Index wanted) noexcept {
    Index const t = tail_.load(std::memory_order_relaxed);
    // ORDER(runq-reuse): acquire; pairs with the release in steal_into(). Without it our store into a freed slot could be what
    // the thief read before it freed the slot.
    Index const h = head_.load(std::memory_order_acquire);
    Index const capacity = mask_.get() + 1;
    Index const used = t - h;
    limit_.set(h + capacity);
    if (used < capacity - capacity / 4 && capacity - used >= wanted) return true;
    Ring* const old = ring_.load(std::memory_order_relaxed);
    Ring* const ring = Ring::make(static_cast<std::size_t>(capacity) * 2, old);
    if (ring == nullptr) return capacity - used >= wanted;
    for (Index i = h; i != t; ++i) ring->write(i, old->read(i));
    adopt(ring, h);
    return true;
  }

  void adopt(Ring* ring, Index head) noexcept {
    slots_.set(ring->slots());
    mask_.set(ring->mask());
    limit_.set(head + ring->mask() + 1);
    // ORDER(runq-grow): release; pairs with the acquire in steal_into(). Without it a thief reads slots not yet copied.
    ring_.store(ring, std::memory_order_release);
  }

  // INVARIANT: written by the owner only. tail_ and ring_ are read by thieves, the others by nobody else.
  alignas(cache_line) Atomic<Index> tail_{0};
  Var<Index> limit_;  // the tail at which the ring may be full: the last head that the owner has seen + capacity
  Var<Atomic<Item>*> slots_;
  Var<Index> mask_;
  Atomic<Ring*> ring_;
  bool const single_consumer_;

  // INVARIANT: moved by every consumer, only up.
  alignas(cache_line) Atomic<Index> head_{0};
};

}  // namespace weft::engine
