// What CPython's test_futures.py and test_futures2.py ask of Future: in weft the Promise, which is set, and its Futures,
// which are awaited. The table is docs/conformance/futures.md.
#include "conformance/operations.hpp"

#include <thread>
#include <tuple>

namespace weft_test {
namespace {

class AsyncioFuture : public AtWorkers {};
class AsyncioFutureReport : public AtWorkers {};
class AsyncioFutureCallbacks : public AtWorkers {};

template <class T>
Coro<T> value_of(weft::Future<T> future) {
  co_return co_await future;
}

std::exception_ptr failure(std::string name) { return std::make_exception_ptr(Failure(std::move(name))); }

// Sets and gets what a completed or cancelled future answers to everything that comes too late.
void expect_completed(weft::Promise<int>& promise) {
  EXPECT_EQ(outcome_of_call([&] { promise.set_result(1); }), "InvalidStateError");
  EXPECT_EQ(outcome_of_call([&] { promise.set_exception(failure("late")); }), "InvalidStateError");
  EXPECT_FALSE(promise.future().cancel());
  EXPECT_FALSE(promise.cancel());
}

TEST_P(AsyncioFuture, IsNeitherDoneNorCancelledUntilItIsCancelled) {
  run([]() -> Coro<> {
    weft::Promise<int> promise;
    weft::Future<int> const future = promise.future();
    EXPECT_FALSE(future.cancelled());
    EXPECT_FALSE(future.done());
    EXPECT_TRUE(future.cancel());
    EXPECT_TRUE(future.cancelled());
    co_return;
  });
}

// asyncio needs a loop to make one. Ours belongs to none.
TEST_P(AsyncioFuture, IsMadeAndCompletedWithoutARuntime) {
  weft::Promise<int> promise;
  weft::Future<int> const future = promise.future();
  EXPECT_FALSE(future.done());
  EXPECT_TRUE(promise.set_result(42));
  EXPECT_EQ(future.result(), 42);
  int const seen = run([&]() -> Coro<int> { co_return co_await future; });
  EXPECT_EQ(seen, 42);
}

TEST_P(AsyncioFuture, EmptyHandleThrowsRuntimeErrorWhateverIsAsked) {
  run([]() -> Coro<> {
    weft::Future<int> const empty;
    EXPECT_EQ(outcome_of_call([&] { (void)empty.result(); }), "RuntimeError");
    EXPECT_EQ(outcome_of_call([&] { (void)empty.exception(); }), "RuntimeError");
    EXPECT_EQ(outcome_of_call([&] { (void)empty.done(); }), "RuntimeError");
    EXPECT_EQ(outcome_of_call([&] { (void)empty.cancelled(); }), "RuntimeError");
    EXPECT_EQ(outcome_of_call([&] { (void)empty.cancel(); }), "RuntimeError");
    EXPECT_EQ(outcome_of_call([&] { empty.add_done_callback([](weft::Future<int> const&) {}); }), "RuntimeError");
    std::string const of_await = co_await outcome(value_of(empty));
    EXPECT_EQ(of_await, "RuntimeError");
    weft::Promise<int> promise;
    weft::Promise<int> const other(std::move(promise));
    EXPECT_EQ(outcome_of_call([&] { promise.set_result(1); }), "RuntimeError");
    EXPECT_EQ(outcome_of_call([&] { promise.set_exception(failure("x")); }), "RuntimeError");
    EXPECT_EQ(outcome_of_call([&] { (void)promise.cancel(); }), "RuntimeError");
  });
}

TEST_P(AsyncioFuture, CancelMessageComesToWhoAwaits) {
  run([]() -> Coro<> {
    weft::Promise<int> without;
    without.cancel();
    std::string const no_message = co_await outcome(value_of(without.future()));
    EXPECT_EQ(no_message, "CancelledError");
    weft::Promise<int> promise;
    promise.future().cancel("my message");
    std::string const seen = co_await outcome(value_of(promise.future()));
    EXPECT_EQ(seen, "CancelledError(my message)");
    EXPECT_EQ(outcome_of_call([&] { (void)promise.future().result(); }), "CancelledError(my message)");
  });
}

// asyncio's sets throw InvalidStateError after a cancel; ours return false, since who sets it cannot know of the cancel.
TEST_P(AsyncioFuture, CancelledFutureThrowsCancelledErrorAndTakesNothing) {
  weft::Promise<int> promise;
  weft::Future<int> const future = promise.future();
  EXPECT_TRUE(future.cancel());
  EXPECT_TRUE(future.cancelled());
  EXPECT_TRUE(future.done());
  EXPECT_EQ(outcome_of_call([&] { (void)future.result(); }), "CancelledError");
  EXPECT_EQ(outcome_of_call([&] { (void)future.exception(); }), "CancelledError");
  EXPECT_FALSE(promise.set_result(1));
  EXPECT_FALSE(promise.set_exception(failure("late")));
  EXPECT_FALSE(future.cancel());
  EXPECT_TRUE(future.cancelled());
}

TEST_P(AsyncioFuture, ResultIsThereOnceItIsSetAndOnlyOnce) {
  weft::Promise<int> promise;
  weft::Future<int> const future = promise.future();
  EXPECT_EQ(outcome_of_call([&] { (void)future.result(); }), "InvalidStateError");
  EXPECT_TRUE(promise.set_result(42));
  EXPECT_FALSE(future.cancelled());
  EXPECT_TRUE(future.done());
  EXPECT_EQ(future.result(), 42);
  EXPECT_EQ(future.exception(), nullptr);
  expect_completed(promise);
  EXPECT_EQ(future.result(), 42);
}

TEST_P(AsyncioFuture, ExceptionIsThereOnceItIsSetAndOnlyOnce) {
  weft::Promise<int> promise;
  weft::Future<int> const future = promise.future();
  std::exception_ptr const error = failure("x");
  EXPECT_EQ(outcome_of_call([&] { (void)future.exception(); }), "InvalidStateError");
  EXPECT_TRUE(promise.set_exception(error));
  EXPECT_FALSE(future.cancelled());
  EXPECT_TRUE(future.done());
  EXPECT_EQ(outcome_of_call([&] { (void)future.result(); }), "Failure(x)");
  EXPECT_EQ(future.exception(), error);
  expect_completed(promise);
  EXPECT_EQ(future.exception(), error);
}

TEST_P(AsyncioFuture, IsAwaitedTwiceAndSuspendsOnlyUntilItIsDone) {
  run([]() -> Coro<> {
    weft::Promise<int> promise;
    weft::Future<int> const future = promise.future();
    Log log;
    auto fixture = [&]() -> Coro<> {
      log.add("A");
      int const x = co_await future;
      log.add("B" + std::to_string(x));
      int const y = co_await future;
      log.add("C" + std::to_string(y));
    };
    Task<void> const task = weft::create_task(fixture());
    co_await settle();
    EXPECT_EQ(log.text(), "A");
    promise.set_result(42);
    co_await task;
    EXPECT_EQ(log.text(), "A B42 C42");
  });
}

TEST_P(AsyncioFuture, TupleIsOneResult) {
  run([]() -> Coro<> {
    weft::Promise<std::tuple<int, int>> promise;
    promise.set_result(1, 2);
    std::tuple<int, int> const seen = co_await promise.future();
    EXPECT_EQ(seen, std::make_tuple(1, 2));
  });
}

// asyncio.wrap_future of a concurrent future: a Promise that a thread completes is one from the start.
TEST_P(AsyncioFuture, IsCompletedByAnotherThread) {
  weft::Runtime runtime(options());
  runtime.run([&]() -> Coro<> {
    weft::Promise<std::thread::id> promise;
    weft::Future<std::thread::id> const future = promise.future();
    auto const work = runtime.external_work();
    std::thread thread([p = std::move(promise)]() mutable { p.set_result(std::this_thread::get_id()); });
    std::thread::id const expected = thread.get_id();
    std::thread::id const seen = co_await future;
    EXPECT_EQ(seen, expected);
    thread.join();
  });
}

TEST_P(AsyncioFuture, CancelIsSeenByTheOneWhoWouldSetIt) {
  run([]() -> Coro<> {
    weft::Promise<int> promise;
    Task<int> task = weft::create_task(value_of(promise.future()));
    co_await settle();
    // Through the awaiter, as through the future itself.
    task.cancel();
    std::string const seen = co_await outcome(task);
    EXPECT_EQ(seen, "CancelledError");
    EXPECT_TRUE(promise.future().cancelled());
    EXPECT_FALSE(promise.set_result(1));
  });
}

// asyncio's wrapper may still be cancelled when the wrapped future has its result. Ours is one future: it has the result.
TEST_P(AsyncioFuture, CancelAfterTheResultChangesNothing) {
  run([]() -> Coro<> {
    weft::Promise<int> promise;
    weft::Future<int> const future = promise.future();
    promise.set_result(42);
    EXPECT_FALSE(future.cancel());
    co_await settle();
    EXPECT_FALSE(future.cancelled());
    EXPECT_EQ(future.result(), 42);
  });
}

TEST_P(AsyncioFuture, ResultThatComesAfterTheCancelIsDropped) {
  weft::Promise<int> promise;
  promise.cancel();
  EXPECT_FALSE(promise.set_result(2));
  EXPECT_TRUE(promise.future().cancelled());
}

TEST_P(AsyncioFuture, DoneOneIsGivenByWaitForWithoutTime) {
  run([]() -> Coro<> {
    weft::Promise<std::string> promise;
    promise.set_result("done");
    weft::Future<std::string> const future = promise.future();
    Elapsed const clock;
    std::string const at_once = co_await weft::wait_for(future, 0s);
    std::string const before = co_await weft::wait_for(future, -1s);
    EXPECT_EQ(at_once + before, "donedone");
    EXPECT_EQ(clock.ms(), 0ms);
  });
}

TEST_P(AsyncioFuture, OneThatIsCompletedInTimeIsGivenByWaitFor) {
  run([]() -> Coro<> {
    weft::Promise<std::string> promise;
    Task<void> const setter = weft::create_task(call_later(100ms, [&] { promise.set_result("ok"); }));
    std::string const seen = co_await weft::wait_for(promise.future(), 200ms);
    EXPECT_EQ(seen, "ok");
    co_await setter;
  });
}

// Each await throws it, and the exception is one and the same: nothing is added to it on the way.
TEST_P(AsyncioFuture, FailureIsThrownByEachAwait) {
  run([]() -> Coro<> {
    auto fails = []() -> Coro<> {
      throw Failure("42");
      co_return;
    };
    Task<void> const task = weft::create_task(fails());
    weft::Promise<int> promise;
    promise.set_exception(failure("43"));
    weft::Future<int> const future = promise.future();
    for (int i = 0; i < 5; ++i) {
      std::string const of_task = co_await outcome(task);
      EXPECT_EQ(of_task, "Failure(42)");
      std::string const of_future = co_await outcome(value_of(future));
      EXPECT_EQ(of_future, "Failure(43)");
    }
  });
}

// ---- reports of what nobody looked at

TEST_P(AsyncioFutureReport, NoneOfAFutureThatIsDroppedPending) {
  run([]() -> Coro<> {
    { weft::Future<int> const future = weft::Promise<int>().future(); }
    co_return;
  });
  EXPECT_EQ(take_unhandled(), std::vector<std::string>{});
}

TEST_P(AsyncioFutureReport, NoneOfAnExceptionWhenItWasCancelledAfterwards) {
  run([]() -> Coro<> {
    weft::Promise<int> promise;
    promise.set_exception(failure("x"));
    EXPECT_FALSE(promise.cancel());
    co_return;
  });
  EXPECT_EQ(take_unhandled(), std::vector<std::string>{});
}

TEST_P(AsyncioFutureReport, NoneOfAResultThatNobodyLookedAt) {
  run([]() -> Coro<> {
    weft::Promise<int> promise;
    promise.set_result(42);
    co_return;
  });
  EXPECT_EQ(take_unhandled(), std::vector<std::string>{});
}

TEST_P(AsyncioFutureReport, NoneOfAResultThatWasLookedAt) {
  run([]() -> Coro<> {
    weft::Promise<int> promise;
    promise.set_result(42);
    EXPECT_EQ(promise.future().result(), 42);
    co_return;
  });
  EXPECT_EQ(take_unhandled(), std::vector<std::string>{});
}

TEST_P(AsyncioFutureReport, OneOfAnExceptionThatNobodyLookedAt) {
  run([]() -> Coro<> {
    weft::Promise<int> promise;
    promise.set_exception(failure("boom"));
    co_return;
  });
  EXPECT_EQ(take_unhandled(), std::vector<std::string>{"Failure(boom)"});
}

TEST_P(AsyncioFutureReport, NoneOfAnExceptionThatWasLookedAt) {
  run([]() -> Coro<> {
    weft::Promise<int> promise;
    promise.set_exception(failure("boom"));
    EXPECT_NE(promise.future().exception(), nullptr);
    co_return;
  });
  EXPECT_EQ(take_unhandled(), std::vector<std::string>{});
}

TEST_P(AsyncioFutureReport, NoneOfAnExceptionThatResultHasThrown) {
  run([]() -> Coro<> {
    weft::Promise<int> promise;
    promise.set_exception(failure("boom"));
    EXPECT_EQ(outcome_of_call([&] { (void)promise.future().result(); }), "Failure(boom)");
    co_return;
  });
  EXPECT_EQ(take_unhandled(), std::vector<std::string>{});
}

TEST_P(AsyncioFutureReport, HoldsTheExceptionItself) {
  std::exception_ptr const error = failure("memory");
  std::exception_ptr reported;
  weft::Options with_hook = options();
  with_hook.on_unhandled_exception = [&](std::exception_ptr e, weft::AnyTask const&) { reported = e; };
  weft::Runtime runtime(with_hook);
  runtime.run([&]() -> Coro<> {
    weft::Promise<int> promise;
    promise.set_exception(error);
    co_return;
  });
  EXPECT_EQ(reported, error);
}

// ---- done callbacks

TEST_P(AsyncioFutureCallbacks, AreCalledInTheirOrderWhenAResultIsSet) {
  Log bag;
  run([&]() -> Coro<> {
    weft::Promise<std::string> promise;
    weft::Future<std::string> const future = promise.future();
    future.add_done_callback([&](weft::Future<std::string> const&) { bag.add("42"); });
    future.add_done_callback([&](weft::Future<std::string> const&) { bag.add("17"); });
    EXPECT_EQ(bag.text(), "");
    promise.set_result("foo");
    co_await settle();
    EXPECT_EQ(bag.text(), "42 17");
    EXPECT_EQ(future.result(), "foo");
  });
}

TEST_P(AsyncioFutureCallbacks, AreCalledWhenAnExceptionIsSet) {
  Log bag;
  run([&]() -> Coro<> {
    weft::Promise<std::string> promise;
    weft::Future<std::string> const future = promise.future();
    future.add_done_callback([&](weft::Future<std::string> const& f) { bag.add(describe(f.exception())); });
    EXPECT_EQ(bag.text(), "");
    std::exception_ptr const error = failure("x");
    promise.set_exception(error);
    co_await settle();
    EXPECT_EQ(bag.text(), "Failure(x)");
    EXPECT_EQ(future.exception(), error);
  });
}

// asyncio's callback takes others away while the list is walked. Ours cannot be taken away; it adds one.
TEST_P(AsyncioFutureCallbacks, MayChangeTheListWhileItIsWalked) {
  Log bag;
  run([&]() -> Coro<> {
    weft::Promise<int> promise;
    weft::Future<int> const future = promise.future();
    future.add_done_callback([&](weft::Future<int> const& f) {
      bag.add("first");
      f.add_done_callback([&](weft::Future<int> const&) { bag.add("added"); });
    });
    future.add_done_callback([&](weft::Future<int> const&) { bag.add("second"); });
    promise.set_result(1);
    co_await settle();
  });
  EXPECT_EQ(bag.text(), "first second added");
}

WEFT_TEST_AT_1_2_8_WORKERS(AsyncioFuture);
WEFT_TEST_AT_1_2_8_WORKERS(AsyncioFutureReport);
WEFT_TEST_AT_1_2_8_WORKERS(AsyncioFutureCallbacks);

}  // namespace
}  // namespace weft_test
