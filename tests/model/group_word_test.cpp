// BasicGroupWord: the parent of a group goes on exactly once, when all children have left and all they did is seen; a cancel of the parent and
// the last child's wake-up settle who wakes it; nobody touches the group after it is gone; a late child is refused or cancelled.
#include "model/checker/model.hpp"

#include <weft/runtime/algorithms/claim.hpp>
#include <weft/runtime/algorithms/group_word.hpp>

namespace weft::model {
namespace {

using GroupWord = engine::BasicGroupWord<model_sync>;
using Entry = GroupWord::Entry;

enum Reason : std::uint32_t { woken = 1, cancelled = 2 };

// The parent's node, in the frame of its await.
struct Waiter {
  engine::BasicClaim<model_sync> claim;
};

struct Group {
  GroupWord word;
  model_sync::var<int> listed{0};  // the children list
  model_sync::var<Waiter*> waiter{nullptr};
  model_sync::var<int> results[3];
  model_sync::var<int> errors[3];
};

struct State {
  Group* group = new Group;
  Mutex scope_lock;  // of the parent's scope, through which a cancel reaches its node
  model_sync::var<Waiter*> in_scope{nullptr};
  Handoff ready;
  int aborts = 0, ends = 0;
  model_sync::var<int> cancelled{0};  // the children that the abort has found
  bool late_entered = false;
};

// True when the group has taken the child in.
bool enter(State& s) {
  Group* const g = s.group;
  GroupWord::Word word = g->word.lock();
  bool const open = GroupWord::entry(word) == Entry::open;
  if (open) {
    GroupWord::enter(word);
    g->listed.set(g->listed.get() + 1);
  }
  g->word.unlock(word);
  return open;
}

void enter_all(State& s, int children) {
  for (int i = 0; i < children; ++i) require(enter(s), "not entered");
}

void leave(State& s) {
  Group* const g = s.group;
  GroupWord::Word word = g->word.lock();
  g->listed.set(g->listed.get() - 1);
  bool const wakes = GroupWord::leave(word);
  g->word.unlock(word);
  if (!wakes) return;
  if (g->waiter.get()->claim.try_fire()) s.ready.give(woken);
  else g->word.release();
}

// True for the first.
bool abort(State& s) {
  Group* const g = s.group;
  GroupWord::Word word = g->word.lock();
  bool const first = GroupWord::abort(word);
  if (first) {
    ++s.aborts;
    s.cancelled.set(g->listed.get());
  }
  g->word.unlock(word);
  return first;
}

void child(State& s, int i, bool fails) {
  Group* const g = s.group;
  g->results[i].set(i + 1);
  if (fails) {
    g->errors[i].set(1);
    abort(s);
  }
  leave(s);
}

void cancel_the_parent(State& s) {
  s.scope_lock.lock();
  Waiter* const w = s.in_scope.get();
  if (w != nullptr && w->claim.try_cancel()) s.ready.give(cancelled);
  s.scope_lock.unlock();
}

// One await of the children; true when it was cut short by a cancel.
bool wait_once(State& s) {
  Group* const g = s.group;
  Waiter* const w = new Waiter;
  s.scope_lock.lock();
  g->waiter.set(w);
  bool const waits = g->word.wait();
  if (waits) s.in_scope.set(w);
  s.scope_lock.unlock();
  bool was_cancelled = false;
  if (waits) {
    was_cancelled = s.ready.take() == cancelled;
    s.scope_lock.lock();
    s.in_scope.set(nullptr);
    s.scope_lock.unlock();
    if (was_cancelled && !g->word.retract()) g->word.wait_released();
  }
  delete w;
  return was_cancelled;
}

void read_all_and_end(State& s, int children) {
  Group* const g = s.group;
  for (int i = 0; i < children; ++i) require(g->results[i].get() == i + 1, "a result is missing");
  ++s.ends;
  delete g;
}

void parent(State& s, int children) {
  while (!s.group->word.close())
    if (wait_once(s)) abort(s);
  read_all_and_end(s, children);
}

auto group(int children, int failing, bool with_canceller) {
  return [=](Program& p) {
    auto& s = p.state<State>();
    enter_all(s, children);
    p.thread("parent", [&s, children] { parent(s, children); });
    for (int i = 0; i < children; ++i) p.thread("child", [&s, i, failing] { child(s, i, i < failing); });
    if (with_canceller) p.thread("canceller", [&s] { cancel_the_parent(s); });
    p.check([&s, failing, with_canceller] {
      require(s.ends == 1, "the group did not end once");
      require(s.aborts == (failing != 0) || (with_canceller && s.aborts <= 1), "not one abort");
    });
  };
}

// The parent that finds the group empty or closes it without having waited still sees everything.
auto parent_without_a_wait(bool by_empty) {
  return [by_empty](Program& p) {
    auto& s = p.state<State>();
    enter_all(s, 2);
    p.thread("parent", [&s, by_empty] {
      while (by_empty ? !s.group->word.empty() : !s.group->word.close()) model_sync::yield();
      read_all_and_end(s, 2);
    });
    for (int i = 0; i < 2; ++i) p.thread("child", [&s, i] { child(s, i, false); });
  };
}

// A parent that registers once and is not told by close() or by a hand-over: what wait() itself found must be enough.
void parent_that_need_not_wait(Program& p) {
  auto& s = p.state<State>();
  enter_all(s, 1);
  p.thread("parent", [&s] {
    Waiter w;
    s.group->waiter.set(&w);
    if (s.group->word.wait()) require(s.ready.take() == woken, "not woken");
    read_all_and_end(s, 1);
  });
  p.thread("child", [&s] { child(s, 0, false); });
}

// A child makes another one while a sibling fails: the late one is refused, or cancelled by one of the two.
void late_child_against_a_failure(Program& p) {
  auto& s = p.state<State>();
  enter_all(s, 2);
  p.thread("child", [&s] {
    Group* const g = s.group;
    bool const entered = enter(s);
    if (!entered) require(g->errors[1].get() == 1, "refused without an error");
    else if (g->word.aborting()) require(s.cancelled.get() == 3, "a late child was neither refused nor cancelled");
    g->results[0].set(1);
    g->results[2].set(3);
    if (entered) leave(s);
    leave(s);
  });
  p.thread("failing child", [&s] {
    Group* const g = s.group;
    g->results[1].set(2);
    g->errors[1].set(1);
    abort(s);
    require(s.aborts == 1, "not the first");
    leave(s);
  });
  p.thread("parent", [&s] { parent(s, 3); });
}

// Two failures: one aborts, and the other one finds the first one's error.
void two_failures(Program& p) {
  auto& s = p.state<State>();
  enter_all(s, 2);
  for (int i = 0; i < 2; ++i)
    p.thread("child", [&s, i] {
      s.group->errors[i].set(1);
      if (!abort(s)) require(s.group->errors[1 - i].get() == 1, "the first error is missing");
    });
  p.check([&s] {
    require(s.aborts == 1, "not one abort");
    delete s.group;
  });
}

// A foreign task against the end of the block: it enters and is waited for, or finds the group closed.
void entry_against_the_end(Program& p) {
  auto& s = p.state<State>();
  enter_all(s, 1);
  p.thread("parent", [&s] {
    while (!s.group->word.close()) wait_once(s);
    if (s.late_entered) require(s.group->results[1].get() == 2, "a result is missing");
    ++s.ends;
  });
  p.thread("child", [&s] { child(s, 0, false); });
  p.thread("foreign", [&s] {
    if (!enter(s)) return;
    require(s.ends == 0, "entered after the end");
    s.late_entered = true;
    child(s, 1, false);
  });
  p.check([&s] { delete s.group; });
}

// The last child lets go of the group while a foreign task that has cancelled the parent is in a section.
void release_against_a_section(Program& p) {
  auto& s = p.state<State>();
  enter_all(s, 1);
  p.thread("parent", [&s] {
    while (!s.group->word.close()) wait_once(s);
    ++s.ends;
  });
  p.thread("child", [&s] { child(s, 0, false); });
  p.thread("foreign", [&s] {
    cancel_the_parent(s);
    abort(s);
  });
  p.check([&s] {
    require(s.ends == 1, "the group did not end once");
    delete s.group;
  });
}

std::vector<Case> const& cases() {
  static std::vector<Case> const all{
      {{.name = "group, one child", .preemptions = unbounded}, group(1, 0, false)},
      {{.name = "group, two children, one fails", .outdated = 2, .spurious_cas = 0}, group(2, 1, false)},
      {{.name = "group, one child, the parent is cancelled", .preemptions = 3}, group(1, 0, true)},
      {{.name = "group, two children, one fails, the parent is cancelled", .outdated = 1, .spurious_cas = 0}, group(2, 1, true)},
      {{.name = "group, close() without a wait"}, parent_without_a_wait(false)},
      {{.name = "group, empty()"}, parent_without_a_wait(true)},
      {{.name = "group, wait() that need not wait", .preemptions = unbounded}, parent_that_need_not_wait},
      {{.name = "group, a late child against a failure", .outdated = 1, .spurious_cas = 0}, late_child_against_a_failure},
      {{.name = "group, two failures", .preemptions = unbounded}, two_failures},
      {{.name = "group, entry against the end", .outdated = 1, .spurious_cas = 0}, entry_against_the_end},
      {{.name = "group, release() against a section", .outdated = 1, .spurious_cas = 0}, release_against_a_section},
  };
  return all;
}

// One test: the programs take long, and the mutants begin with them.
TEST(GroupWordModel, TheParentGoesOnOnceAndEveryWeakerOrderIsCaught) {
  expect_mutants_caught("group word", {"algorithms/group_word.hpp"}, cases(), {});
}

}  // namespace
}  // namespace weft::model
