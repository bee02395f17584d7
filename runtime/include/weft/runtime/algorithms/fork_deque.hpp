// The deque of fork-join children: the owner pushes and pops at the bottom, thieves take the oldest at the top.
//
// A split deque after Lace (van Dijk and van de Pol, "Lace: non-blocking split deque for work-stealing", 2014), with growth and, for
// owners that sit in a long leaf, a forced steal after Cilk's THE protocol (Frigo, Leiserson, Randall, 1998).
//
//        top          split == guard           bot
//         | public part      | private part     |
//   ------+------------------+------------------+------
//
// Private part: the owner pushes and pops with plain stores and a light fence. Public part: `ts_` packs top (40 bits) and the
// number of public items (24 bits) in one word, and whoever wants an item of it makes one compare-exchange on that word.
// The split moves in three ways, always under `lock_`, so that the owner's cold paths and forced thieves take turns:
//   publish    push() found the wish of a hungry thief: half of the private part becomes public. The owner only tries the lock:
//              when a forced thief holds it, that thief is about to publish, or to find that there is nothing.
//   take back  pop() found the private part empty: half of the public part becomes private again. The last public item is
//              not taken back but stolen by the owner (top moves), see "reuse" below.
//   by force   a thief raises `guard_` over half of the private part, makes the heavy half of the fence, reads bot again. From then
//              on a pop below the guard goes to the lock; a pop that had missed the guard has its bot visible here. What is still
//              below bot is published, the oldest is taken, the rest of the claim is given back.
// Everything else that pop can meet is decided by who gets the lock: an item is the owner's iff its index is at or above
// guard_ while the owner holds the lock (or while no thief can have raised it: the light fence).
//
// Reuse of an index: once an item at index i has been public, it leaves only by top going from i to i + 1, never by take-back, and top never
// goes down. So while top == i the public item at i is the same item, and a thief that read the slot first and then moves top
// from i to i + 1 has read the right slot. Top has 40 bits: a thief would have to sleep between its two instructions for exactly a
// multiple of 2^40 steals, hours of nothing else, and find the same number of public items. The owner overwrites the slot of
// i only after it has read top > i (acquire), which the release of that compare-exchange orders behind the thief's read.
// Growth: the owner copies into a ring twice as large and publishes the pointer; thieves that still hold the old ring read
// the same item there, since nobody writes to a retired ring; rings are freed with the deque.
//
// Wishes: push() looks at one word when it has stored bot. `limit_` says where the ring is full; a thief's wish is a limit that lies below
// everything. One slot stays free for the next push. A wish is cleared only by a publication.
// Idle workers: a worker that is about to park announces itself, wishes at each deque, passes the heavy fence, then
// asks looks_empty(). push() stores bot, passes the light fence, reads limit_. So either the parker sees the item or the owner sees the
// wish, publishes, is told so (Pushed::published), and wakes somebody; an owner that answers a wish sees who has announced itself before it. A wish that has been
// answered is gone, for all who are parked, and so may be the item when whoever was woken comes. So that one, when it stops searching because it
// has found work, wishes everywhere again if somebody is parked: there is a wish at each deque, or somebody who searches.
//
// Without membarrier a light fence would cost, so there is none on the hot paths: the limit always lies below everything and the guard above, and the
// slow paths, where then each push and pop comes, have a full fence.
//
// Threads: push, pop, size are the owner's. Thieves hold a Stealer. The destructor runs when both are gone.
#pragma once

#include <cstddef>
#include <cstdint>
#include <new>
#include <type_traits>

#include <weft/runtime/algorithms/slot_ring.hpp>
#include <weft/runtime/algorithms/spin_lock.hpp>
#include <weft/runtime/platform/config.hpp>
#include <weft/runtime/platform/sync.hpp>

namespace weft::engine {

// What became of a push: kept in the private part; a part of the deque was published on a thief's wish, so wake somebody;
// not pushed, because the ring would have been full and could not grow.
enum class Pushed : std::uint8_t { kept, published, failed };

template <class Sync, class Item, class Memory = RingMemory>
class ForkDeque {
  static_assert(std::is_pointer_v<Item>, "nullptr stands for none");

  template <class T>
  using Atomic = typename Sync::template atomic<T>;
  template <class T>
  using Var = typename Sync::template var<T>;
  using Index = std::uint64_t;
  using Ring = SlotRing<Sync, Item, Memory>;

 public:
  static constexpr std::size_t default_capacity = 256;

  // The thief's side. Copyable; any number of threads.
  class Stealer {
   public:
    Stealer() noexcept = default;

