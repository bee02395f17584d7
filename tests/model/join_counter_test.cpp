// BasicJoinCounter: exactly one of the parent and its children resumes the parent, after all results are written, and nobody touches
// the join after that.
#include "model/checker/model.hpp"

#include <weft/runtime/algorithms/join_counter.hpp>

namespace weft::model {
namespace {

// The parent's frame, which holds the join. Whoever resumes the parent runs it to its end and frees the frame.
struct Frame {
  explicit Frame(int n) : children(n) {}
  int children;
  engine::BasicJoinCounter<model_sync> join;
  model_sync::var<int> results[3];
  model_sync::var<bool> suspended;
};

struct State {
  Frame* frame = nullptr;
  int resumed = 0;
};

void resume(State& s, bool from_suspension) {
  ++s.resumed;
  Frame* const f = s.frame;
  if (from_suspension) require(f->suspended.get(), "resumed before it was suspended");
  for (int i = 0; i < f->children; ++i) require(f->results[i].get() == i + 1, "a result is missing");
  delete f;
}

void child(State& s, int i) {
  Frame* const f = s.frame;
  f->results[i].set(i + 1);
  if (f->join.arrive()) resume(s, true);
}

auto gather(int children, bool probe) {
  return [=](Program& p) {
    auto& s = p.state<State>();
    s.frame = new Frame(children);
    p.thread("parent", [&s, children, probe] {
      Frame* const f = s.frame;
      if (probe && f->join.all_arrived(children)) {
        resume(s, false);
        return;
      }
      f->suspended.set(true);
      if (f->join.wait(children)) resume(s, true);
    });
    for (int i = 0; i < children; ++i) p.thread("child", [&s, i] { child(s, i); });
    p.check([&s] { require(s.resumed == 1, "the parent was not resumed exactly once"); });
  };
}

// The parent runs one child itself, as gather does, and waits for those that were stolen.
void one_nested_two_stolen(Program& p) {
  auto& s = p.state<State>();
  s.frame = new Frame(3);
  p.thread("parent", [&s] {
    Frame* const f = s.frame;
    f->results[2].set(3);
    f->suspended.set(true);
    if (f->join.all_arrived(2)) resume(s, true);
    else if (f->join.wait(2)) resume(s, true);
  });
  for (int i = 0; i < 2; ++i) p.thread("thief", [&s, i] { child(s, i); });
  p.check([&s] { require(s.resumed == 1, "the parent was not resumed exactly once"); });
}

std::vector<Case> const& cases() {
  static std::vector<Case> const all{
      {{.name = "join, one child", .preemptions = unbounded}, gather(1, false)},
      {{.name = "join, two children", .preemptions = unbounded}, gather(2, false)},
      {{.name = "join, two children and a probe", .preemptions = unbounded}, gather(2, true)},
      {{.name = "join, three children and a probe", .preemptions = unbounded}, gather(3, true)},
      {{.name = "join, one nested child and two stolen", .preemptions = unbounded}, one_nested_two_stolen},
  };
  return all;
}

TEST(JoinCounterModel, OneResumesTheParentAfterAllResults) {
  for (Case const& c : cases()) expect_holds(c.options, c.program);
}

TEST(JoinCounterModel, EveryWeakerOrderIsCaught) {
  expect_mutants_caught("join counter", {"algorithms/join_counter.hpp"}, cases());
}

}  // namespace
}  // namespace weft::model
