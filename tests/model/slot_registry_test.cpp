// SlotRegistry: an item is not destroyed while a visitor looks at it, references that a visitor has taken are seen by the one who lets go, a
// slot has one item at a time wherever items end, and a count of zero means that nobody was in.
#include "model/checker/model.hpp"

#include <weft/runtime/algorithms/slot_registry.hpp>

namespace weft::model {
namespace {

// As a task: counted, and freed by whoever lets go last, without touching the count when nobody else can have it.
struct Member {
  model_sync::var<int> written{0};
  model_sync::atomic<int> references{1};
  engine::SlotRegistry<model_sync, Member>::Slot* slot = nullptr;
};
using Registry = engine::SlotRegistry<model_sync, Member>;

struct State {
  Registry registry{2};
  Member* kept[2] = {};
  int found = 0;
};

Member* enter(State& s, unsigned owner) {
  auto* const member = new Member;
  member->written.set(1);
  member->slot = &s.registry.reserve(owner);
  s.registry.enter(owner, *member->slot, *member);
  return member;
}

void release(Member* member) {
  // ORDER of the model's own count, as in a task.
  if (member->references.fetch_sub(1, std::memory_order_acq_rel) == 1) delete member;
}

void leave(State& s, unsigned by, unsigned owner, Member* member) {
  s.registry.leave(by, owner, *member->slot);
  if (member->references.load(std::memory_order_acquire) == 1) delete member;
  else release(member);
}

void visit_all(State& s) {
  Registry::Cursor cursor;
  for (bool more = true; more;) {
    Member* found[1] = {};
    more = s.registry.visit(cursor, [&found](Member& member) {
      member.references.fetch_add(1, std::memory_order_relaxed);
      found[0] = &member;
    });
    if (found[0] == nullptr) continue;
    require(found[0]->written.get() == 1, "found before it was written");
    ++s.found;
    release(found[0]);
  }
}

void owner_against_visitor(Program& p) {
  auto& s = p.state<State>();
  p.thread("owner", [&s] {
    Member* const first = enter(s, 0);
    leave(s, 0, 0, first);
    Member* const second = enter(s, 0);
    leave(s, 0, 0, second);
  });
  p.thread("visitor", [&s] { visit_all(s); });
  p.check([&s] { require(s.registry.count() == 0, "somebody is still counted"); });
}

// A member ends away from home while its owner goes on, and uses the slot again.
void ends_elsewhere(Program& p) {
  struct Away : State {
    Handoff handed;
    Member* member = nullptr;
  };
  auto& s = p.state<Away>();
  p.thread("owner", [&s] {
    s.member = enter(s, 0);
    s.handed.give(1);
    Member* const another = enter(s, 0);
    leave(s, 0, 0, another);
    Member* const third = enter(s, 0);
    require(third->slot != nullptr, "a slot");
    leave(s, 0, 0, third);
  });
  p.thread("thief", [&s] {
    s.handed.take();
    leave(s, 1, 0, s.member);
  });
  p.check([&s] { require(s.registry.count() == 0, "somebody is still counted"); });
}

void thief_against_visitor(Program& p) {
  struct Away : State {
    Handoff handed;
    Member* member = nullptr;
  };
  auto& s = p.state<Away>();
  p.thread("owner", [&s] {
    s.member = enter(s, 0);
    s.handed.give(1);
  });
  p.thread("thief", [&s] {
    s.handed.take();
    leave(s, 1, 0, s.member);
  });
  p.thread("visitor", [&s] { visit_all(s); });
}

// Zero is exact: the item whose enter happens before the look is counted unless it has left.
void counting(Program& p) {
  struct Counted : State {
    model_sync::atomic<int> inside{0};
  };
  auto& s = p.state<Counted>();
  p.thread("owner", [&s] {
    Member* const member = enter(s, 0);
    s.inside.store(1, std::memory_order_release);
    s.inside.store(0, std::memory_order_release);
    leave(s, 0, 0, member);
  });
  p.thread("looker", [&s] {
    int const before = s.inside.load(std::memory_order_acquire);
    std::uint64_t const count = s.registry.count();
    int const after = s.inside.load(std::memory_order_acquire);
    require(count <= 1, "more than there ever were");
    if (before == 1 && after == 1) require(count == 1, "counted zero while one was in");
  });
}

// One enters here and leaves there: whoever sees the leave sees the enter.
void counting_elsewhere(Program& p) {
  struct Away : State {
    Handoff handed;
    Member* member = nullptr;
  };
  auto& s = p.state<Away>();
  p.thread("owner", [&s] {
    s.member = enter(s, 0);
    s.handed.give(1);
  });
  p.thread("thief", [&s] {
    s.handed.take();
    leave(s, 1, 0, s.member);
  });
  p.thread("looker", [&s] { require(s.registry.count() <= 1, "more left than entered"); });
}

// The second member needs a second chunk.
void growth_against_visitor(Program& p) {
  auto& s = p.state<State>();
  p.thread("owner", [&s] {
    Member* const first = enter(s, 0);
    Member* const second = enter(s, 0);
    leave(s, 0, 0, first);
    leave(s, 0, 0, second);
  });
  p.thread("visitor", [&s] { visit_all(s); });
}

// Two slots come back at once; both can be had again, and they are two.
void two_come_back(Program& p) {
  struct Away : State {
    Handoff handed[2];
    Member* members[2] = {};
  };
  auto& s = p.state<Away>();
  p.thread("owner", [&s] {
    for (int i = 0; i < 2; ++i) s.members[i] = enter(s, 0);
    for (auto& handed : s.handed) handed.give(1);
  });
  for (int i = 0; i < 2; ++i)
    p.thread("thief", [&s, i] {
      s.handed[i].take();
      leave(s, 1, 0, s.members[i]);
    });
  p.check([&s] {
    // The third slot of the second chunk is free, and these two; a fourth would be new.
    Registry::Slot* const a = &s.registry.reserve(0);
    Registry::Slot* const b = &s.registry.reserve(0);
    Registry::Slot* const c = &s.registry.reserve(0);
    require(a != b && b != c && a != c, "one slot for two");
    s.registry.give_back(0, 0, *a);
    s.registry.give_back(0, 0, *b);
    s.registry.give_back(0, 0, *c);
    int slots = 0;
    Registry::Cursor cursor;
    while (s.registry.visit(cursor, [](Member&) {})) ++slots;
    require(slots == 3, "a slot that came back was lost");
  });
}

TEST(SlotRegistry, NothingIsDestroyedUnderAVisitor) { expect_holds({.name = "registry, owner and visitor", .preemptions = 3}, owner_against_visitor); }
TEST(SlotRegistry, WhatEndsElsewhereGivesItsSlotBack) { expect_holds({.name = "registry, ends elsewhere", .preemptions = 3}, ends_elsewhere); }
TEST(SlotRegistry, AThiefWaitsForTheVisitor) { expect_holds({.name = "registry, thief and visitor", .preemptions = 3}, thief_against_visitor); }
TEST(SlotRegistry, ZeroIsExact) { expect_holds({.name = "registry, counting", .preemptions = 3}, counting); }

TEST(SlotRegistry, WhatHasLeftHadEntered) { expect_holds({.name = "registry, counting elsewhere", .preemptions = 3}, counting_elsewhere); }
TEST(SlotRegistry, AVisitorSeesWholeChunks) { expect_holds({.name = "registry, growth", .preemptions = 3}, growth_against_visitor); }
TEST(SlotRegistry, NoSlotIsLost) { expect_holds({.name = "registry, two come back", .preemptions = 2}, two_come_back); }

TEST(SlotRegistry, EveryWeakerOrderIsCaught) {
  expect_mutants_caught("slot registry", {"algorithms/slot_registry.hpp"},
                        {{{.name = "registry, owner and visitor", .preemptions = 2}, owner_against_visitor},
                         {{.name = "registry, ends elsewhere", .preemptions = 2}, ends_elsewhere},
                         {{.name = "registry, thief and visitor", .preemptions = 2}, thief_against_visitor},
                         {{.name = "registry, counting", .preemptions = 2}, counting},
                         {{.name = "registry, counting elsewhere", .preemptions = 2}, counting_elsewhere},
                         {{.name = "registry, growth", .preemptions = 2}, growth_against_visitor},
                         {{.name = "registry, two come back", .preemptions = 1}, two_come_back}},
                        {// The model's light fence is a full one, and stands before the store that counts who has left; on the machine it is none.
                         "registry-count | release -> relaxed | counter.store(counter.load(std::memory_order_relaxed) + 1, std::memory_order_release);"});
}

}  // namespace
}  // namespace weft::model
