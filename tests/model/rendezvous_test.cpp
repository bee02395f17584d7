// BasicRendezvous: a round ends when its parties are there, once for each of them; a cancelled one leaves and another takes its place; a barrier that
// breaks sends everyone away; a woken party may destroy it.
#include "model/waiting.hpp"

#include <weft/runtime/algorithms/rendezvous.hpp>

namespace weft::model {
namespace {

using Rendezvous = engine::BasicRendezvous<model_sync, Waiters>;

enum class End { complete, broken, cancelled, cancelled_when_complete };

struct State {
  Rendezvous* barrier = new Rendezvous(2);
  Scope scope[3];
  model_sync::atomic<int> left{0};
  int arrived[3] = {};
  int completed = 0, sent_away = 0;
};

End arrive(State& s, int i, std::size_t& index) {
  Ready ready;
  engine::Arrival arrival = s.barrier->try_arrive(index, ready);
  ready.wake_all();
  bool refused = false, left = false;
  bool granted = true;
  if (arrival == engine::Arrival::waits) {
    Ready others;
    granted = suspend(
        s.scope[i],
        [&](Node& n) {
          arrival = s.barrier->enlist(n, index, others);
          return arrival == engine::Arrival::waits;
        },
        [&](Node& n) { left = s.barrier->leave(n); }, [&](Node& n) { refused = n.refused.get(); });
    others.wake_all();
  }
  if (!granted) return left ? End::cancelled : End::cancelled_when_complete;
  return refused || arrival == engine::Arrival::broken ? End::broken : End::complete;
}

// Two come; the first may be cancelled, and comes again if the other still needs it.
auto two_parties(bool cancel) {
  return [=](Program& p) {
    auto& s = p.state<State>();
    for (int i = 0; i < 2; ++i)
      p.thread("party", [&s, i] {
        std::size_t index = 9;
        End end = arrive(s, i, index);
        while (end == End::cancelled) end = arrive(s, i, index);
        require(end != End::broken, "broken by nobody");
        s.arrived[i] = static_cast<int>(index);
        ++s.completed;
      });
    if (cancel) p.thread("canceller", [&s] { s.scope[0].cancel(); });
    p.check([&s] {
      require(s.completed == 2, "somebody did not come through");
      require(s.arrived[0] + s.arrived[1] == 1, "not 0 and 1");
      require(s.barrier->waiting() == 0 && !s.barrier->broken(), "left behind");
      delete s.barrier;
    });
  };
}

// One comes, the barrier breaks, and nobody else comes.
auto one_party_and_a_break(bool cancel) {
  return [=](Program& p) {
    auto& s = p.state<State>();
    p.thread("party", [&s] {
      std::size_t index = 9;
      End const end = arrive(s, 0, index);
      require(end != End::complete, "complete with one");
      ++s.sent_away;
    });
    p.thread("breaker", [&s] {
      Ready ready;
      s.barrier->send_away(true, ready);
      ready.wake_all();
    });
    if (cancel) p.thread("canceller", [&s] { s.scope[0].cancel(); });
    p.check([&s] {
      require(s.sent_away == 1, "still there");
      require(s.barrier->broken() && s.barrier->waiting() == 0, "not broken");
      delete s.barrier;
    });
  };
}

void the_last_to_leave_destroys(Program& p) {
  auto& s = p.state<State>();
  for (int i = 0; i < 2; ++i)
    p.thread("party", [&s, i] {
      std::size_t index = 9;
      require(arrive(s, i, index) == End::complete, "not complete");
      if (s.left.fetch_add(1, std::memory_order_acq_rel) == 1) delete s.barrier;
    });
}

TEST(RendezvousModel, ARoundEndsWhenItsPartiesAreThere) {
  expect_holds({.name = "barrier, two parties"}, two_parties(false));
  expect_holds({.name = "barrier, two parties and a cancel", .preemptions = 2, .outdated = 2}, two_parties(true));
  expect_holds({.name = "barrier, broken"}, one_party_and_a_break(false));
  expect_holds({.name = "barrier, broken, and a cancel", .preemptions = 2, .outdated = 2}, one_party_and_a_break(true));
  expect_holds({.name = "barrier, destroyed by the last to leave"}, the_last_to_leave_destroys);
}

}  // namespace
}  // namespace weft::model
