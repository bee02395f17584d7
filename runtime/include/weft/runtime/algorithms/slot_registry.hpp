// Who is alive: a registry that its members enter and leave without a lock and without an atomic read-modify-write.
//
// Every owner (a worker) has slots of its own, in chunks that never move. Entering stores the item into a free slot of the entering owner, leaving
// stores null: two plain stores. A slot that was left by its owner goes onto the owner's free list, by anybody else onto a stack (one
// compare-exchange; only items that ended away from home pay it) that the owner takes as a whole when its list is empty.
//
// VISITORS are rare (all_tasks, the rounds at the end of a run, the task tree). An item may not be destroyed while a visitor looks at it, and a
// member that leaves must not pay for visitors that are not there: the asymmetric Dekker protocol of the parkers. A visitor raises `visiting_`,
// makes the heavy half of the fence, and reads slots; a leaver clears its slot, makes the light half, and reads `visiting_`. So either the
// visitor finds the slot empty, or the leaver finds the visitor and waits until its window of slots is over. Whoever leave() has returned to may destroy the
// item, and sees every reference that a visitor has taken.
//
// COUNTING: each owner counts who entered with it and who left through it; count() is exact when it is zero, see there.
//
// Threads: reserve() and enter() by the owner, or under a lock of the caller's for owners that are no thread; leave() and give_back() by anybody, with
// an owner of its own as `by`. Model-checked in tests/model/slot_registry_test.cpp.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>

#include <weft/runtime/algorithms/spin_lock.hpp>
#include <weft/runtime/platform/config.hpp>
#include <weft/runtime/platform/sync.hpp>

namespace weft::engine {

template <class Sync, class Item>
class SlotRegistry {
  template <class T>
  using Atomic = typename Sync::template atomic<T>;
  template <class T>
  using Var = typename Sync::template var<T>;

  struct Chunk;

 public:
  class Slot {
    friend SlotRegistry;
    Atomic<Item*> item_{nullptr};
    // INVARIANT: on the owner's free list the owner's, on the stack written by the one who pushes and read by the owner.
    Var<Slot*> next_{nullptr};
  };
  // Where a visitor is.
  class Cursor {
    friend SlotRegistry;
    unsigned owner_ = 0;
    Chunk* chunk_ = nullptr;
    std::size_t index_ = 0;
  };

  // The first chunk of an owner; every other is twice as large as the one before, up to `largest_chunk`.
  static constexpr std::size_t first_chunk = Sync::modelled ? 1 : 64;
  static constexpr std::size_t largest_chunk = 4096;
  // Slots that a visitor looks at in one go: how long a leaver may have to wait for it.
  static constexpr std::size_t window = Sync::modelled ? 1 : 1024;

  explicit SlotRegistry(unsigned owners) : owners_(owners), homes_(std::make_unique<Home[]>(owners)) {}
  SlotRegistry(SlotRegistry const&) = delete;
  SlotRegistry& operator=(SlotRegistry const&) = delete;
  ~SlotRegistry() {
    for (unsigned i = 0; i < owners_; ++i) {
      for (Chunk* chunk = homes_[i].first.load(std::memory_order_relaxed); chunk != nullptr;) {
        Chunk* const next = chunk->next.load(std::memory_order_relaxed);
        delete chunk;
        chunk = next;
      }
    }
  }

  // A slot for enter(), or to be given back. Throws std::bad_alloc.
  WEFT_INLINE Slot& reserve(unsigned owner) {
    Home& home = homes_[owner];
    Slot* const slot = home.free.get();
    if (slot == nullptr) [[unlikely]] return reserve_slow(home);
    home.free.set(slot->next_.get());
    return *slot;
  }

  WEFT_INLINE void enter(unsigned owner, Slot& slot, Item& item) noexcept {
    bump(homes_[owner].entered);
    // ORDER(registry-item): release; pairs with the acquire in visit(). Without it a visitor reads an unwritten item.
    slot.item_.store(&item, std::memory_order_release);
  }

  // The item leaves the slot that `owner` reserved. When this returns no visitor looks at the item any more.
  WEFT_INLINE void leave(unsigned by, unsigned owner, Slot& slot) noexcept {
    slot.item_.store(nullptr, std::memory_order_relaxed);
    // ORDER(registry): light side; pairs with the heavy fence in visit(). Without it the visitor finds the item and we do not find the visitor.
    Sync::fence_light();
    // ORDER(registry-visit): acquire; pairs with the release at the end of visit(): we see the references that the visitor has taken.
    if (visiting_.load(std::memory_order_acquire) != 0) [[unlikely]] wait_for_visitor();
    give_back(by, owner, slot);
    bump(homes_[by].left);
  }

  // A slot that nothing has entered, or that has been left.
  WEFT_INLINE void give_back(unsigned by, unsigned owner, Slot& slot) noexcept {
    Home& home = homes_[owner];
    if (by == owner) [[likely]] {
      slot.next_.set(home.free.get());
      home.free.set(&slot);
    } else {
      push_from_elsewhere(home, slot);
    }
  }

