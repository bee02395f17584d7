// StrandQueue: what is pushed runs once, one at a time, in each pusher's order, and sees what ran before it; ownership may travel.
#include "model/checker/model.hpp"

#include <weft/runtime/algorithms/strand_queue.hpp>

namespace weft::model {
namespace {

struct Node : engine::InjectorHook<model_sync> {
  model_sync::var<int> payload{0};
};

struct State {
  engine::StrandQueue<model_sync, Node> queue;
  Node nodes[4];
  // What the strand's code works on, without any lock: a race here is two at a time, or one that does not see the last.
  model_sync::var<int> runs{0};
  model_sync::var<int> sum{0};
  int order[4] = {};
  int ran = 0;
};

void run(State& s, Node& node) {
  s.runs.set(s.runs.get() + 1);
  s.sum.set(s.sum.get() + node.payload.get());
  s.order[s.ran++] = static_cast<int>(&node - s.nodes);
}

// One turn: `first`, if there is one, and what had come before. True when the ownership is gone.
bool turn(State& s, Node* first) {
  s.queue.collect();
  if (first != nullptr) run(s, *first);
  while (Node* const node = s.queue.next()) run(s, *node);
  return s.queue.leave();
}

void drain(State& s, Node* first) {
  while (!turn(s, first)) first = nullptr;
}

void push(State& s, int i) {
  s.nodes[i].payload.set(i + 1);
  if (s.queue.push(s.nodes[i])) drain(s, &s.nodes[i]);
}

int place(State const& s, int node) {
  for (int i = 0; i < s.ran; ++i)
    if (s.order[i] == node) return i;
  return -1;
}

// `per_thread` nodes from each of `threads`; those of one thread run in its order.
auto pushers(int threads, int per_thread) {
  return [=](Program& p) {
    auto& s = p.state<State>();
    for (int t = 0; t < threads; ++t)
      p.thread("pusher", [&s, t, per_thread] {
        for (int k = 0; k < per_thread; ++k) push(s, t * per_thread + k);
      });
    p.check([&s, threads, per_thread] {
      int const all = threads * per_thread;
      require(s.ran == all && s.runs.get() == all, "something ran twice or not at all");
      require(s.sum.get() == all * (all + 1) / 2, "a payload was not seen");
      for (int t = 0; t < threads; ++t)
        for (int k = 1; k < per_thread; ++k)
          require(place(s, t * per_thread + k - 1) < place(s, t * per_thread + k), "out of order");
    });
  };
}

// The owner runs one node and hands its ownership to another thread, as a strand does that has used up its turn.
void ownership_travels(Program& p) {
  auto& s = p.state<State>();
  auto& handoff = p.state<Handoff>();
  p.thread("owner", [&s, &handoff] {
    s.nodes[0].payload.set(1);
    bool const owns = s.queue.push(s.nodes[0]);
    if (owns) run(s, s.nodes[0]);
    handoff.give(owns ? 1 : 2);
  });
  p.thread("next owner", [&s, &handoff] {
    if (handoff.take() == 1) drain(s, nullptr);
  });
  p.thread("pusher", [&s] {
    push(s, 1);
    push(s, 2);
  });
  p.check([&s] { require(s.ran == 3 && s.runs.get() == 3 && s.sum.get() == 6, "something ran twice or not at all"); });
}

// A pusher from within: the strand's own code leaves something for later, and goes on.
void push_by_the_owner(Program& p) {
  auto& s = p.state<State>();
  p.thread("owner", [&s] {
    s.nodes[0].payload.set(1);
    if (!s.queue.push(s.nodes[0])) return;
    s.nodes[1].payload.set(2);
    require(!s.queue.push(s.nodes[1]), "owned twice");
    drain(s, &s.nodes[0]);
  });
  p.thread("pusher", [&s] { push(s, 2); });
  p.check([&s] { require(s.ran == s.runs.get() && place(s, 2) >= 0 && place(s, 0) >= 0, "something was lost"); });
}

std::vector<Case> const& cases() {
  static std::vector<Case> const all{
      {{.name = "strand queue, two pushers", .preemptions = unbounded}, pushers(2, 1)},
      {{.name = "strand queue, two pushers, twice each"}, pushers(2, 2)},
      {{.name = "strand queue, three pushers"}, pushers(3, 1)},
      {{.name = "strand queue, ownership travels"}, ownership_travels},
      {{.name = "strand queue, the owner pushes"}, push_by_the_owner},
  };
  return all;
}

TEST(StrandQueueModel, RunsOneAtATimeAndLosesNothing) {
  for (Case const& c : cases()) expect_holds(c.options, c.program);
}

TEST(StrandQueueModel, EveryWeakerOrderIsCaught) { expect_mutants_caught("strand queue", {"algorithms/strand_queue.hpp"}, cases()); }

}  // namespace
}  // namespace weft::model
