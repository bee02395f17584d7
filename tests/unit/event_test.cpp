// Event: all who waited at a set are woken, also when it is cleared at once; cancelled waiters; sets from foreign threads.
#include "support.hpp"

#include <memory>
#include <thread>

namespace weft_test {
namespace {

class Events : public AtWorkers {};

TEST_P(Events, SetWakesEveryWaiterAndLaterWaitsReturnAtOnce) {
  std::atomic<int> woke{0};
  run([&]() -> Coro<> {
    weft::Event event;
    EXPECT_FALSE(event.is_set());
    auto waiter = [&]() -> Coro<> {
      co_await event.wait();
      woke.fetch_add(1);
    };
    std::vector<Task<void>> tasks;
    for (int i = 0; i < 20; ++i) tasks.push_back(weft::create_task(waiter()));
    co_await weft::sleep(1ms);
    EXPECT_EQ(woke.load(), 0);
    event.set();
    event.set();
    EXPECT_TRUE(event.is_set());
    for (Task<void> const& t : tasks) co_await t;
    EXPECT_EQ(woke.load(), 20);
    Elapsed const clock;
    co_await event.wait();
    EXPECT_EQ(clock.ms(), 0ms);
    event.clear();
    EXPECT_FALSE(event.is_set());
  });
}

TEST_P(Events, SetAndClearWakesAllWhoWaited) {
  std::atomic<int> woke{0};
  run([&]() -> Coro<> {
    weft::Event event;
    auto waiter = [&]() -> Coro<> {
      co_await event.wait();
      woke.fetch_add(1);
    };
    Task<void> const a = weft::create_task(waiter());
    Task<void> const b = weft::create_task(waiter());
    co_await weft::sleep(1ms);
    event.set();
    event.clear();
    co_await a;
    co_await b;
    EXPECT_EQ(woke.load(), 2);
    Task<void> const late = weft::create_task(waiter());
    co_await weft::sleep(1ms);
    EXPECT_FALSE(late.done());
    event.set();
    co_await late;
  });
}

TEST_P(Events, WakesWaitersInTheOrderInWhichTheyWaited) {
  if (GetParam() != 1) return;  // with more workers those woken run at the same time
  Log log;
  run([&]() -> Coro<> {
    weft::Event event;
    auto waiter = [&](int i) -> Coro<> {
      co_await event.wait();
      log.add(std::to_string(i));
    };
    std::vector<Task<void>> tasks;
    for (int i = 0; i < 5; ++i) tasks.push_back(weft::create_task(waiter(i)));
    co_await weft::sleep(1ms);
    event.set();
    for (Task<void> const& t : tasks) co_await t;
  });
  EXPECT_EQ(log.text(), "0 1 2 3 4");
}

TEST_P(Events, CancelledWaiterLeavesTheOthersWaiting) {
  run([]() -> Coro<> {
    weft::Event event;
    auto waiter = [&]() -> Coro<> { co_await event.wait(); };
    Task<void> a = weft::create_task(waiter());
    Task<void> b = weft::create_task(waiter());
    Task<void> const c = weft::create_task(waiter());
    co_await weft::sleep(1ms);
    b.cancel();
    std::string const of_b = co_await outcome(b);
    EXPECT_EQ(of_b, "CancelledError");
    EXPECT_FALSE(a.done() || c.done());
    event.set();
    co_await a;
    co_await c;
  });
}

TEST_P(Events, WaitsInAGatherAndInAGroup) {
  run([]() -> Coro<> {
    weft::Event event;
    auto setter = [&]() -> Coro<> {
      co_await weft::sleep(5ms);
      event.set();
    };
    auto results = co_await weft::gather(event.wait(), event.wait(), setter());
    (void)results;
    event.clear();
    co_await weft::task_group([&](weft::TaskGroup& tg) -> Coro<> {
      tg.start_soon(setter());
      co_await event.wait();
    });
    EXPECT_TRUE(event.is_set());
  });
}

TEST_P(Events, SetFromAForeignThreadWakes) {
  run([]() -> Coro<> {
    for (int i = 0; i < 20; ++i) {
      weft::Event event;
      std::thread setter([&] { event.set(); });
      setter.join();
      co_await event.wait();
      EXPECT_TRUE(event.is_set());
    }
  });
}

TEST_P(Events, SetFromAForeignThreadWakesASleeperOfTheSteadyClock) {
  weft::Options o = options();
  o.clock = weft::ClockKind::steady;
  weft::Runtime runtime(o);
  runtime.run([]() -> Coro<> {
    for (int i = 0; i < 50; ++i) {
      auto event = std::make_unique<weft::Event>();
      std::atomic<bool> go{false};
      std::thread setter([&] {
        while (!go.load()) std::this_thread::yield();
        event->set();
      });
      auto waiter = [&]() -> Coro<> {
        go.store(true);
        co_await event->wait();
      };
      co_await waiter();
      setter.join();
    }
  });
}

// Ruling: set does not touch its event after the last waiter has been made ready, which may destroy it.
TEST_P(Events, AWokenWaiterMayDestroyTheEvent) {
  run([]() -> Coro<> {
    for (int i = 0; i < 200; ++i) {
      auto* event = new weft::Event;
      auto waiter = [](weft::Event* e) -> Coro<> {
        co_await e->wait();
        delete e;
      };
      Task<void> const task = weft::create_task(waiter(event));
      co_await weft::sleep(1ms);
      event->set();
      co_await task;
    }
  });
}

// The flag shows with the last that set() does: whoever has seen it may destroy the event.
TEST_P(Events, WhoeverSeesTheFlagMayDestroyTheEvent) {
  for (int i = 0; i < 200; ++i) {
    auto event = std::make_unique<weft::Event>();
    std::thread setter([&e = *event] { e.set(); });
    while (!event->is_set()) std::this_thread::yield();
    event.reset();
    setter.join();
  }
}

// publish, set; and one who waits, clears and looks: no second set is missed because the flag still stood.
TEST_P(Events, NothingPublishedBeforeASetIsMissedAfterAClear) {
  run([]() -> Coro<> {
    constexpr int publishers = 4;
    constexpr int rounds = 500;
    weft::Event news;
    std::atomic<int> published[publishers] = {};
    auto publisher = [&](int p) -> Coro<> {
      for (int i = 1; i <= rounds; ++i) {
        published[p].store(i, std::memory_order_relaxed);
        news.set();
        if (i % 8 == 0) co_await weft::yield_now();
      }
    };
    std::vector<Task<void>> tasks;
    for (int p = 0; p < publishers; ++p) tasks.push_back(weft::create_task(publisher(p)));
    int seen = 0;
    while (seen != publishers * rounds) {
      co_await news.wait();
      news.clear();
      seen = 0;
      for (std::atomic<int> const& p : published) seen += p.load(std::memory_order_relaxed);
    }
    for (Task<void> const& t : tasks) co_await t;
  });
}

TEST_P(Events, PingPongBetweenTwoTasks) {
  run([]() -> Coro<> {
    weft::Event ping;
    weft::Event pong;
    int rounds = 0;
    auto left = [&]() -> Coro<> {
      for (int i = 0; i < 2000; ++i) {
        ping.set();
        co_await pong.wait();
        pong.clear();
      }
    };
    auto right = [&]() -> Coro<> {
      for (int i = 0; i < 2000; ++i) {
        co_await ping.wait();
        ping.clear();
        ++rounds;
        pong.set();
      }
    };
    Task<void> const a = weft::create_task(left());
    Task<void> const b = weft::create_task(right());
    co_await a;
    co_await b;
    EXPECT_EQ(rounds, 2000);
  });
}

WEFT_TEST_AT_1_2_8_WORKERS(Events);

}  // namespace
}  // namespace weft_test
