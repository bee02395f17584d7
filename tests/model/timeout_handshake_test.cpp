// BasicTimeoutHandshake: a timeout's cancellation lands inside its block or not at all, and the block's frame outlives the timer's use of it.
#include "model/checker/model.hpp"

#include <weft/runtime/algorithms/timeout_handshake.hpp>

namespace weft::model {
namespace {

// The block's frame: the handshake and the scope that the timer cancels.
struct Block {
  engine::BasicTimeoutHandshake<model_sync> handshake;
  model_sync::var<int> cancels{0};
};

struct State {
  Mutex wheel;
  model_sync::var<Block*> timer{nullptr};
  int stray = 0;
  int fired = 0, exited = 0;
  bool left = false;  // in the order of execution
};

// The wheel claims under its lock, since the block may go once it has taken its timer out; the cancel itself runs without the lock.
void turn_the_wheel(State& s) {
  s.wheel.lock();
  Block* const b = s.timer.get();
  bool const won = b != nullptr && b->handshake.try_fire();
  s.timer.set(nullptr);
  s.wheel.unlock();
  if (!won) return;
  if (s.left) ++s.stray;
  b->cancels.set(b->cancels.get() + 1);
  b->handshake.fired();
}

void end_the_block(State& s, Block* b) {
  bool const in_time = b->handshake.try_exit();
  s.left = true;
  require(b->handshake.expired() == !in_time, "expired() disagrees");
  require(b->cancels.get() == (in_time ? 0 : 1), "the block cannot tell whether it was cancelled");
  if (in_time) {
    ++s.exited;
    s.wheel.lock();
    s.timer.set(nullptr);
    s.wheel.unlock();
  } else {
    ++s.fired;
  }
  delete b;
}

void block_against_timer(Program& p) {
  auto& s = p.state<State>();
  Block* const b = new Block;
  s.timer.set(b);
  p.thread("timer", [&s] { turn_the_wheel(s); });
  p.thread("block", [&s, b] { end_the_block(s, b); });
  p.check([&s] {
    require(s.stray == 0, "a cancellation after the block");
    require(s.fired + s.exited == 1, "the block did not end once");
  });
}

// The block arms its timer itself, and two workers turn the wheel.
void block_against_two_wheels(Program& p) {
  auto& s = p.state<State>();
  p.thread("block", [&s] {
    Block* const b = new Block;
    s.wheel.lock();
    s.timer.set(b);
    s.wheel.unlock();
    end_the_block(s, b);
  });
  for (int i = 0; i < 2; ++i) p.thread("wheel", [&s] { turn_the_wheel(s); });
  p.check([&s] { require(s.stray == 0, "a cancellation after the block"); });
}

std::vector<Case> const& cases() {
  static std::vector<Case> const all{
      {{.name = "timeout, block against timer", .preemptions = unbounded}, block_against_timer},
      {{.name = "timeout, block against two wheels"}, block_against_two_wheels},
  };
  return all;
}

TEST(TimeoutHandshakeModel, NoCancellationLandsAfterTheBlock) {
  for (Case const& c : cases()) expect_holds(c.options, c.program);
}

TEST(TimeoutHandshakeModel, EveryWeakerOrderIsCaught) {
  expect_mutants_caught("timeout handshake", {"algorithms/timeout_handshake.hpp"}, cases());
}

}  // namespace
}  // namespace weft::model
