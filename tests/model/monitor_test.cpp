// BasicMonitor over BasicPermits, as Condition uses them: a notification reaches somebody who can use it, whoever is cancelled, and whoever
// comes out of a wait, on whatever way, holds the lock alone.
#include "model/waiting.hpp"

#include <weft/runtime/algorithms/monitor.hpp>
#include <weft/runtime/algorithms/permits.hpp>

namespace weft::model {
namespace {

using Permits = engine::BasicPermits<model_sync, Waiters>;
using Monitor = engine::BasicMonitor<model_sync, Waiters, Permits>;

struct State {
  Permits lock{1};
  Monitor monitor{lock};
  Scope scope[2];
  model_sync::var<int> items{0};  // under the lock
  int consumed = 0, gave_up = 0;
};

void acquire(State& s) {
  if (s.lock.try_acquire()) return;
  Scope nobody_cancels;
  suspend(nobody_cancels, [&](Node& n) { return s.lock.enlist(n); }, [](Node&) {});
}
void release(State& s) {
  Ready ready;
  require(s.lock.release(1, ready), "does not hold the lock");
  ready.wake_all();
}
void notify(State& s, std::size_t count) {
  Ready ready;
  s.monitor.notify(count, ready);
  ready.wake_all();
}

// Condition::wait(): with the lock held. False when it was cancelled, and then another was notified.
bool wait(State& s, Scope& scope) {
  Ready ready;
  Node* const node = new Node;
  scope.lock.lock();
  scope.waiting.set(node);
  require(s.monitor.enlist(*node, ready), "does not hold the lock");
  scope.lock.unlock();
  ready.wake_all();
  bool const notified = node->ready.take() == fired;
  for (bool has_lock = notified; !has_lock;) {
    s.monitor.leave(*node);
    scope.lock.lock();
    node->claim.reset(engine::ClaimState::armed);
    bool const waits = s.monitor.reacquire(*node);
    if (!waits) {
      require(node->claim.state() == engine::ClaimState::armed, "claimed while it takes the lock");
      node->claim.reset(engine::ClaimState::fired);
    }
    scope.lock.unlock();
    has_lock = !waits || node->ready.take() == fired;
  }
  scope.lock.lock();
  scope.waiting.set(nullptr);
  scope.lock.unlock();
  delete node;
  if (!notified) notify(s, 1);
  return notified;
}

void consume(State& s, int i) {
  acquire(s);
  bool cancelled = false;
  while (!cancelled && s.items.get() == 0) cancelled = !wait(s, s.scope[i]);
  if (cancelled) {
    ++s.gave_up;
  } else {
    s.items.set(s.items.get() - 1);
    ++s.consumed;
  }
  release(s);
}

auto consumers(int count, int notifications, int cancels) {
  return [=](Program& p) {
    auto& s = p.state<State>();
    for (int i = 0; i < count; ++i) p.thread("consumer", [&s, i] { consume(s, i); });
    p.thread("producer", [&s, count, notifications] {
      acquire(s);
      s.items.set(count);
      for (int i = 0; i < notifications; ++i) notify(s, static_cast<std::size_t>(count / notifications));
      release(s);
    });
    for (int i = 0; i < cancels; ++i) p.thread("canceller", [&s] { s.scope[0].cancel(); });
    p.check([&s, count] {
      require(s.consumed + s.gave_up == count, "a wait did not end");
      require(s.items.get() == s.gave_up, "an item was lost or made up");
      require(s.lock.value() == 1, "the lock is not free in the end");
    });
  };
}

// One item, one notification, two who wait for it, the first of whom may be cancelled when it has been notified: the other must get it then.
// Whoever has the item brings the next.
void a_notification_of_a_cancelled_waiter(Program& p) {
  auto& s = p.state<State>();
  for (int i = 0; i < 2; ++i)
    p.thread("consumer", [&s, i] {
      consume(s, i);
      acquire(s);
      if (s.consumed == 1 && s.items.get() == 0) {
        s.items.set(1);
        notify(s, 1);
      }
      release(s);
    });
  p.thread("producer", [&s] {
    acquire(s);
    s.items.set(1);
    notify(s, 1);
    release(s);
  });
  p.thread("canceller", [&s] { s.scope[0].cancel(); });
  p.check([&s] { require(s.consumed + s.gave_up == 2, "a wait did not end"); });
}

TEST(MonitorModel, NoNotificationIsLost) {
  expect_holds({.name = "condition, one consumer"}, consumers(1, 1, 0));
  expect_holds({.name = "condition, one consumer and a cancel", .preemptions = 2, .outdated = 2}, consumers(1, 1, 1));
  expect_holds({.name = "condition, one consumer and two cancels", .preemptions = 2, .outdated = 0}, consumers(1, 1, 2));
  expect_holds({.name = "condition, two consumers", .preemptions = 2, .outdated = 1}, consumers(2, 1, 0));
  expect_holds({.name = "condition, two consumers, notified one by one", .preemptions = 1, .outdated = 1}, consumers(2, 2, 0));
  expect_holds({.name = "condition, a notified one is cancelled", .preemptions = 1, .outdated = 0}, a_notification_of_a_cancelled_waiter);
}

TEST(MonitorModel, RandomSchedulesOfTwoConsumersAndCancels) {
  expect_holds({.name = "condition, two consumers and a cancel, random", .pct_runs = 20'000}, consumers(2, 2, 1));
  expect_holds({.name = "condition, two consumers and two cancels, random", .pct_runs = 20'000}, consumers(2, 2, 2));
}

}  // namespace
}  // namespace weft::model