  // Calls look(item) for what it finds in the next slots, and moves the cursor; false when there are no slots left. What look() does must be short,
  // since whoever wants to leave waits for it. Items that enter or leave meanwhile may be missed.
  template <class Look>
  bool visit(Cursor& cursor, Look&& look) {
    visitors_.lock();
    visiting_.store(1, std::memory_order_relaxed);
    // ORDER(registry): heavy side; pairs with the light fence in leave().
    Sync::fence_heavy();
    std::size_t left = window;
    bool more = true;
    while (left != 0 && (more = settle(cursor))) {
      // ORDER(registry-item): acquire; pairs with the release in enter().
      if (Item* const item = cursor.chunk_->slots[cursor.index_].item_.load(std::memory_order_acquire)) look(*item);
      ++cursor.index_;
      --left;
    }
    // ORDER(registry-visit): release; pairs with the acquire in leave().
    visiting_.store(0, std::memory_order_release);
    visitors_.unlock();
    return more;
  }

  // Items that have entered and not left. Zero is exact: at some moment during the call nobody was in. Other numbers are a hint.
  std::uint64_t count() const noexcept {
    // Those that left are read first. An item that is counted as left is then also counted as entered, so the difference can be too large, never too small.
    std::uint64_t left = 0, entered = 0;
    for (unsigned i = 0; i < owners_; ++i) {
      // ORDER(registry-count): acquire; pairs with the release in bump(): who sees a leave sees the enter that came before.
      left += homes_[i].left.load(std::memory_order_acquire);
    }
    for (unsigned i = 0; i < owners_; ++i) entered += homes_[i].entered.load(std::memory_order_relaxed);
    return entered - left;
  }
  // How many have entered with this owner so far.
  std::uint64_t entered(unsigned owner) const noexcept { return homes_[owner].entered.load(std::memory_order_relaxed); }

 private:
  struct Chunk {
    explicit Chunk(std::size_t count) : size(count), slots(std::make_unique<Slot[]>(count)) {}
    std::size_t const size;
    std::unique_ptr<Slot[]> const slots;
    Atomic<Chunk*> next{nullptr};
  };

  struct alignas(cache_line) Home {
    // INVARIANT: the owner's.
    Var<Slot*> free{nullptr};
    Var<Chunk*> last{nullptr};
    // INVARIANT: written by the owner, read by count().
    Atomic<std::uint64_t> entered{0};
    Atomic<std::uint64_t> left{0};
    // INVARIANT: written by the owner, read by visitors.
    Atomic<Chunk*> first{nullptr};
    // INVARIANT: pushed by others, taken as a whole by the owner.
    alignas(cache_line) Atomic<Slot*> returned{nullptr};
  };

  // By its only writer.
  WEFT_INLINE static void bump(Atomic<std::uint64_t>& counter) noexcept {
    // ORDER(registry-count): release; pairs with the acquire loads in count().
    counter.store(counter.load(std::memory_order_relaxed) + 1, std::memory_order_release);
  }

  WEFT_COLD Slot& reserve_slow(Home& home) {
    // ORDER(registry-return): acquire; pairs with the release in push_from_elsewhere(). Without it the links are read unwritten.
    Slot* slots = home.returned.load(std::memory_order_relaxed) == nullptr ? nullptr : home.returned.exchange(nullptr, std::memory_order_acquire);
    if (slots == nullptr) slots = add_chunk(home);
    home.free.set(slots->next_.get());
    return *slots;
  }

  // Its slots, linked.
  Slot* add_chunk(Home& home) {
    Chunk* const last = home.last.get();
    std::size_t size = last == nullptr ? first_chunk : last->size * 2;
    if (size > largest_chunk) size = largest_chunk;
    auto* const chunk = new Chunk(size);
    for (std::size_t i = 0; i + 1 < size; ++i) chunk->slots[i].next_.set(&chunk->slots[i + 1]);
    home.last.set(chunk);
    // ORDER(registry-chunk): release; pairs with the acquires in settle(). Without it a visitor reads an unwritten chunk.
    if (last == nullptr) home.first.store(chunk, std::memory_order_release);
    else last->next.store(chunk, std::memory_order_release);
    return &chunk->slots[0];
  }

  WEFT_NOINLINE void push_from_elsewhere(Home& home, Slot& slot) noexcept {
    Slot* top = home.returned.load(std::memory_order_relaxed);
    do {
      slot.next_.set(top);
      // ORDER(registry-return): release; pairs with the acquire in reserve_slow().
    } while (!home.returned.compare_exchange_weak(top, &slot, std::memory_order_release, std::memory_order_relaxed));
  }

  WEFT_COLD void wait_for_visitor() noexcept {
    visitors_.lock();
    visitors_.unlock();
  }

  // Puts the cursor on the next slot that there is; false when there is none.
  bool settle(Cursor& cursor) noexcept {
    while (cursor.owner_ < owners_) {
      if (cursor.chunk_ == nullptr) {
        // ORDER(registry-chunk): acquire; pairs with the releases in add_chunk().
        cursor.chunk_ = homes_[cursor.owner_].first.load(std::memory_order_acquire);
      } else if (cursor.index_ == cursor.chunk_->size) {
        // ORDER(registry-chunk): acquire; as above.
        cursor.chunk_ = cursor.chunk_->next.load(std::memory_order_acquire);
        cursor.index_ = 0;
      }
      if (cursor.chunk_ != nullptr) return true;
      ++cursor.owner_;
    }
    return false;
  }

  unsigned const owners_;
  std::unique_ptr<Home[]> const homes_;
  alignas(cache_line) Atomic<std::uint32_t> visiting_{0};
  BasicSpinLock<Sync> visitors_;
};

}  // namespace weft::engine
