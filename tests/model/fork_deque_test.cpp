// ForkDeque: whatever the interleaving of owner, thieves and forced thieves, each item comes out once, the owner's pops are LIFO, a
// null pop means that all is gone, and an item is handed over with what was written to it before.
#include "model/checker/model.hpp"

#include <cstddef>
#include <type_traits>
#include <vector>

#include <weft/runtime/algorithms/fork_deque.hpp>

namespace weft::model {
namespace {

using engine::Pushed;

// The programs without force hold without fences, and so they show which orders carry the items from hand to hand: in the model a
// fence is a C++ fence, which would carry them too, while a real light fence is none.
struct unfenced_sync : model_sync {
  static void fence_light_free() noexcept {}
  static void fence_heavy() noexcept {}
};
// Without membarrier: only the full fences of the slow paths.
struct symmetric_sync : model_sync {
  static void fence_light_free() noexcept {}
  static constexpr bool light_fence_is_free() noexcept { return false; }
};
// The first ring is all there is.
struct NoMoreMemory : engine::RingMemory {
  static void* allocate(std::size_t bytes) noexcept {
    return bytes > 2 * sizeof(void*) + 2 * sizeof(model_sync::atomic<void*>) ? nullptr : engine::RingMemory::allocate(bytes);
  }
};

struct Item {
  model_sync::var<int> payload{0};
  int taken = 0;
};

template <class Sync, class Memory = engine::RingMemory>
struct State {
  explicit State(std::size_t capacity) : deque(capacity) {}

  engine::ForkDeque<Sync, Item*, Memory> deque;
  Item items[5];
  Item* stack[5] = {};  // the owner's view: pushed and not seen again
  int depth = 0;
  int pushed = 0;

