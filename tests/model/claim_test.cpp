// BasicClaim: an await completes or is cancelled, never both; what a failed claim would have granted stays with the granter.
#include "model/checker/model.hpp"

#include <weft/runtime/algorithms/claim.hpp>

namespace weft::model {
namespace {

enum Reason : std::uint32_t { fired = 1, cancelled = 2 };

// A semaphore without permits and one coroutine that waits for one. The node stands in the primitive's list and in its scope's, each with a lock.
struct Node {
  engine::BasicClaim<model_sync> claim;
  model_sync::var<int> grant{0};  // written by the winner after its claim
  Handoff ready;
};

struct State {
  Mutex lock;        // of the primitive: its list and its permits
  Mutex scope_lock;  // of the cancellation scope
  model_sync::var<Node*> waiting{nullptr};
  model_sync::var<Node*> in_scope{nullptr};
  model_sync::var<int> permits{0};
  int granted = 0, cancels = 0, refused = 0;
};

void grant_one(State& s) {
  s.lock.lock();
  Node* const n = s.waiting.get();
  if (n != nullptr && n->claim.try_fire()) {
    s.waiting.set(nullptr);
    n->grant.set(1);
    n->ready.give(fired);
  } else {
    s.permits.set(s.permits.get() + 1);
    if (n != nullptr) ++s.refused;
  }
  s.lock.unlock();
}

void cancel_it(State& s) {
  s.scope_lock.lock();
  Node* const n = s.in_scope.get();
  if (n != nullptr && n->claim.try_cancel()) {
    n->grant.set(-1);
    n->ready.give(cancelled);
  }
  s.scope_lock.unlock();
}

void wait_for_a_permit(State& s) {
  Node* const n = new Node;
  s.scope_lock.lock();
  s.in_scope.set(n);
  s.scope_lock.unlock();
  s.lock.lock();
  if (s.permits.get() != 0 && n->claim.try_fire()) {
    s.permits.set(s.permits.get() - 1);
    s.lock.unlock();
    ++s.granted;
  } else {
    s.waiting.set(n);
    s.lock.unlock();
    Reason const reason = static_cast<Reason>(n->ready.take());
    require(n->grant.get() == (reason == fired ? 1 : -1), "another one wrote the node");
    require(n->claim.state() == (reason == fired ? engine::ClaimState::fired : engine::ClaimState::cancelled), "state");
    if (reason == fired) {
      ++s.granted;
    } else {
      ++s.cancels;
      s.lock.lock();
      if (s.waiting.get() == n) s.waiting.set(nullptr);
      s.lock.unlock();
    }
  }
  s.scope_lock.lock();
  s.in_scope.set(nullptr);
  s.scope_lock.unlock();
  delete n;
}

auto semaphore(int granters, int cancellers) {
  return [=](Program& p) {
    auto& s = p.state<State>();
    p.thread("waiter", [&s] { wait_for_a_permit(s); });
    for (int i = 0; i < granters; ++i) p.thread("granter", [&s] { grant_one(s); });
    for (int i = 0; i < cancellers; ++i) p.thread("canceller", [&s] { cancel_it(s); });
    p.check([&s, granters] {
      require(s.granted + s.cancels == 1, "the wait did not end exactly once");
      require(s.granted + s.permits.get() == granters, "a permit was lost or made up");
    });
  };
}

// Only the claim: whoever wins is alone, and somebody wins.
void three_claimers(Program& p) {
  struct Race {
    engine::BasicClaim<model_sync> claim;
    int winners = 0;
  };
  auto& s = p.state<Race>();
  p.thread("timer", [&s] { s.winners += s.claim.try_fire(); });
  p.thread("granter", [&s] { s.winners += s.claim.try_fire(); });
  p.thread("canceller", [&s] { s.winners += s.claim.try_cancel(); });
  p.check([&s] { require(s.winners == 1, "not one winner"); });
}

std::vector<Case> const& cases() {
  static std::vector<Case> const all{
      {{.name = "claim, three claimers", .preemptions = unbounded}, three_claimers},
      {{.name = "claim, one granter and a canceller"}, semaphore(1, 1)},
      {{.name = "claim, two granters and a canceller"}, semaphore(2, 1)},
  };
  return all;
}

TEST(ClaimModel, AWaitEndsOnceAndNothingIsLost) {
  for (Case const& c : cases()) expect_holds(c.options, c.program);
}

TEST(ClaimModel, ASplitClaimIsCaught) { expect_mutants_caught("claim", {"algorithms/claim.hpp"}, cases()); }

}  // namespace
}  // namespace weft::model
