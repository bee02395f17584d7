// Queue: FIFO of items and of waiters, bounds, hand-over, nothing lost to cancelled getters and putters, join.
#include "support.hpp"

#include <memory>
#include <numeric>
#include <thread>

namespace weft_test {
namespace {

class Queues : public AtWorkers {};

TEST_P(Queues, AreFifo) {
  run([]() -> Coro<> {
    weft::Queue<int> queue;
    for (int i = 0; i < 100; ++i) co_await queue.put(i);
    EXPECT_EQ(queue.qsize(), 100U);
    for (int i = 0; i < 100; ++i) {
      int const v = co_await queue.get();
      EXPECT_EQ(v, i);
    }
    EXPECT_TRUE(queue.empty());
  });
}

TEST_P(Queues, SizeEmptyFullAndNowait) {
  run([]() -> Coro<> {
    weft::Queue<int> queue(2);
    EXPECT_TRUE(queue.empty());
    EXPECT_FALSE(queue.full());
    EXPECT_EQ(outcome_of_call([&] { (void)queue.get_nowait(); }), "QueueEmpty");
    queue.put_nowait(1);
    queue.put_nowait(2);
    EXPECT_TRUE(queue.full());
    EXPECT_EQ(queue.qsize(), 2U);
    EXPECT_EQ(outcome_of_call([&] { queue.put_nowait(3); }), "QueueFull");
    EXPECT_EQ(queue.get_nowait(), 1);
    EXPECT_EQ(queue.get_nowait(), 2);
    for (std::ptrdiff_t const unbounded : {0, -1}) {
      weft::Queue<int> endless(unbounded);
      for (int i = 0; i < 1000; ++i) endless.put_nowait(i);
      EXPECT_FALSE(endless.full());
      EXPECT_EQ(endless.qsize(), 1000U);
    }
    co_return;
  });
}

TEST_P(Queues, GetWaitsForAnItem) {
  run([]() -> Coro<> {
    weft::Queue<std::string> queue;
    auto producer = [&]() -> Coro<> {
      co_await weft::sleep(10ms);
      co_await queue.put("late");
    };
    Task<void> const task = weft::create_task(producer());
    Elapsed const clock;
    std::string const s = co_await queue.get();
    EXPECT_EQ(s, "late");
    EXPECT_EQ(clock.ms(), 10ms);
    co_await task;
  });
}

TEST_P(Queues, PutWaitsForRoom) {
  Log log;
  run([&]() -> Coro<> {
    weft::Queue<int> queue(2);
    auto producer = [&]() -> Coro<> {
      for (int i = 0; i < 5; ++i) {
        co_await queue.put(i);
        log.add("put" + std::to_string(i));
      }
    };
    Task<void> const task = weft::create_task(producer());
    co_await weft::sleep(10ms);
    EXPECT_EQ(log.text(), "put0 put1");
    for (int i = 0; i < 5; ++i) {
      int const v = co_await queue.get();
      EXPECT_EQ(v, i);
      co_await weft::sleep(10ms);
      EXPECT_LE(queue.qsize(), 2U);
    }
    co_await task;
  });
  EXPECT_EQ(log.text(), "put0 put1 put2 put3 put4");
}

TEST_P(Queues, ServeGettersInTheOrderOfWaiting) {
  Log log;
  run([&]() -> Coro<> {
    weft::Queue<int> queue;
    auto getter = [&](int i) -> Coro<> {
      co_await weft::sleep(milliseconds(i));
      int const v = co_await queue.get();
      log.add(std::to_string(i) + "=" + std::to_string(v));
    };
    std::vector<Task<void>> tasks;
    for (int const i : {3, 1, 2}) tasks.push_back(weft::create_task(getter(i)));
    co_await weft::sleep(10ms);
    for (int i = 10; i < 13; ++i) {
      queue.put_nowait(i);
      co_await weft::sleep(1ms);
    }
    for (Task<void> const& t : tasks) co_await t;
  });
  EXPECT_EQ(log.text(), "1=10 2=11 3=12");
}

TEST_P(Queues, ServePuttersInTheOrderOfWaiting) {
  run([]() -> Coro<> {
    weft::Queue<int> queue(1);
    queue.put_nowait(0);
    auto putter = [&](int i) -> Coro<> {
      co_await weft::sleep(milliseconds(i));
      co_await queue.put(i);
    };
    std::vector<Task<void>> tasks;
    for (int const i : {3, 1, 2}) tasks.push_back(weft::create_task(putter(i)));
    co_await weft::sleep(10ms);
    for (int i = 0; i < 4; ++i) {
      int const v = co_await queue.get();
      EXPECT_EQ(v, i);
    }
    for (Task<void> const& t : tasks) co_await t;
  });
}

TEST_P(Queues, MoveOnlyItems) {
  run([]() -> Coro<> {
    weft::Queue<std::unique_ptr<int>> queue(1);
    co_await queue.put(std::make_unique<int>(1));
    auto putter = [&]() -> Coro<> { co_await queue.put(std::make_unique<int>(2)); };
    Task<void> const task = weft::create_task(putter());
    co_await weft::sleep(1ms);
    std::unique_ptr<int> const a = co_await queue.get();
    std::unique_ptr<int> const b = co_await queue.get();
    EXPECT_EQ(*a * 10 + *b, 12);
    co_await task;
    queue.put_nowait(std::make_unique<int>(3));
    std::unique_ptr<int> const c = queue.get_nowait();
    EXPECT_EQ(*c, 3);
  });
}

TEST_P(Queues, DestroyItemsThatAreLeft) {
  std::atomic<int> live{0};
  run([&]() -> Coro<> {
    {
      weft::Queue<Live> queue;
      for (int i = 0; i < 10; ++i) queue.put_nowait(Live(live));
      EXPECT_EQ(live.load(), 10);
      {
        Live const one = co_await queue.get();
        EXPECT_EQ(live.load(), 10);
      }
      EXPECT_EQ(live.load(), 9);
    }
    EXPECT_EQ(live.load(), 0);
  });
}

TEST_P(Queues, CancelledGetterTakesNoItem) {
  run([]() -> Coro<> {
    weft::Queue<int> queue;
    auto getter = [&]() -> Coro<int> {
      int const v = co_await queue.get();
      co_return v;
    };
    for (int i = 0; i < 50; ++i) {
      Task<int> first = weft::create_task(getter());
      co_await weft::sleep(1ms);
      Task<int> const second = weft::create_task(getter());
      co_await weft::sleep(1ms);
      EXPECT_TRUE(first.cancel());
      queue.put_nowait(i);
      std::string const seen = co_await outcome(first);
      EXPECT_EQ(seen, "CancelledError");
      int const v = co_await second;
      EXPECT_EQ(v, i);
      EXPECT_TRUE(queue.empty());
    }
  });
}

TEST_P(Queues, GetterGivenAnItemAndThenCancelledHasIt) {
  Log log;
  run([&]() -> Coro<> {
    weft::Queue<int> queue;
    auto getter = [&]() -> Coro<> {
      int const v = co_await queue.get();
      log.add("got" + std::to_string(v));
      co_await weft::sleep(1ms);
      log.add("never");
    };
    for (int i = 0; i < 50; ++i) {
      Task<void> task = weft::create_task(getter());
      co_await weft::sleep(1ms);
      queue.put_nowait(7);
      EXPECT_TRUE(task.cancel());
      std::string const seen = co_await outcome(task);
      EXPECT_EQ(seen, "CancelledError");
      EXPECT_TRUE(queue.empty());
    }
  });
  EXPECT_EQ(log.count("got7"), 50U);
  EXPECT_EQ(log.count("never"), 0U);
}

TEST_P(Queues, CancelledPutterPutsNothingAndTheNextGetsTheRoom) {
  run([]() -> Coro<> {
    weft::Queue<int> queue(1);
    queue.put_nowait(0);
    auto putter = [&](int v) -> Coro<> { co_await queue.put(v); };
    Task<void> first = weft::create_task(putter(1));
    co_await weft::sleep(1ms);
    Task<void> const second = weft::create_task(putter(2));
    co_await weft::sleep(1ms);
    first.cancel();
    std::string const seen = co_await outcome(first);
    EXPECT_EQ(seen, "CancelledError");
    int const a = co_await queue.get();
    int const b = co_await queue.get();
    EXPECT_EQ(a * 10 + b, 2);
    co_await second;
    EXPECT_TRUE(queue.empty());
  });
}

TEST_P(Queues, PutThatWasGrantedAndThenCancelledHasPut) {
  Log log;
  run([&]() -> Coro<> {
    weft::Queue<int> queue(1);
    auto putter = [&](int v) -> Coro<> {
      co_await queue.put(v);
      log.add("put");
      co_await weft::sleep(1ms);
      log.add("never");
    };
    for (int i = 0; i < 50; ++i) {
      queue.put_nowait(0);
      Task<void> task = weft::create_task(putter(9));
      co_await weft::sleep(1ms);
      EXPECT_EQ(queue.get_nowait(), 0);
      EXPECT_TRUE(task.cancel());
      std::string const seen = co_await outcome(task);
      EXPECT_EQ(seen, "CancelledError");
      EXPECT_EQ(queue.get_nowait(), 9);
    }
  });
  EXPECT_EQ(log.count("put"), 50U);
  EXPECT_EQ(log.count("never"), 0U);
}

TEST_P(Queues, JoinWaitsForTaskDoneOfEveryItem) {
  Log log;
  run([&]() -> Coro<> {
    weft::Queue<int> queue;
    co_await queue.join();  // nothing was put
    for (int i = 0; i < 6; ++i) queue.put_nowait(i);
    auto worker = [&]() -> Coro<> {
      for (;;) {
        int const v = co_await queue.get();
        co_await weft::sleep(10ms);
        log.add(std::to_string(v));
        queue.task_done();
      }
    };
    Task<void> a = weft::create_task(worker());
    Task<void> b = weft::create_task(worker());
    Elapsed const clock;
    co_await queue.join();
    EXPECT_EQ(clock.ms(), 30ms);
    EXPECT_EQ(log.words().size(), 6U);
    a.cancel();
    b.cancel();
    std::string const of_a = co_await outcome(a);
    std::string const of_b = co_await outcome(b);
    EXPECT_EQ(of_a + of_b, "CancelledErrorCancelledError");
    co_await queue.join();
  });
}

TEST_P(Queues, TaskDoneTooOftenThrowsValueError) {
  run([]() -> Coro<> {
    weft::Queue<int> queue;
    EXPECT_EQ(outcome_of_call([&] { queue.task_done(); }), "ValueError");
    queue.put_nowait(1);
    int const v = co_await queue.get();
    EXPECT_EQ(v, 1);
    queue.task_done();
    EXPECT_EQ(outcome_of_call([&] { queue.task_done(); }), "ValueError");
  });
}

TEST_P(Queues, EveryItemOfManyProducersIsGotExactlyOnce) {
  constexpr int producers = 10;
  constexpr int consumers = 7;
  constexpr int each = 300;
  std::vector<std::atomic<int>> seen(producers * each);
  run([&]() -> Coro<> {
    weft::Queue<int> queue(13);
    auto producer = [&](int id) -> Coro<> {
      for (int i = 0; i < each; ++i) co_await queue.put(id * each + i);
    };
    auto consumer = [&]() -> Coro<> {
      for (;;) {
        int const v = co_await queue.get();
        if (v < 0) co_return;
        seen[static_cast<std::size_t>(v)].fetch_add(1);
      }
    };
    co_await weft::task_group([&](weft::TaskGroup& tg) -> Coro<> {
      std::vector<Task<void>> makers;
      for (int i = 0; i < consumers; ++i) tg.start_soon(consumer());
      for (int i = 0; i < producers; ++i) makers.push_back(tg.create_task(producer(i)));
      for (Task<void> const& t : makers) co_await t;
      for (int i = 0; i < consumers; ++i) co_await queue.put(-1);
    });
    EXPECT_TRUE(queue.empty());
  });
  for (std::atomic<int> const& n : seen) EXPECT_EQ(n.load(), 1);
}

TEST_P(Queues, EachProducersItemsComeInItsOrder) {
  run([]() -> Coro<> {
    weft::Queue<std::pair<int, int>> queue(4);
    auto producer = [&](int id) -> Coro<> {
      for (int i = 0; i < 200; ++i) co_await queue.put(std::pair<int, int>(id, i));
    };
    Task<void> const a = weft::create_task(producer(0));
    Task<void> const b = weft::create_task(producer(1));
    int next[2] = {0, 0};
    for (int i = 0; i < 400; ++i) {
      std::pair<int, int> const item = co_await queue.get();
      EXPECT_EQ(item.second, next[item.first]);
      ++next[item.first];
    }
    co_await a;
    co_await b;
  });
}

TEST_P(Queues, PutNowaitFromAForeignThreadWakesAGetter) {
  run([]() -> Coro<> {
    weft::Queue<int> queue;
    auto getter = [&]() -> Coro<int> {
      int const v = co_await queue.get();
      co_return v;
    };
    for (int i = 0; i < 20; ++i) {
      Task<int> const task = weft::create_task(getter());
      co_await weft::sleep(1ms);
      std::thread foreign([&queue, i] { queue.put_nowait(i); });
      foreign.join();
      int const v = co_await task;
      EXPECT_EQ(v, i);
    }
  });
}

WEFT_TEST_AT_1_2_8_WORKERS(Queues);

}  // namespace
}  // namespace weft_test
