// Semaphore and BoundedSemaphore: permits, FIFO without overtaking, nothing lost to cancelled waiters, guards, bounds.
#include "support.hpp"

#include <thread>

namespace weft_test {
namespace {

class Semaphores : public AtWorkers {};

TEST_P(Semaphores, LetsInAsManyAsItHasPermits) {
  std::atomic<int> inside{0};
  std::atomic<int> most{0};
  run([&]() -> Coro<> {
    weft::Semaphore semaphore(3);
    auto worker = [&]() -> Coro<> {
      auto guard = co_await semaphore.scoped();
      int const now = inside.fetch_add(1) + 1;
      int seen = most.load();
      while (seen < now && !most.compare_exchange_weak(seen, now)) {
      }
      co_await weft::sleep(1ms);
      inside.fetch_sub(1);
    };
    std::vector<Task<void>> tasks;
    for (int i = 0; i < 30; ++i) tasks.push_back(weft::create_task(worker()));
    for (Task<void> const& t : tasks) co_await t;
    EXPECT_FALSE(semaphore.locked());
  });
  EXPECT_EQ(most.load(), 3);
}

TEST_P(Semaphores, UncontendedAcquireIsNoCheckpoint) {
  run([]() -> Coro<> {
    weft::Semaphore semaphore(2);
    weft::current_task().cancel();
    co_await semaphore.acquire();
    EXPECT_FALSE(semaphore.locked());
    co_await semaphore.acquire();
    EXPECT_TRUE(semaphore.locked());
    weft::current_task().uncancel();
    semaphore.release();
    EXPECT_FALSE(semaphore.locked());
    semaphore.release();
  });
}

TEST_P(Semaphores, ServesWaitersInOrderAndNobodyOvertakes) {
  Log log;
  run([&]() -> Coro<> {
    weft::Semaphore semaphore(0);
    auto waiter = [&](int i) -> Coro<> {
      co_await weft::sleep(milliseconds(i));
      co_await semaphore.acquire();
      log.add(std::to_string(i));
      co_await weft::sleep(10ms);
      semaphore.release();
    };
    std::vector<Task<void>> tasks;
    for (int const i : {3, 1, 4, 2}) tasks.push_back(weft::create_task(waiter(i)));
    co_await weft::sleep(10ms);
    semaphore.release();
    EXPECT_TRUE(semaphore.locked()) << "the permit was handed over";
    co_await semaphore.acquire();
    log.add("late");
    for (Task<void> const& t : tasks) co_await t;
  });
  EXPECT_EQ(log.text(), "1 2 3 4 late");
}

TEST_P(Semaphores, APermitMeantForACancelledWaiterGoesToTheNext) {
  run([]() -> Coro<> {
    for (int i = 0; i < 50; ++i) {
      weft::Semaphore semaphore(0);
      auto waiter = [&]() -> Coro<> { co_await semaphore.acquire(); };
      Task<void> first = weft::create_task(waiter());
      co_await weft::sleep(1ms);
      Task<void> const second = weft::create_task(waiter());
      co_await weft::sleep(1ms);
      first.cancel();
      semaphore.release();
      std::string const of_first = co_await outcome(first);
      EXPECT_EQ(of_first, "CancelledError");
      co_await second;
      EXPECT_TRUE(semaphore.locked());
    }
  });
}

TEST_P(Semaphores, APermitThatWasGivenBeforeTheCancelIsHeld) {
  run([]() -> Coro<> {
    for (int i = 0; i < 50; ++i) {
      weft::Semaphore semaphore(0);
      std::atomic<bool> had{false};
      auto waiter = [&]() -> Coro<> {
        auto guard = co_await semaphore.scoped();
        had.store(true);
        co_await weft::sleep(1h);
      };
      Task<void> task = weft::create_task(waiter());
      co_await weft::sleep(1ms);
      semaphore.release();
      EXPECT_TRUE(task.cancel());
      std::string const seen = co_await outcome(task);
      EXPECT_EQ(seen, "CancelledError");
      EXPECT_TRUE(had.load());
      EXPECT_FALSE(semaphore.locked()) << "its guard gave it back";
    }
  });
}

TEST_P(Semaphores, AReleaseThatFindsOnlyCancelledWaitersKeepsItsPermit) {
  run([]() -> Coro<> {
    weft::Semaphore semaphore(0);
    auto waiter = [&]() -> Coro<> { co_await semaphore.acquire(); };
    std::vector<Task<void>> tasks;
    for (int i = 0; i < 20; ++i) tasks.push_back(weft::create_task(waiter()));
    co_await weft::sleep(1ms);
    for (Task<void>& t : tasks) t.cancel();
    semaphore.release();
    for (Task<void> const& t : tasks) {
      std::string const seen = co_await outcome(t);
      EXPECT_EQ(seen, "CancelledError");
    }
    EXPECT_FALSE(semaphore.locked());
    co_await semaphore.acquire();
    EXPECT_TRUE(semaphore.locked());
  });
}

TEST_P(Semaphores, ForeignThreadsRelease) {
  run([]() -> Coro<> {
    weft::Semaphore semaphore(0);
    auto waiter = [&]() -> Coro<> { co_await semaphore.acquire(); };
    std::vector<Task<void>> tasks;
    for (int i = 0; i < 100; ++i) tasks.push_back(weft::create_task(waiter()));
    co_await weft::sleep(1ms);
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; ++t)
      threads.emplace_back([&] {
        for (int i = 0; i < 25; ++i) semaphore.release();
      });
    for (std::thread& t : threads) t.join();
    for (Task<void> const& t : tasks) co_await t;
    EXPECT_TRUE(semaphore.locked());
  });
}

TEST_P(Semaphores, AWokenWaiterMayDestroyIt) {
  run([]() -> Coro<> {
    for (int i = 0; i < 200; ++i) {
      auto* semaphore = new weft::Semaphore(0);
      auto waiter = [](weft::Semaphore* s) -> Coro<> {
        co_await s->acquire();
        delete s;
      };
      Task<void> const task = weft::create_task(waiter(semaphore));
      if (i % 2 == 0) co_await weft::sleep(1ms);
      semaphore->release();
      co_await task;
    }
  });
}

TEST_P(Semaphores, GuardsMove) {
  run([]() -> Coro<> {
    weft::Semaphore semaphore(2);
    auto first = co_await semaphore.scoped();
    auto second = co_await semaphore.scoped();
    EXPECT_TRUE(semaphore.locked());
    second = std::move(first);
    EXPECT_FALSE(semaphore.locked()) << "a guard that is assigned to gives its own permit back";
    weft::Semaphore::Guard const third = std::move(second);
    co_await semaphore.acquire();
    EXPECT_TRUE(semaphore.locked());
    semaphore.release();
  });
}

TEST_P(Semaphores, ANegativeNumberIsAValueError) {
  EXPECT_EQ(outcome_of_call([] { weft::Semaphore const s(-1); }), "ValueError");
  EXPECT_EQ(outcome_of_call([] { weft::BoundedSemaphore const s(-1); }), "ValueError");
  EXPECT_EQ(outcome_of_call([] { weft::Semaphore const s(0); }), "ok");
  EXPECT_EQ(outcome_of_call([] { weft::BoundedSemaphore const s(PTRDIFF_MAX); }), "ok");
}

TEST_P(Semaphores, OnlyABoundedOneRefusesAReleaseTooMany) {
  run([]() -> Coro<> {
    weft::Semaphore semaphore;
    semaphore.release();
    co_await semaphore.acquire();
    co_await semaphore.acquire();
    EXPECT_TRUE(semaphore.locked());
    weft::BoundedSemaphore bounded(2);
    EXPECT_EQ(outcome_of_call([&] { bounded.release(); }), "ValueError");
    auto guard = co_await bounded.scoped();
    bounded.release();
    EXPECT_EQ(outcome_of_call([&] { bounded.release(); }), "ValueError");
    weft::Semaphore& base = bounded;
    EXPECT_EQ(outcome_of_call([&] { base.release(); }), "ValueError");
  });
}

WEFT_TEST_AT_1_2_8_WORKERS(Semaphores);

}  // namespace
}  // namespace weft_test
