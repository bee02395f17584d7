// What CPython's test_queues.py asks of the ends of queues: join(), task_done() and shutdown(), of Queue, LifoQueue and PriorityQueue. The table is
// docs/conformance/queues.md, the rest in queues_test.cpp.
#include "conformance/operations.hpp"

namespace weft_test {
namespace {

class AsyncioQueueJoin : public AtWorkers {};
class AsyncioQueueShutdown : public AtWorkers {};

template <class Q>
void task_done_too_often_throws_value_error() {
  Q queue;
  EXPECT_EQ(outcome_of_call([&] { queue.task_done(); }), "ValueError");
}

template <class Q>
Coro<> join_ends_when_all_are_done() {
  Q queue;
  for (int i = 0; i < 100; ++i) queue.put_nowait(i);
  std::atomic<int> sum{0};
  std::atomic<bool> running{true};
  auto worker = [&]() -> Coro<> {
    while (running) {
      int const item = co_await queue.get();
      sum += item;
      queue.task_done();
    }
  };
  co_await weft::task_group([&](weft::TaskGroup& tg) -> Coro<> {
    Task<void> const a = tg.create_task(worker());
    Task<void> const b = tg.create_task(worker());
    co_await queue.join();
    EXPECT_EQ(sum, 99 * 100 / 2);
    running = false;
    queue.put_nowait(0);
    queue.put_nowait(0);
  });
}

template <class Q>
Coro<> join_of_an_empty_queue_returns_at_once() {
  Q queue;
  Elapsed const clock;
  co_await queue.join();
  co_await queue.join();
  EXPECT_EQ(clock.ms(), 0ms);
}

template <class Q>
Coro<> everything_throws_queue_shutdown(Q* queue) {
  std::string const of_put = co_await outcome(put_into(queue, 5));
  EXPECT_EQ(of_put, "QueueShutDown");
  EXPECT_EQ(outcome_of_call([&] { queue->put_nowait(5); }), "QueueShutDown");
  std::string const of_get = co_await outcome(get_from(queue));
  EXPECT_EQ(of_get, "QueueShutDown");
  EXPECT_EQ(outcome_of_call([&] { (void)queue->get_nowait(); }), "QueueShutDown");
}

template <class Q>
Coro<> shutdown_of_an_empty_queue() {
  Q queue;
  Task<int> const getter = weft::create_task(get_from(&queue));
  co_await settle();
  queue.shutdown(false);
  EXPECT_EQ(queue.qsize(), 0U);
  co_await queue.join();
  co_await settle();
  EXPECT_TRUE(getter.done());
  std::string const seen = co_await outcome(getter);
  EXPECT_EQ(seen, "QueueShutDown");
  co_await everything_throws_queue_shutdown(&queue);
}

template <class Q>
Coro<> shutdown_of_a_full_queue() {
  Q queue(1);
  queue.put_nowait(1);
  Task<void> const joiner = weft::create_task(join_of(&queue));
  Task<void> const putter = weft::create_task(put_into(&queue, 2));
  co_await settle();
  EXPECT_FALSE(putter.done());
  queue.shutdown(false);
  EXPECT_EQ(queue.qsize(), 1U);
  co_await settle();
  EXPECT_TRUE(putter.done());
  std::string const of_putter = co_await outcome(putter);
  EXPECT_EQ(of_putter, "QueueShutDown");
  int const item = co_await queue.get();
  EXPECT_EQ(item, 1);
  co_await settle();
  EXPECT_FALSE(joiner.done());
  co_await everything_throws_queue_shutdown(&queue);
  queue.task_done();
  co_await settle();
  EXPECT_TRUE(joiner.done());
  co_await joiner;
  EXPECT_EQ(outcome_of_call([&] { queue.task_done(); }), "ValueError");
}

template <class Q>
Coro<> immediate_shutdown() {
  Q queue;
  queue.put_nowait(1);
  Task<void> const joiner = weft::create_task(join_of(&queue));
  co_await settle();
  EXPECT_FALSE(joiner.done());
  queue.shutdown(true);
  EXPECT_EQ(queue.qsize(), 0U);
  co_await settle();
  EXPECT_TRUE(joiner.done());
  co_await joiner;
  co_await everything_throws_queue_shutdown(&queue);
  EXPECT_EQ(outcome_of_call([&] { queue.task_done(); }), "ValueError");
}

template <class Q>
Coro<> immediate_shutdown_with_an_item_under_way() {
  Q queue;
  queue.put_nowait(1);
  queue.put_nowait(1);
  Task<void> const joiner = weft::create_task(join_of(&queue));
  int const item = co_await queue.get();
  EXPECT_EQ(item, 1);
  queue.shutdown(true);
  EXPECT_EQ(queue.qsize(), 0U);
  co_await settle();
  EXPECT_FALSE(joiner.done());
  co_await everything_throws_queue_shutdown(&queue);
  queue.task_done();
  EXPECT_EQ(outcome_of_call([&] { queue.task_done(); }), "ValueError");
  co_await settle();
  EXPECT_TRUE(joiner.done());
  co_await joiner;
}

TEST_P(AsyncioQueueJoin, TaskDoneTooOftenThrowsValueError) {
  task_done_too_often_throws_value_error<weft::Queue<int>>();
  task_done_too_often_throws_value_error<weft::LifoQueue<int>>();
  task_done_too_often_throws_value_error<weft::PriorityQueue<int>>();
}

TEST_P(AsyncioQueueJoin, EndsWhenAllItemsAreDone) {
  run(join_ends_when_all_are_done<weft::Queue<int>>);
  run(join_ends_when_all_are_done<weft::LifoQueue<int>>);
  run(join_ends_when_all_are_done<weft::PriorityQueue<int>>);
}

TEST_P(AsyncioQueueJoin, OfAnEmptyQueueReturnsAtOnce) {
  run(join_of_an_empty_queue_returns_at_once<weft::Queue<int>>);
  run(join_of_an_empty_queue_returns_at_once<weft::LifoQueue<int>>);
  run(join_of_an_empty_queue_returns_at_once<weft::PriorityQueue<int>>);
}

TEST_P(AsyncioQueueShutdown, OfAnEmptyQueueEndsItsGettersAndRefusesEverything) {
  run(shutdown_of_an_empty_queue<weft::Queue<int>>);
  run(shutdown_of_an_empty_queue<weft::LifoQueue<int>>);
  run(shutdown_of_an_empty_queue<weft::PriorityQueue<int>>);
}

TEST_P(AsyncioQueueShutdown, OfAFullQueueRefusesPuttersAndLetsGettersDrainIt) {
  run(shutdown_of_a_full_queue<weft::Queue<int>>);
  run(shutdown_of_a_full_queue<weft::LifoQueue<int>>);
  run(shutdown_of_a_full_queue<weft::PriorityQueue<int>>);
}

TEST_P(AsyncioQueueShutdown, ImmediatelyDropsTheItemsAndEndsJoin) {
  run(immediate_shutdown<weft::Queue<int>>);
  run(immediate_shutdown<weft::LifoQueue<int>>);
  run(immediate_shutdown<weft::PriorityQueue<int>>);
}

TEST_P(AsyncioQueueShutdown, ImmediatelyStillJoinsTheItemsThatWereGot) {
  run(immediate_shutdown_with_an_item_under_way<weft::Queue<int>>);
  run(immediate_shutdown_with_an_item_under_way<weft::LifoQueue<int>>);
  run(immediate_shutdown_with_an_item_under_way<weft::PriorityQueue<int>>);
}

WEFT_TEST_AT_1_2_8_WORKERS(AsyncioQueueJoin);
WEFT_TEST_AT_1_2_8_WORKERS(AsyncioQueueShutdown);

}  // namespace
}  // namespace weft_test
