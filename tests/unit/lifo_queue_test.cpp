// LifoQueue: the newest first; the rest as Queue.
#include "support.hpp"

#include <memory>

namespace weft_test {
namespace {

class LifoQueues : public AtWorkers {};

TEST_P(LifoQueues, GiveTheNewestFirst) {
  run([]() -> Coro<> {
    weft::LifoQueue<std::unique_ptr<int>> queue(3);
    for (int i = 0; i < 3; ++i) co_await queue.put(std::make_unique<int>(i));
    EXPECT_TRUE(queue.full());
    EXPECT_EQ(queue.maxsize(), 3);
    for (int i = 2; i >= 0; --i) {
      std::unique_ptr<int> const got = co_await queue.get();
      EXPECT_EQ(*got, i);
    }
    EXPECT_EQ(outcome_of_call([&] { queue.get_nowait(); }), "QueueEmpty");
  });
}

TEST_P(LifoQueues, AFullOneLetsTheFirstPutterIn) {
  run([]() -> Coro<> {
    weft::LifoQueue<int> queue(1);
    queue.put_nowait(1);
    auto putter = [&](int value) -> Coro<> { co_await queue.put(value); };
    Task<void> cancelled = weft::create_task(putter(2));
    co_await weft::sleep(1ms);
    Task<void> const first = weft::create_task(putter(3));
    co_await weft::sleep(1ms);
    Task<void> const second = weft::create_task(putter(4));
    co_await weft::sleep(1ms);
    cancelled.cancel();
    EXPECT_EQ(queue.get_nowait(), 1);
    co_await first;
    EXPECT_FALSE(second.done());
    EXPECT_EQ(queue.get_nowait(), 3);
    co_await second;
    EXPECT_EQ(queue.get_nowait(), 4);
    std::string const seen = co_await outcome(cancelled);
    EXPECT_EQ(seen, "CancelledError");
  });
}

TEST_P(LifoQueues, ShutDownAtOnceDropsWhatIsInside) {
  std::atomic<int> live{0};
  run([&]() -> Coro<> {
    weft::LifoQueue<Live> queue;
    queue.put_nowait(Live(live));
    queue.put_nowait(Live(live));
    queue.shutdown(true);
    EXPECT_EQ(live.load(), 0);
    co_await queue.join();
    EXPECT_EQ(outcome_of_call([&] { queue.get_nowait(); }), "QueueShutDown");
  });
}

WEFT_TEST_AT_1_2_8_WORKERS(LifoQueues);

}  // namespace
}  // namespace weft_test
