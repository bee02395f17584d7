// Strand: one at a time, in the order of readiness; what is handed on, and what awaits let in between.
#include "support.hpp"

#include <memory>
#include <thread>

namespace weft_test {
namespace {

class Strand : public AtWorkers {};

// Plain memory that only one may touch at a time: ThreadSanitizer sees two that do, and `inside` does without it.
class Shared {
 public:
  // A section between two awaits.
  void touch() {
    int const before = inside_.fetch_add(1, std::memory_order_relaxed);
    if (before != 0) overlaps_.fetch_add(1, std::memory_order_relaxed);
    for (int i = 0; i < 20; ++i) value_ = value_ + 1;
    inside_.fetch_sub(1, std::memory_order_relaxed);
  }
  int value() const { return value_ / 20; }
  int overlaps() const { return overlaps_.load(); }

 private:
  int value_ = 0;
  std::atomic<int> inside_{0};
  std::atomic<int> overlaps_{0};
};

Coro<> toucher(Shared& shared, int times, int kind) {
  for (int i = 0; i < times; ++i) {
    shared.touch();
    switch ((i + kind) % 3) {
      case 0: co_await weft::yield_now(); break;
      case 1: co_await weft::sleep(1ms); break;
      default: co_await weft::to_thread([] {}); break;
    }
    shared.touch();
  }
}

TEST_P(Strand, ItsTasksNeverRunAtTheSameMoment) {
  Shared shared;
  run([&]() -> Coro<> {
    weft::Strand strand;
    std::vector<Task<void>> tasks;
    for (int i = 0; i < 20; ++i) tasks.push_back(strand.create_task(toucher(shared, 10, i)));
    co_await weft::gather(tasks);
  });
  EXPECT_EQ(shared.value(), 20 * 10 * 2);
  EXPECT_EQ(shared.overlaps(), 0);
}

Coro<int> touching_tree(Shared& shared, int depth) {
  shared.touch();
  if (depth == 0) {
    co_await weft::yield_now();
    shared.touch();
    co_return 1;
  }
  auto [a, b] = co_await weft::gather(touching_tree(shared, depth - 1), touching_tree(shared, depth - 1));
  shared.touch();
  co_return a + b;
}

TEST_P(Strand, PartsRunOnItOneAtATime) {
  Shared shared;
  run([&]() -> Coro<> {
    weft::Strand strand;
    Task<int> first = strand.create_task(touching_tree(shared, 6));
    Task<int> second = strand.create_task(touching_tree(shared, 6));
    int const leaves = co_await first;
    EXPECT_EQ(leaves, 64);
    co_await second;
  });
  EXPECT_EQ(shared.value(), 2 * (127 + 64 + 63));
  EXPECT_EQ(shared.overlaps(), 0);
}

TEST_P(Strand, TasksThatItsTasksCreateRunOnIt) {
  Shared shared;
  run([&]() -> Coro<> {
    weft::Strand strand;
    auto const owner = [&]() -> Coro<> {
      Task<void> plain = weft::create_task(toucher(shared, 5, 0));
      co_await weft::task_group([&](weft::TaskGroup& tg) -> Coro<> {
        for (int i = 0; i < 5; ++i) tg.start_soon(toucher(shared, 5, i));
        co_await toucher(shared, 5, 1);
      });
      co_await weft::shield(toucher(shared, 5, 2));
      co_await weft::wait_for(toucher(shared, 5, 2), 1h);
      co_await plain;
    };
    co_await weft::gather(strand.create_task(owner), strand.create_task(owner));
  });
  EXPECT_EQ(shared.value(), 2 * 2 * 5 * (1 + 5 + 1 + 1 + 1));
  EXPECT_EQ(shared.overlaps(), 0);
}

TEST_P(Strand, CallbacksThatItsTasksRegisterRunOnIt) {
  Shared shared;
  run([&]() -> Coro<> {
    weft::Strand strand;
    Task<void> own = strand.create_task([&]() -> Coro<> {
      std::vector<Task<int>> tasks;
      for (int i = 0; i < 20; ++i) {
        tasks.push_back(weft::create_task(value_after(1ms, i)));
        tasks.back().add_done_callback([&](Task<int> const&) { shared.touch(); });
      }
      co_await weft::gather(tasks);
      co_await toucher(shared, 5, 0);
      co_await weft::sleep(1ms);
    });
    co_await own;
  });
  EXPECT_EQ(shared.value(), 20 + 10);
  EXPECT_EQ(shared.overlaps(), 0);
}

TEST_P(Strand, BetweenTwoAwaitsNobodyElseRuns) {
  // Check, then act: the bug that a pool of threads brings into asyncio code.
  int balance = 100;
  int refused = 0;
  run([&]() -> Coro<> {
    weft::Strand strand;
    auto const withdraw = [&]() -> Coro<> {
      co_await weft::yield_now();
      if (balance >= 10) balance -= 10;
      else ++refused;
    };
    std::vector<Task<void>> tasks;
    for (int i = 0; i < 50; ++i) tasks.push_back(strand.create_task(withdraw));
    co_await weft::gather(tasks);
  });
  EXPECT_EQ(balance, 0);
  EXPECT_EQ(refused, 40);
}

TEST_P(Strand, AwaitsLetTheOthersIn) {
  Log log;
  run([&]() -> Coro<> {
    weft::Strand strand;
    weft::Event event;
    Task<void> waiter = strand.create_task([&]() -> Coro<> {
      log.add("waits");
      co_await event.wait();
      log.add("woken");
    });
    co_await weft::sleep(1ms);
    Task<void> setter = strand.create_task([&]() -> Coro<> {
      log.add("sets");
      event.set();
      log.add("goes on");
      co_return;
    });
    co_await setter;
    co_await waiter;
  });
  EXPECT_EQ(log.text(), "waits sets goes on woken");
}

TEST_P(Strand, PartsRunInArgumentOrderUntilTheySuspend) {
  Log log;
  run([&]() -> Coro<> {
    weft::Strand strand;
    auto const part = [&](std::string name) -> Coro<> {
      log.add(name + "1");
      co_await weft::sleep(1ms);
      log.add(name + "2");
    };
    co_await strand.create_task([&]() -> Coro<> { co_await weft::gather(part("a"), part("b"), part("c")); });
  });
  std::vector<std::string> words = log.words();
  words.resize(3);
  EXPECT_EQ(words, (std::vector<std::string>{"a1", "b1", "c1"}));
}

TEST_P(Strand, TwoStrandsDoNotWaitForEachOther) {
  run([&]() -> Coro<> {
    weft::Strand one, two;
    weft::Event there, back;
    Task<void> a = one.create_task([&]() -> Coro<> {
      there.set();
      co_await back.wait();
    });
    Task<void> b = two.create_task([&]() -> Coro<> {
      co_await there.wait();
      back.set();
    });
    co_await weft::gather(a, b);
  });
}

TEST_P(Strand, ATaskOfOneStrandMayCreateOneOnAnother) {
  Shared first, second;
  run([&]() -> Coro<> {
    weft::Strand one, two;
    auto const owner = [&]() -> Coro<> {
      Task<void> other = two.create_task(toucher(second, 10, 0));
      co_await toucher(first, 10, 1);
      co_await other;
    };
    std::vector<Task<void>> tasks;
    for (int i = 0; i < 8; ++i) tasks.push_back(one.create_task(owner));
    co_await weft::gather(tasks);
  });
  EXPECT_EQ(first.overlaps() + second.overlaps(), 0);
  EXPECT_EQ(first.value(), 160);
  EXPECT_EQ(second.value(), 160);
}

TEST_P(Strand, CancellationReachesTasksPartsAndTheUnstarted) {
  Log log;
  run([&]() -> Coro<> {
    weft::Strand strand;
    Task<void> asleep = strand.create_task([&]() -> Coro<> {
      co_await weft::gather(sleep_for_ever(log, "a"), sleep_for_ever(log, "b"));
    });
    co_await weft::sleep(1ms);
    asleep.cancel();
    std::string const how = co_await outcome(asleep);
    EXPECT_EQ(how, "CancelledError");
    Task<void> never = strand.create_task([&]() -> Coro<> {
      Task<void> unstarted = weft::create_task(sleep_for_ever(log, "c"));
      unstarted.cancel();
      std::string const ended = co_await outcome(unstarted);
      EXPECT_EQ(ended, "CancelledError");
    });
    co_await never;
    std::string const limited = co_await outcome(strand.create_task([&]() -> Coro<> { co_await weft::wait_for(weft::sleep(1h), 5ms); }));
    EXPECT_EQ(limited, "TimeoutError");
    std::string const raced = co_await outcome(strand.create_task([&]() -> Coro<> {
      co_await weft::gather(weft::cancel_on_error, sleep_for_ever(log, "d"), fail_after(1ms, "x"));
    }));
    EXPECT_EQ(raced, "Failure(x)");
  });
  EXPECT_EQ(log.count("a:cancelled") + log.count("b:cancelled") + log.count("d:cancelled"), 3u);
  EXPECT_EQ(log.count("c:cancelled"), 0u) << "it never started: nobody ran between its creation and its cancel";
}

Coro<int> deep_await(int depth) {
  if (depth == 0) co_return 0;
  int const below = co_await deep_await(depth - 1);
  co_return below + 1;
}
Coro<int> deep_gather(int depth) {
  if (depth == 0) co_return 1;
  auto [a, b] = co_await weft::gather(deep_gather(depth - 1), value_after(0ms, 1));
  co_return a + b;
}

TEST_P(Strand, DeepRecursionNeedsBoundedStack) {
  int const deep = sanitized ? 20'000 : 200'000;
  run([&]() -> Coro<> {
    weft::Strand strand;
    Task<int> chain = strand.create_task(deep_await(deep));
    Task<int> forks = strand.create_task(deep_gather(deep / 4));
    int const awaits = co_await chain;
    int const parts = co_await forks;
    EXPECT_EQ(awaits, deep);
    EXPECT_EQ(parts, deep / 4 + 1);
  });
}

Coro<int> wide(int depth) {
  if (depth == 0) co_return 1;
  std::vector<Coro<int>> parts;
  for (int i = 0; i < 10; ++i) parts.push_back(wide(depth - 1));
  std::vector<int> const counts = co_await weft::gather(std::move(parts));
  int sum = 0;
  for (int const n : counts) sum += n;
  co_return sum;
}

TEST_P(Strand, AGatherThatNeverSuspendsLetsTheWorkerTurnToOthers) {
  weft::Options o = options();
  o.clock = weft::ClockKind::steady;
  weft::Runtime runtime(o);
  std::atomic<bool> stop{false};
  runtime.run([&]() -> Coro<> {
    weft::Strand strand;
    Task<void> busy = strand.create_task([&]() -> Coro<> {
      while (!stop.load()) {
        int const leaves = co_await wide(4);
        EXPECT_EQ(leaves, 10'000);
      }
    });
    co_await weft::sleep(1ms);
    stop.store(true);
    co_await busy;
  });
}

TEST_P(Strand, LeavesOtherTasksTheirWorkers) {
  // A strand's steps that all are ready do not keep a task from running: with one worker they take turns.
  std::atomic<bool> others_ran{false};
  run([&]() -> Coro<> {
    weft::Strand strand;
    std::vector<Task<void>> tasks;
    for (int i = 0; i < 4; ++i) {
      tasks.push_back(strand.create_task([&]() -> Coro<> {
        while (!others_ran.load()) co_await weft::yield_now();
      }));
    }
    Task<void> other = weft::create_task([&]() -> Coro<> {
      co_await weft::yield_now();
      others_ran.store(true);
    });
    co_await other;
    co_await weft::gather(tasks);
  });
}

TEST_P(Strand, MayBeDestroyedBeforeItsTasksHaveEnded) {
  Shared shared;
  run([&]() -> Coro<> {
    std::vector<Task<void>> tasks;
    {
      weft::Strand strand;
      for (int i = 0; i < 5; ++i) tasks.push_back(strand.create_task(toucher(shared, 10, i)));
    }
    co_await weft::gather(tasks);
  });
  EXPECT_EQ(shared.overlaps(), 0);
  EXPECT_EQ(shared.value(), 100);
}

TEST_P(Strand, ServesOneRuntimeAtATime) {
  weft::Strand strand;
  EXPECT_EQ(outcome_of_call([&] { (void)strand.create_task(value_after(0ms, 1)); }), "RuntimeError");
  for (int i = 0; i < 3; ++i) {
    int const value = run([&]() -> Coro<int> { co_return co_await strand.create_task(value_after(1ms, 7)); });
    EXPECT_EQ(value, 7);
  }
  run([&]() -> Coro<> {
    Task<int> here = strand.create_task(value_after(1h, 1));
    std::string refused;
    std::thread([&] {
      weft::Runtime other(options());
      refused = outcome_of_call([&] { (void)other.run([&]() -> Coro<int> { co_return co_await strand.create_task(value_after(1ms, 7)); }); });
    }).join();
    EXPECT_EQ(refused, "RuntimeError");
    here.cancel();
    std::string const how = co_await outcome(here);
    EXPECT_EQ(how, "CancelledError");
  });
}

TEST_P(Strand, ItsPartsHaveContextsOfTheirOwn) {
  weft::ContextVar<int> number("number");
  run([&]() -> Coro<> {
    weft::Strand strand;
    number.set(1);
    co_await strand.create_task([&]() -> Coro<> {
      auto const part = [&](int value) -> Coro<int> {
        int const inherited = number.get();
        number.set(value);
        if (value % 2 == 0) co_await weft::yield_now();
        EXPECT_EQ(number.get(), value);
        co_return inherited;
      };
      auto [a, b, c] = co_await weft::gather(part(2), part(3), part(4));
      EXPECT_EQ(a + b + c, 3);
      EXPECT_EQ(number.get(), 1);
    });
  });
}

TEST_P(Strand, TakesACallableAndAName) {
  run([]() -> Coro<> {
    weft::Strand strand;
    weft::TaskOptions options;
    options.name = "actor";
    Task<std::string> task = strand.create_task(options, [](int n) -> Coro<std::string> { co_return weft::current_task().name() + std::to_string(n); }, 1);
    std::string const name = co_await task;
    EXPECT_EQ(name, "actor1");
  });
}

TEST_P(Strand, StartsTasksInTheOrderInWhichTheyWereMade) {
  run([]() -> Coro<> {
    for (bool const from_inside : {false, true}) {
      weft::Strand strand;
      std::string order;
      auto append = [&order](char letter) -> Coro<> {
        order += letter;
        co_return;
      };
      auto round = [&]() -> Coro<> {
        order.clear();
        std::vector<Task<void>> tasks;
        for (char letter = 'a'; letter <= 'j'; ++letter)
          tasks.push_back(from_inside ? weft::create_task(append, letter) : strand.create_task(append, letter));
        co_await weft::gather(tasks);
        EXPECT_EQ(order, "abcdefghij");
      };
      for (int i = 0; i < 300; ++i) {
        if (i % 15 == 0) co_await weft::sleep(1ms);
        if (from_inside) co_await strand.create_task(round);
        else co_await round();
      }
    }
  });
}

TEST_P(Strand, WakesItsTasksInTheOrderInWhichTheyWaited) {
  run([]() -> Coro<> {
    weft::Strand strand;
    auto round = []() -> Coro<> {
      std::string waited, went_on;
      weft::Event event;
      auto wait = [&](char letter) -> Coro<> {
        waited += letter;
        co_await event.wait();
        went_on += letter;
        co_await weft::yield_now();
        went_on += letter;
      };
      std::vector<Task<void>> tasks;
      for (char letter = 'a'; letter <= 'e'; ++letter) tasks.push_back(weft::create_task(wait, letter));
      while (waited.size() < 5) co_await weft::yield_now();
      event.set();
      co_await weft::gather(tasks);
      EXPECT_EQ(went_on, waited + waited);
    };
    for (int i = 0; i < 300; ++i) {
      if (i % 15 == 0) co_await weft::sleep(1ms);
      co_await strand.create_task(round);
    }
  });
}

// With one worker; of several it may be another that runs it, and later.
TEST(StrandOnOneWorker, AYieldLetsWhatIsReadyElsewhereRun) {
  weft::Options options;
  options.workers = 1;
  weft::Runtime runtime(options);
  runtime.run([]() -> Coro<> {
    weft::Strand one, other;
    for (int i = 0; i < 100; ++i) {
      bool ran = false;
      auto task = [&ran]() -> Coro<> {
        ran = true;
        co_return;
      };
      auto yields = [&]() -> Coro<> {
        Task<void> const elsewhere = other.create_task(task);
        co_await weft::yield_now();
        EXPECT_TRUE(ran);
        co_await elsewhere;
      };
      co_await one.create_task(yields);
    }
  });
}

TEST_P(Strand, ACallbackRunsBeforeThoseWhoAwaitLater) {
  run([]() -> Coro<> {
    weft::Strand strand;
    auto on_it = []() -> Coro<> {
      for (int i = 0; i < 100; ++i) {
        bool called = false;
        Task<int> task = weft::create_task(value_after(1ms, 1));
        task.add_done_callback([&called](Task<int> const&) { called = true; });
        co_await task;
        EXPECT_TRUE(called);
        bool called_late = false;
        task.add_done_callback([&called_late](Task<int> const&) { called_late = true; });
        co_await weft::create_task([]() -> Coro<> { co_return; });
        EXPECT_TRUE(called_late);
      }
    };
    co_await strand.create_task(on_it);
  });
}

WEFT_TEST_AT_1_2_8_WORKERS(Strand);

}  // namespace
}  // namespace weft_test
