// The checker on programs whose errors are known: each kind of error is found, told and replayed; what is right holds; the bounds are kept.
#include "model/checker/model.hpp"

#include <weft/runtime/algorithms/spin_lock.hpp>

#include <array>
#include <cstdlib>
#include <memory>
#include <stdexcept>

namespace weft::model {
namespace {

constexpr auto relaxed = std::memory_order_relaxed;
constexpr auto acquire = std::memory_order_acquire;
constexpr auto release = std::memory_order_release;
constexpr auto acq_rel = std::memory_order_acq_rel;

template <class T>
using atomic = model_sync::atomic<T>;
template <class T>
using var = model_sync::var<T>;

Options all(char const* name) { return {.name = name, .preemptions = unbounded}; }

struct Words {
  atomic<std::uint32_t> x{0}, y{0};
  var<int> data{0};
  int a = 0, b = 0;
};

void lost_increment(Program& p) {
  auto& s = p.state<Words>();
  p.name(s.x, "counter");
  for (int i = 0; i < 2; ++i) p.thread(i == 0 ? "left" : "right", [&s] { s.x.store(s.x.load(acquire) + 1, release); });
  p.check([&s] { require(s.x.load(relaxed) == 2, "an increment was lost"); });
}

// ---- replay and traces

TEST(Checker, ReplayReproducesAFailure) {
  Result const found = explore(all("lost increment"), lost_increment);
  ASSERT_FALSE(found.ok);
  for (int i = 0; i < 2; ++i) {
    Result const again = replay(all("lost increment"), found.replay, lost_increment);
    EXPECT_EQ(again.error, found.error);
    EXPECT_EQ(again.trace, found.trace);
  }
  EXPECT_TRUE(replay(all("lost increment"), "u:", lost_increment).ok) << "without choices both threads run one after the other";
}

TEST(Checker, TraceNamesThreadOperationLocationOrderValueAndSource) {
  std::string const trace = explore(all("lost increment"), lost_increment).trace;
  for (char const* part : {"left", "right", "acquire", "release", "load counter -> 0", "store counter = 1", "checker_test.cpp:",
                           "s.x.store(s.x.load(acquire) + 1, release)"})
    EXPECT_NE(trace.find(part), std::string::npos) << part << " in\n" << trace;
}

TEST(Checker, RefusesWhatIsNoReplayString) {
  EXPECT_FALSE(replay(all("lost increment"), "nonsense", lost_increment).ok);
  EXPECT_NE(replay(all("lost increment"), "u:9", lost_increment).error.find("do not fit"), std::string::npos);
}

TEST(Checker, ReportsAProgramThatIsNotDeterministic) {
  int runs = 0;
  Result const r = explore(all("not deterministic"), [&runs](Program& p) {
    auto& s = p.state<Words>();
    bool const odd = ++runs % 2 != 0;
    p.thread([&s] { s.x.store(1, relaxed); });
    p.thread([&s, odd] {
      if (odd) s.y.store(1, relaxed);
      s.x.load(relaxed);
    });
    if (odd) p.thread([&s] { s.x.load(relaxed); });
  });
  EXPECT_NE(r.error.find("not deterministic"), std::string::npos) << r.error;
}

// What the building function did happens before the threads, and they happen before the checks.
TEST(Checker, TheMainThreadIsOrderedBeforeAndAfterTheOthers) {
  expect_holds(all("set up, run, check"), [](Program& p) {
    auto& s = p.state<Words>();
    s.x.store(1, relaxed);
    s.x.fetch_add(1, relaxed);
    s.data.set(3);
    for (int i = 0; i < 2; ++i)
      p.thread([&s] {
        require(s.x.load(relaxed) == 2 && s.data.get() == 3, "an outdated value from before the threads");
        s.y.fetch_add(1, relaxed);
      });
    p.check([&s] {
      require(s.y.load(relaxed) == 2, "an outdated value after the threads");
      s.data.set(4);
    });
  });
}

// ---- bounds

TEST(Checker, AUsedUpBudgetIsAFailure) {
  auto const three = [](Program& p) {
    auto& s = p.state<Words>();
    for (int i = 0; i < 3; ++i)
      p.thread([&s] {
        s.x.fetch_add(1, relaxed);
        s.x.fetch_add(1, relaxed);
      });
  };
  Result const cut = explore({.name = "budget", .preemptions = unbounded, .max_executions = 10}, three);
  EXPECT_FALSE(cut.ok);
  EXPECT_FALSE(cut.exhausted);
  EXPECT_EQ(cut.executions, 10u);
  EXPECT_NE(cut.error.find("not exhaustive"), std::string::npos);
  Result const whole = explore(all("budget"), three);
  EXPECT_TRUE(whole.ok);
  EXPECT_TRUE(whole.exhausted);
  EXPECT_EQ(whole.executions, 90u) << "the interleavings of three threads of two steps each: 6! / 2!^3";
}

// Each thread must stop in the middle for the other one: out of the first, out of the second, out of the first again.
void needs_three_preemptions(Program& p) {
  auto& s = p.state<Words>();
  p.thread([&s] {
    s.x.store(1, relaxed);
    s.x.store(2, relaxed);
    s.x.store(3, relaxed);
  });
  p.thread([&s] {
    std::uint32_t one = 1, two = 2;
    bool const first = s.x.compare_exchange_strong(one, 1, relaxed, relaxed);
    bool const second = s.x.compare_exchange_strong(two, 2, relaxed, relaxed);
    require(!first || !second, "seen both");
  });
}

TEST(Checker, KeepsThePreemptionBound) {
  EXPECT_TRUE(explore({.name = "bound 2", .preemptions = 2}, needs_three_preemptions).ok);
  EXPECT_FALSE(explore({.name = "bound 3", .preemptions = 3}, needs_three_preemptions).ok);
}

TEST(Checker, SixThreadsAndNoMore) {
  auto const program = [](int n) {
    return [n](Program& p) {
      auto& s = p.state<Words>();
      for (int i = 0; i < n; ++i) p.thread([&s] { s.x.fetch_add(1, relaxed); });
      p.check([&s, n] { require(s.x.load(relaxed) == static_cast<std::uint32_t>(n), "count"); });
    };
  };
  EXPECT_EQ(expect_holds(all("six threads"), program(6)).executions, 720u);
  EXPECT_EQ(explore(all("seven threads"), program(7)).error, "more than six threads");
}

// ---- random mode

TEST(Checker, RandomModeFindsABugOfDepthTwo) {
  Options options{.name = "random, lost increment", .pct_runs = 2000, .pct_depth = 2};
  for (std::uint64_t seed = 1; seed <= 5; ++seed) {
    options.seed = seed;
    Result const r = expect_fails(options, "lost", lost_increment);
    EXPECT_LT(r.executions, 200u) << "seed " << seed;
  }
}

TEST(Checker, RandomModeMakesAllItsRunsAndIsRepeatable) {
  Options const options{.name = "random, spin lock", .pct_runs = 500, .pct_depth = 3, .seed = 42};
  auto const program = [](Program& p) {
    struct State {
      engine::BasicSpinLock<model_sync> lock;
      var<int> value{0};
    };
    auto& s = p.state<State>();
    for (int i = 0; i < 4; ++i)
      p.thread([&s] {
        for (int k = 0; k < 3; ++k) {
          s.lock.lock();
          s.value.set(s.value.get() + 1);
          s.lock.unlock();
        }
      });
    p.check([&s] { require(s.value.get() == 12, "an increment was lost"); });
  };
  Result const r = expect_holds(options, program);
  EXPECT_EQ(r.executions, 500u);
  EXPECT_FALSE(r.exhausted);
  Options const broken{.name = "random, lost increment", .pct_runs = 1000, .seed = 7};
  EXPECT_EQ(explore(broken, lost_increment).replay, explore(broken, lost_increment).replay);
}

// ---- futexes, deadlock, livelock

void waits_in_a_loop(Program& p) {
  auto& s = p.state<Words>();
  p.thread("waiter", [&s] {
    while (s.x.load(acquire) == 0) model_sync::futex_wait(s.x, 0);
    require(s.data.get() == 7, "data");
  });
  p.thread("waker", [&s] {
    s.data.set(7);
    s.x.store(1, release);
    model_sync::futex_wake(s.x, 1);
  });
}

TEST(Checker, AFutexWaitInALoopHolds) {
  expect_holds(all("futex"), waits_in_a_loop);
  expect_holds({.name = "futex, spurious wakes", .preemptions = unbounded, .spurious_wakes = 2}, waits_in_a_loop);
}

TEST(Checker, FindsALostWakeUp) {
  Result const r = expect_fails(all("wake before store"), "deadlock: waiter sleeps on", [](Program& p) {
    auto& s = p.state<Words>();
    p.thread("waiter", [&s] {
      while (s.x.load(acquire) == 0) model_sync::futex_wait(s.x, 0);
    });
    p.thread("waker", [&s] {
      model_sync::futex_wake(s.x, 1);
      s.x.store(1, release);
    });
  });
  EXPECT_NE(r.trace.find("sleeps on 0"), std::string::npos) << r.trace;
}

// The announcement and the word form a Dekker pair; without the fences either side may miss the other.
auto announced_sleep(bool waker_fence, bool sleeper_fence) {
  return [=](Program& p) {
    auto& s = p.state<Words>();
    p.thread("sleeper", [&s, sleeper_fence] {
      s.y.store(1, relaxed);
      if (sleeper_fence) model_sync::fence_heavy();
      while (s.x.load(acquire) == 0) model_sync::futex_wait(s.x, 0);
    });
    p.thread("waker", [&s, waker_fence] {
      s.x.store(1, release);
      if (waker_fence) model_sync::fence_light();
      if (s.y.load(relaxed) != 0) model_sync::futex_wake(s.x, 1);
    });
  };
}

TEST(Checker, FindsALostWakeUpThatNeedsAStoreBuffer) {
  expect_holds(all("announced sleep"), announced_sleep(true, true));
  expect_fails(all("announced sleep, no fence in the waker"), "deadlock", announced_sleep(false, true));
  expect_fails(all("announced sleep, no fence in the sleeper"), "deadlock", announced_sleep(true, false));
}

TEST(Checker, FutexCallsImplyNoOrder) {
  expect_fails(all("data behind a wake"), "data race", [](Program& p) {
    auto& s = p.state<Words>();
    p.thread([&s] {
      s.data.set(1);
      s.x.store(1, relaxed);
      model_sync::futex_wake(s.x, 1);
    });
    p.thread([&s] {
      while (s.x.load(relaxed) == 0) model_sync::futex_wait(s.x, 0);
      (void)s.data.get();
    });
  });
}

TEST(Checker, ASingleWaitNeedsTheSpuriousWakesOptionToFail) {
  auto const program = [](Program& p) {
    auto& s = p.state<Words>();
    p.thread([&s] {
      if (s.x.load(acquire) == 0) model_sync::futex_wait(s.x, 0);
      require(s.a == 1, "woken too early");
    });
    p.thread([&s] {
      s.a = 1;  // seen in the order of execution, since only the model's own objects have outdated values
      s.x.store(1, release);
      model_sync::futex_wake(s.x, 1);
    });
  };
  expect_holds({.name = "single wait", .preemptions = unbounded}, program);
  expect_fails({.name = "single wait, spurious wakes", .preemptions = unbounded, .spurious_wakes = 1}, "too early", program);
}

TEST(Checker, AWakeOfOneMayReachAnySleeper) {
  std::array<bool, 2> seen{};
  Result const r = explore(all("wake one of two"), [&seen](Program& p) {
    auto& s = p.state<Words>();
    for (unsigned i = 0; i < 2; ++i)
      p.thread([&s, &seen, i] {
        model_sync::futex_wait(s.x, 0);
        if (s.y.load(relaxed) == 0 && s.x.load(relaxed) == 0) seen[i] = true;
        s.y.store(1, relaxed);
        s.x.store(1, relaxed);
        model_sync::futex_wake(s.x, 2);
      });
    p.thread([&s] {
      model_sync::futex_wake(s.x, 1);
      s.x.store(1, relaxed);
      model_sync::futex_wake(s.x, 2);
    });
  });
  EXPECT_TRUE(r.ok) << r.error << r.trace;
  EXPECT_TRUE(seen[0] && seen[1]);
}

void waits_for_a_time(Program& p) {
  auto& s = p.state<Words>();
  p.thread([&s] {
    while (s.x.load(acquire) == 0)
      if (!model_sync::futex_wait_for(s.x, 0, std::chrono::milliseconds(1))) s.a = 1;
  });
  p.thread([&s] { s.x.store(1, release); });  // and never wakes
}

TEST(Checker, ATimedWaitTimesOutAsOftenAsTheOptionSays) {
  for (unsigned timeouts : {0u, 2u}) {
    expect_fails({.name = "timed wait", .preemptions = unbounded, .timeouts = timeouts}, "deadlock", waits_for_a_time);
    expect_holds({.name = "timed wait, rescued", .preemptions = unbounded, .timeouts = timeouts, .timeouts_rescue = true},
                 waits_for_a_time);
  }
  bool timed_out = false, woken = false;
  Result const r = explore(all("timed wait and wake"), [&](Program& p) {
    auto& s = p.state<Words>();
    p.thread([&] { (model_sync::futex_wait_for(s.x, 0, std::chrono::seconds(1)) ? woken : timed_out) = true; });
    p.thread([&s] { model_sync::futex_wake(s.x, 1); });
  });
  EXPECT_TRUE(r.ok) << r.error;
  EXPECT_TRUE(timed_out && woken);
}

TEST(Checker, MutexesExcludeAndDeadlock) {
  struct Locks {
    Mutex a, b;
    var<int> value{0};
  };
  expect_holds(all("mutex"), [](Program& p) {
    auto& s = p.state<Locks>();
    for (int i = 0; i < 3; ++i)
      p.thread([&s] {
        s.a.lock();
        s.value.set(s.value.get() + 1);
        s.a.unlock();
      });
    p.check([&s] { require(s.value.get() == 3, "an increment was lost"); });
  });
  expect_fails(all("two mutexes in two orders"), "deadlock", [](Program& p) {
    auto& s = p.state<Locks>();
    auto const both = [](Mutex& first, Mutex& second) {
      first.lock();
      second.lock();
      second.unlock();
      first.unlock();
    };
    p.thread([&s, both] { both(s.a, s.b); });
    p.thread([&s, both] { both(s.b, s.a); });
  });
}

TEST(Checker, FindsALivelock) {
  expect_fails(all("both wait"), "livelock", [](Program& p) {
    auto& s = p.state<Words>();
    p.thread([&s] {
      while (s.x.load(acquire) == 0) model_sync::pause();
      s.y.store(1, release);
    });
    p.thread([&s] {
      while (s.y.load(acquire) == 0) model_sync::yield();
      s.x.store(1, release);
    });
  });
  expect_fails({.name = "loop without a pause", .preemptions = 2, .max_steps = 500}, "step limit", [](Program& p) {
    auto& s = p.state<Words>();
    p.thread([&s] {
      while (s.x.load(acquire) == 0) {
      }
    });
    p.thread([&s] { s.x.store(1, release); });
  });
}

// Outdated values come to an end: a loop that looks again and again sees the store at last, with and without a pause.
TEST(Checker, MemoryIsFair) {
  expect_holds(all("spin on a relaxed load"), [](Program& p) {
    auto& s = p.state<Words>();
    p.thread([&s] {
      while (s.x.load(relaxed) == 0) model_sync::pause();
    });
    p.thread([&s] { s.x.store(1, relaxed); });
  });
  expect_holds({.name = "retry without a pause", .preemptions = 3}, [](Program& p) {
    auto& s = p.state<Words>();
    for (int i = 0; i < 2; ++i)
      p.thread([&s] {
        for (;;) {
          std::uint32_t old = s.x.load(relaxed);
          if (s.x.compare_exchange_weak(old, old + 1, relaxed, relaxed)) break;
        }
      });
    p.check([&s] { require(s.x.load(relaxed) == 2, "count"); });
  });
}

// Threads that change a value on every round of their loop do not starve the one that they wait for.
TEST(Checker, SchedulingIsFair) {
  expect_holds({.name = "two that spin by exchanging, one that lets go", .preemptions = 2}, [](Program& p) {
    auto& s = p.state<Words>();
    p.thread([&s] {
      s.y.store(1, relaxed);
      s.x.store(1, release);
    });
    for (std::uint32_t i = 0; i < 2; ++i)
      p.thread([&s, i] {
        while (s.x.load(acquire) == 0) {
          s.y.exchange(i, relaxed);
          model_sync::yield();
        }
      });
  });
}

// ---- life and memory

struct Node {
  explicit Node(int v) : value(v) {}
  var<int> value;
  atomic<int> users{2};
};

struct Shared {
  atomic<Node*> head{nullptr};
};

void reference_counted(Program& p, std::memory_order drop) {
  auto& s = p.state<Shared>();
  p.thread("owner", [&s, drop] {
    Node* const n = new Node(5);
    s.head.store(n, release);
    if (n->users.fetch_sub(1, drop) == 1) delete n;
  });
  p.thread("user", [&s, drop] {
    Node* n = nullptr;
    while ((n = s.head.load(acquire)) == nullptr) model_sync::yield();
    require(n->value.get() == 5, "value");
    if (n->users.fetch_sub(1, drop) == 1) delete n;
  });
}

TEST(Checker, CountedReferencesHold) {
  expect_holds(all("counted references"), [](Program& p) { reference_counted(p, acq_rel); });
}

TEST(Checker, FindsADestructionThatIsNotOrderedAfterTheLastUse) {
  expect_fails(all("counted references, relaxed"), "data race", [](Program& p) { reference_counted(p, relaxed); });
}

TEST(Checker, FindsUseAfterFree) {
  auto const r = expect_fails(all("use after free"), "", [](Program& p) {
    auto& s = p.state<Shared>();
    Node* const n = new Node(1);
    s.head.store(n, relaxed);
    p.name(n->users, "users");
    p.thread("owner", [n] { delete n; });
    p.thread("user", [&s] { s.head.load(acquire)->users.load(relaxed); });
  });
  EXPECT_NE(r.error.find("users"), std::string::npos) << r.error;
  EXPECT_NE(r.error.find("its memory was freed"), std::string::npos) << r.error;
}

TEST(Checker, FindsUseAfterDestructionWithoutFree) {
  expect_fails(all("use after destruction"), "use after destruction of word", [](Program& p) {
    struct Place {
      alignas(atomic<int>) char bytes[sizeof(atomic<int>)];
      atomic<int>* word = nullptr;
    };
    auto& s = p.state<Place>();
    s.word = new (s.bytes) atomic<int>(3);
    p.name(*s.word, "word");
    p.thread([&s] { std::destroy_at(s.word); });
    p.thread([&s] { s.word->load(relaxed); });
  });
}

TEST(Checker, FindsUnsafePublication) {
  expect_fails(all("relaxed publication"), "data race", [](Program& p) {
    auto& s = p.state<Shared>();
    p.thread([&s] { s.head.store(new Node(1), relaxed); });
    p.thread([&s] {
      if (Node* const n = s.head.load(relaxed)) n->users.load(relaxed);
    });
    p.check([&s] { delete s.head.load(relaxed); });
  });
}

TEST(Checker, FindsALeakAndADoubleFree) {
  expect_fails(all("leak"), "leak: 1 blocks, 12 bytes", [](Program& p) {
    auto& s = p.state<std::array<char, 12>*>();
    p.thread([&s] { s = new std::array<char, 12>; });
  });
  expect_holds({.name = "leak, not looked for", .leak_check = false}, [](Program& p) {
    auto& s = p.state<std::array<char, 12>*>();
    p.thread([&s] { s = new std::array<char, 12>; });
  });
  expect_fails(all("double free"), "double free", [](Program& p) {
    auto& s = p.state<int*>(new int(1));
    for (int i = 0; i < 2; ++i) p.thread([&s] { ::operator delete(s); });
  });
}

// A failing execution runs no destructor; its memory is taken back, and what runs next is not disturbed.
TEST(Checker, AFailingExecutionLeavesNothingBehind) {
  for (int i = 0; i < 300; ++i) {
    Result const r = explore(all("given up"), [](Program& p) {
      auto& s = p.state<Words>();
      p.thread([&s] {
        auto const big = std::make_unique<std::array<char, 100'000>>();
        std::string const text(1000, 'x');
        s.x.store(1, relaxed);
        require(false, "given up");
      });
      p.thread([&s] {
        auto const shared = std::make_shared<int>(1);
        while (s.y.load(relaxed) == 0) model_sync::yield();
      });
    });
    ASSERT_EQ(r.error, "given up");
  }
  expect_holds(all("after it"), waits_in_a_loop);
}

// ---- crashes

TEST(Checker, ReportsExceptionsAndAborts) {
  expect_fails(all("throws"), "uncaught exception: boom", [](Program& p) {
    p.thread([] { throw std::runtime_error("boom"); });
  });
  expect_fails(all("aborts"), "abort()", [](Program& p) {
    auto& s = p.state<Words>();
    p.thread([&s] {
      s.x.store(1, relaxed);
      std::abort();
    });
    p.thread([&s] { s.y.store(1, relaxed); });
  });
  expect_holds(all("after a crash"), waits_in_a_loop);
}

TEST(Checker, ThreadsMaySwitchInsideACatchBlock) {
  expect_holds({.name = "catch blocks", .preemptions = 2}, [](Program& p) {
    auto& s = p.state<Words>();
    for (int i = 0; i < 2; ++i)
      p.thread([&s, i] {
        try {
          throw i;
        } catch (int caught) {
          s.x.fetch_add(1, relaxed);
          require(caught == i, "another thread's exception");
          s.x.fetch_add(1, relaxed);
        }
        require(std::current_exception() == nullptr, "an exception stayed");
      });
  });
}

#if !WEFT_ASAN && !WEFT_TSAN
TEST(Checker, ReportsAWildPointer) {
  expect_fails(all("wild pointer"), "segmentation fault", [](Program& p) {
    auto& s = p.state<Words>();
    p.thread([&s] {
      int* volatile wild = reinterpret_cast<int*>(std::uintptr_t{64});
      s.a = *wild;
    });
  });
}
#endif

}  // namespace
}  // namespace weft::model
