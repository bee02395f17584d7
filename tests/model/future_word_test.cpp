// BasicFutureWord: a future is completed once, by one of those who try; who sees it done sees its outcome; and with its waiters: everybody who awaits it is
// told once, or was cancelled.
#include "model/checker/model.hpp"

#include <weft/runtime/algorithms/claim.hpp>
#include <weft/runtime/algorithms/future_word.hpp>

namespace weft::model {
namespace {

struct State {
  engine::BasicFutureWord<model_sync> word;
  model_sync::var<int> outcome{0};
  int won = 0, undone = 0;
};

void complete_it(State& s, int outcome) {
  if (s.word.begin()) {
    require(s.outcome.get() == 0, "two of them write the outcome");
    s.outcome.set(outcome);
    ++s.won;
    s.word.finish();
  }
  require(s.word.done(), "neither completed by us nor done");
  require(s.outcome.get() != 0, "done without an outcome");
}

// The value throws when it is moved in.
void fail_to_set(State& s) {
  if (!s.word.begin()) {
    require(s.outcome.get() != 0, "done without an outcome");
    return;
  }
  require(s.outcome.get() == 0, "two of them write the outcome");
  s.outcome.set(-1);
  s.outcome.set(0);
  ++s.undone;
  s.word.undo();
}

void look_at_it(State& s) {
  if (s.word.done()) require(s.outcome.get() > 0, "done, but its outcome cannot be seen");
}

auto completers(int count, int failing, int readers) {
  return [=](Program& p) {
    auto& s = p.state<State>();
    for (int i = 0; i < failing; ++i) p.thread("failing setter", [&s] { fail_to_set(s); });
    for (int i = 0; i < count; ++i) p.thread("completer", [&s, i] { complete_it(s, i + 1); });
    for (int i = 0; i < readers; ++i) p.thread("reader", [&s] { look_at_it(s); });
    p.check([&s, count] {
      require(s.won == (count != 0 ? 1 : 0), "not completed exactly once");
      require(s.word.done() == (count != 0), "done");
    });
  };
}

// The waiters of a completion, as in runtime/completion.hpp: a list under a lock, closed when the end is told.
struct Node {
  engine::BasicClaim<model_sync> claim;
  Handoff ready;
};

struct Waited {
  State future;
  Mutex lock;        // of the waiters
  Mutex scope_lock;  // of the awaiter's cancellation scope
  model_sync::var<bool> closed{false};
  model_sync::var<Node*> waiting{nullptr};
  model_sync::var<Node*> in_scope{nullptr};
  int told = 0, cancelled = 0;
};

void complete_and_tell(Waited& s, int outcome) {
  if (!s.future.word.begin()) return;
  s.future.outcome.set(outcome);
  s.future.word.finish();
  s.lock.lock();
  s.closed.set(true);
  Node* const n = s.waiting.get();
  s.waiting.set(nullptr);
  if (n != nullptr && n->claim.try_fire()) n->ready.give(1);
  s.lock.unlock();
}

void await_it(Waited& s) {
  if (s.future.word.done()) {
    require(s.future.outcome.get() != 0, "done without an outcome");
    ++s.told;
    return;
  }
  Node* const n = new Node;
  s.scope_lock.lock();
  s.in_scope.set(n);
  s.lock.lock();
  bool const waits = !s.closed.get();
  if (waits) s.waiting.set(n);
  s.lock.unlock();
  if (!waits) s.in_scope.set(nullptr);
  s.scope_lock.unlock();
  if (!waits || n->ready.take() == 1) {
    require(s.future.outcome.get() != 0, "told without an outcome");
    ++s.told;
  } else {
    ++s.cancelled;
    s.lock.lock();
    if (s.waiting.get() == n) s.waiting.set(nullptr);
    s.lock.unlock();
  }
  s.scope_lock.lock();
  s.in_scope.set(nullptr);
  s.scope_lock.unlock();
  delete n;
}

// A shield: the awaiter is cancelled, not the future.
void cancel_the_awaiter(Waited& s) {
  s.scope_lock.lock();
  Node* const n = s.in_scope.get();
  if (n != nullptr && n->claim.try_cancel()) n->ready.give(2);
  s.scope_lock.unlock();
}

auto awaited(int completers, int cancellers) {
  return [=](Program& p) {
    auto& s = p.state<Waited>();
    p.thread("awaiter", [&s] { await_it(s); });
    for (int i = 0; i < completers; ++i) p.thread("completer", [&s, i] { complete_and_tell(s, i + 1); });
    for (int i = 0; i < cancellers; ++i) p.thread("canceller", [&s] { cancel_the_awaiter(s); });
    p.check([&s] { require(s.told + s.cancelled == 1, "the await did not end exactly once"); });
  };
}

std::vector<Case> const& cases() {
  static std::vector<Case> const all{
      {{.name = "future, result against cancel", .preemptions = unbounded}, completers(2, 0, 0)},
      {{.name = "future, a set that fails against one that does not"}, completers(1, 1, 1)},
      {{.name = "future, two sets that fail"}, completers(0, 2, 1)},
      {{.name = "future, completed while it is awaited and the awaiter is cancelled"}, awaited(1, 1)},
      {{.name = "future, completed twice while it is awaited"}, awaited(2, 0)},
  };
  return all;
}

TEST(FutureWordModel, IsCompletedOnceAndTellsEveryAwaiter) {
  for (Case const& c : cases()) expect_holds(c.options, c.program);
}

TEST(FutureWordModel, EveryWeakerOrderIsCaught) { expect_mutants_caught("future word", {"algorithms/future_word.hpp"}, cases()); }

}  // namespace
}  // namespace weft::model
