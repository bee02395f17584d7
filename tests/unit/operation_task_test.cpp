// Tasks that are an operation: what it had got when the task must end cancelled is not lost. asyncio's primitives do the same at the await, where
// they throw; here the task is the one place at which nobody else could.
#include "support.hpp"

#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace weft_test {
namespace {

class OperationTask : public AtWorkers {
 protected:
  // With one worker the task cannot have gone on between the grant and the cancel.
  bool alone() const { return GetParam() == 1; }
};

TEST_P(OperationTask, AnItemOfACancelledGetIsStillInTheQueue) {
  run([this]() -> Coro<> {
    weft::Queue<std::unique_ptr<int>> queue;
    Task<std::unique_ptr<int>> get = weft::create_task(queue.get());
    co_await weft::sleep(1ms);
    queue.put_nowait(std::make_unique<int>(7));
    queue.put_nowait(std::make_unique<int>(8));
    bool const cancelled = get.cancel();
    if (alone()) {
      EXPECT_TRUE(cancelled);
    }
    weft::Result<std::unique_ptr<int>> got = co_await weft::as_result(std::move(get));
    EXPECT_EQ(got.cancelled(), cancelled);
    std::unique_ptr<int> const first = got.cancelled() ? queue.get_nowait() : std::move(got).value();
    EXPECT_EQ(*first, 7) << "in front, where it was";
    EXPECT_EQ(*queue.get_nowait(), 8);
    EXPECT_TRUE(queue.empty());
  });
}

TEST_P(OperationTask, AnItemOfACancelledGetGoesToWhoeverWaits) {
  run([this]() -> Coro<> {
    weft::LifoQueue<int> queue;
    Task<int> first = weft::create_task(queue.get());
    co_await weft::sleep(1ms);
    Task<int> second = weft::create_task(queue.get());
    co_await weft::sleep(1ms);
    queue.put_nowait(7);
    bool const cancelled = first.cancel();
    if (alone()) {
      EXPECT_TRUE(cancelled);
    }
    if (cancelled) {
      int const got = co_await second;
      EXPECT_EQ(got, 7);
    } else {
      int const got = co_await first;
      EXPECT_EQ(got, 7);
      second.cancel();
      // The queue lives for as long as the task does.
      co_await weft::wait(std::vector(1, second));
    }
    queue.task_done();
    co_await queue.join();
  });
}

TEST_P(OperationTask, AnItemThatComesBackToAQueueThatWasDroppedCountsAsDone) {
  run([]() -> Coro<> {
    weft::PriorityQueue<int> queue;
    Task<int> get = weft::create_task(queue.get());
    co_await weft::sleep(1ms);
    queue.put_nowait(7);
    bool const cancelled = get.cancel();
    queue.shutdown(true);
    co_await weft::wait(std::vector(1, get));
    if (!cancelled) queue.task_done();
    co_await queue.join();
    EXPECT_TRUE(queue.empty());
  });
}

TEST_P(OperationTask, ALockThatACancelledAcquireHasGotIsFree) {
  run([this]() -> Coro<> {
    weft::Lock lock;
    co_await lock.acquire();
    Task<void> first = weft::create_task(lock.acquire());
    co_await weft::sleep(1ms);
    lock.release();
    bool const cancelled = first.cancel();
    if (alone()) {
      EXPECT_TRUE(cancelled);
    }
    co_await weft::wait(std::vector(1, first));
    EXPECT_EQ(first.cancelled(), cancelled);
    EXPECT_EQ(lock.locked(), !cancelled);
  });
}

TEST_P(OperationTask, ALockThatACancelledAcquireHasGotGoesToTheNext) {
  run([this]() -> Coro<> {
    weft::Lock lock;
    co_await lock.acquire();
    Task<void> first, second;
    co_await weft::task_group([&](weft::TaskGroup& tg) -> Coro<> {
      first = tg.create_task(lock.acquire());
      co_await weft::sleep(1ms);
      second = tg.create_task(lock.acquire());
      co_await weft::sleep(1ms);
      lock.release();
      if (!first.cancel()) lock.release();
    });
    if (alone()) {
      EXPECT_TRUE(first.cancelled());
    }
    EXPECT_FALSE(second.cancelled());
    EXPECT_TRUE(lock.locked());
  });
}

TEST_P(OperationTask, APermitOfAStrandsTaskComesBack) {
  run([]() -> Coro<> {
    weft::BoundedSemaphore permits(1);
    weft::Strand strand;
    co_await permits.acquire();
    Task<void> acquire = strand.create_task(permits.acquire());
    co_await weft::sleep(1ms);
    permits.release();
    if (!acquire.cancel()) permits.release();
    co_await weft::wait(std::vector(1, acquire));
    EXPECT_FALSE(permits.locked());
    EXPECT_THROW(permits.release(), weft::ValueError);
  });
}

// The wait has been cancelled, whatever becomes of the request.
TEST_P(OperationTask, TheMessageComesThroughWhenTheRequestIsTakenBack) {
  run([]() -> Coro<> {
    weft::Event event;
    auto message_of = [](std::exception_ptr error) {
      auto const* const cancelled = weft::engine::exception_cast<weft::CancelledError>(error);
      return cancelled == nullptr ? std::string("no CancelledError") : cancelled->message();
    };
    std::vector<std::pair<char const*, std::function<Coro<std::string>()>>> const waits{
        {"as_result(wait)",
         [&]() -> Coro<std::string> {
           auto end = co_await weft::as_result(event.wait());
           co_return message_of(end.error());
         }},
        {"as_result(gather)",
         [&]() -> Coro<std::string> {
           auto end = co_await weft::as_result(weft::gather(event.wait(), event.wait()));
           co_return message_of(end.error());
         }},
        {"gather(return_exceptions)",
         [&]() -> Coro<std::string> {
           auto ends = co_await weft::gather(weft::return_exceptions, event.wait(), weft::sleep(1h));
           co_return message_of(std::get<1>(ends).error());
         }},
        {"as_result(wait_for)",
         [&]() -> Coro<std::string> {
           auto end = co_await weft::as_result(weft::wait_for(event.wait(), 1h));
           co_return message_of(end.error());
         }},
        {"as_result(shield)", [&]() -> Coro<std::string> {
           Task<void> task = weft::create_task(event.wait());
           auto end = co_await weft::as_result(weft::shield(task));
           task.cancel();
           co_return message_of(end.error());
         }}};
    for (auto const& [name, wait] : waits) {
      Task<std::string> task = weft::create_task(wait);
      co_await weft::sleep(1ms);
      task.cancel("m");
      task.uncancel();
      weft::Result<std::string> const message = co_await weft::as_result(task);
      EXPECT_EQ(message.cancelled() ? std::string("cancelled") : message.value(), "m") << name;
    }
  });
}

// Cancelled from another thread, at any moment: in the wait, between grant and step, in the last step, at the end.
TEST_P(OperationTask, NothingIsLostWheneverTheCancelComes) {
  weft::Options o = options();
  o.clock = weft::ClockKind::steady;
  weft::Runtime runtime(o);
  runtime.run([]() -> Coro<> {
    weft::Queue<int> queue;
    weft::Semaphore permits(0);
    std::int64_t put = 0, got = 0;
    for (int round = 1; round <= 300; ++round) {
      Task<int> get = weft::create_task(queue.get());
      Task<void> acquire = weft::create_task(permits.acquire());
      co_await weft::yield_now();
      std::thread canceller([get, acquire]() mutable {
        get.cancel();
        acquire.cancel();
      });
      for (int i = 0; i < round % 7; ++i) co_await weft::yield_now();
      queue.put_nowait(round);
      permits.release();
      put += round;
      weft::Result<int> const item = co_await weft::as_result(get);
      weft::Result<void> const permit = co_await weft::as_result(acquire);
      canceller.join();
      got += item.cancelled() ? queue.get_nowait() : item.value();
      EXPECT_TRUE(queue.empty());
      if (permit.cancelled()) {
        EXPECT_FALSE(permits.locked());
        co_await permits.acquire();
      }
      EXPECT_TRUE(permits.locked());
    }
    EXPECT_EQ(put, got);
  });
}

WEFT_TEST_AT_1_2_8_WORKERS(OperationTask);

// With one worker: of several another may already have ended a part, and what an ended part has got goes with the gather's results, as in asyncio.
template <class F>
void run_on_one_worker(F body) {
  weft::Options options;
  options.workers = 1;
  options.clock = weft::ClockKind::virtual_time;
  weft::Runtime runtime(options);
  runtime.run(body);
}

TEST(OperationPart, OfACancelledGatherGivesBack) {
  run_on_one_worker([]() -> Coro<> {
    weft::Queue<int> queue;
    weft::Lock lock;
    weft::Event never;
    co_await lock.acquire();
    auto wait = [&]() -> Coro<> { co_await weft::gather(queue.get(), lock.acquire(), never.wait()); };
    Task<void> task = weft::create_task(wait);
    co_await weft::sleep(1ms);
    queue.put_nowait(7);
    lock.release();
    EXPECT_TRUE(task.cancel());
    co_await weft::wait(std::vector(1, task));
    EXPECT_TRUE(task.cancelled());
    EXPECT_EQ(queue.qsize(), 1u);
    EXPECT_FALSE(lock.locked());
  });
}

TEST(OperationPart, OfAGatherThatFailsGivesBack) {
  run_on_one_worker([]() -> Coro<> {
    weft::Queue<int> queue;
    auto fail = [&]() -> Coro<> {
      co_await weft::sleep(1ms);
      queue.put_nowait(7);
      throw std::runtime_error("fails");
    };
    auto const end = co_await weft::as_result(weft::gather(weft::cancel_on_error, queue.get(), fail()));
    EXPECT_FALSE(end.has_value());
    EXPECT_EQ(queue.qsize(), 1u);
  });
}

TEST(OperationPart, OfARaceThatIsDecidedGivesBack) {
  run_on_one_worker([]() -> Coro<> {
    weft::Queue<int> first, second;
    auto wait = [&]() -> Coro<int> {
      auto item = co_await weft::race(first.get(), second.get());
      co_return item.index() == 0 ? std::get<0>(item) : std::get<1>(item);
    };
    Task<int> task = weft::create_task(wait);
    co_await weft::sleep(1ms);
    first.put_nowait(7);
    second.put_nowait(8);
    int const got = co_await task;
    EXPECT_EQ(got, 7);
    EXPECT_EQ(second.qsize(), 1u);
  });
}

// What a wait_for has got is the caller's, and the cancel waits for its next suspension.
TEST(OperationPart, OfAWaitForKeepsWhatItHasGot) {
  run_on_one_worker([]() -> Coro<> {
    weft::Queue<int> queue;
    int got = 0;
    auto wait = [&]() -> Coro<> {
      got = co_await weft::wait_for(queue.get(), 1h);
      co_await weft::sleep(1h);
    };
    Task<void> task = weft::create_task(wait);
    co_await weft::sleep(1ms);
    queue.put_nowait(7);
    task.cancel();
    co_await weft::wait(std::vector(1, task));
    EXPECT_TRUE(task.cancelled());
    EXPECT_EQ(got, 7);
    EXPECT_TRUE(queue.empty());
  });
}

}  // namespace
}  // namespace weft_test
