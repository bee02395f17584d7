// The ring of slots under the fork deque and the run queue, and the chain of its predecessors.
//
// A queue that grows copies into a new ring and keeps the old one: a thief may still be reading there. Each ring links to the one
// it replaced, and all are freed with the queue; together the old ones are smaller than the one in use. Header and slots are
// one block. Slots are atomics because a thief may read one while the owner overwrites it: the thief then fails to claim what it read.
//
// Memory is a parameter so that tests can make it run out.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>

#include <weft/runtime/platform/config.hpp>

namespace weft::engine {

struct RingMemory {
  // nullptr when there is none.
  static void* allocate(std::size_t bytes) noexcept { return ::operator new(bytes, std::nothrow); }
  static void release(void* block) noexcept { ::operator delete(block); }
};

template <class Sync, class Item, class Memory>
class SlotRing {
 public:
  using Slot = typename Sync::template atomic<Item>;

  // `capacity` is a power of two. nullptr when memory is out.
  static SlotRing* make(std::size_t capacity, SlotRing* older) noexcept {
    WEFT_CHECK(capacity >= 1 && (capacity & (capacity - 1)) == 0);
    void* const block = Memory::allocate(sizeof(SlotRing) + capacity * sizeof(Slot));
    if (block == nullptr) return nullptr;
    return ::new (block) SlotRing(capacity, older);
  }
  // The first ring of a queue.
  static SlotRing& make_first(std::size_t capacity) {
    SlotRing* const ring = make(capacity, nullptr);
    if (ring == nullptr) throw std::bad_alloc();
    return *ring;
  }
  static void destroy_all(SlotRing* ring) noexcept {
    while (ring != nullptr) {
      SlotRing* const older = ring->older_;
      std::destroy_n(ring->slots(), ring->mask_ + 1);
      ring->~SlotRing();
      Memory::release(ring);
      ring = older;
    }
  }

  std::uint64_t mask() const noexcept { return mask_; }
  Slot* slots() noexcept { return reinterpret_cast<Slot*>(reinterpret_cast<std::byte*>(this) + sizeof(SlotRing)); }
  Item read(std::uint64_t index) noexcept { return slots()[index & mask_].load(std::memory_order_relaxed); }
  void write(std::uint64_t index, Item item) noexcept { slots()[index & mask_].store(item, std::memory_order_relaxed); }

 private:
  static_assert(alignof(Slot) <= alignof(void*));

  SlotRing(std::size_t capacity, SlotRing* older) noexcept : mask_(capacity - 1), older_(older) {
    std::uninitialized_value_construct_n(slots(), capacity);
  }
  ~SlotRing() = default;

  std::uint64_t const mask_;
  SlotRing* const older_;
};

}  // namespace weft::engine
