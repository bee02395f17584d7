// Barrier: rounds, numbers, cancelled waiters, reset and abort.
#include "support.hpp"

#include <thread>

namespace weft_test {
namespace {

class Barriers : public AtWorkers {};

Coro<int> arrive(weft::Barrier& barrier) {
  std::size_t const index = co_await barrier.wait();
  co_return static_cast<int>(index);
}

TEST_P(Barriers, ARoundEndsWhenAllAreThere) {
  run([]() -> Coro<> {
    weft::Barrier barrier(3);
    EXPECT_EQ(barrier.parties(), 3U);
    Task<int> const a = weft::create_task(arrive(barrier));
    co_await weft::sleep(1ms);
    Task<int> const b = weft::create_task(arrive(barrier));
    co_await weft::sleep(1ms);
    EXPECT_FALSE(a.done() || b.done());
    EXPECT_EQ(barrier.n_waiting(), 2U);
    std::size_t const mine = co_await barrier.wait();
    EXPECT_EQ(mine, 2U);
    EXPECT_EQ(barrier.n_waiting(), 0U) << "the next round is open";
    int const of_a = co_await a;
    int const of_b = co_await b;
    EXPECT_EQ(of_a, 0);
    EXPECT_EQ(of_b, 1);
  });
}

TEST_P(Barriers, ManyRoundsOfManyParties) {
  run([]() -> Coro<> {
    constexpr int parties = 10;
    constexpr int rounds = 100;
    weft::Barrier barrier(parties);
    std::atomic<int> arrived{0};
    auto party = [&]() -> Coro<int> {
      int sum = 0;
      for (int r = 0; r < rounds; ++r) {
        arrived.fetch_add(1);
        std::size_t const index = co_await barrier.wait();
        sum += static_cast<int>(index);
        EXPECT_GE(arrived.load(), (r + 1) * parties);
      }
      co_return sum;
    };
    std::vector<Task<int>> tasks;
    for (int i = 0; i < parties; ++i) tasks.push_back(weft::create_task(party()));
    int sum = 0;
    for (Task<int> const& t : tasks) sum += co_await t;
    EXPECT_EQ(sum, rounds * parties * (parties - 1) / 2);
  });
}

TEST_P(Barriers, OnePartyNeverWaits) {
  run([]() -> Coro<> {
    weft::Barrier barrier(1);
    weft::current_task().cancel();
    for (int i = 0; i < 3; ++i) {
      std::size_t const index = co_await barrier.wait();
      EXPECT_EQ(index, 0U);
    }
    weft::current_task().uncancel();
  });
}

TEST_P(Barriers, ACancelledWaiterLeavesAndBreaksNothing) {
  run([]() -> Coro<> {
    weft::Barrier barrier(3);
    Task<int> a = weft::create_task(arrive(barrier));
    co_await weft::sleep(1ms);
    Task<int> const b = weft::create_task(arrive(barrier));
    co_await weft::sleep(1ms);
    a.cancel();
    std::string const of_a = co_await outcome(a);
    EXPECT_EQ(of_a, "CancelledError");
    EXPECT_FALSE(barrier.broken());
    EXPECT_EQ(barrier.n_waiting(), 1U);
    Task<int> const c = weft::create_task(arrive(barrier));
    co_await weft::sleep(1ms);
    EXPECT_FALSE(b.done() || c.done());
    std::size_t const mine = co_await barrier.wait();
    EXPECT_EQ(mine, 2U);
    int const of_b = co_await b;
    int const of_c = co_await c;
    EXPECT_EQ(of_b, 1);
    EXPECT_EQ(of_c, 1) << "the number of those who were waiting, as in asyncio";
  });
}

TEST_P(Barriers, ResetSendsThoseWhoWaitAwayAndBeginsAnew) {
  run([]() -> Coro<> {
    weft::Barrier barrier(2);
    Task<int> const a = weft::create_task(arrive(barrier));
    co_await weft::sleep(1ms);
    barrier.reset();
    EXPECT_FALSE(barrier.broken());
    EXPECT_EQ(barrier.n_waiting(), 0U);
    std::string const of_a = co_await outcome(a);
    EXPECT_EQ(of_a, "BrokenBarrierError");
    EXPECT_THROW(a.result(), weft::BrokenBarrierError);
    Task<int> const b = weft::create_task(arrive(barrier));
    co_await weft::sleep(1ms);
    std::size_t const mine = co_await barrier.wait();
    EXPECT_EQ(mine, 1U);
    co_await b;
  });
}

TEST_P(Barriers, AbortBreaksItUntilReset) {
  run([]() -> Coro<> {
    weft::Barrier barrier(3);
    Task<int> const a = weft::create_task(arrive(barrier));
    Task<int> const b = weft::create_task(arrive(barrier));
    co_await weft::sleep(1ms);
    std::thread foreign([&] { barrier.abort(); });
    foreign.join();
    EXPECT_TRUE(barrier.broken());
    std::string const of_a = co_await outcome(a);
    std::string const of_b = co_await outcome(b);
    EXPECT_EQ(of_a + of_b, "BrokenBarrierErrorBrokenBarrierError");
    std::string const late = co_await outcome(arrive(barrier));
    EXPECT_EQ(late, "BrokenBarrierError");
    barrier.reset();
    EXPECT_FALSE(barrier.broken());
    auto [x, y, z] = co_await weft::gather(barrier.wait(), barrier.wait(), barrier.wait());
    EXPECT_EQ(x + y + z, 3U);
  });
}

TEST_P(Barriers, AWokenWaiterMayDestroyIt) {
  run([]() -> Coro<> {
    for (int i = 0; i < 200; ++i) {
      auto* barrier = new weft::Barrier(2);
      auto waiter = [](weft::Barrier* b) -> Coro<> {
        co_await b->wait();
        delete b;
      };
      Task<void> const task = weft::create_task(waiter(barrier));
      co_await weft::sleep(1ms);
      co_await barrier->wait();
      co_await task;
    }
  });
}

TEST_P(Barriers, NeedsAParty) {
  EXPECT_EQ(outcome_of_call([] { weft::Barrier const b(0); }), "ValueError");
  EXPECT_EQ(outcome_of_call([] { weft::Barrier const b(-3); }), "ValueError");
}

WEFT_TEST_AT_1_2_8_WORKERS(Barriers);

}  // namespace
}  // namespace weft_test
