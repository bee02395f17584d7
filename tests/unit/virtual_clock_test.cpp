// The virtual clock: it jumps to the next timer when nothing can run, and only then; what keeps it standing (work,
// blocking calls, ExternalWork); and Deadlock, with the task tree in its text, where it could never move again.
#include "support.hpp"

#include <optional>
#include <thread>

namespace weft_test {
namespace {

class VirtualClock : public AtWorkers {};

TEST_P(VirtualClock, JumpsOverTimeInWhichNothingHappens) {
  run([]() -> Coro<> {
    Clock::time_point const start = Clock::now();
    co_await weft::sleep(24h * 365 * 50);
    EXPECT_EQ(Clock::now() - start, 24h * 365 * 50);
  });
}

TEST_P(VirtualClock, StandsStillWhileAnythingRuns) {
  run([]() -> Coro<> {
    Clock::time_point const start = Clock::now();
    Task<int> const timer = weft::create_task(value_after(1ms, 1));
    auto busy = []() -> Coro<> {
      for (int i = 0; i < 5000; ++i) co_await weft::yield_now();
    };
    co_await busy();
    EXPECT_EQ(Clock::now(), start);
    EXPECT_FALSE(timer.done());
    co_await timer;
    EXPECT_EQ(Clock::now(), start + 1ms);
  });
}

TEST_P(VirtualClock, StandsStillWhileAnotherWorkerIsInALongStep) {
  run([]() -> Coro<> {
    Clock::time_point const start = Clock::now();
    auto slow_step = [](Clock::time_point s) -> Coro<> {
      std::this_thread::sleep_for(20ms);
      EXPECT_EQ(Clock::now(), s);
      co_return;
    };
    auto results = co_await weft::gather(slow_step(start), weft::sleep(1ms), slow_step(start));
    (void)results;
    EXPECT_EQ(Clock::now(), start + 1ms);
  });
}

TEST_P(VirtualClock, IsSeenFromEveryTaskAlike) {
  run([]() -> Coro<> {
    Clock::time_point const start = Clock::now();
    auto at = [start](int ms) -> Coro<> {
      for (int i = 1; i <= 20; ++i) {
        co_await weft::sleep(milliseconds(ms));
        EXPECT_EQ(Clock::now(), start + milliseconds(ms * i));
      }
    };
    std::vector<Coro<>> many;
    for (int i = 1; i <= 20; ++i) many.push_back(at(i));
    auto results = co_await weft::gather(std::move(many));
    (void)results;
  });
}

TEST_P(VirtualClock, StandsStillWhileABlockingCallIsOut) {
  run([]() -> Coro<> {
    Clock::time_point const start = Clock::now();
    Task<int> const timer = weft::create_task(value_after(1ms, 1));
    int const v = co_await weft::to_thread([] {
      std::this_thread::sleep_for(20ms);
      return 5;
    });
    EXPECT_EQ(v, 5);
    EXPECT_EQ(Clock::now(), start);
    co_await timer;
    EXPECT_EQ(Clock::now(), start + 1ms);
  });
}

TEST_P(VirtualClock, StandsStillWhileExternalWorkIsOut) {
  weft::Runtime runtime(options());
  std::thread foreign;
  runtime.run([&]() -> Coro<> {
    Clock::time_point const start = Clock::now();
    weft::Event event;
    Task<int> const timer = weft::create_task(value_after(1ms, 1));
    {
      weft::ExternalWork guard = runtime.external_work();
      foreign = std::thread([&event, g = std::move(guard)]() mutable {
        std::this_thread::sleep_for(20ms);
        event.set();
        weft::ExternalWork const released = std::move(g);
      });
    }
    co_await event.wait();
    EXPECT_EQ(Clock::now(), start);
    co_await timer;
    EXPECT_EQ(Clock::now(), start + 1ms);
  });
  foreign.join();
}

TEST_P(VirtualClock, DeadlockIsThrownWhenNothingCanEverHappen) {
  std::string text;
  try {
    run([]() -> Coro<> {
      weft::Event never;
      co_await never.wait();
    });
  } catch (weft::Deadlock const& e) {
    text = e.what();
  }
  EXPECT_FALSE(text.empty());
}

TEST_P(VirtualClock, DeadlocksTextHoldsTheTaskTreeWithNames) {
  std::string text;
  std::atomic<int> live{0};
  // Outside main: when main is cancelled its frame may go before the others have let go of the event.
  weft::Event never;
  try {
    run([&]() -> Coro<> {
      auto waits = [](weft::Event& e, Live) -> Coro<> { co_await e.wait(); };
      Task<void> const philosopher = weft::create_task(waits(never, Live(live)), {.name = "philosopher"});
      Task<void> const fork = weft::create_task(waits(never, Live(live)), {.name = "fork holder"});
      auto waits_for_task = [](Task<void> t) -> Coro<> { co_await t; };
      Task<void> const host = weft::create_task(weft::TaskOptions{.name = "host"}, waits_for_task, philosopher);
      co_await host;
    });
  } catch (weft::Deadlock const& e) {
    text = e.what();
  }
  EXPECT_NE(text.find("philosopher"), std::string::npos) << text;
  EXPECT_NE(text.find("fork holder"), std::string::npos) << text;
  EXPECT_NE(text.find("host"), std::string::npos) << text;
  EXPECT_EQ(live.load(), 0) << "the deadlocked tasks were cancelled and destroyed";
}

TEST_P(VirtualClock, RuntimeWorksAfterADeadlock) {
  weft::Runtime runtime(options());
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(outcome_of_call([&] {
                runtime.run([]() -> Coro<> {
                  weft::Lock lock;
                  co_await lock.acquire();
                  co_await lock.acquire();
                });
              }),
              "Deadlock");
    EXPECT_EQ(runtime.run(value_after(1ms, 3)), 3);
  }
}

TEST_P(VirtualClock, NoDeadlockWhileATimerIsSet) {
  run([]() -> Coro<> {
    weft::Event event;
    auto setter = [&]() -> Coro<> {
      co_await weft::sleep(24h);
      event.set();
    };
    Task<void> const task = weft::create_task(setter());
    co_await event.wait();
    co_await task;
  });
}

TEST_P(VirtualClock, NoDeadlockWhileABlockingCallOrExternalWorkIsOut) {
  weft::Runtime runtime(options());
  std::thread foreign;
  runtime.run([&]() -> Coro<> {
    weft::Event event;
    auto blocking = [&]() -> Coro<> {
      co_await weft::to_thread([&] {
        std::this_thread::sleep_for(20ms);
        event.set();
      });
    };
    Task<void> const task = weft::create_task(blocking());
    co_await event.wait();
    co_await task;
    event.clear();
    weft::ExternalWork guard = runtime.external_work();
    foreign = std::thread([&event] {
      std::this_thread::sleep_for(20ms);
      event.set();
    });
    co_await event.wait();
  });
  foreign.join();
}

TEST_P(VirtualClock, ReleasingTheLastExternalWorkLetsDeadlockBeSeen) {
  weft::Runtime runtime(options());
  std::optional<weft::ExternalWork> guard(runtime.external_work());
  std::thread foreign([&] {
    std::this_thread::sleep_for(20ms);
    guard.reset();
  });
  EXPECT_EQ(outcome_of_call([&] {
              runtime.run([]() -> Coro<> {
                weft::Event never;
                co_await never.wait();
              });
            }),
            "Deadlock");
  foreign.join();
}

TEST_P(VirtualClock, DeadlockWithoutARunGoesIntoTheSubmittedFutures) {
  weft::Runtime runtime(options());
  std::future<void> future = runtime.submit([]() -> Coro<> {
    weft::Event never;
    co_await never.wait();
  });
  EXPECT_EQ(outcome_of_call([&] { future.get(); }), "Deadlock");
}

TEST_P(VirtualClock, DeadlockWithoutARunEndsABlockedGet) {
  auto never = []() -> Coro<int> {
    weft::Event event;
    co_await event.wait();
    co_return 1;
  };
  for (bool const beside_a_future : {false, true}) {
    weft::Runtime runtime(options());
    Task<int> const stuck = runtime.create_task(never);
    if (beside_a_future) {
      EXPECT_EQ(outcome_of_call([&] { runtime.submit(never).get(); }), "Deadlock");
    }
    EXPECT_EQ(outcome_of_call([&] { stuck.get(); }), "Deadlock");
    EXPECT_EQ(outcome_of_call([&] { stuck.get(); }), "Deadlock") << "again";
    EXPECT_EQ(runtime.create_task(value_after(1h, 7)).get(), 7);
    EXPECT_FALSE(stuck.done());
  }
}

TEST_P(VirtualClock, RunsWhatIsSubmittedFromThreads) {
  weft::Runtime runtime(options());
  std::vector<std::future<int>> futures;
  for (int i = 0; i < 50; ++i) futures.push_back(runtime.submit(value_after(milliseconds(1000 * i), i)));
  int sum = 0;
  for (std::future<int>& f : futures) sum += f.get();
  EXPECT_EQ(sum, 1225);
}

WEFT_TEST_AT_1_2_8_WORKERS(VirtualClock);

}  // namespace
}  // namespace weft_test
