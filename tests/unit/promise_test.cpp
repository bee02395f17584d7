// Promise: who may set what, how often, from where.
#include "support.hpp"

#include <memory>
#include <thread>

namespace weft_test {
namespace {

class Promise : public AtWorkers {};

TEST(PromiseAlone, NeedsNoRuntime) {
  weft::Promise<int> promise;
  weft::Future<int> const future = promise.future();
  EXPECT_FALSE(future.done());
  EXPECT_EQ(outcome_of_call([&] { (void)future.result(); }), "InvalidStateError");
  EXPECT_EQ(outcome_of_call([&] { (void)future.exception(); }), "InvalidStateError");
  EXPECT_TRUE(promise.set_result(7));
  EXPECT_TRUE(future.done());
  EXPECT_FALSE(future.cancelled());
  EXPECT_EQ(future.result(), 7);
  EXPECT_EQ(future.exception(), nullptr);
  EXPECT_EQ(promise.future(), future);
}

TEST(PromiseAlone, IsCompletedOnce) {
  weft::Promise<int> promise;
  promise.set_result(1);
  EXPECT_EQ(outcome_of_call([&] { promise.set_result(2); }), "InvalidStateError");
  EXPECT_EQ(outcome_of_call([&] { promise.set_exception(std::make_exception_ptr(Failure("x"))); }), "InvalidStateError");
  EXPECT_FALSE(promise.cancel());
  EXPECT_FALSE(promise.future().cancel());
  EXPECT_EQ(promise.future().result(), 1);
}

TEST(PromiseAlone, ASetOnACancelledOneIsFalse) {
  weft::Promise<int> promise;
  weft::Future<int> const future = promise.future();
  EXPECT_TRUE(future.cancel("why"));
  EXPECT_FALSE(future.cancel());
  EXPECT_TRUE(future.cancelled());
  EXPECT_FALSE(promise.set_result(1));
  EXPECT_FALSE(promise.set_exception(std::make_exception_ptr(Failure("x"))));
  EXPECT_EQ(outcome_of_call([&] { (void)future.result(); }), "CancelledError(why)");
  EXPECT_EQ(outcome_of_call([&] { (void)future.exception(); }), "CancelledError(why)");
}

TEST(PromiseAlone, GivesItsExceptionBack) {
  weft::Promise<int> promise;
  EXPECT_EQ(outcome_of_call([&] { promise.set_exception(nullptr); }), "ValueError");
  EXPECT_TRUE(promise.set_exception(std::make_exception_ptr(Failure("x"))));
  EXPECT_EQ(describe(promise.future().exception()), "Failure(x)");
  EXPECT_EQ(outcome_of_call([&] { (void)promise.future().result(); }), "Failure(x)");
}

TEST(PromiseAlone, DroppedUnsetItGivesRuntimeError) {
  weft::Future<int> future;
  {
    weft::Promise<int> const promise;
    future = promise.future();
  }
  EXPECT_TRUE(future.done());
  EXPECT_EQ(outcome_of_call([&] { (void)future.result(); }), "RuntimeError");
  weft::Promise<int> first;
  future = first.future();
  first = weft::Promise<int>();
  EXPECT_EQ(outcome_of_call([&] { (void)future.result(); }), "RuntimeError") << "assigned over";
}

TEST(PromiseAlone, IsMovedAndThenEmpty) {
  weft::Promise<int> promise;
  weft::Future<int> const future = promise.future();
  weft::Promise<int> moved = std::move(promise);
  EXPECT_FALSE(future.done());
  EXPECT_EQ(outcome_of_call([&] { (void)promise.future(); }), "RuntimeError");
  EXPECT_EQ(outcome_of_call([&] { promise.set_result(1); }), "RuntimeError");
  moved.set_result(2);
  EXPECT_EQ(future.result(), 2);
}

TEST(PromiseAlone, AnEmptyFutureThrows) {
  weft::Future<int> const empty;
  EXPECT_FALSE(static_cast<bool>(empty));
  EXPECT_EQ(outcome_of_call([&] { (void)empty.done(); }), "RuntimeError");
  EXPECT_EQ(outcome_of_call([&] { (void)empty.cancel(); }), "RuntimeError");
  EXPECT_EQ(outcome_of_call([&] { empty.add_done_callback([](weft::Future<int> const&) {}); }), "RuntimeError");
}

TEST(PromiseAlone, SetsValuesOfEveryKind) {
  weft::Promise<void> nothing;
  EXPECT_TRUE(nothing.set_result());
  nothing.future().result();
  int target = 0;
  weft::Promise<int&> reference;
  reference.set_result(target);
  EXPECT_EQ(&reference.future().result(), &target);
  weft::Promise<std::unique_ptr<int>> pointer;
  pointer.set_result(std::make_unique<int>(3));
  EXPECT_EQ(*pointer.future().result(), 3);
  weft::Promise<std::string> text;
  text.set_result("converted");
  EXPECT_EQ(text.future().result(), "converted");
  weft::Promise<std::string> repeated;
  repeated.set_result(std::size_t{3}, 'x');
  EXPECT_EQ(repeated.future().result(), "xxx");
  weft::Promise<std::vector<int>> list;
  list.set_result({1, 2, 3});
  EXPECT_EQ(list.future().result().size(), 3U);
}

struct Breaks {
  explicit Breaks(bool now) : now_(now) {}
  Breaks(Breaks const& other) : now_(other.now_) {
    if (now_) throw Failure("copy");
  }
  bool now_;
};

TEST(PromiseAlone, AValueThatCannotBeMovedInLeavesItPending) {
  weft::Promise<Breaks> promise;
  Breaks const bad(true);
  Breaks const good(false);
  EXPECT_EQ(outcome_of_call([&] { promise.set_result(bad); }), "Failure(copy)");
  EXPECT_FALSE(promise.future().done());
  EXPECT_TRUE(promise.set_result(good));
}

TEST(PromiseAlone, CallbacksAreCalledInOrderByTheThreadThatCompletesIt) {
  Log log;
  weft::Promise<int> promise;
  promise.future().add_done_callback([&](weft::Future<int> const& f) { log.add("a" + std::to_string(f.result())); });
  promise.future().add_done_callback([&](weft::Future<int> const&) -> void { throw Failure("lost"); });
  promise.future().add_done_callback([&](weft::Future<int> const&) { log.add("b"); });
  promise.set_result(1);
  promise.future().add_done_callback([&](weft::Future<int> const&) { log.add("late"); });
  EXPECT_EQ(log.text(), "a1 b late");
}

TEST_P(Promise, OfManyThreadsThatSetItOneWins) {
  run([]() -> Coro<> {
    constexpr int rounds = sanitized ? 50 : 200;
    for (int round = 0; round < rounds; ++round) {
      weft::Promise<std::string> promise;
      std::atomic<int> won{0};
      std::atomic<int> refused{0};
      auto const set = [&](std::string value) {
        try {
          won += promise.set_result(std::move(value)) ? 1 : 0;
        } catch (weft::InvalidStateError const&) {
          ++refused;
        }
      };
      std::thread a([&] { set("a thread's, long enough to be allocated"); });
      std::thread b([&] { set("another thread's, long enough to be allocated"); });
      set("the task's, long enough to be allocated");
      std::string const value = co_await promise.future();
      a.join();
      b.join();
      EXPECT_EQ(won.load(), 1);
      EXPECT_EQ(refused.load(), 2);
      EXPECT_NE(value.find("long enough"), std::string::npos);
    }
  });
}

TEST_P(Promise, ASetDoesNotTouchItAfterTheLastWaiterIsReady) {
  weft::Runtime runtime(options());
  runtime.run([&]() -> Coro<> {
    constexpr int rounds = sanitized ? 100 : 500;
    for (int round = 0; round < rounds; ++round) {
      auto promise = std::make_unique<weft::Promise<int>>();
      auto* const raw = promise.get();
      Task<int> waiter = weft::create_task([](std::unique_ptr<weft::Promise<int>> owned) -> Coro<int> {
        weft::Future<int> const future = owned->future();
        int const value = co_await future;
        owned.reset();
        co_return value;
      }, std::move(promise));
      co_await weft::sleep(1ms);
      // The virtual clock does not know of the thread.
      auto guard = runtime.external_work();
      std::thread setter([raw, hold = std::move(guard)] { raw->set_result(4); });
      int const value = co_await waiter;
      EXPECT_EQ(value, 4);
      setter.join();
    }
  });
}

TEST_P(Promise, DroppingItWakesThoseWhoWait) {
  run([]() -> Coro<> {
    auto promise = std::make_unique<weft::Promise<int>>();
    weft::Future<int> const future = promise->future();
    Task<int> waiter = weft::create_task([](weft::Future<int> f) -> Coro<int> { co_return co_await f; }, future);
    co_await weft::sleep(1ms);
    promise.reset();
    std::string const seen = co_await outcome(waiter);
    EXPECT_EQ(seen, "RuntimeError");
  });
}

TEST_P(Promise, AnExceptionThatNobodyLooksAtIsReported) {
  run([]() -> Coro<> {
    {
      weft::Promise<int> promise;
      promise.set_exception(std::make_exception_ptr(Failure("unseen")));
    }
    {
      weft::Promise<int> promise;
      promise.set_exception(std::make_exception_ptr(Failure("seen")));
      (void)promise.future().exception();
    }
    { weft::Promise<int> const dropped; }
    co_return;
  });
  EXPECT_EQ(take_unhandled(), std::vector<std::string>{"Failure(unseen)"});
}

WEFT_TEST_AT_1_2_8_WORKERS(Promise);

}  // namespace
}  // namespace weft_test
