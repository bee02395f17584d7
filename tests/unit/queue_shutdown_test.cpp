// Queue::shutdown after CPython 3.13: puts are refused, gets drain and then are refused, waiters on both sides wake, and
// an immediate shutdown throws the items away and releases join.
#include "support.hpp"

namespace weft_test {
namespace {

class QueueShutdown : public AtWorkers {};

TEST_P(QueueShutdown, RefusesPutsAndLetsGetsDrain) {
  run([]() -> Coro<> {
    weft::Queue<int> queue;
    queue.put_nowait(1);
    queue.put_nowait(2);
    queue.shutdown();
    auto put = [&]() -> Coro<> { co_await queue.put(3); };
    auto get = [&]() -> Coro<int> {
      int const v = co_await queue.get();
      co_return v;
    };
    std::string const of_put = co_await outcome(put());
    EXPECT_EQ(of_put, "QueueShutDown");
    EXPECT_EQ(outcome_of_call([&] { queue.put_nowait(3); }), "QueueShutDown");
    int const a = co_await get();
    EXPECT_EQ(a, 1);
    EXPECT_EQ(queue.get_nowait(), 2);
    std::string const of_get = co_await outcome(get());
    EXPECT_EQ(of_get, "QueueShutDown");
    EXPECT_EQ(outcome_of_call([&] { (void)queue.get_nowait(); }), "QueueShutDown");
  });
}

TEST_P(QueueShutdown, WakesWaitingGettersAndPutters) {
  run([]() -> Coro<> {
    weft::Queue<int> empty;
    auto get = [&]() -> Coro<int> {
      int const v = co_await empty.get();
      co_return v;
    };
    Task<int> const g1 = weft::create_task(get());
    Task<int> const g2 = weft::create_task(get());
    weft::Queue<int> full(1);
    full.put_nowait(1);
    auto put = [&]() -> Coro<> { co_await full.put(2); };
    Task<void> const p1 = weft::create_task(put());
    Task<void> const p2 = weft::create_task(put());
    co_await weft::sleep(1ms);
    empty.shutdown();
    full.shutdown();
    std::vector<Task<int>> const getters{g1, g2};
    for (Task<int> const& t : getters) {
      std::string const seen = co_await outcome(t);
      EXPECT_EQ(seen, "QueueShutDown");
    }
    std::vector<Task<void>> const putters{p1, p2};
    for (Task<void> const& t : putters) {
      std::string const seen = co_await outcome(t);
      EXPECT_EQ(seen, "QueueShutDown");
    }
    EXPECT_EQ(full.qsize(), 1U);
    EXPECT_EQ(full.get_nowait(), 1);
  });
}

TEST_P(QueueShutdown, ImmediateThrowsTheItemsAwayAndReleasesJoin) {
  std::atomic<int> live{0};
  run([&]() -> Coro<> {
    weft::Queue<Live> queue;
    queue.put_nowait(Live(live));
    queue.put_nowait(Live(live));
    auto joiner = [&]() -> Coro<> { co_await queue.join(); };
    Task<void> const joins = weft::create_task(joiner());
    co_await weft::sleep(1ms);
    EXPECT_FALSE(joins.done());
    queue.shutdown(true);
    EXPECT_EQ(live.load(), 0);
    EXPECT_TRUE(queue.empty());
    co_await joins;
    EXPECT_EQ(outcome_of_call([&] { (void)queue.get_nowait(); }), "QueueShutDown");
  });
}

TEST_P(QueueShutdown, ImmediateStillWaitsForItemsThatWereGot) {
  run([]() -> Coro<> {
    weft::Queue<int> queue;
    queue.put_nowait(1);
    queue.put_nowait(2);
    int const v = co_await queue.get();
    EXPECT_EQ(v, 1);
    auto joiner = [&]() -> Coro<> { co_await queue.join(); };
    Task<void> const joins = weft::create_task(joiner());
    co_await weft::sleep(1ms);
    queue.shutdown(true);
    co_await weft::sleep(1ms);
    EXPECT_FALSE(joins.done()) << "one item is still being worked on";
    queue.task_done();
    co_await joins;
  });
}

TEST_P(QueueShutdown, OfADrainedQueueLetsJoinEndAfterTaskDone) {
  run([]() -> Coro<> {
    weft::Queue<int> queue;
    queue.put_nowait(1);
    queue.shutdown();
    queue.shutdown();
    auto joiner = [&]() -> Coro<> { co_await queue.join(); };
    Task<void> const joins = weft::create_task(joiner());
    co_await weft::sleep(1ms);
    EXPECT_FALSE(joins.done());
    EXPECT_EQ(queue.get_nowait(), 1);
    queue.task_done();
    co_await joins;
    queue.shutdown(true);
  });
}

TEST_P(QueueShutdown, EndsAWorkerPoolQuietly) {
  std::atomic<int> worked{0};
  run([&]() -> Coro<> {
    weft::Queue<int> queue(5);
    auto worker = [&]() -> Coro<> {
      bool open = true;
      while (open) {
        try {
          int const v = co_await queue.get();
          co_await weft::sleep(milliseconds(v % 3));
          worked.fetch_add(1);
        } catch (weft::QueueShutDown const&) {
          open = false;
        }
      }
    };
    co_await weft::task_group([&](weft::TaskGroup& tg) -> Coro<> {
      for (int i = 0; i < 8; ++i) tg.start_soon(worker());
      for (int i = 0; i < 500; ++i) co_await queue.put(i);
      queue.shutdown();
    });
  });
  EXPECT_EQ(worked.load(), 500);
}

WEFT_TEST_AT_1_2_8_WORKERS(QueueShutdown);

}  // namespace
}  // namespace weft_test
