// RunQueue: whatever the interleaving of owner and thieves, each item comes out once, in order for each consumer, with what was
// written to it before; through wrap, growth and steals of several items at once.
#include "model/checker/model.hpp"

#include <cstddef>
#include <vector>

#include <weft/runtime/algorithms/run_queue.hpp>

namespace weft::model {
namespace {

struct Item {
  model_sync::var<int> payload{0};
  int taken = 0;
};

struct State {
  using Queue = engine::RunQueue<model_sync, Item*>;
  explicit State(std::size_t capacity, std::size_t thief_capacity = 4)
      : queue(false, capacity), thief(false, thief_capacity), second(false, thief_capacity) {}

  Queue queue;   // the owner's
  Queue thief;   // each thief's own
  Queue second;
  Item items[6];
  int pushed = 0;

  void push(int n) {
    for (; n > 0; --n) {
      Item& item = items[pushed++];
      item.payload.set(1);
      require(queue.push(&item), "a push failed");
    }
  }
  // What one consumer gets is in the order of pushing.
  struct Taker {
    Item* last = nullptr;
    void take(Item* item) {
      require(last == nullptr || last < item, "out of order");
      last = item;
      require(item->payload.get() == 1, "an item was taken twice, or before it was written");
      item->payload.set(2);
      ++item->taken;
    }
  };
  static void pop(Queue& from, Taker& taker, int times) {
    for (; times > 0; --times) {
      if (Item* const item = from.pop()) taker.take(item);
    }
  }
  void steal(Queue& mine, int times) {
    Taker taker;
    for (; times > 0; --times) {
      Item* const first = queue.steal_into(mine);
      if (first == nullptr) continue;
      taker.take(first);
      pop(mine, taker, 3);
    }
  }
  void check_all_taken() {
    Taker rest, of_thief, of_second;
    pop(queue, rest, 6);
    pop(thief, of_thief, 6);
    pop(second, of_second, 6);
    for (int i = 0; i < pushed; ++i) require(items[i].taken == 1, "an item was not taken exactly once");
    require(queue.looks_empty() && thief.looks_empty() && second.looks_empty(), "something is left");
  }
};

template <class... Capacities>
State& start(Program& p, Capacities... capacities) {
  auto& s = p.state<State>(static_cast<std::size_t>(capacities)...);
  p.check([&s] { s.check_all_taken(); });
  return s;
}

void pop_against_steal(Program& p) {
  State& s = start(p, 4);
  p.thread("owner", [&s] {
    s.push(3);
    State::Taker taker;
    s.pop(s.queue, taker, 3);
  });
  p.thread("thief", [&s] { s.steal(s.thief, 1); });
}

void two_thieves(Program& p) {
  State& s = start(p, 4);
  p.thread("owner", [&s] { s.push(3); });
  p.thread("thief", [&s] { s.steal(s.thief, 1); });
  p.thread("second", [&s] { s.steal(s.second, 1); });
}

// The ring is full of taken and live items in turn: slots are used again, or the ring grows.
void wrap(Program& p) {
  State& s = start(p, 2);
  p.thread("owner", [&s] {
    State::Taker taker;
    for (int i = 0; i < 4; ++i) {
      s.push(1);
      if (i % 2 == 1) s.pop(s.queue, taker, 1);
    }
  });
  p.thread("thief", [&s] { s.steal(s.thief, 2); });
}

void growth(Program& p) {
  State& s = start(p, 1);
  p.thread("owner", [&s] { s.push(3); });
  p.thread("thief", [&s] { s.steal(s.thief, 2); });
}

// The thief has one slot: its own ring grows before the compare-exchange.
void growth_of_the_thief(Program& p) {
  State& s = start(p, 4, 1);
  p.thread("owner", [&s] {
    s.push(4);
    State::Taker taker;
    s.pop(s.queue, taker, 1);
  });
  p.thread("thief", [&s] { s.steal(s.thief, 1); });
}

// What a thief has stolen another one steals from it, with everything that belongs to it.
void steal_from_a_thief(Program& p) {
  State& s = start(p, 4, 1);
  p.thread("owner", [&s] { s.push(4); });
  p.thread("thief", [&s] {
    State::Taker taker;
    if (Item* const first = s.queue.steal_into(s.thief)) taker.take(first);
  });
  p.thread("second", [&s] {
    State::Taker taker;
    if (Item* const first = s.thief.steal_into(s.second)) taker.take(first);
  });
}

// A parker passes the heavy fence and looks; the owner pushes, passes the light fence and looks for parkers.
void push_against_parker(Program& p) {
  struct Parking : State {
    Parking() : State(4) {}
    model_sync::atomic<int> parked{0};
    bool noticed = false, seen = false;
  };
  auto& s = p.state<Parking>();
  p.thread("owner", [&s] {
    s.push(1);
    model_sync::fence_light();
    s.noticed = s.parked.load(std::memory_order_relaxed) != 0;
  });
  p.thread("parker", [&s] {
    s.parked.store(1, std::memory_order_relaxed);
    model_sync::fence_heavy();
    s.seen = !s.queue.looks_empty();
  });
  p.check([&s] {
    require(s.noticed || s.seen, "the parker missed the item and the owner missed the parker");
    s.check_all_taken();
  });
}

std::vector<Case> const& cases() {
  static std::vector<Case> const all{
      {{.name = "run queue, pop against steal"}, pop_against_steal},
      {{.name = "run queue, growth"}, growth},
      {{.name = "run queue, wrap"}, wrap},
      {{.name = "run queue, growth of the thief"}, growth_of_the_thief},
      {{.name = "run queue, two thieves"}, two_thieves},
      {{.name = "run queue, steal from a thief"}, steal_from_a_thief},
      {{.name = "run queue, push against parker"}, push_against_parker},
  };
  return all;
}

TEST(RunQueueModel, EveryItemComesOutOnceInOrder) {
  for (Case const& c : cases()) expect_holds(c.options, c.program);
}

// At bound 2, where the survivors need less time; what is caught there is caught at bound 3.
TEST(RunQueueModel, EveryWeakerOrderIsCaught) {
  std::vector<Case> programs = cases();
  for (Case& c : programs) c.options.preemptions = 2;
  // The survivors: a thief would read a slot of which the owner's later store depends on the thief's own compare-exchange, which is load
  // buffering; the checker does not explore it.
  expect_mutants_caught("run queue", {"algorithms/run_queue.hpp"}, programs,
                        {"runq-reuse | acquire -> relaxed | Index const h = head_.load(std::memory_order_acquire);",
                         "runq-reuse | release -> relaxed | if (!head_.compare_exchange_strong(h, h + n, "
                         "std::memory_order_release, std::memory_order_relaxed)) continue;"});
}

}  // namespace
}  // namespace weft::model