    // The oldest public item. If there is none, asks the owner to publish some and returns nullptr.
    Item steal() const noexcept { return deque_->steal(); }
    // As steal(), but takes from the private part too: about 20 us and an interrupt to every core, so only for owners that do
    // not answer. nullptr if there is nothing, or if another thief is at it.
    Item steal_forced() const noexcept { return deque_->steal_forced(); }
    // A hint that counts the private part. After a heavy fence it sees all that was pushed before the owner's last light fence.
    bool looks_empty() const noexcept { return deque_->looks_empty(); }
    void set_want() const noexcept { deque_->set_want(); }

   private:
    friend ForkDeque;
    explicit Stealer(ForkDeque& deque) noexcept : deque_(&deque) {}
    ForkDeque* deque_ = nullptr;
  };

  // `capacity` is a power of two; one slot of it stays free.
  explicit ForkDeque(std::size_t capacity = default_capacity) : ForkDeque(Ring::make_first(capacity)) {}
  ForkDeque(ForkDeque const&) = delete;
  ForkDeque& operator=(ForkDeque const&) = delete;
  ~ForkDeque() { Ring::destroy_all(ring_.load(std::memory_order_relaxed)); }

  Stealer stealer() noexcept { return Stealer(*this); }

  // Owner. Never throws; see Pushed.
  WEFT_INLINE Pushed push(Item item) noexcept { return put(item) ? Pushed::kept : settle_put(); }
  // The same in two halves, for a hot path that wants nothing of the slow one: after a false settle_put() comes next.
  WEFT_INLINE bool put(Item item) noexcept {
    Index const b = bot_.load(std::memory_order_relaxed);
    slots_.get()[b & mask_.get()].store(item, std::memory_order_relaxed);
    // ORDER(deque-bot): release; pairs with the acquire in force(). Without it a forced thief reads an unwritten slot or item.
    bot_.store(b + 1, std::memory_order_release);
    // ORDER(deque-idle): light side; pairs with the heavy fence between set_want() and looks_empty() in a parker. Without it
    // the parker misses the item and the owner misses the wish.
    Sync::fence_light_free();
    return b + 1 < limit_.load(std::memory_order_relaxed);
  }
  WEFT_COLD Pushed settle_put() noexcept {
    Index const b = bot_.load(std::memory_order_relaxed);
    // ORDER(deque-idle): the light side, where it costs.
    if (lift_ != 0) Sync::fence_full();
    if (b >= full_.get() && !make_room(b)) {
      // The item has the last slot. It comes back, unless a thief has taken it, and all others before it.
      if (pop() != nullptr) return Pushed::failed;
      (void)make_room(bot_.load(std::memory_order_relaxed));
    }
    // ORDER(deque-wish): acquire; pairs with the release in set_want(). Without it the owner answers a wish and does not see that its maker is parked.
    return limit_.load(std::memory_order_acquire) == wished ? publish() : Pushed::kept;
  }

  // Owner. The youngest item, or nullptr when everything has been taken.
  WEFT_INLINE Item pop() noexcept {
    Index const b = lower_bot();
    if (distance(guard_.load(std::memory_order_relaxed), b) < 0) [[unlikely]] return pop_slow(b);
    return slots_.get()[b & mask_.get()].load(std::memory_order_relaxed);
  }
  // Owner. pop() for one that knows the youngest item, because it has pushed it: false when everything has been taken.
  WEFT_INLINE bool unpush() noexcept { return unput() || settle_unput(); }
  // The same in two halves.
  WEFT_INLINE bool unput() noexcept {
    Index const b = lower_bot();
    return distance(guard_.load(std::memory_order_relaxed), b) >= 0;
  }
  WEFT_COLD bool settle_unput() noexcept { return pop_slow(bot_.load(std::memory_order_relaxed)) != nullptr; }

  // Owner, and others as a hint: public and private items.
  std::size_t size() const noexcept {
    Index const top = ts_.load(std::memory_order_relaxed) >> size_bits;
    std::int64_t const n = narrow_distance(top, bot_.load(std::memory_order_relaxed));
    return n > 0 ? static_cast<std::size_t>(n) : 0;
  }

 private:
  explicit ForkDeque(Ring& ring) noexcept
      : slots_(ring.slots()), mask_(ring.mask()), full_(ring.mask() + 1), guard_(lift_), limit_(quiet_limit()), ring_(&ring) {}

  static constexpr unsigned size_bits = 24;
  static constexpr Index max_public = (Index{1} << size_bits) - 1;
  static constexpr Index one_top = Index{1} << size_bits;
  // Limits that every push reaches, and what lifts the guard above every pop.
  static constexpr Index wished = 0, always = 1, out_of_reach = Index{1} << 62;

  static constexpr Index pack(Index top, Index size) noexcept { return top << size_bits | size; }
  static constexpr Index size_of(Index ts) noexcept { return ts & max_public; }
  WEFT_INLINE static std::int64_t distance(Index from, Index to) noexcept { return static_cast<std::int64_t>(to - from); }
  // The same modulo 2^40, where `from` may be a top taken from ts_.
  static std::int64_t narrow_distance(Index from, Index to) noexcept {
    return static_cast<std::int64_t>((to - from) << size_bits) >> size_bits;
  }

