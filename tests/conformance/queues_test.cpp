// What CPython's test_queues.py asks of Queue, LifoQueue and PriorityQueue. The table is docs/conformance/queues.md.
//
// A waiting get is handed its item, and a waiting put its room, by the call that makes it possible: granted first,
// cancelled second. Where asyncio only wakes the waiter, which then has to be quick, ours has the item already.
#include "conformance/operations.hpp"

#include <set>

namespace weft_test {
namespace {

class AsyncioQueue : public AtWorkers {};
class AsyncioQueueGet : public AtWorkers {};
class AsyncioQueuePut : public AtWorkers {};
class AsyncioLifoQueue : public AtWorkers {};
class AsyncioPriorityQueue : public AtWorkers {};

template <class Q>
Coro<std::vector<int>> put_1_3_2_and_get_all() {
  Q queue;
  co_await queue.put(1);
  co_await queue.put(3);
  co_await queue.put(2);
  std::vector<int> items;
  for (int i = 0; i < 3; ++i) {
    int const item = co_await queue.get();
    items.push_back(item);
  }
  co_return items;
}

TEST_P(AsyncioQueue, IsEmptyUntilSomethingIsPutAndAfterItIsGot) {
  run([]() -> Coro<> {
    weft::Queue<int> queue;
    EXPECT_TRUE(queue.empty());
    co_await queue.put(1);
    EXPECT_FALSE(queue.empty());
    int const item = co_await queue.get();
    EXPECT_EQ(item, 1);
    EXPECT_TRUE(queue.empty());
  });
}

TEST_P(AsyncioQueue, IsFullAtItsSizeAndNeverWithoutOne) {
  run([]() -> Coro<> {
    weft::Queue<int> unbounded;
    co_await unbounded.put(1);
    EXPECT_FALSE(unbounded.full());
    weft::Queue<int> one(1);
    EXPECT_FALSE(one.full());
    co_await one.put(1);
    EXPECT_TRUE(one.full());
  });
}

TEST_P(AsyncioQueue, GivesItemsInTheOrderOfThePuts) {
  EXPECT_EQ(run(put_1_3_2_and_get_all<weft::Queue<int>>), (std::vector<int>{1, 3, 2}));
}

TEST_P(AsyncioQueue, PutWaitsAtTheSizeUntilThereIsRoom) {
  Log put;
  run([&]() -> Coro<> {
    weft::Queue<int> queue(2);
    EXPECT_EQ(queue.maxsize(), 2);
    auto putter = [&]() -> Coro<bool> {
      for (int i = 0; i < 3; ++i) {
        co_await queue.put(i);
        put.add(std::to_string(i));
      }
      co_return true;
    };
    Task<bool> const task = weft::create_task(putter());
    co_await settle();
    EXPECT_EQ(put.text(), "0 1");
    int const first = co_await queue.get();
    EXPECT_EQ(first, 0);
    co_await settle();
    EXPECT_EQ(put.text(), "0 1 2");
    int const second = co_await queue.get();
    int const third = co_await queue.get();
    EXPECT_EQ(second, 1);
    EXPECT_EQ(third, 2);
    EXPECT_TRUE(task.result());
  });
}

TEST_P(AsyncioQueueGet, GivesWhatIsThere) {
  run([]() -> Coro<> {
    weft::Queue<int> queue;
    queue.put_nowait(1);
    int const item = co_await queue.get();
    EXPECT_EQ(item, 1);
  });
}

TEST_P(AsyncioQueueGet, LetsAWaitingPutIn) {
  run([]() -> Coro<> {
    weft::Queue<int> queue(1);
    co_await queue.put(1);
    Task<void> const putter = weft::create_task(put_into(&queue, 2));
    co_await settle();
    EXPECT_FALSE(putter.done());
    int const item = co_await queue.get();
    EXPECT_EQ(item, 1);
    co_await putter;
    EXPECT_EQ(queue.get_nowait(), 2);
  });
}

TEST_P(AsyncioQueueGet, WaitsUntilSomethingIsPut) {
  run([]() -> Coro<> {
    weft::Queue<int> queue;
    weft::Event started;
    std::atomic<bool> finished{false};
    auto getter = [&]() -> Coro<int> {
      started.set();
      int const item = co_await queue.get();
      finished = true;
      co_return item;
    };
    Task<int> const task = weft::create_task(getter());
    co_await started.wait();
    EXPECT_FALSE(finished);
    Task<void> const putter = weft::create_task(call_later(10ms, [&] { queue.put_nowait(1); }));
    int const item = co_await task;
    EXPECT_TRUE(finished);
    EXPECT_EQ(item, 1);
    co_await putter;
  });
}

TEST_P(AsyncioQueueGet, NowaitGivesWhatIsThere) {
  weft::Queue<int> queue;
  queue.put_nowait(1);
  EXPECT_EQ(queue.get_nowait(), 1);
}

TEST_P(AsyncioQueueGet, NowaitOfAnEmptyQueueThrowsQueueEmpty) {
  weft::Queue<int> queue;
  EXPECT_EQ(outcome_of_call([&] { (void)queue.get_nowait(); }), "QueueEmpty");
}

TEST_P(AsyncioQueueGet, CancelledGetterLeavesTheItemToTheNext) {
  run([]() -> Coro<> {
    weft::Queue<std::string> queue;
    Task<std::string> t1 = weft::create_task(get_from(&queue));
    co_await settle();
    Task<std::string> const t2 = weft::create_task(get_from(&queue));
    co_await settle();
    t1.cancel();
    co_await settle();
    EXPECT_TRUE(t1.cancelled());
    co_await queue.put("a");
    std::string const item = co_await t2;
    EXPECT_EQ(item, "a");
  });
}

TEST_P(AsyncioQueueGet, GetsWhatTwoPuttersOfAQueueOfOneHavePut) {
  run([]() -> Coro<> {
    weft::Queue<std::string> queue(1);
    Task<void> const a = weft::create_task(put_into(&queue, "a"));
    co_await settle();
    Task<void> const b = weft::create_task(put_into(&queue, "b"));
    std::string const first = co_await queue.get();
    std::string const second = co_await queue.get();
    EXPECT_EQ(first + second, "ab");
    co_await a;
    co_await b;
  });
}

TEST_P(AsyncioQueueGet, ProducerAndConsumerOfAQueueOfOneBothEnd) {
  run([]() -> Coro<> {
    weft::Queue<int> queue(1);
    auto consumer = [&](int count) -> Coro<> {
      for (int i = 0; i < count; ++i) {
        int const item = co_await queue.get();
        EXPECT_EQ(item, i);
      }
    };
    auto producer = [&](int count) -> Coro<> {
      for (int i = 0; i < count; ++i) co_await queue.put(i);
    };
    co_await weft::task_group([&](weft::TaskGroup& tg) -> Coro<> {
      tg.start_soon(producer(5));
      tg.start_soon(consumer(5));
      co_return;
    });
    EXPECT_TRUE(queue.empty());
  });
}

TEST_P(AsyncioQueueGet, GetterThatTimedOutIsForgotten) {
  run([]() -> Coro<> {
    weft::Queue<int> queue(5);
    auto get = [&]() -> Coro<int> { co_return co_await weft::wait_for(queue.get(), 100ms); };
    std::string const seen = co_await outcome(get());
    EXPECT_EQ(seen, "TimeoutError");
    queue.put_nowait(1);
    EXPECT_EQ(queue.qsize(), 1U) << "the item went to a getter who has left";
  });
}

TEST_P(AsyncioQueuePut, WithoutASizeDoesNotWait) {
  run([]() -> Coro<> {
    weft::Queue<int> queue;
    co_await queue.put(1);
    int const item = co_await queue.get();
    EXPECT_EQ(item, 1);
  });
}

TEST_P(AsyncioQueuePut, WaitsUntilSomethingIsGot) {
  run([]() -> Coro<> {
    weft::Queue<int> queue(1);
    weft::Event started;
    std::atomic<bool> finished{false};
    auto putter = [&]() -> Coro<> {
      started.set();
      co_await queue.put(1);
      co_await queue.put(2);
      finished = true;
    };
    Task<void> const getter = weft::create_task(call_later(10ms, [&] { (void)queue.get_nowait(); }));
    Task<void> const task = weft::create_task(putter());
    co_await started.wait();
    EXPECT_FALSE(finished);
    co_await task;
    EXPECT_TRUE(finished);
    co_await getter;
  });
}

TEST_P(AsyncioQueuePut, NowaitPuts) {
  weft::Queue<int> queue;
  queue.put_nowait(1);
  EXPECT_EQ(queue.get_nowait(), 1);
}

TEST_P(AsyncioQueuePut, CancelOfAReaderAfterTwoPutsDropsNoItem) {
  run([]() -> Coro<> {
    weft::Queue<int> queue;
    Task<int> reader = weft::create_task(get_from(&queue));
    co_await settle();
    queue.put_nowait(1);
    queue.put_nowait(2);
    // The reader has been given the 1; whether the cancel finds it running or ended, it must not be lost without a trace.
    bool const accepted = reader.cancel();
    std::string const seen = co_await outcome(reader);
    int const left = co_await queue.get();
    EXPECT_EQ(left, 2);
    EXPECT_TRUE(queue.empty());
    if (accepted) {
      // Its value was dropped by the cancel that came before its end: asyncio's test tries again and finds the 1.
      EXPECT_EQ(seen, "CancelledError");
    } else {
      EXPECT_EQ(reader.result(), 1);
    }
  });
}

// What the test above is about, for a reader that does something with its item: it has it although it was cancelled.
TEST_P(AsyncioQueuePut, ReaderCancelledAfterItsItemWasPutHasTheItem) {
  run([]() -> Coro<> {
    weft::Queue<int> queue;
    Log got;
    auto read = [&]() -> Coro<> {
      int const item = co_await queue.get();
      got.add(std::to_string(item));
      co_await weft::sleep(1h);
    };
    Task<void> reader = weft::create_task(read());
    co_await settle();
    queue.put_nowait(1);
    queue.put_nowait(2);
    reader.cancel();
    std::string const seen = co_await outcome(reader);
    EXPECT_EQ(seen, "CancelledError");
    EXPECT_EQ(got.text(), "1");
    EXPECT_EQ(queue.get_nowait(), 2);
  });
}

TEST_P(AsyncioQueuePut, CancelOfOneOfThreeReadersLeavesBothItemsToTheOthers) {
  run([]() -> Coro<> {
    weft::Queue<int> queue;
    std::mutex mutex;
    std::set<int> got;
    auto read = [&]() -> Coro<> {
      int const item = co_await queue.get();
      {
        std::lock_guard const hold(mutex);
        got.insert(item);
      }
    };
    Task<void> reader1 = weft::create_task(read());
    Task<void> const reader2 = weft::create_task(read());
    Task<void> const reader3 = weft::create_task(read());
    co_await settle();
    reader1.cancel();
    queue.put_nowait(1);
    queue.put_nowait(2);
    std::string const seen = co_await outcome(reader1);
    EXPECT_EQ(seen, "CancelledError");
    co_await reader2;
    co_await reader3;
    EXPECT_EQ(got, (std::set<int>{1, 2}));
  });
}

TEST_P(AsyncioQueuePut, CancelOfAWriterWhoseItemWasTakenInLeavesTheItemInTheQueue) {
  run([]() -> Coro<> {
    weft::Queue<int> queue(1);
    queue.put_nowait(1);
    Task<void> writer = weft::create_task(put_into(&queue, 2));
    co_await settle();
    EXPECT_EQ(queue.get_nowait(), 1);
    // The get let it in: it has put, whatever the cancel says.
    writer.cancel();
    std::string const seen = co_await outcome(writer);
    EXPECT_TRUE(seen == "CancelledError" || seen == "ok") << seen;
    EXPECT_EQ(queue.get_nowait(), 2);
    EXPECT_EQ(queue.qsize(), 0U);
  });
}

TEST_P(AsyncioQueuePut, NowaitOnAFullQueueThrowsQueueFull) {
  weft::Queue<int> queue(1);
  queue.put_nowait(1);
  EXPECT_EQ(outcome_of_call([&] { queue.put_nowait(2); }), "QueueFull");
}

TEST_P(AsyncioQueuePut, PutterOfAnUnboundedQueueIsDoneWhenItsItemIsGot) {
  run([]() -> Coro<> {
    weft::Queue<int> queue;
    auto putter = [&]() -> Coro<bool> {
      co_await queue.put(1);
      co_return true;
    };
    Task<bool> const task = weft::create_task(putter());
    int const item = co_await queue.get();
    EXPECT_EQ(item, 1);
    bool const put = co_await task;
    EXPECT_TRUE(put);
  });
}

TEST_P(AsyncioQueuePut, CancelledPutterPutsNothing) {
  run([]() -> Coro<> {
    weft::Queue<std::string> queue(1);
    Task<void> const a = weft::create_task(put_into(&queue, "a"));
    co_await settle();
    Task<void> const b = weft::create_task(put_into(&queue, "b"));
    co_await settle();
    Task<void> c = weft::create_task(put_into(&queue, "X"));
    co_await settle();
    EXPECT_TRUE(a.done());
    EXPECT_FALSE(b.done());
    c.cancel();
    co_await settle();
    EXPECT_TRUE(c.cancelled());
    EXPECT_EQ(queue.get_nowait(), "a");
    co_await settle();
    EXPECT_EQ(queue.get_nowait(), "b");
    co_await b;
    EXPECT_TRUE(queue.empty());
  });
}

TEST_P(AsyncioQueuePut, GoesToAWaitingGetter) {
  run([]() -> Coro<> {
    weft::Queue<std::string> queue;
    Task<std::string> const getter = weft::create_task(get_from(&queue));
    co_await settle();
    co_await queue.put("a");
    std::string const item = co_await getter;
    EXPECT_EQ(item, "a");
  });
}

TEST_P(AsyncioQueuePut, PuttersEndWhenTheQueueIsEmptiedWithoutWaiting) {
  run([]() -> Coro<> {
    weft::Queue<int> queue(2);
    auto getter = [&]() -> Coro<> {
      co_await settle();
      std::size_t const there = queue.qsize();
      EXPECT_EQ(there, 2U);
      for (std::size_t i = 0; i < there; ++i) (void)queue.get_nowait();
    };
    co_await weft::task_group([&](weft::TaskGroup& tg) -> Coro<> {
      tg.start_soon(getter());
      for (int i = 0; i < 4; ++i) tg.start_soon(put_into(&queue, i));
      co_return;
    });
    EXPECT_EQ(queue.qsize(), 2U);
  });
}

TEST_P(AsyncioQueuePut, CancelledPutterIsForgotten) {
  run([]() -> Coro<> {
    weft::Queue<int> queue(1);
    queue.put_nowait(1);
    Task<void> putter = weft::create_task(put_into(&queue, 2));
    co_await settle();
    putter.cancel();
    std::string const seen = co_await outcome(putter);
    EXPECT_EQ(seen, "CancelledError");
    EXPECT_EQ(queue.get_nowait(), 1);
    EXPECT_TRUE(queue.empty()) << "the item of a putter who has left came in";
  });
}

TEST_P(AsyncioQueuePut, PutterCancelledAfterItWasLetInEndsCancelled) {
  run([]() -> Coro<> {
    weft::Queue<int> queue(1);
    queue.put_nowait(1);
    auto put = [&]() -> Coro<> {
      co_await queue.put(2);
      co_await weft::sleep(1h);
    };
    Task<void> putter = weft::create_task(put());
    co_await settle();
    (void)queue.get_nowait();
    putter.cancel();
    std::string const seen = co_await outcome(putter);
    EXPECT_EQ(seen, "CancelledError");
    EXPECT_EQ(queue.get_nowait(), 2);
  });
}

TEST_P(AsyncioLifoQueue, GivesTheLastItemFirst) {
  EXPECT_EQ(run(put_1_3_2_and_get_all<weft::LifoQueue<int>>), (std::vector<int>{2, 3, 1}));
}

TEST_P(AsyncioPriorityQueue, GivesTheLeastItemFirst) {
  EXPECT_EQ(run(put_1_3_2_and_get_all<weft::PriorityQueue<int>>), (std::vector<int>{1, 2, 3}));
}

WEFT_TEST_AT_1_2_8_WORKERS(AsyncioQueue);
WEFT_TEST_AT_1_2_8_WORKERS(AsyncioQueueGet);
WEFT_TEST_AT_1_2_8_WORKERS(AsyncioQueuePut);
WEFT_TEST_AT_1_2_8_WORKERS(AsyncioLifoQueue);
WEFT_TEST_AT_1_2_8_WORKERS(AsyncioPriorityQueue);

}  // namespace
}  // namespace weft_test
