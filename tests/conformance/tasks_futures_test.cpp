// Tasks that wait for a future, as CPython's test_tasks.py has them: what a cancel of one does to the other, and that a result which
// is there is not undone. docs/conformance says which of CPython's tests each of these stands for.
#include "conformance/operations.hpp"
#include "unit/support.hpp"

namespace weft_test {
namespace {

class AsyncioTaskAndFuture : public AtWorkers {};

Coro<int> wait_and_return(weft::Future<int> future, int value) {
  (void)co_await future;
  co_return value;
}

TEST_P(AsyncioTaskAndFuture, ACancelOfTheFutureCancelsTheTaskThatAwaitsIt) {
  run([]() -> Coro<> {
    weft::Promise<int> promise;
    weft::Future<int> const future = promise.future();
    Task<int> const task = weft::create_task(wait_and_return(future, 12));
    co_await settle();
    EXPECT_TRUE(promise.cancel());
    std::string const seen = co_await outcome(task);
    EXPECT_EQ(seen, "CancelledError");
    EXPECT_TRUE(future.cancelled());
    EXPECT_TRUE(task.cancelled());
    EXPECT_EQ(task.cancelling(), 0);
  });
}

TEST_P(AsyncioTaskAndFuture, ACancelOfTheTaskCancelsTheFutureThatItAwaits) {
  run([]() -> Coro<> {
    weft::Promise<int> promise;
    weft::Future<int> const future = promise.future();
    Task<int> task = weft::create_task(wait_and_return(future, 12));
    co_await settle();
    EXPECT_TRUE(task.cancel());
    std::string const seen = co_await outcome(task);
    EXPECT_EQ(seen, "CancelledError");
    EXPECT_TRUE(future.cancelled());
  });
}

TEST_P(AsyncioTaskAndFuture, BothMayBeCancelled) {
  run([]() -> Coro<> {
    weft::Promise<int> promise;
    weft::Future<int> const future = promise.future();
    Task<int> task = weft::create_task(wait_and_return(future, 12));
    co_await settle();
    promise.cancel();
    task.cancel();
    std::string const seen = co_await outcome(task);
    EXPECT_EQ(seen, "CancelledError");
    EXPECT_TRUE(task.done());
    EXPECT_TRUE(future.cancelled());
    EXPECT_TRUE(task.cancelled());
  });
}

TEST_P(AsyncioTaskAndFuture, ATaskMayCatchItsCancelAndReturn) {
  run([]() -> Coro<> {
    weft::Promise<int> first, second;
    weft::Future<int> const future1 = first.future(), future2 = second.future();
    auto body = [&]() -> Coro<int> {
      (void)co_await future1;
      bool cancelled = false;
      try {
        (void)co_await future2;
      } catch (weft::CancelledError const&) {
        cancelled = true;
      }
      co_return cancelled ? 42 : 0;
    };
    Task<int> task = weft::create_task(body());
    co_await settle();
    first.set_result(1);
    co_await settle();
    task.cancel();
    EXPECT_TRUE(future2.cancelled());
    int const got = co_await task;
    EXPECT_EQ(got, 42);
    EXPECT_FALSE(task.cancelled());
  });
}

TEST_P(AsyncioTaskAndFuture, ATaskMayIgnoreItsCancelAndGoOnWaiting) {
  run([]() -> Coro<> {
    weft::Promise<int> first, second, third;
    weft::Future<int> const future1 = first.future(), future2 = second.future(), future3 = third.future();
    auto body = [&]() -> Coro<int> {
      (void)co_await future1;
      try {
        (void)co_await future2;
      } catch (weft::CancelledError const&) {
      }
      int const got = co_await future3;
      co_return got;
    };
    Task<int> task = weft::create_task(body());
    co_await settle();
    first.set_result(1);
    co_await settle();
    task.cancel();
    EXPECT_TRUE(future2.cancelled());
    co_await settle();
    EXPECT_FALSE(task.done());
    third.set_result(42);
    int const got = co_await task;
    EXPECT_EQ(got, 42);
    EXPECT_FALSE(future3.cancelled());
    EXPECT_FALSE(task.cancelled());
  });
}

TEST_P(AsyncioTaskAndFuture, ATaskThatWasCancelledWhileItRanHandsItDownToWhatItAwaitsNext) {
  run([]() -> Coro<> {
    weft::Promise<int> promise;
    weft::Future<int> const future = promise.future();
    Task<int> nested;
    auto body = [&]() -> Coro<> {
      nested = weft::create_task(wait_and_return(future, 1));
      co_await settle();
      weft::current_task().cancel();
      (void)co_await nested;
    };
    Task<void> const task = weft::create_task(body());
    std::string const seen = co_await outcome(task);
    EXPECT_EQ(seen, "CancelledError");
    EXPECT_TRUE(task.cancelled());
    EXPECT_TRUE(nested.cancelled());
    EXPECT_TRUE(future.cancelled());
  });
}

TEST_P(AsyncioTaskAndFuture, UncancelBeforeDeliveryTakesTheCancelBack) {
  run([]() -> Coro<> {
    weft::Promise<int> promise;
    Task<int> task = weft::create_task(wait_and_return(promise.future(), 42));
    co_await settle();
    promise.set_result(1);
    // The await has completed: a cancel now waits for a suspension that never comes, and is taken back.
    bool const accepted = task.cancel();
    if (GetParam() == 1) {
      EXPECT_TRUE(accepted);
      EXPECT_EQ(task.cancelling(), 1);
      EXPECT_EQ(task.uncancel(), 0);
      EXPECT_EQ(task.cancelling(), 0);
      int const got = co_await task;
      EXPECT_EQ(got, 42);
    } else {
      // Another worker may be anywhere in the task: before its end it may see the cancel, after it does not.
      if (accepted) task.uncancel();
      std::string const seen = co_await outcome(task);
      EXPECT_TRUE(seen == "ok" || seen == "CancelledError") << seen;
    }
  });
}

TEST_P(AsyncioTaskAndFuture, ATaskThatAwaitsAFutureGoesOnWithItsResult) {
  run([]() -> Coro<> {
    weft::Promise<int> promise;
    int result = 0;
    auto waits = [&]() -> Coro<> { result = co_await promise.future(); };
    Task<void> const task = weft::create_task(waits());
    co_await settle();
    EXPECT_FALSE(task.done());
    promise.set_result(7);
    co_await settle();
    EXPECT_EQ(result, 7);
    EXPECT_TRUE(task.done());
  });
}

TEST_P(AsyncioTaskAndFuture, AFutureCompletedByATimerWakesTheTask) {
  run([]() -> Coro<> {
    Elapsed const clock;
    weft::Promise<int> promise;
    auto timer = [&]() -> Coro<> {
      co_await weft::sleep(100ms);
      promise.set_result(1);
    };
    Task<void> const set = weft::create_task(timer());
    auto spam = [&]() -> Coro<std::string> {
      (void)co_await promise.future();
      co_return "spam";
    };
    Task<std::string> const task = weft::create_task(spam());
    std::string const got = co_await task;
    EXPECT_EQ(got, "spam");
    EXPECT_EQ(clock.ms(), 100ms);
    co_await set;
  });
}

TEST_P(AsyncioTaskAndFuture, AFutureThatACoroutineReturnsIsNotAwaitedForIt) {
  run([]() -> Coro<> {
    weft::Promise<std::string> promise;
    auto returns = [&]() -> Coro<weft::Future<std::string>> { co_return promise.future(); };
    auto sets = [&]() -> Coro<> {
      promise.set_result("test");
      co_return;
    };
    Task<weft::Future<std::string>> const first = weft::create_task(returns());
    Task<void> const second = weft::create_task(sets());
    weft::Future<std::string> const future = co_await first;
    EXPECT_TRUE(future == promise.future());
    co_await second;
    EXPECT_EQ(future.result(), "test");
  });
}

TEST_P(AsyncioTaskAndFuture, ACopiedFutureIsTheSameFuture) {
  run([]() -> Coro<> {
    weft::Promise<std::string> promise;
    promise.set_result("ko");
    weft::Future<std::string> const original = promise.future();
    weft::Future<std::string> const copy = original;
    std::string const got = co_await copy;
    EXPECT_EQ(got, "ko");
    EXPECT_TRUE(copy.done());
    EXPECT_TRUE(copy == original);
  });
}

TEST_P(AsyncioTaskAndFuture, ACancelThatACoroutineInBetweenSwallowsHasCancelledTheFuture) {
  std::atomic<int> proof{0};
  run([&]() -> Coro<> {
    weft::Promise<int> waiter;
    weft::Future<int> const future = waiter.future();
    auto inner = [&]() -> Coro<> {
      try {
        (void)co_await future;
      } catch (weft::CancelledError const&) {
        proof.fetch_add(1);
        throw;
      }
    };
    auto outer = [&]() -> Coro<> {
      try {
        co_await inner();
        proof.fetch_add(10);
      } catch (weft::CancelledError const&) {
        proof.fetch_add(100);
      }
    };
    Task<void> task = weft::create_task(outer());
    co_await settle();
    task.cancel();
    co_await task;
    EXPECT_TRUE(future.cancelled());
  });
  EXPECT_EQ(proof.load(), 101);
}

// ---------------------------------------------------------------- shield and gather of futures

TEST_P(AsyncioTaskAndFuture, AShieldedFutureGivesItsResultItsExceptionAndItsCancel) {
  run([]() -> Coro<> {
    weft::Promise<int> good, bad, gone;
    auto shields = [](weft::Future<int> future) -> Coro<int> {
      int const got = co_await weft::shield(future);
      co_return got;
    };
    Task<int> const of_good = weft::create_task(shields(good.future()));
    Task<int> const of_bad = weft::create_task(shields(bad.future()));
    Task<int> const of_gone = weft::create_task(shields(gone.future()));
    co_await settle();
    good.set_result(42);
    bad.set_exception(std::make_exception_ptr(Failure("expected")));
    gone.cancel();
    int const got = co_await of_good;
    EXPECT_EQ(got, 42);
    std::string const how_bad = co_await outcome(of_bad);
    EXPECT_EQ(how_bad, "Failure(expected)");
    std::string const how_gone = co_await outcome(of_gone);
    EXPECT_EQ(how_gone, "CancelledError");
    EXPECT_TRUE(of_gone.cancelled());
    int const at_once = co_await shields(good.future());
    EXPECT_EQ(at_once, 42);
  });
}

TEST_P(AsyncioTaskAndFuture, ACancelOfAShieldsCallerLeavesTheFutureAlone) {
  run([]() -> Coro<> {
    weft::Promise<int> inner;
    auto shields = [](weft::Future<int> future) -> Coro<int> {
      int const got = co_await weft::shield(future);
      co_return got;
    };
    Task<int> outer = weft::create_task(shields(inner.future()));
    co_await settle();
    outer.cancel();
    std::string const seen = co_await outcome(outer);
    EXPECT_EQ(seen, "CancelledError");
    EXPECT_FALSE(inner.future().done());
    EXPECT_TRUE(inner.set_result(1));
  });
}

TEST_P(AsyncioTaskAndFuture, ACancelledGatherCancelsTheFuturesUnderItsTasks) {
  run([]() -> Coro<> {
    weft::Promise<int> waiter;
    weft::Future<int> const future = waiter.future();
    Task<int> const child1 = weft::create_task(wait_and_return(future, 1));
    Task<int> const child2 = weft::create_task(wait_and_return(future, 2));
    auto outer = [&]() -> Coro<> {
      auto const all = co_await weft::gather(child1, child2);
      (void)all;
    };
    Task<void> task = weft::create_task(outer());
    co_await settle();
    EXPECT_TRUE(task.cancel());
    std::string const seen = co_await outcome(task);
    EXPECT_EQ(seen, "CancelledError");
    co_await settle();
    EXPECT_TRUE(future.cancelled());
    EXPECT_TRUE(child1.cancelled());
    EXPECT_TRUE(child2.cancelled());
  });
}

TEST_P(AsyncioTaskAndFuture, AnExceptionOfAFutureThatIsCancelledAfterItsEndIsNotReported) {
  run([]() -> Coro<> {
    {
      weft::Promise<int> promise;
      promise.set_exception(std::make_exception_ptr(Failure("x")));
      EXPECT_FALSE(promise.cancel());
    }
    co_await settle();
  });
  EXPECT_EQ(take_unhandled(), std::vector<std::string>{});
}

TEST_P(AsyncioTaskAndFuture, ACreatedTaskMayCompleteTheFutureThatItsCreatorAwaits) {
  run([]() -> Coro<> {
    weft::Promise<std::string> promise;
    auto sets = [&]() -> Coro<> {
      promise.set_result("my message");
      co_return;
    };
    Task<void> const task = weft::create_task(sets());
    std::string const got = co_await promise.future();
    EXPECT_EQ(got, "my message");
    co_await task;
  });
}

WEFT_TEST_AT_1_2_8_WORKERS(AsyncioTaskAndFuture);

}  // namespace
}  // namespace weft_test
