// CapacityLimiter: tokens, a total that changes while they are out, cancelled waiters, errors.
#include "support.hpp"

namespace weft_test {
namespace {

class Limiters : public AtWorkers {};

TEST_P(Limiters, CountWhatIsOut) {
  run([]() -> Coro<> {
    weft::CapacityLimiter limiter(3);
    EXPECT_EQ(limiter.total(), 3);
    EXPECT_EQ(limiter.available(), 3);
    co_await limiter.acquire();
    {
      auto guard = co_await limiter.scoped();
      EXPECT_EQ(limiter.borrowed(), 2);
      EXPECT_EQ(limiter.available(), 1);
    }
    EXPECT_EQ(limiter.borrowed(), 1);
    limiter.release();
    EXPECT_EQ(limiter.borrowed(), 0);
  });
}

TEST_P(Limiters, ALargerTotalLetsWaitersInAtOnceInOrder) {
  Log log;
  run([&]() -> Coro<> {
    weft::CapacityLimiter limiter(0);
    auto waiter = [&](int i) -> Coro<> {
      co_await weft::sleep(milliseconds(i));
      co_await limiter.acquire();
      log.add(std::to_string(i));
    };
    std::vector<Task<void>> tasks;
    for (int i = 1; i <= 4; ++i) tasks.push_back(weft::create_task(waiter(i)));
    co_await weft::sleep(10ms);
    limiter.set_total(1);
    co_await weft::sleep(1ms);
    EXPECT_EQ(log.text(), "1");
    limiter.set_total(3);
    co_await weft::sleep(1ms);
    EXPECT_EQ(log.count("2") + log.count("3"), 2U);
    EXPECT_FALSE(tasks[3].done());
    limiter.set_total(10);
    co_await tasks[3];
    EXPECT_EQ(limiter.borrowed(), 4);
    EXPECT_EQ(limiter.available(), 6);
  });
}

TEST_P(Limiters, ASmallerTotalTakesNothingAwayAndLetsNobodyInBeforeEnoughIsBack) {
  run([]() -> Coro<> {
    weft::CapacityLimiter limiter(3);
    for (int i = 0; i < 3; ++i) co_await limiter.acquire();
    limiter.set_total(1);
    EXPECT_EQ(limiter.borrowed(), 3);
    EXPECT_EQ(limiter.available(), -2);
    auto waiter = [&]() -> Coro<> { co_await limiter.acquire(); };
    Task<void> const task = weft::create_task(waiter());
    co_await weft::sleep(1ms);
    limiter.release();
    limiter.release();
    co_await weft::sleep(1ms);
    EXPECT_FALSE(task.done());
    EXPECT_EQ(limiter.available(), 0);
    limiter.release();
    co_await task;
    EXPECT_EQ(limiter.borrowed(), 1);
  });
}

TEST_P(Limiters, ACancelledWaiterTakesNoToken) {
  run([]() -> Coro<> {
    for (int i = 0; i < 50; ++i) {
      weft::CapacityLimiter limiter(1);
      co_await limiter.acquire();
      auto waiter = [&]() -> Coro<> { co_await limiter.acquire(); };
      Task<void> first = weft::create_task(waiter());
      co_await weft::sleep(1ms);
      Task<void> const second = weft::create_task(waiter());
      co_await weft::sleep(1ms);
      first.cancel();
      if (i % 2 == 0) limiter.release();
      else limiter.set_total(2);
      std::string const seen = co_await outcome(first);
      EXPECT_EQ(seen, "CancelledError");
      co_await second;
      EXPECT_EQ(limiter.available(), 0);
    }
  });
}

TEST_P(Limiters, ForeignThreadsReleaseAndChangeTheTotal) {
  run([]() -> Coro<> {
    weft::CapacityLimiter limiter(2);
    auto worker = [&]() -> Coro<> {
      for (int i = 0; i < 50; ++i) {
        auto guard = co_await limiter.scoped();
        co_await weft::yield_now();
      }
    };
    std::vector<Task<void>> tasks;
    for (int i = 0; i < 10; ++i) tasks.push_back(weft::create_task(worker()));
    co_await weft::to_thread([&] {
      for (int i = 0; i < 200; ++i) limiter.set_total(i % 5);
      limiter.set_total(2);
    });
    for (Task<void> const& t : tasks) co_await t;
    EXPECT_EQ(limiter.borrowed(), 0);
    EXPECT_EQ(limiter.available(), 2);
  });
}

TEST_P(Limiters, Errors) {
  EXPECT_EQ(outcome_of_call([] { weft::CapacityLimiter const l(-1); }), "ValueError");
  weft::CapacityLimiter limiter(1);
  EXPECT_EQ(outcome_of_call([&] { limiter.set_total(-1); }), "ValueError");
  EXPECT_EQ(limiter.total(), 1);
  EXPECT_EQ(outcome_of_call([&] { limiter.release(); }), "RuntimeError");
  EXPECT_EQ(limiter.available(), 1);
}

WEFT_TEST_AT_1_2_8_WORKERS(Limiters);

}  // namespace
}  // namespace weft_test
