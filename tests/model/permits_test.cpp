// BasicPermits, as a lock, a semaphore and a limiter: holders exclude each other, a permit is held by one or is there, whoever is cancelled,
// nobody sleeps beside a permit, and whoever has the last one may destroy it all.
#include "model/waiting.hpp"

#include <weft/runtime/algorithms/permits.hpp>

namespace weft::model {
namespace {

using Permits = engine::BasicPermits<model_sync, Waiters>;

// acquire(); false when it was cancelled.
bool acquire(Permits& permits, Scope& scope) {
  return permits.try_acquire() ||
         suspend(scope, [&](Node& n) { return permits.enlist(n); }, [&](Node& n) { permits.leave(n); });
}
bool release(Permits& permits, std::int64_t limit) {
  Ready ready;
  bool const released = permits.release(limit, ready);
  ready.wake_all();
  return released;
}

struct State {
  explicit State(int value) : permits(new Permits(value)) {}
  Permits* permits;
  Scope scope[3];
  model_sync::var<int> data{0};
  int got = 0, gave_up = 0;
};

// Critical sections, some of whose waits are cancelled.
auto sections(int threads, bool cancel) {
  return [=](Program& p) {
    auto& s = p.state<State>(1);
    for (int i = 0; i < threads; ++i)
      p.thread("holder", [&s, i] {
        if (!acquire(*s.permits, s.scope[i])) {
          ++s.gave_up;
          return;
        }
        s.data.set(s.data.get() + 1);
        require(release(*s.permits, 1), "held, but could not be released");
      });
    if (cancel) p.thread("canceller", [&s] { s.scope[0].cancel(); });
    p.check([&s, threads] {
      require(s.data.get() + s.gave_up == threads, "a section was lost");
      require(s.permits->value() == 1, "the lock is not free in the end");
      delete s.permits;
    });
  };
}

// A held lock: the holder releases; who gets it, on whatever way, destroys it at once.
auto the_next_holder_destroys(bool cancel) {
  return [=](Program& p) {
    auto& s = p.state<State>(0);
    p.thread("holder", [&s] {
      s.data.set(1);
      release(*s.permits, 1);
    });
    p.thread("waiter", [&s] {
      while (!acquire(*s.permits, s.scope[0])) {
      }
      require(s.data.get() == 1, "has it before it was released");
      delete s.permits;
    });
    if (cancel) p.thread("canceller", [&s] { s.scope[0].cancel(); });
  };
}

// No permits, two waiters, of whom one is cancelled, and as many releases.
void two_waiters_and_a_cancel(Program& p) {
  auto& s = p.state<State>(0);
  for (int i = 0; i < 2; ++i)
    p.thread("waiter", [&s, i] {
      if (acquire(*s.permits, s.scope[i])) ++s.got;
      else ++s.gave_up;
    });
  p.thread("releaser", [&s] {
    release(*s.permits, 2);
    release(*s.permits, 2);
  });
  p.thread("canceller", [&s] { s.scope[0].cancel(); });
  p.check([&s] {
    require(s.got + s.permits->value() == 2, "a permit was lost or made up");
    require(s.got + s.gave_up == 2, "a wait did not end");
    delete s.permits;
  });
}

// One permit, given back twice by two: one of them is told.
void one_too_many(Program& p) {
  auto& s = p.state<State>(0);
  for (int i = 0; i < 2; ++i)
    p.thread("releaser", [&s] {
      if (release(*s.permits, 1)) ++s.got;
      else ++s.gave_up;
    });
  p.check([&s] {
    require(s.got == 1 && s.gave_up == 1 && s.permits->value() == 1, "a permit too many");
    delete s.permits;
  });
}

// A limiter of one token, which is out: the total falls to nothing and rises to two, the token comes back, and somebody waits.
void a_total_that_changes(Program& p) {
  struct Limiter : State {
    Limiter() : State(0) {}
    int total = 1;
  };
  auto& s = p.state<Limiter>();
  auto set_total = [&s](int total) {
    Ready ready;
    s.permits->change([&s, total](std::int64_t value) { return std::pair(true, value + total - std::exchange(s.total, total)); }, ready);
    ready.wake_all();
  };
  p.thread("waiter", [&s] {
    if (acquire(*s.permits, s.scope[0])) ++s.got;
    else ++s.gave_up;
  });
  p.thread("borrower", [&s] {
    Ready ready;
    require(s.permits->change([&s](std::int64_t value) { return std::pair(value < s.total, value + 1); }, ready), "nothing is out");
    ready.wake_all();
  });
  p.thread("owner", [set_total] {
    set_total(0);
    set_total(2);
  });
  p.thread("canceller", [&s] { s.scope[0].cancel(); });
  p.check([&s] {
    require(s.got + s.gave_up == 1, "a wait did not end");
    require(s.permits->value() == 2 - s.got, "a token was lost or made up");
    delete s.permits;
  });
}

std::vector<Case> const& cases() {
  static std::vector<Case> const all{
      {{.name = "lock, two holders"}, sections(2, false)},
      {{.name = "lock, three holders", .preemptions = 1, .outdated = 1}, sections(3, false)},
      {{.name = "lock, two holders and a cancel"}, sections(2, true)},
      {{.name = "lock, destroyed by the next holder"}, the_next_holder_destroys(false)},
      {{.name = "lock, destroyed by the next holder, and a cancel", .preemptions = 2}, the_next_holder_destroys(true)},
      {{.name = "semaphore, two waiters and a cancel", .preemptions = 1, .outdated = 2}, two_waiters_and_a_cancel},
      {{.name = "bounded semaphore, released once too often"}, one_too_many},
      {{.name = "limiter, the total changes", .preemptions = 1, .outdated = 2}, a_total_that_changes},
  };
  return all;
}

TEST(PermitsModel, NoPermitIsLostOrMadeUp) {
  for (Case const& c : cases()) expect_holds(c.options, c.program);
}

TEST(PermitsModel, EveryWeakerOrderIsCaught) {
  expect_mutants_caught("permits", {"algorithms/wait_word.hpp"}, cases(),
                        {// Here it only asks for the number; flag_test.cpp has the program that needs the order.
                         "wait-word | acquire -> relaxed | return word_.load(std::memory_order_acquire);"});
}

}  // namespace
}  // namespace weft::model
