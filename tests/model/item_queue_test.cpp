// BasicItemQueue: an item that a put has accepted is got exactly once or is still in the queue, whoever is cancelled and whenever it is shut down;
// nobody waits beside an item or beside room; a join ends with the work.
#include "model/waiting.hpp"

#include <weft/runtime/algorithms/item_queue.hpp>

namespace weft::model {
namespace {

class Store {
 public:
  using Item = int;
  struct Items {
    int values[4] = {};
    std::size_t count = 0;
  };
  void push(int&& item) { items_.values[items_.count++] = item; }
  int pop() {
    int const first = items_.values[0];
    for (std::size_t i = 1; i < items_.count; ++i) items_.values[i - 1] = items_.values[i];
    --items_.count;
    return first;
  }
  void restore(int&& item) {
    for (std::size_t i = items_.count; i > 0; --i) items_.values[i] = items_.values[i - 1];
    items_.values[0] = item;
    ++items_.count;
  }
  std::size_t size() const { return items_.count; }
  void swap(Items& other) { std::swap(items_, other); }

 private:
  Items items_;
};

struct Getter : Node {
  void grant(int& value) { item.set(value); }
};
struct Putter : Node {
  bool admit(Store& store) {
    store.push(int{item.get()});
    return true;
  }
};

template <class N>
class ListOf : public Waiters {
 public:
  N* claim_first() { return static_cast<N*>(Waiters::claim_first()); }
};

using Core = engine::BasicItemQueue<Mutex, Store, ListOf<Getter>, ListOf<Putter>, ListOf<Node>>;

struct State {
  explicit State(std::size_t maxsize) : queue(maxsize, Store()) {}
  Core queue;
  Scope getters[2], putters[2], joiner;
  int accepted = 0, got = 0, cancelled_waits = 0, refused = 0, joined = 0;
};

// As suspend() in waiting.hpp, for nodes that are more than a Node.
template <class N, class Enlist, class Leave>
bool suspend_as(Scope& scope, N& node, Enlist&& enlist, Leave&& leave) {
  scope.lock.lock();
  scope.waiting.set(&node);
  bool const waits = enlist();
  if (!waits) scope.waiting.set(nullptr);
  scope.lock.unlock();
  if (!waits) return true;
  bool const granted = node.ready.take() == fired;
  scope.lock.lock();
  scope.waiting.set(nullptr);
  scope.lock.unlock();
  if (!granted) leave();
  return granted;
}

void put(State& s, int i, int value) {
  Ready ready;
  engine::PutOutcome outcome = s.queue.put(value, ready);
  ready.wake_all();
  if (outcome == engine::PutOutcome::full) {
    auto* const node = new Putter;
    node->item.set(value);
    Ready others;
    bool const granted = suspend_as(
        s.putters[i], *node, [&] { return (outcome = s.queue.put_or_enlist(value, *node, others)) == engine::PutOutcome::full; },
        [&] { s.queue.leave_putters(*node); });
    others.wake_all();
    bool const refused = node->refused.get();
    delete node;
    if (!granted) {
      ++s.cancelled_waits;
      return;
    }
    if (refused) outcome = engine::PutOutcome::shut_down;
  }
  if (outcome == engine::PutOutcome::shut_down) ++s.refused;
  else ++s.accepted;
}

void get(State& s, int i) {
  std::optional<int> item;
  Ready ready;
  engine::GetOutcome outcome = s.queue.get(item, ready);
  ready.wake_all();
  int value = item.value_or(0);
  if (outcome == engine::GetOutcome::empty) {
    auto* const node = new Getter;
    Ready others;
    bool const granted = suspend_as(
        s.getters[i], *node, [&] { return (outcome = s.queue.get_or_enlist(item, *node, others)) == engine::GetOutcome::empty; },
        [&] { s.queue.leave_getters(*node); });
    others.wake_all();
    value = item ? *item : node->item.get();
    delete node;
    if (!granted) {
      ++s.cancelled_waits;
      return;
    }
  }
  if (value == 0) ++s.refused;
  else ++s.got;
}

// Ends what nobody else would: with `immediate` false, all that is in it can still be got.
void shut_down(State& s, bool immediate) {
  Ready ready;
  Store::Items dropped;
  s.queue.shut_down(immediate ? &dropped : nullptr, ready);
  ready.wake_all();
  s.got += static_cast<int>(dropped.count);
}

void check(State& s, int waits) {
  require(s.accepted == s.got + static_cast<int>(s.queue.size()), "an item was lost or made up");
  require(s.cancelled_waits + s.refused + s.accepted + s.got >= waits, "a wait did not end");
}

auto getters(int count, bool shuts_down) {
  return [=](Program& p) {
    auto& s = p.state<State>(std::size_t{0});
    for (int i = 0; i < count; ++i) p.thread("getter", [&s, i] { get(s, i); });
    p.thread("putter", [&s, count, shuts_down] {
      for (int i = 0; i < count; ++i) put(s, 0, 1);
      if (shuts_down) shut_down(s, false);
    });
    p.thread("canceller", [&s] { s.getters[0].cancel(); });
    p.check([&s, count] { check(s, count); });
  };
}

// Who has got an item does not want it any more.
void give_back(State& s) {
  int item = 1;
  Ready ready;
  s.queue.give_back(item, ready);
  ready.wake_all();
}

// As many items as getters, the one that comes back among them: everybody ends.
void an_item_comes_back(Program& p) {
  auto& s = p.state<State>(std::size_t{1});
  s.accepted = 1;
  p.thread("owner", [&s] { give_back(s); });
  for (int i = 0; i < 2; ++i) p.thread("getter", [&s, i] { get(s, i); });
  p.thread("putter", [&s] { put(s, 0, 1); });
  p.thread("canceller", [&s] { s.getters[0].cancel(); });
  p.check([&s] { check(s, 3); });
}

void an_item_comes_back_behind_a_shutdown(Program& p) {
  auto& s = p.state<State>(std::size_t{0});
  int value = 1;
  Ready nobody;
  s.queue.put(value, nobody);
  std::optional<int> item;
  s.queue.get(item, nobody);
  p.thread("owner", [&s] { give_back(s); });
  p.thread("joiner", [&s] {
    auto* const node = new Node;
    (void)suspend_as(
        s.joiner, *node, [&] { return s.queue.enlist_joiner(*node); }, [&] { s.queue.leave_joiners(*node); });
    delete node;
    require(s.queue.finished(), "joined too early");
  });
  p.thread("shutdown", [&s] { shut_down(s, true); });
  p.check([&s] { require(s.queue.finished() && s.queue.size() == 0, "an item is left behind"); });
}

auto putters(int count, bool shuts_down) {
  return [=](Program& p) {
    auto& s = p.state<State>(std::size_t{1});
    int value = 1;
    Ready nobody;
    s.queue.put(value, nobody);
    s.accepted = 1;
    for (int i = 0; i < count; ++i) p.thread("putter", [&s, i] { put(s, i, 2); });
    p.thread("getter", [&s, count, shuts_down] {
      if (shuts_down) shut_down(s, true);
      else
        for (int i = 0; i < count; ++i) get(s, 0);
    });
    p.thread("canceller", [&s] { s.putters[0].cancel(); });
    if (!shuts_down) p.thread("second canceller", [&s] { s.getters[0].cancel(); });
    p.check([&s, count] { check(s, count); });
  };
}

void a_join_and_a_cancel(Program& p) {
  auto& s = p.state<State>(std::size_t{0});
  int value = 1;
  Ready nobody;
  s.queue.put(value, nobody);
  s.accepted = 1;
  p.thread("joiner", [&s] {
    auto* const node = new Node;
    bool const ended = suspend_as(
        s.joiner, *node, [&] { return s.queue.enlist_joiner(*node); }, [&] { s.queue.leave_joiners(*node); });
    if (ended) require(s.queue.finished(), "joined too early");
    delete node;
    ++s.joined;
  });
  p.thread("worker", [&s] {
    get(s, 0);
    Ready ready;
    require(s.queue.task_done(ready), "nothing to be done");
    ready.wake_all();
    require(!s.queue.task_done(ready), "done twice");
  });
  p.thread("canceller", [&s] { s.joiner.cancel(); });
  p.check([&s] { require(s.joined == 1 && s.got == 1, "the join did not end"); });
}

TEST(ItemQueueModel, EveryItemThatWasPutIsGotOnceOrIsThere) {
  expect_holds({.name = "queue, a getter and a cancel"}, getters(1, false));
  expect_holds({.name = "queue, two getters and a cancel", .preemptions = 2}, getters(2, false));
  expect_holds({.name = "queue, a getter, a cancel and a shutdown"}, getters(1, true));
  expect_holds({.name = "queue, a putter, a getter and cancels of both", .preemptions = 2}, putters(1, false));
  expect_holds({.name = "queue, a putter, a cancel and a shutdown"}, putters(1, true));
  expect_holds({.name = "queue, two putters, a cancel and a shutdown", .preemptions = 2}, putters(2, true));
}

TEST(ItemQueueModel, AnItemThatComesBackIsNotLost) {
  expect_holds({.name = "queue, an item that comes back, a putter, two getters and a cancel", .preemptions = 2}, an_item_comes_back);
  expect_holds({.name = "queue, an item that comes back and a shutdown"}, an_item_comes_back_behind_a_shutdown);
}

TEST(ItemQueueModel, AJoinEndsWithTheWork) { expect_holds({.name = "queue, a join and a cancel"}, a_join_and_a_cancel); }

}  // namespace
}  // namespace weft::model
