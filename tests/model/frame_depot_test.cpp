// MagazineStack, the depot of the frame pool: each magazine comes out once, what its last owner wrote in its blocks is there
// for the next one, and the count is exact when it is quiet.
#include "model/checker/model.hpp"

#include <array>

#include <weft/runtime/algorithms/magazine_stack.hpp>

namespace weft::model {
namespace {

using Stack = engine::MagazineStack<model_sync>;

// A magazine with one block, whose memory the owner of the magazine may use as it likes.
struct Loaded {
  Stack::Magazine magazine;
  model_sync::var<int> block{0};
};

template <std::size_t N>
struct Depot {
  Stack stack;
  std::array<Loaded, N> magazines;

  // As a thread that frees: uses the block, then hands it over.
  void give(std::size_t i) {
    Loaded& loaded = magazines[i];
    loaded.block.set(loaded.block.get() + 1);
    loaded.magazine.count.set(2);
    stack.push(&loaded.magazine);
  }
  Loaded* find(Stack::Magazine* magazine) {
    for (Loaded& loaded : magazines)
      if (&loaded.magazine == magazine) return &loaded;
    return nullptr;
  }
  // As a thread that allocates: uses the block that it got. False when there was none.
  bool use(Stack::Magazine* magazine) {
    if (magazine == nullptr) return false;
    Loaded* const loaded = find(magazine);
    require(loaded != nullptr, "something that was never pushed came out");
    require(magazine->count.get() == 2, "the magazine's count was lost");
    loaded->block.set(loaded->block.get() + 10);
    return true;
  }
  int sum() {
    int all = 0;
    for (Loaded& loaded : magazines) all += loaded.block.get();
    return all;
  }
};

void each_gives_and_takes(Program& p) {
  auto& s = p.state<Depot<2>>();
  for (std::size_t i = 0; i < 2; ++i)
    p.thread([&s, i] {
      s.give(i);
      require(s.use(s.stack.pop()), "a magazine is missing");
    });
  p.check([&s] {
    require(s.sum() == 22, "a magazine came out twice, or was lost");
    require(s.stack.blocks() == 0 && s.stack.pop() == nullptr, "the stack is not empty");
  });
}

void one_gives_two_take(Program& p) {
  struct State : Depot<2> {
    std::array<int, 2> taken{};
  };
  auto& s = p.state<State>();
  p.thread([&s] {
    s.give(0);
    s.give(1);
  });
  for (std::size_t i = 0; i < 2; ++i)
    p.thread([&s, i] {
      s.taken[i] += s.use(s.stack.pop()) ? 1 : 0;
    });
  p.check([&s] {
    int const taken = s.taken[0] + s.taken[1];
    require(s.stack.blocks() == static_cast<std::size_t>(2 * (2 - taken)), "the count is wrong");
    int left = 0;
    while (s.use(s.stack.pop())) ++left;
    require(taken + left == 2 && s.sum() == 22, "a magazine came out twice, or was lost");
  });
}

// A trim takes everything and gives back what is still needed, while another thread goes on.
void trim_beside_giving_and_taking(Program& p) {
  auto& s = p.state<Depot<3>>();
  p.thread([&s] {
    s.give(0);
    s.give(1);
    for (Stack::Magazine* m = s.stack.pop_all(); m != nullptr;) {
      Stack::Magazine* const below = m->below.get();
      s.use(m);
      s.stack.push(m);
      m = below;
    }
  });
  p.thread([&s] {
    Stack::Magazine* const mine = s.stack.pop();
    if (s.use(mine)) s.stack.push(mine);
    s.give(2);
  });
  p.check([&s] {
    require(s.stack.blocks() == 6, "the count is wrong");
    int out = 0;
    while (s.stack.pop() != nullptr) ++out;
    require(out == 3, "a magazine came out twice, or was lost");
  });
}

std::vector<Case> const& cases() {
  static std::vector<Case> const all{{{.name = "frame depot, two threads give and take"}, each_gives_and_takes},
                                     {{.name = "frame depot, one gives and two take"}, one_gives_two_take},
                                     {{.name = "frame depot, trim"}, trim_beside_giving_and_taking}};
  return all;
}

TEST(FrameDepotModel, EveryMagazineComesOutOnceAndWhole) {
  for (Case const& c : cases()) expect_holds(c.options, c.program);
}

TEST(FrameDepotModel, EveryWeakerOrderIsCaught) {
  expect_mutants_caught("frame depot", {"algorithms/magazine_stack.hpp", "algorithms/spin_lock.hpp"}, cases());
}

}  // namespace
}  // namespace weft::model