  WEFT_INLINE Index lower_bot() noexcept {
    Index const b = bot_.load(std::memory_order_relaxed) - 1;
    // ORDER(deque-bot): release; pairs with the acquire in force(). A relaxed store here would end the release sequence of the
    // pushes before it (C++20), and a thief that reads this value would see unwritten items.
    bot_.store(b, std::memory_order_release);
    // ORDER(deque-force): light side; pairs with the heavy fence in force(). Without it both take the same item.
    Sync::fence_light_free();
    return b;
  }

  Index guard() const noexcept { return guard_.load(std::memory_order_relaxed) - lift_; }
  void set_guard(Index guard) noexcept { guard_.store(guard + lift_, std::memory_order_relaxed); }
  // The limit when nobody wishes.
  Index quiet_limit() const noexcept { return lift_ == 0 ? full_.get() : always; }

  // False when there is no slot for another item, and no memory.
  bool make_room(Index b) noexcept {
    // ORDER(deque-reuse): acquire; pairs with the releases by which top moves. Without it our store into a freed slot could be what the
    // thief read before it freed the slot.
    Index const top = ts_.load(std::memory_order_acquire) >> size_bits;
    Index const used = static_cast<Index>(narrow_distance(top, b));
    Index const capacity = mask_.get() + 1;
    if (used >= capacity - capacity / 4 && !grow(b, used) && used == capacity) return false;
    Index quiet = quiet_limit();
    full_.set(b - used + mask_.get() + 1);
    // Unless there is a wish.
    limit_.compare_exchange_strong(quiet, quiet_limit(), std::memory_order_relaxed, std::memory_order_relaxed);
    return true;
  }

  bool grow(Index b, Index used) noexcept {
    Ring* const old = ring_.load(std::memory_order_relaxed);
    Ring* const ring = Ring::make(static_cast<std::size_t>(mask_.get() + 1) * 2, old);
    if (ring == nullptr) return false;
    for (Index i = b - used; i != b; ++i) ring->write(i, old->read(i));
    adopt(ring);
    return true;
  }

  void adopt(Ring* ring) noexcept {
    slots_.set(ring->slots());
    mask_.set(ring->mask());
    // ORDER(deque-grow): release; pairs with the acquire loads of ring_. Without it a thief reads slots not yet copied.
    ring_.store(ring, std::memory_order_release);
  }

  // A thief asked: half of the private part, at least one item, becomes public.
  WEFT_COLD Pushed publish() noexcept {
    if (!lock_.try_lock()) return Pushed::kept;
    Index const guard = this->guard();
    std::int64_t const n = distance(guard, bot_.load(std::memory_order_relaxed));
    Index const room = max_public - size_of(ts_.load(std::memory_order_relaxed));
    Index k = n > 0 ? (static_cast<Index>(n) + 1) / 2 : 0;
    if (k > room) k = room;
    if (k != 0) {
      limit_.store(quiet_limit(), std::memory_order_relaxed);
      set_guard(guard + k);
      // ORDER(deque-publish): release; pairs with the acquire loads of ts_. Without it a thief reads an unwritten slot or item.
      ts_.fetch_add(k, std::memory_order_release);
    }
    lock_.unlock();
    return k != 0 ? Pushed::published : Pushed::kept;
  }

  // bot_ is `b` already, and b was below the guard when we looked.
  WEFT_COLD Item pop_slow(Index b) noexcept {
    if (lift_ != 0) {
      // ORDER(deque-force): the light side, where it costs.
      Sync::fence_full();
      if (distance(guard(), b) >= 0) return slots_.get()[b & mask_.get()].load(std::memory_order_relaxed);
    }
    lock_.lock();
    Item const item = pop_locked(b);
    lock_.unlock();
    return item;
  }

  Item pop_locked(Index b) noexcept {
    Index const guard = this->guard();
    Ring& ring = *ring_.load(std::memory_order_relaxed);
    // A forced thief had raised the guard and has given this item back.
    if (distance(guard, b) >= 0) return ring.read(b);
    WEFT_ASSERT(b + 1 == guard);
    Index ts = ts_.load(std::memory_order_relaxed);
    while (size_of(ts) != 0) {
      Index const n = size_of(ts);
      Index const kept = n / 2;
      // n == 1: take the item at top as a thief does, so that its index is not used again. Else leave the older half public.
      Index const next = n == 1 ? ts + one_top - 1 : ts - n + kept;
      // All items were written by this thread, and the slots are reused by this thread: nothing to order here. As a
      // read-modify-write it continues the release sequences of the publications and of the steals before it.
      if (!ts_.compare_exchange_weak(ts, next, std::memory_order_relaxed, std::memory_order_relaxed)) continue;
      if (n == 1) {
        // Private and public part are empty now: bot == split == top.
        bot_.store(guard, std::memory_order_release);  // ORDER(deque-bot): as in lower_bot().
        return ring.read(b);
      }
      set_guard(guard - (n - kept));
      return ring.read(b);
    }
    bot_.store(guard, std::memory_order_release);  // ORDER(deque-bot): as in lower_bot().
    return nullptr;
  }

