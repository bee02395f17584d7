// BasicSpinLock: sections exclude each other and see what the last one wrote; try_lock does not wait; a waiter is never left behind.
#include "model/checker/model.hpp"

#include <weft/runtime/algorithms/spin_lock.hpp>

namespace weft::model {
namespace {

struct Counter {
  engine::BasicSpinLock<model_sync> lock;
  model_sync::var<int> value{0};
};

void increment(Counter& c) {
  c.lock.lock();
  c.value.set(c.value.get() + 1);
  c.lock.unlock();
}

void two_threads_twice(Program& p) {
  auto& s = p.state<Counter>();
  p.name(s.value, "value");
  for (int i = 0; i < 2; ++i)
    p.thread([&s] {
      increment(s);
      increment(s);
    });
  p.check([&s] { require(s.value.get() == 4, "an increment was lost"); });
}

void three_threads(Program& p) {
  auto& s = p.state<Counter>();
  for (int i = 0; i < 3; ++i) p.thread([&s] { increment(s); });
  p.check([&s] { require(s.value.get() == 3, "an increment was lost"); });
}

void try_lock_beside_lock(Program& p) {
  struct State : Counter {
    int taken = 0;
  };
  auto& s = p.state<State>();
  for (int i = 0; i < 2; ++i)
    p.thread([&s] {
      if (!s.lock.try_lock()) return;
      s.value.set(s.value.get() + 1);
      ++s.taken;
      s.lock.unlock();
    });
  p.thread([&s] { increment(s); });
  p.check([&s] { require(s.value.get() == s.taken + 1, "an increment was lost"); });
}

std::vector<Case> const& cases() {
  static std::vector<Case> const all{{{.name = "spin lock, two threads, twice each"}, two_threads_twice},
                                     {{.name = "spin lock, three threads"}, three_threads},
                                     {{.name = "spin lock, try_lock beside lock"}, try_lock_beside_lock}};
  return all;
}

TEST(SpinLockModel, SectionsExcludeEachOther) {
  for (Case const& c : cases()) expect_holds(c.options, c.program);
}

TEST(SpinLockModel, EveryWeakerOrderIsCaught) { expect_mutants_caught("spin lock", {"algorithms/spin_lock.hpp"}, cases()); }

}  // namespace
}  // namespace weft::model
