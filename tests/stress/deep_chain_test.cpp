// Bounded native stack: chains of nested awaits millions deep, millions of awaits in a loop, gather trees a hundred
// thousand levels deep, at -O0 and under sanitizers, where no compiler makes tail calls. A stack overflow would end the
// process.
//
// Sizes: 10 million nested awaits in optimised builds, 1 million at -O0 and under sanitizers (the frames alone are
// gigabytes there), a fifth of either with WEFT_SHORT_TESTS (more than a stack would hold still), the full size everywhere
// with WEFT_SOAK_SECONDS.
#include "unit/support.hpp"

namespace weft_test {
namespace {

class DeepChain : public ::testing::TestWithParam<unsigned> {
 protected:
  weft::Runtime& runtime() { return runtime_; }
  static weft::Options options() {
    weft::Options o;
    o.workers = GetParam();
    o.clock = weft::ClockKind::virtual_time;
    return o;
  }

 private:
  weft::Runtime runtime_{options()};
};

int million() {
#if defined(__OPTIMIZE__)
  bool const full = !sanitized;
#else
  bool const full = false;
#endif
  if (std::getenv("WEFT_SOAK_SECONDS") != nullptr) return 10'000'000;
  return (full ? 10'000'000 : 1'000'000) / (short_tests() ? 5 : 1);
}

Coro<long> nested(int depth) {
  if (depth == 0) co_return 0;
  long const below = co_await nested(depth - 1);
  co_return below + 1;
}

// Suspends at the bottom: the whole chain is parked, and resumed from there.
Coro<long> nested_asleep(int depth) {
  if (depth == 0) {
    co_await weft::sleep(1ms);
    co_return 0;
  }
  long const below = co_await nested_asleep(depth - 1);
  co_return below + 1;
}

Coro<long> nested_failing(int depth, bool asleep) {
  if (depth == 0) {
    if (asleep) co_await weft::sleep(1ms);
    throw Failure("bottom");
  }
  long const below = co_await nested_failing(depth - 1, asleep);
  co_return below + 1;
}

Coro<> nothing() { co_return; }

// A tree that is a line: at each level one leaf beside the next level.
Coro<long> gather_line(int depth, bool asleep) {
  if (depth == 0) {
    if (asleep) co_await weft::sleep(1ms);
    co_return 1;
  }
  auto const [below, leaf] = co_await weft::gather(gather_line(depth - 1, asleep), nothing());
  (void)leaf;
  co_return below + 1;
}

Coro<long> gather_line_mirrored(int depth) {
  if (depth == 0) co_return 1;
  auto const [leaf, below] = co_await weft::gather(nothing(), gather_line_mirrored(depth - 1));
  (void)leaf;
  co_return below + 1;
}

// Each task awaits the next.
Coro<long> task_line(int depth) {
  if (depth == 0) co_return 0;
  Task<long> const next = weft::create_task(task_line(depth - 1));
  long const below = co_await next;
  co_return below + 1;
}

Coro<> group_line(std::atomic<long>& levels, int depth) {
  levels.fetch_add(1);
  if (depth == 0) co_return;
  co_await weft::task_group([&levels, depth](weft::TaskGroup&) -> Coro<> { co_await group_line(levels, depth - 1); });
}

TEST_P(DeepChain, NestedAwaits) { EXPECT_EQ(runtime().run(nested(million())), million()); }

TEST_P(DeepChain, NestedAwaitsThatSuspendAtTheBottom) {
  EXPECT_EQ(runtime().run(nested_asleep(million())), million());
}

TEST_P(DeepChain, AwaitsInALoop) {
  long const n = runtime().run([]() -> Coro<long> {
    long count = 0;
    for (int i = 0; i < million(); ++i) {
      co_await nothing();
      ++count;
    }
    co_return count;
  });
  EXPECT_EQ(n, million());
}

TEST_P(DeepChain, AwaitsOfFinishedThingsInALoop) {
  long const n = runtime().run([]() -> Coro<long> {
    Task<int> const done = weft::create_task(value_after(1ms, 1));
    co_await done;
    weft::Event set;
    set.set();
    weft::Lock lock;
    long count = 0;
    for (int i = 0; i < million() / 10; ++i) {
      int const v = co_await done;
      co_await set.wait();
      co_await lock.acquire();
      lock.release();
      auto none = co_await weft::gather();
      (void)none;
      count += v;
    }
    co_return count;
  });
  EXPECT_EQ(n, million() / 10);
}

TEST_P(DeepChain, YieldsInALoop) {
  long const n = runtime().run([]() -> Coro<long> {
    long count = 0;
    for (int i = 0; i < million() / 10; ++i) {
      co_await weft::yield_now();
      ++count;
    }
    co_return count;
  });
  EXPECT_EQ(n, million() / 10);
}

TEST_P(DeepChain, GatherTree) {
  EXPECT_EQ(runtime().run(gather_line(100'000, false)), 100'001);
  EXPECT_EQ(runtime().run(gather_line_mirrored(100'000)), 100'001);
}

TEST_P(DeepChain, GatherTreeThatSuspendsAtTheBottom) {
  EXPECT_EQ(runtime().run(gather_line(100'000, true)), 100'001);
}

TEST_P(DeepChain, ExceptionsClimbOut) {
  int const depth = 20'000;
  EXPECT_EQ(outcome_of_call([&] { (void)runtime().run(nested_failing(depth, false)); }), "Failure(bottom)");
  EXPECT_EQ(outcome_of_call([&] { (void)runtime().run(nested_failing(depth, true)); }), "Failure(bottom)");
}

TEST_P(DeepChain, CancelOfADeepSleepingChainClimbsOut) {
  runtime().run([]() -> Coro<> {
    Task<long> chain = weft::create_task(nested_asleep(20'000));
    Task<long> tree = weft::create_task(gather_line(20'000, true));
    for (int i = 0; i < 3; ++i) co_await weft::yield_now();
    chain.cancel();
    tree.cancel();
    std::string const of_chain = co_await outcome(chain);
    EXPECT_EQ(of_chain, "CancelledError");
    std::string const of_tree = co_await outcome(tree);
    EXPECT_EQ(of_tree, "CancelledError");
  });
}

TEST_P(DeepChain, TasksThatAwaitTasks) { EXPECT_EQ(runtime().run(task_line(100'000)), 100'000); }

TEST_P(DeepChain, CancelIsHandedDownALongLineOfTasks) {
  runtime().run([]() -> Coro<> {
    struct Line {
      static Coro<> link(int depth) {
        if (depth == 0) {
          co_await weft::sleep(1h);
        } else {
          Task<void> const next = weft::create_task(link(depth - 1));
          co_await next;
        }
      }
    };
    Task<void> head = weft::create_task(Line::link(10'000));
    co_await weft::sleep(1ms);
    head.cancel();
    std::string const seen = co_await outcome(head);
    EXPECT_EQ(seen, "CancelledError");
  });
}

TEST_P(DeepChain, GroupsInsideGroups) {
  std::atomic<long> levels{0};
  runtime().run(group_line(levels, 5'000));
  EXPECT_EQ(levels.load(), 5'001);
}

TEST_P(DeepChain, UnstartedChainsAreDestroyed) {
  std::atomic<int> live{0};
  runtime().run([&]() -> Coro<> {
    struct Link {
      static Coro<> wrap(Coro<> inner, Live) { co_await std::move(inner); }
    };
    Coro<> chain = nothing();
    for (int i = 0; i < 1000; ++i) chain = Link::wrap(std::move(chain), Live(live));
    EXPECT_EQ(live.load(), 1000);
    {
      Coro<> const dropped = std::move(chain);
    }
    EXPECT_EQ(live.load(), 0);
    co_return;
  });
}

INSTANTIATE_TEST_SUITE_P(At, DeepChain, ::testing::Values(1U, 2U, 8U), worker_name);

}  // namespace
}  // namespace weft_test
