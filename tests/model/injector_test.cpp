// Injector: pushers, takers and the closer: each node is taken once or refused, in order for each pusher, with what was written to it.
#include "model/checker/model.hpp"

#include <vector>

#include <weft/runtime/algorithms/injector.hpp>

namespace weft::model {
namespace {

using engine::Injected;

struct Node : engine::InjectorHook<model_sync> {
  model_sync::var<int> payload{0};
  int taken = 0;
  int accepted = 0;
};

struct State {
  using Queue = engine::Injector<model_sync, Node>;
  Queue queue;
  Node nodes[4];

  bool push(int i) {
    nodes[i].payload.set(1);
    if (queue.push(nodes[i]) == Injected::closed) {
      require(nodes[i].payload.get() == 1, "a refused node was taken");
      return false;
    }
    ++nodes[i].accepted;
    return true;
  }
  void drain(Queue::Batch batch) {
    Node* last = nullptr;
    while (Node* const node = batch.pop()) {
      require(last == nullptr || last < node, "out of order");
      last = node;
      require(node->payload.get() == 1, "a node was taken twice, or before it was written");
      node->payload.set(2);
      ++node->taken;
    }
  }
  void check() {
    drain(queue.take_all());
    for (Node const& node : nodes) require(node.taken == node.accepted, "a node was lost");
    require(queue.empty(), "something is left");
  }
};

State& start(Program& p) {
  auto& s = p.state<State>();
  p.check([&s] { s.check(); });
  return s;
}

// Nodes of one pusher are in ascending order, so `drain` checks its order; two pushers have one node each at most, in any order.
void two_takers(Program& p) {
  State& s = start(p);
  p.thread("pusher", [&s] {
    for (int i = 0; i < 3; ++i) require(s.push(i), "refused while open");
  });
  for (int i = 0; i < 2; ++i) p.thread("taker", [&s] { s.drain(s.queue.take_all()); });
}

void two_pushers(Program& p) {
  auto& s = p.state<State>();
  for (int i = 0; i < 2; ++i) p.thread("pusher", [&s, i] { require(s.push(i), "refused while open"); });
  p.thread("taker", [&s] {
    for (int i = 0; i < 2; ++i) {
      auto batch = s.queue.take_all();
      while (Node* const node = batch.pop()) {
        require(node->payload.get() == 1, "a node was taken twice, or before it was written");
        node->payload.set(2);
        ++node->taken;
      }
    }
  });
  p.check([&s] {
    auto batch = s.queue.take_all();
    while (Node* const node = batch.pop()) ++node->taken;
    for (Node const& node : s.nodes) require(node.taken == node.accepted, "a node was lost");
  });
}

void close_against_push(Program& p) {
  State& s = start(p);
  p.thread("pusher", [&s] {
    bool open = true;
    for (int i = 0; i < 3; ++i) {
      bool const accepted = s.push(i);
      require(open || !accepted, "accepted after a refusal");
      open = accepted;
    }
  });
  p.thread("closer", [&s] {
    s.drain(s.queue.close());
    require(s.queue.closed(), "not closed");
  });
  p.check([&s] { require(s.queue.closed(), "opened again"); });
}

void close_against_push_and_take(Program& p) {
  State& s = start(p);
  p.thread("pusher", [&s] {
    for (int i = 0; i < 2; ++i) (void)s.push(i);
  });
  p.thread("taker", [&s] { s.drain(s.queue.take_all()); });
  p.thread("closer", [&s] { s.drain(s.queue.close()); });
  p.check([&s] { require(s.queue.closed(), "opened again"); });
}

// A node that has been taken is pushed again by its taker while the first pusher still goes on.
void nodes_come_again(Program& p) {
  auto& s = p.state<State>();
  p.thread("pusher", [&s] {
    for (int i = 0; i < 2; ++i) (void)s.push(i);
  });
  p.thread("taker", [&s] {
    auto batch = s.queue.take_all();
    if (Node* const node = batch.pop()) (void)s.queue.push(*node);
    while (Node* const node = batch.pop()) ++node->taken;
  });
  p.check([&s] {
    auto batch = s.queue.take_all();
    while (Node* const node = batch.pop()) {
      require(node->payload.get() == 1, "a node came unwritten");
      ++node->taken;
    }
    for (Node const& node : s.nodes) require(node.taken == node.accepted, "a node was lost");
  });
}

std::vector<Case> const& cases() {
  static std::vector<Case> const all{
      {{.name = "injector, two takers"}, two_takers},
      {{.name = "injector, two pushers"}, two_pushers},
      {{.name = "injector, close against push"}, close_against_push},
      {{.name = "injector, close against push and take"}, close_against_push_and_take},
      {{.name = "injector, nodes come again"}, nodes_come_again},
  };
  return all;
}

TEST(InjectorModel, EveryNodeIsTakenOnceOrRefused) {
  for (Case const& c : cases()) expect_holds(c.options, c.program);
}

TEST(InjectorModel, EveryWeakerOrderIsCaught) { expect_mutants_caught("injector", {"algorithms/injector.hpp"}, cases()); }

}  // namespace
}  // namespace weft::model