  Pushed push() {
    Item& item = items[pushed];
    item.payload.set(1);
    Pushed const how = deque.push(&item);
    if constexpr (std::is_same_v<Memory, NoMoreMemory>) {
      if (how == Pushed::failed) return how;
    }
    require(how != Pushed::failed, "a push failed");
    ++pushed;
    stack[depth++] = &item;
    return how;
  }
  Item* pop() {
    Item* const item = deque.pop();
    if (item == nullptr) {
      depth = 0;
      return nullptr;
    }
    require(depth > 0 && stack[depth - 1] == item, "the owner got another item than the youngest");
    --depth;
    take(item);
    return item;
  }
  // As a gather does: it knows the youngest.
  void unpush() {
    if (!deque.unpush()) {
      depth = 0;
      return;
    }
    require(depth > 0, "the owner got an item that it had not pushed");
    take(stack[--depth]);
  }
  void pop_all() {
    while (pop() != nullptr) {
    }
  }
  void steal(int times, bool force = false) {
    auto const thief = deque.stealer();
    Item* last = nullptr;
    for (int i = 0; i < times; ++i) {
      Item* item = thief.steal();
      if (item == nullptr && force) item = thief.steal_forced();
      if (item == nullptr) continue;
      require(last == nullptr || last < item, "a thief got an older item after a younger one");
      last = item;
      take(item);
    }
  }
  void force(int times) {
    for (int i = 0; i < times; ++i) {
      if (Item* const item = deque.stealer().steal_forced()) take(item);
    }
  }
  static void take(Item* item) {
    require(item->payload.get() == 1, "an item was taken twice, or before it was written");
    item->payload.set(2);
    ++item->taken;
  }
  void check_all_taken() {
    pop_all();
    for (int i = 0; i < pushed; ++i) require(items[i].taken == 1, "an item was not taken exactly once");
    require(deque.pop() == nullptr && deque.stealer().looks_empty(), "something is left");
  }
};

using Fenced = State<model_sync>;
using Unfenced = State<unfenced_sync>;
using Symmetric = State<symmetric_sync>;
using Crammed = State<unfenced_sync, NoMoreMemory>;

template <class S>
S& start(Program& p, std::size_t capacity) {
  S& s = p.state<S>(capacity);
  if constexpr (std::is_same_v<S, Unfenced> || std::is_same_v<S, Crammed>) s.deque.stealer().set_want();
  p.check([&s] { s.check_all_taken(); });
  return s;
}

// The owner runs a script of '+' (push), '-' (pop) and '~' (unpush), then pops all that is left.
template <class S>
void owner(Program& p, S& s, char const* script) {
  p.thread("owner", [&s, script] {
    for (char const* c = script; *c != '\0'; ++c) {
      if (*c == '+') (void)s.push();
      else if (*c == '-') (void)s.pop();
      else s.unpush();
    }
    s.pop_all();
  });
}

void publish_and_steal(Program& p) {
  auto& s = start<Unfenced>(p, 4);
  owner(p, s, "++");
  p.thread("thief", [&s] { s.steal(2); });
}

void take_back(Program& p) {
  auto& s = start<Unfenced>(p, 4);
  owner(p, s, "+++-");
  p.thread("thief", [&s] { s.steal(2); });
}

void two_thieves(Program& p) {
  auto& s = start<Unfenced>(p, 4);
  owner(p, s, "++");
  for (int i = 0; i < 2; ++i) p.thread("thief", [&s] { s.steal(1); });
}

template <class S = Fenced>
void force_against_pop(Program& p) {
  auto& s = start<S>(p, 4);
  owner(p, s, "++");
  p.thread("forcing", [&s] { s.force(1); });
}

// The claim covers two items of three, and the owner pops below it.
void force_claims_more_than_is_left(Program& p) {
  auto& s = start<Fenced>(p, 4);
  owner(p, s, "+++--");
  p.thread("forcing", [&s] { s.force(2); });
}

template <class S = Fenced>
void force_against_unpush(Program& p) {
  auto& s = start<S>(p, 4);
  owner(p, s, "++~~");
  p.thread("forcing", [&s] { s.force(2); });
}

void force_between_push_and_pop(Program& p) {
  auto& s = start<Fenced>(p, 2);
  owner(p, s, "+-+-+");
  p.thread("forcing", [&s] { s.force(2); });
}

void force_and_politeness(Program& p) {
  auto& s = start<Fenced>(p, 4);
  owner(p, s, "++");
  p.thread("forcing", [&s] { s.force(1); });
  p.thread("thief", [&s] { s.steal(1); });
}

void two_forcing_thieves(Program& p) {
  auto& s = start<Fenced>(p, 4);
  owner(p, s, "++");
  for (int i = 0; i < 2; ++i) p.thread("forcing", [&s] { s.force(1); });
}

void growth_under_a_thief(Program& p) {
  auto& s = start<Unfenced>(p, 1);
  owner(p, s, "+++");
  p.thread("thief", [&s] { s.steal(2); });
}

void growth_under_force(Program& p) {
  auto& s = start<Fenced>(p, 1);
  owner(p, s, "+++");
  p.thread("forcing", [&s] { s.force(2); });
}

// Two slots: the third item goes into the slot of a stolen one, or into a new ring.
void reuse_of_slots(Program& p) {
  auto& s = start<Unfenced>(p, 2);
  owner(p, s, "+++");
  p.thread("thief", [&s] { s.steal(2); });
}

// Two slots, of which one stays free, and no memory: the second item does not get in before the first is out.
void no_memory(Program& p) {
  auto& s = start<Crammed>(p, 2);
  owner(p, s, "+++");
  p.thread("thief", [&s] { s.steal(2); });
}

// One item at a time over one slot: the index of a taken item must not come back under a thief that has read it.
void reuse_of_indexes(Program& p) {
  auto& s = start<Unfenced>(p, 2);
  p.thread("owner", [&s] {
    for (int i = 0; i < 3; ++i) {
      s.deque.stealer().set_want();
      (void)s.push();
      (void)s.pop();
    }
    s.pop_all();
  });
  p.thread("thief", [&s] { s.steal(1); });
}

void reuse_of_slots_after_force(Program& p) {
  auto& s = start<Fenced>(p, 2);
  owner(p, s, "+++");
  p.thread("forcing", [&s] { s.steal(1, true); });
}

// A thief that gets an item from another thief's publication gets what the owner wrote to it.
void published_by_a_thief(Program& p) {
  auto& s = start<Fenced>(p, 4);
  p.thread("owner", [&s] {
    for (int i = 0; i < 3; ++i) (void)s.push();
  });
  p.thread("forcing", [&s] { s.force(1); });
  p.thread("thief", [&s] { s.steal(1); });
}

// A parker sets its wish, passes the heavy fence and looks; the owner pushes. One of them sees the other.
template <class S = Fenced>
void push_against_parker(Program& p) {
  struct Parking : S {
    Parking() : S(4) {}
    bool published = false, seen = false;
  };
  auto& s = p.state<Parking>();
  p.thread("owner", [&s] { s.published = s.push() == Pushed::published; });
  p.thread("parker", [&s] {
    auto const thief = s.deque.stealer();
    thief.set_want();
    model_sync::fence_heavy();
    s.seen = !thief.looks_empty();
  });
  p.check([&s] {
    require(s.published || s.seen, "the parker missed the item and the owner missed the parker");
    s.check_all_taken();
  });
}

// A parker announces itself, wishes, passes the heavy fence and looks; the owner pushes, takes back, and pushes again, with no push after that. Either the
// parker sees the last item, or the owner, which has answered the wish, the parker.
void wish_tells_of_the_parker(Program& p) {
  struct Parking : Fenced {
    Parking() : Fenced(4) {}
    model_sync::atomic<int> parked{0};
    bool told = false, seen = false;
    void push_and_tell() {
      if (push() != Pushed::published) return;
      model_sync::fence_light();
      told |= parked.load(std::memory_order_relaxed) != 0;
    }
  };
  auto& s = p.state<Parking>();
  p.thread("owner", [&s] {
    s.push_and_tell();
    (void)s.pop();
    s.push_and_tell();
  });
  p.thread("parker", [&s] {
    auto const thief = s.deque.stealer();
    s.parked.store(1, std::memory_order_relaxed);
    thief.set_want();
    model_sync::fence_heavy();
    s.seen = !thief.looks_empty();
  });
  p.check([&s] {
    require(s.told || s.seen, "the owner has answered a wish and does not know whose, and the parker missed the item");
    s.check_all_taken();
  });
}

// The owner makes room while a thief wishes: the wish stays until something has been published.
void wish_while_the_ring_fills(Program& p) {
  struct Wishing : Fenced {
    Wishing() : Fenced(2) {}
    bool published = false;
  };
  auto& s = p.state<Wishing>();
  p.thread("owner", [&s] {
    for (int i = 0; i < 2; ++i) s.published |= s.push() == Pushed::published;
  });
  p.thread("wishing", [&s] { s.deque.stealer().set_want(); });
  p.check([&s] {
    require(s.published || s.push() == Pushed::published, "a wish was lost");
    s.check_all_taken();
  });
}

std::vector<Case> const& polite_cases() {
  static std::vector<Case> const all{
      {{.name = "fork deque, publish and steal"}, publish_and_steal},
      {{.name = "fork deque, take back"}, take_back},
      {{.name = "fork deque, growth under a thief"}, growth_under_a_thief},
      {{.name = "fork deque, reuse of slots"}, reuse_of_slots},
      {{.name = "fork deque, reuse of indexes"}, reuse_of_indexes},
      {{.name = "fork deque, no memory"}, no_memory},
      {{.name = "fork deque, push against parker"}, push_against_parker<>},
      {{.name = "fork deque, the wish tells of the parker"}, wish_tells_of_the_parker},
      {{.name = "fork deque, push against parker, without membarrier"}, push_against_parker<Symmetric>},
      {{.name = "fork deque, wish while the ring fills"}, wish_while_the_ring_fills},
  };
  return all;
}

std::vector<Case> const& forcing_cases() {
  static std::vector<Case> const all{
      {{.name = "fork deque, force against pop"}, force_against_pop<>},
      {{.name = "fork deque, force against pop, without membarrier"}, force_against_pop<Symmetric>},
      {{.name = "fork deque, force claims more than is left"}, force_claims_more_than_is_left},
      {{.name = "fork deque, force against unpush"}, force_against_unpush<>},
      {{.name = "fork deque, force against unpush, without membarrier"}, force_against_unpush<Symmetric>},
      {{.name = "fork deque, force between push and pop"}, force_between_push_and_pop},
      {{.name = "fork deque, growth under force"}, growth_under_force},
      {{.name = "fork deque, reuse of slots after force"}, reuse_of_slots_after_force},
  };
  return all;
}

std::vector<Case> const& crowded_cases() {
  static std::vector<Case> const all{
      {{.name = "fork deque, published by a thief"}, published_by_a_thief},
      {{.name = "fork deque, two thieves"}, two_thieves},
      {{.name = "fork deque, force and politeness"}, force_and_politeness},
      {{.name = "fork deque, two forcing thieves"}, two_forcing_thieves},
  };
  return all;
}

TEST(ForkDequeModel, EveryItemComesOutOnceUnderAThief) {
  for (Case const& c : polite_cases()) expect_holds(c.options, c.program);
}
TEST(ForkDequeModel, EveryItemComesOutOnceUnderForce) {
  for (Case const& c : forcing_cases()) expect_holds(c.options, c.program);
}
TEST(ForkDequeModel, EveryItemComesOutOnceUnderTwoThieves) {
  for (Case const& c : crowded_cases()) expect_holds(c.options, c.program);
}

// At bound 2, where the survivors need less time; what is caught there is caught at bound 3.
TEST(ForkDequeModel, EveryWeakerOrderIsCaught) {
  std::vector<Case> programs;
  for (auto const* list : {&polite_cases(), &forcing_cases(), &crowded_cases()}) {
    for (Case const& c : *list) {
      programs.push_back(c);
      programs.back().options.preemptions = 2;
    }
  }
  expect_mutants_caught(
      "fork deque", {"algorithms/fork_deque.hpp"}, programs,
      {
          // Force needs the fences, and a fence of the model is a C++ fence, which releases all later stores of the owner; the real
          // light fence is none. Each store of bot_ after a push comes after the light fence of that push.
          "deque-bot | release -> relaxed | bot_.store(b, std::memory_order_release);",
          "deque-bot | release -> relaxed | bot_.store(guard, std::memory_order_release);  // ORDER(deque-bot): as in lower_bot().",
          // And it acquires; the real one does not, and what the owner looks at after the answer must not be older than the wish.
          "deque-wish | acquire -> relaxed | return limit_.load(std::memory_order_acquire) == wished ? publish() : Pushed::kept;",
          // The same on the thief's side: the look at bot_ before the heavy fence, and that fence, carry the items.
          "deque-publish | release -> relaxed | ts_.store(pack(guard + 1, claim - 1), std::memory_order_release);",
          // A thief would read a slot of which the owner's later store depends on the thief's own compare-exchange: load buffering, which the
          // checker does not explore.
          "deque-reuse | acquire -> relaxed | Index const top = ts_.load(std::memory_order_acquire) >> size_bits;",
          "deque-reuse | release -> relaxed | if (ts_.compare_exchange_weak(ts, ts + one_top - 1, std::memory_order_release, "
          "std::memory_order_acquire)) {",
      });
}

}  // namespace
}  // namespace weft::model
