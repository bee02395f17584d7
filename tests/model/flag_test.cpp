// BasicFlag: a set ends every wait that began before it, or that begins while it stands, whoever is cancelled; who sees it sees what the setter
// did and may destroy it; and no set is missed between a wait and a clear.
#include "model/waiting.hpp"

#include <weft/runtime/algorithms/flag.hpp>

namespace weft::model {
namespace {

using Flag = engine::BasicFlag<model_sync, Waiters>;

bool wait(Flag& flag, Scope& scope) {
  return flag.is_set() || suspend(scope, [&](Node& n) { return flag.enlist(n); }, [&](Node& n) { flag.leave(n); });
}
void set(Flag& flag) {
  Ready ready;
  flag.set(ready);
  ready.wake_all();
}

struct State {
  Flag* flag = new Flag;
  Scope scope[2];
  model_sync::var<int> data{0};
  model_sync::atomic<int> published[2];
  int woke = 0, gave_up = 0;
};

auto waiters_of_a_set(int waiters, bool cancel, bool clears) {
  return [=](Program& p) {
    auto& s = p.state<State>();
    for (int i = 0; i < waiters; ++i)
      p.thread("waiter", [&s, i] {
        if (wait(*s.flag, s.scope[i])) {
          require(s.data.get() == 1, "woken, but does not see what the setter did");
          ++s.woke;
        } else {
          ++s.gave_up;
        }
      });
    p.thread("setter", [&s, clears] {
      s.data.set(1);
      set(*s.flag);
      if (clears) {
        s.flag->clear();
        set(*s.flag);
      }
    });
    if (cancel) p.thread("canceller", [&s] { s.scope[0].cancel(); });
    p.check([&s, waiters] {
      require(s.woke + s.gave_up == waiters, "a wait did not end");
      require(s.flag->is_set(), "not set in the end");
      delete s.flag;
    });
  };
}

void destroyed_by_the_waiter(Program& p) {
  auto& s = p.state<State>();
  p.thread("setter", [&s] {
    s.data.set(1);
    set(*s.flag);
  });
  p.thread("waiter", [&s] {
    while (!wait(*s.flag, s.scope[0])) {
    }
    require(s.data.get() == 1, "woken, but does not see what the setter did");
    delete s.flag;
  });
  p.thread("canceller", [&s] { s.scope[0].cancel(); });
}

// publish, set; publish, set; and one who waits, clears, and looks, until it has seen both.
void publishers_and_one_who_clears(Program& p) {
  auto& s = p.state<State>();
  for (int i = 0; i < 2; ++i)
    p.thread("publisher", [&s, i] {
      s.published[i].store(1, std::memory_order_relaxed);
      set(*s.flag);
    });
  p.thread("consumer", [&s] {
    do {
      wait(*s.flag, s.scope[0]);
      s.flag->clear();
    } while (s.published[0].load(std::memory_order_relaxed) + s.published[1].load(std::memory_order_relaxed) != 2);
  });
  p.check([&s] { delete s.flag; });
}

std::vector<Case> const& cases() {
  static std::vector<Case> const all{
      {{.name = "flag, two waiters", .preemptions = 1, .outdated = 2}, waiters_of_a_set(2, false, false)},
      {{.name = "flag, a waiter and a cancel"}, waiters_of_a_set(1, true, false)},
      {{.name = "flag, two waiters and a cancel", .preemptions = 1, .outdated = 2}, waiters_of_a_set(2, true, false)},
      {{.name = "flag, set, cleared and set, and a cancel", .preemptions = 1, .outdated = 2}, waiters_of_a_set(1, true, true)},
      {{.name = "flag, destroyed by the waiter", .preemptions = 2}, destroyed_by_the_waiter},
      {{.name = "flag, two publishers and one who clears", .preemptions = 1, .outdated = 2}, publishers_and_one_who_clears},
  };
  return all;
}

TEST(FlagModel, NoSetIsMissed) {
  for (Case const& c : cases()) expect_holds(c.options, c.program);
}

TEST(FlagModel, EveryWeakerOrderIsCaught) { expect_mutants_caught("flag", {"algorithms/wait_word.hpp"}, cases()); }

}  // namespace
}  // namespace weft::model
