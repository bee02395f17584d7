// Future: awaited by any number of tasks, of any runtime; cancelled by its awaiters; taken by everything that takes a Task.
#include "support.hpp"

#include <memory>
#include <thread>
#include <variant>

namespace weft_test {
namespace {

class Future : public AtWorkers {};

Coro<int> value_of(weft::Future<int> future) { co_return co_await future; }

TEST_P(Future, IsAwaitedByManyTasksAndGivesAllTheSameValue) {
  run([]() -> Coro<> {
    weft::Promise<std::string> promise;
    weft::Future<std::string> const future = promise.future();
    auto body = [](weft::Future<std::string> f) -> Coro<std::string const*> {
      std::string const& value = co_await f;
      co_return &value;
    };
    std::vector<Task<std::string const*>> waiters;
    for (int i = 0; i < 10; ++i) waiters.push_back(weft::create_task(body(future)));
    co_await weft::sleep(1ms);
    promise.set_result("shared");
    for (auto const& waiter : waiters) {
      std::string const* const seen = co_await waiter;
      EXPECT_EQ(seen, &future.result());
    }
  });
}

TEST_P(Future, AnRvalueMovesTheValueOut) {
  run([]() -> Coro<> {
    weft::Promise<std::unique_ptr<int>> promise;
    weft::Future<std::unique_ptr<int>> future = promise.future();
    promise.set_result(std::make_unique<int>(5));
    std::unique_ptr<int> const value = co_await std::move(future);
    EXPECT_EQ(*value, 5);
    EXPECT_FALSE(static_cast<bool>(future));
    EXPECT_EQ(promise.future().result(), nullptr) << "other holders see a moved-from value";
  });
}

TEST_P(Future, VoidReferencesAndExceptions) {
  run([]() -> Coro<> {
    weft::Promise<void> nothing;
    nothing.set_result();
    co_await nothing.future();
    int target = 1;
    weft::Promise<int&> reference;
    reference.set_result(target);
    int& seen = co_await reference.future();
    EXPECT_EQ(&seen, &target);
    weft::Promise<int> failed;
    failed.set_exception(std::make_exception_ptr(Failure("x")));
    for (int i = 0; i < 2; ++i) {
      std::string const error = co_await outcome(value_of(failed.future()));
      EXPECT_EQ(error, "Failure(x)");
    }
  });
}

TEST_P(Future, CancellingAnAwaiterCancelsItAndWithItAllOthers) {
  run([]() -> Coro<> {
    weft::Promise<int> promise;
    Task<int> one = weft::create_task(value_of(promise.future()));
    Task<int> two = weft::create_task(value_of(promise.future()));
    co_await weft::sleep(1ms);
    EXPECT_TRUE(one.cancel("gone"));
    std::string const first = co_await outcome(one);
    std::string const second = co_await outcome(two);
    EXPECT_EQ(first, "CancelledError(gone)");
    EXPECT_EQ(second, "CancelledError(gone)");
    EXPECT_TRUE(promise.future().cancelled());
    EXPECT_FALSE(promise.set_result(1));
    EXPECT_TRUE(two.cancelled());
    EXPECT_EQ(two.cancelling(), 0);
    EXPECT_EQ(one.cancelling(), 1);
  });
}

TEST_P(Future, ShieldProtectsIt) {
  run([]() -> Coro<> {
    weft::Promise<int> promise;
    weft::Future<int> const future = promise.future();
    Task<int> waiter = weft::create_task([&]() -> Coro<int> { co_return co_await weft::shield(future); });
    co_await weft::sleep(1ms);
    waiter.cancel();
    std::string const seen = co_await outcome(waiter);
    EXPECT_EQ(seen, "CancelledError");
    EXPECT_FALSE(future.done());
    promise.set_result(3);
    int const lvalue = co_await weft::shield(future);
    int const rvalue = co_await weft::shield(promise.future());
    EXPECT_EQ(lvalue + rvalue, 6);
  });
}

TEST_P(Future, ACancelThatCameBeforeTheAwaitCancelsIt) {
  run([]() -> Coro<> {
    weft::Promise<int> promise;
    Task<int> waiter = weft::create_task([&]() -> Coro<int> {
      weft::current_task().cancel();
      co_return co_await promise.future();
    });
    std::string const seen = co_await outcome(waiter);
    EXPECT_EQ(seen, "CancelledError");
    EXPECT_TRUE(promise.future().cancelled());
  });
}

TEST_P(Future, CancellingItLeavesItsAwaitersUncancelled) {
  run([]() -> Coro<> {
    weft::Promise<int> promise;
    weft::Future<int> const future = promise.future();
    Task<std::string> waiter = weft::create_task([&]() -> Coro<std::string> {
      std::string const seen = co_await outcome(value_of(future));
      co_await weft::sleep(1ms);
      co_return seen + "/" + std::to_string(weft::current_task().cancelling());
    });
    co_await weft::sleep(1ms);
    EXPECT_TRUE(future.cancel("m"));
    std::string const seen = co_await waiter;
    EXPECT_EQ(seen, "CancelledError(m)/0");
  });
}

TEST_P(Future, WaitForCancelsItWhenTheTimeIsUp) {
  run([]() -> Coro<> {
    weft::Promise<int> promise;
    weft::Future<int> const future = promise.future();
    auto body = [&]() -> Coro<> {
      int const value = co_await weft::wait_for(future, 10ms);
      (void)value;
    };
    std::string const late = co_await outcome(body());
    EXPECT_EQ(late, "TimeoutError");
    EXPECT_TRUE(future.cancelled());

    weft::Promise<int> second;
    auto at_once = [&]() -> Coro<> {
      int const value = co_await weft::wait_for(second.future(), 0s);
      (void)value;
    };
    std::string const immediately = co_await outcome(at_once());
    EXPECT_EQ(immediately, "TimeoutError");
    EXPECT_TRUE(second.future().cancelled());

    weft::Promise<int> third;
    third.set_result(3);
    int const value = co_await weft::wait_for(third.future(), 0s);
    EXPECT_EQ(value, 3);
  });
}

TEST_P(Future, AsResultGivesEveryEnd) {
  run([]() -> Coro<> {
    weft::Promise<int> value;
    weft::Promise<int> failed;
    weft::Promise<int> cancelled;
    value.set_result(1);
    failed.set_exception(std::make_exception_ptr(Failure("x")));
    cancelled.cancel();
    weft::Result<int> const a = co_await weft::as_result(value.future());
    weft::Result<int> const b = co_await weft::as_result(failed.future());
    weft::Result<int> const c = co_await weft::as_result(cancelled.future());
    EXPECT_EQ(a.value(), 1);
    EXPECT_EQ(describe(b.error()), "Failure(x)");
    EXPECT_TRUE(c.cancelled());
  });
}

TEST_P(Future, GatherTakesItAsAHandle) {
  run([]() -> Coro<> {
    weft::Promise<int> a;
    weft::Promise<int> b;
    weft::Future<int> const fa = a.future();
    weft::Future<int> const fb = b.future();
    Task<int> task = weft::create_task(value_after(5ms, 3));
    weft::create_task([&]() -> Coro<> {
      co_await weft::sleep(1ms);
      b.set_result(2);
      a.set_result(1);
    });
    auto const [x, y, z] = co_await weft::gather(fa, fb, task);
    EXPECT_EQ(x * 100 + y * 10 + z, 123);
    std::vector<weft::Future<int>> const both{fa, fb};
    std::vector<int> const values = co_await weft::gather(both);
    EXPECT_EQ(values, (std::vector<int>{1, 2}));

    // asyncio's rule for handles: the first exception is thrown at once.
    weft::Promise<int> fails;
    weft::Promise<int> never;
    weft::Future<int> const pending = never.future();
    fails.set_exception(std::make_exception_ptr(Failure("first")));
    auto body = [&]() -> Coro<> {
      auto all = co_await weft::gather(pending, fails.future());
      (void)all;
    };
    std::string const seen = co_await outcome(body());
    EXPECT_EQ(seen, "Failure(first)");
    EXPECT_FALSE(pending.done());

    // With a coroutine beside it.
    never.set_result(9);
    auto const [c, d] = co_await weft::gather(value_after(1ms, 8), pending);
    EXPECT_EQ(c * 10 + d, 89);
  });
}

TEST_P(Future, CancellingAGatherOfThemCancelsEach) {
  run([]() -> Coro<> {
    weft::Promise<int> a;
    weft::Promise<int> b;
    std::vector<weft::Future<int>> const both{a.future(), b.future(), a.future()};
    Task<void> gatherer = weft::create_task([&]() -> Coro<> {
      auto all = co_await weft::gather(both);
      (void)all;
    });
    co_await weft::sleep(1ms);
    gatherer.cancel();
    std::string const seen = co_await outcome(gatherer);
    EXPECT_EQ(seen, "CancelledError");
    EXPECT_TRUE(a.future().cancelled());
    EXPECT_TRUE(b.future().cancelled());
  });
}

TEST_P(Future, RaceTakesIt) {
  run([]() -> Coro<> {
    weft::Promise<int> promise;
    weft::Promise<int> loser;
    weft::create_task([&]() -> Coro<> {
      co_await weft::sleep(1ms);
      promise.set_result(4);
    });
    auto const winner = co_await weft::race(weft::sleep(1h), promise.future(), loser.future());
    EXPECT_EQ(std::get<1>(winner), 4);
    EXPECT_TRUE(loser.future().cancelled());
  });
}

TEST_P(Future, CallbacksAreScheduledInTheOrderOfRegistration) {
  Log log;
  run([&]() -> Coro<> {
    weft::Promise<int> promise;
    weft::Future<int> const future = promise.future();
    for (auto const* name : {"a", "b", "c"})
      future.add_done_callback([&, name](weft::Future<int> const& f) { log.add(name + std::to_string(f.result())); });
    promise.set_result(1);
    co_await weft::sleep(1ms);
    future.add_done_callback([&](weft::Future<int> const&) { log.add("late"); });
    future.add_done_callback([&](weft::Future<int> const&) { throw Failure("callback"); });
    co_await weft::sleep(1ms);
  });
  EXPECT_EQ(log.text(), "a1 b1 c1 late");
  EXPECT_EQ(take_unhandled(), std::vector<std::string>{"Failure(callback)"});
}

TEST(FutureOnOneWorker, AwaitersWakeInTheOrderInWhichTheyCame) {
  weft::Options options;
  options.workers = 1;
  options.clock = weft::ClockKind::virtual_time;
  Log log;
  weft::Runtime runtime(options);
  runtime.run([&]() -> Coro<> {
    weft::Promise<void> promise;
    auto body = [&](weft::Future<void> future, std::string name) -> Coro<> {
      co_await future;
      log.add(name);
    };
    std::vector<Task<void>> waiters;
    for (auto const* name : {"a", "b", "c"}) {
      waiters.push_back(weft::create_task(body(promise.future(), name)));
      co_await weft::sleep(1ms);
    }
    promise.set_result();
    co_await weft::gather(waiters);
  });
  EXPECT_EQ(log.text(), "a b c");
}

TEST(FutureOnOneWorker, ACallbackNeverRunsInsideTheSet) {
  weft::Options options;
  options.workers = 1;
  Log log;
  weft::Runtime runtime(options);
  runtime.run(
      [&]() -> Coro<> {
        weft::Promise<void> promise;
        promise.future().add_done_callback([&](weft::Future<void> const&) { log.add("callback"); });
        promise.set_result();
        log.add("set");
        co_await weft::yield_now();
        log.add("after");
      });
  EXPECT_EQ(log.text(), "set callback after");
}

TEST_P(Future, ACallbackRunsOnTheRuntimeWhereItWasRegisteredWhenAnyThreadCompletesIt) {
  run([]() -> Coro<> {
    weft::Promise<int> promise;
    std::atomic<bool> foreign{false};
    weft::Event called;
    promise.future().add_done_callback([&](weft::Future<int> const&) {
      foreign = weft::engine::current_worker() == nullptr;
      called.set();
    });
    std::thread([&] { promise.set_result(1); }).join();
    co_await called.wait();
    EXPECT_FALSE(foreign.load());
  });
}

TEST_P(Future, IsCompletedByAForeignThreadWhileExternalWorkIsHeld) {
  weft::Runtime runtime(options());
  runtime.run([&]() -> Coro<> {
    for (int i = 0; i < 50; ++i) {
      weft::Promise<int> promise;
      weft::Future<int> const future = promise.future();
      auto guard = runtime.external_work();
      std::thread thread([&, hold = std::move(guard)] { promise.set_result(i); });
      int const value = co_await future;
      EXPECT_EQ(value, i);
      thread.join();
    }
  });
}

TEST_P(Future, ThatNobodyWillCompleteIsADeadlock) {
  std::string const seen = outcome_of_call([&] {
    run([]() -> Coro<> {
      weft::Promise<int> promise;
      int const value = co_await promise.future();
      (void)value;
    });
  });
  EXPECT_EQ(seen, "Deadlock");
}

TEST_P(Future, IsAwaitedFromSeveralRuntimes) {
  weft::Options steady;
  steady.workers = GetParam();
  constexpr int rounds = sanitized ? 20 : 60;
  for (int round = 0; round < rounds; ++round) {
    weft::Promise<int> promise;
    std::atomic<int> waiting{0};
    auto one = [&] {
      return weft::run(
          [&](weft::Future<int> future) -> Coro<int> {
            waiting.fetch_add(1);
            int const first = co_await future;
            int const again = co_await future;
            co_return first + again;
          },
          promise.future());
    };
    int a = 0;
    int b = 0;
    std::thread first([&] { a = one(); });
    std::thread second([&] { b = one(); });
    while (waiting.load() != 2) std::this_thread::yield();
    promise.set_result(round);
    first.join();
    second.join();
    EXPECT_EQ(a, 2 * round);
    EXPECT_EQ(b, 2 * round);
  }
}

TEST_P(Future, OutlivesItsRuntime) {
  weft::Future<int> kept;
  weft::Promise<int> unset;
  run([&]() -> Coro<> {
    weft::Promise<int> promise;
    kept = promise.future();
    promise.set_result(5);
    unset.future().add_done_callback([](weft::Future<int> const&) {});
    co_return;
  });
  EXPECT_EQ(kept.result(), 5);
  EXPECT_TRUE(unset.set_result(1));
}

TEST_P(Future, CompletionAndCancelRaceAndOneWins) {
  run([]() -> Coro<> {
    constexpr int rounds = sanitized ? 200 : 1000;
    for (int round = 0; round < rounds; ++round) {
      weft::Promise<int> promise;
      Task<int> waiter = weft::create_task(value_of(promise.future()));
      if (round % 2 == 0) co_await weft::yield_now();
      std::atomic<bool> set{false};
      Task<void> setter = weft::create_task([&]() -> Coro<> {
        set = promise.set_result(7);
        co_return;
      });
      bool const accepted = waiter.cancel();
      std::string const seen = co_await outcome(waiter);
      co_await setter;
      // A cancel that was accepted ended the future, or came after the future had its value, and then the task ended cancelled.
      if (seen == "ok") {
        EXPECT_FALSE(accepted);
        EXPECT_TRUE(set.load());
      } else {
        EXPECT_EQ(seen, "CancelledError");
        EXPECT_TRUE(accepted);
      }
      EXPECT_EQ(promise.future().done() && promise.future().cancelled(), !set.load());
    }
  });
}

TEST_P(Future, CompletionByThreadsRacesWithManyAwaitersAndCancels) {
  weft::Runtime runtime(options());
  runtime.run([&]() -> Coro<> {
    constexpr int rounds = sanitized ? 30 : 120;
    for (int round = 0; round < rounds; ++round) {
      weft::Promise<std::string> promise;
      auto body = [](weft::Future<std::string> future, bool shielded) -> Coro<std::size_t> {
        if (shielded) {
          std::string const& value = co_await weft::shield(future);
          co_return value.size();
        }
        std::string const& value = co_await future;
        co_return value.size();
      };
      std::vector<Task<std::size_t>> waiters;
      for (int i = 0; i < 12; ++i) waiters.push_back(weft::create_task(body(promise.future(), i % 3 != 0)));
      auto guard = runtime.external_work();
      std::thread thread([&, hold = std::move(guard)] { (void)promise.set_result("a value that is long enough to be allocated"); });
      for (std::size_t i = 0; i < waiters.size(); i += 3) {
        co_await weft::yield_now();
        waiters[i + 1].cancel();
        if (round % 2 == 0) waiters[i].cancel();
      }
      for (auto const& waiter : waiters) {
        weft::Result<std::size_t> const result = co_await weft::as_result(waiter);
        EXPECT_TRUE(result.cancelled() || result.value() == 43U);
      }
      thread.join();
      EXPECT_TRUE(promise.future().done());
    }
  });
}

WEFT_TEST_AT_1_2_8_WORKERS(Future);

}  // namespace
}  // namespace weft_test
