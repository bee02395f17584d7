// BasicGate: whoever closes it and waits until nobody is inside is alone with the scheduler and sees all that visitors did; who is refused
// sees that the end has begun; a wake-up that passes a closed gate is waited for.
#include "model/checker/model.hpp"

#include <weft/runtime/algorithms/gate.hpp>

namespace weft::model {
namespace {

struct Scheduler {
  model_sync::var<int> submitted[2];
};

struct State {
  engine::BasicGate<model_sync> gate;
  model_sync::var<bool> ends{false};
  Scheduler* scheduler = new Scheduler;
  bool inside[2] = {};
  int seen = 0;
};

void submit(State& s, int i) {
  if (!s.gate.try_enter()) {
    require(s.ends.get(), "refused before the end");
    require(s.gate.closed(), "refused by an open gate");
    return;
  }
  s.inside[i] = true;
  s.scheduler->submitted[i].set(1);
  s.gate.leave();
}

void end(State& s) {
  s.ends.set(true);
  s.gate.close();
  s.gate.wait_empty();
  for (auto const& slot : s.scheduler->submitted) s.seen += slot.get();
  delete s.scheduler;
}

auto submitters_against_the_end(int n) {
  return [n](Program& p) {
    auto& s = p.state<State>();
    for (int i = 0; i < n; ++i) p.thread("submitter", [&s, i] { submit(s, i); });
    p.thread("closer", [&s] { end(s); });
    p.check([&s] { require(s.seen == s.inside[0] + s.inside[1], "what was submitted is not seen"); });
  };
}

// The last task is woken by a foreign thread, whose entry the closed gate does not refuse; the end comes only after that task.
void a_wake_up_passes(Program& p) {
  auto& s = p.state<State>();
  auto& last_task = p.state<Handoff>();
  p.thread("waker", [&s, &last_task] {
    s.gate.enter();
    last_task.give(1);
    s.scheduler->submitted[0].set(1);  // still at work on the scheduler when the task has already ended
    s.gate.leave();
  });
  p.thread("closer", [&s, &last_task] {
    s.ends.set(true);
    s.gate.close();
    last_task.take();
    s.gate.wait_empty();
    require(s.scheduler->submitted[0].get() == 1, "the waker is still inside");
    delete s.scheduler;
  });
}

// The look of a worker that believes to be idle: what a visitor who has left pushed is there, and two equal quiet looks have nobody between
// them who had left by the second.
void two_looks(Program& p) {
  struct Idle : State {
    model_sync::atomic<int> pushed{0};
  };
  auto& s = p.state<Idle>();
  p.thread("visitor", [&s] {
    if (!s.gate.try_enter()) return;
    s.pushed.store(1, std::memory_order_relaxed);
    s.gate.leave();
  });
  p.thread("worker", [&s] {
    auto const first = s.gate.look();
    int const found = s.pushed.load(std::memory_order_relaxed);
    if (first.quiet && first.arrivals == 1) require(found == 1, "what the visitor pushed is not seen");
    auto const second = s.gate.look();
    if (found == 0 && first.quiet && second == first) require(second.arrivals == 0, "somebody came between two looks");
    if (second.quiet && second.arrivals == 1)
      require(s.pushed.load(std::memory_order_relaxed) == 1, "what the visitor pushed is not seen at the second look");
  });
  p.check([&s] { delete s.scheduler; });
}

std::vector<Case> const& cases() {
  static std::vector<Case> const all{
      {{.name = "gate, one submitter", .preemptions = unbounded}, submitters_against_the_end(1)},
      {{.name = "gate, two submitters", .preemptions = unbounded}, submitters_against_the_end(2)},
      {{.name = "gate, a wake-up passes", .preemptions = unbounded}, a_wake_up_passes},
      {{.name = "gate, two looks", .preemptions = unbounded}, two_looks},
  };
  return all;
}

TEST(GateModel, WhoClosesItIsAloneInTheEnd) {
  for (Case const& c : cases()) expect_holds(c.options, c.program);
}

TEST(GateModel, EveryWeakerOrderIsCaught) {
  expect_mutants_caught("gate", {"algorithms/gate.hpp"}, cases(),
                        {// What the visitors did is acquired by wait_empty(), which follows every close().
                         "gate | acq_rel -> release | state_.fetch_or(closed_bit, std::memory_order_acq_rel);"});
}

}  // namespace
}  // namespace weft::model