  Item take_public() noexcept {
    // ORDER(deque-publish): acquire; pairs with the releases in publish() and force(). Without it the slot, its ring or
    // the item is read unwritten.
    Index ts = ts_.load(std::memory_order_acquire);
    while (size_of(ts) != 0) {
      // ORDER(deque-grow): acquire; pairs with the release in adopt(). Without it slots of the new ring are read uncopied.
      Item const item = ring_.load(std::memory_order_acquire)->read(ts >> size_bits);
      // On failure we go on with what we read then: acquire as above. On success:
      // ORDER(deque-reuse): release; pairs with the acquire in make_room(). Without it the owner's next item in this slot may be
      // what we have just read.
      if (ts_.compare_exchange_weak(ts, ts + one_top - 1, std::memory_order_release, std::memory_order_acquire)) {
        return item;
      }
    }
    return nullptr;
  }

  WEFT_NOINLINE Item steal() noexcept {
    Item const item = take_public();
    if (item == nullptr) set_want();
    return item;
  }

  WEFT_NOINLINE Item steal_forced() noexcept {
    if (Item const item = take_public()) return item;
    // Thieves take turns: while one is at it, the others have nothing to gain.
    if (!lock_.try_lock()) return nullptr;
    Item const item = force();
    lock_.unlock();
    return item;
  }

  Item force() noexcept {
    if (size_of(ts_.load(std::memory_order_relaxed)) != 0) return take_public();
    // No public item, and only holders of the lock make any: ts_ stands still until we store to it.
    Index const guard = this->guard();
    std::int64_t const seen = distance(guard, bot_.load(std::memory_order_relaxed));
    if (seen <= 0) return nullptr;
    Index claim = (static_cast<Index>(seen) + 1) / 2;
    if (claim > max_public) claim = max_public;
    set_guard(guard + claim);
    // ORDER(deque-force): heavy side; pairs with the light fence in lower_bot(). Without it both take the same item.
    Sync::fence_heavy();
    // ORDER(deque-bot): acquire; pairs with the releases in put() and lower_bot(). Without it slot, ring or item are read unwritten.
    std::int64_t const left = distance(guard, bot_.load(std::memory_order_acquire));
    if (left < static_cast<std::int64_t>(claim)) {
      claim = left > 0 ? static_cast<Index>(left) : 0;
      set_guard(guard + claim);
      if (claim == 0) return nullptr;
    }
    // ORDER(deque-grow): acquire; as in take_public().
    Item const item = ring_.load(std::memory_order_acquire)->read(guard);
    // ORDER(deque-publish), ORDER(deque-reuse): release; pairs with the acquire loads of ts_ by thieves and in make_room(). Without it
    // the next thief reads items that we have seen and it has not, or the owner reuses the slot under our read.
    ts_.store(pack(guard + 1, claim - 1), std::memory_order_release);
    return item;
  }

  // Top before bot: an item that is there all the while has an index at or above the first and below the second.
  bool looks_empty() const noexcept { return size() == 0; }

  void set_want() noexcept {
    // ORDER(deque-wish): release; pairs with the acquire in settle_put().
    if (limit_.load(std::memory_order_relaxed) != wished) limit_.store(wished, std::memory_order_release);
  }

  // INVARIANT: written by the owner only. bot_ is read by forced thieves and by hints, the others by nobody else.
  alignas(cache_line) Atomic<Index> bot_{0};
  Var<Atomic<Item>*> slots_;
  Var<Index> mask_;
  Var<Index> full_;  // the bot at which the ring may be full: the last top that the owner has seen + capacity

  // INVARIANT: read by the owner at each pop and push, written rarely. guard_ == split + lift_ but during force(); written under lock_.
  // limit_: full_, or `always` without free fences; `wished` is set by thieves, cleared by the owner when it publishes.
  alignas(cache_line) Index const lift_ = Sync::light_fence_is_free() ? 0 : out_of_reach;
  Atomic<Index> guard_;
  Atomic<Index> limit_;

  // INVARIANT: read and compare-exchanged by thieves and by the owner's slow paths; the number of public items goes up only under
  // lock_, top never goes down. ring_ is written by the owner only.
  alignas(cache_line) Atomic<Index> ts_{0};
  Atomic<Ring*> ring_;
  BasicSpinLock<Sync> lock_;
};

}  // namespace weft::engine
