// Foreign threads: submit, create_task with get, call_soon_threadsafe, cancel, and blocking calls in to_thread.
#include "support.hpp"

#include <future>
#include <memory>
#include <stop_token>
#include <thread>

namespace weft_test {
namespace {

class Threads : public AtWorkers {
 protected:
  weft::Options steady() {
    weft::Options o = options();
    o.clock = weft::ClockKind::steady;
    return o;
  }
};

TEST_P(Threads, SubmitGivesAFutureOfTheValueOrTheException) {
  weft::Runtime runtime(options());
  std::future<int> good = runtime.submit(value_after(1ms, 4));
  std::future<int> bad = runtime.submit(fail_after(1ms, "x"));
  std::future<std::string> with_arguments =
      runtime.submit([](std::string s, int n) -> Coro<std::string> { co_return s + std::to_string(n); }, "a", 5);
  EXPECT_EQ(good.get(), 4);
  EXPECT_EQ(outcome_of_call([&] { (void)bad.get(); }), "Failure(x)");
  EXPECT_EQ(with_arguments.get(), "a5");
}

TEST_P(Threads, SubmitOfVoidReferenceAndMoveOnly) {
  weft::Runtime runtime(options());
  int target = 3;
  std::future<void> nothing = runtime.submit([]() -> Coro<> { co_return; });
  std::future<int&> reference = runtime.submit([&]() -> Coro<int&> { co_return target; });
  std::future<std::unique_ptr<int>> moved =
      runtime.submit([]() -> Coro<std::unique_ptr<int>> { co_return std::make_unique<int>(6); });
  nothing.get();
  EXPECT_EQ(&reference.get(), &target);
  EXPECT_EQ(*moved.get(), 6);
}

TEST_P(Threads, SubmitOfACancelledTaskHoldsCancelledError) {
  weft::Runtime runtime(options());
  std::future<int> future = runtime.submit([]() -> Coro<int> {
    weft::current_task().cancel("gone");
    co_await weft::sleep(1ms);
    co_return 1;
  });
  EXPECT_EQ(outcome_of_call([&] { (void)future.get(); }), "CancelledError(gone)");
}

TEST_P(Threads, SubmitNeverRunsOnTheCallingThread) {
  weft::Runtime runtime(options());
  std::thread::id const here = std::this_thread::get_id();
  std::future<bool> elsewhere =
      runtime.submit([here]() -> Coro<bool> { co_return std::this_thread::get_id() != here; });
  EXPECT_TRUE(elsewhere.get());
  std::promise<std::thread::id> called;
  runtime.call_soon_threadsafe([&] { called.set_value(std::this_thread::get_id()); });
  EXPECT_NE(called.get_future().get(), here);
}

TEST_P(Threads, ManyThreadsSubmitAtOnceAndNothingIsLost) {
  weft::Runtime runtime(steady());
  std::atomic<int> sum{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      std::vector<std::future<int>> futures;
      for (int i = 0; i < 250; ++i) {
        futures.push_back(runtime.submit([](int v) -> Coro<int> {
          if (v % 2 == 0) co_await weft::yield_now();
          if (v % 50 == 0) co_await weft::sleep(1ms);
          co_return v;
        }, i));
      }
      for (std::future<int>& f : futures) sum.fetch_add(f.get());
    });
  }
  for (std::thread& t : threads) t.join();
  EXPECT_EQ(sum.load(), 4 * 249 * 250 / 2);
}

TEST_P(Threads, SubmitWhileARunIsGoingOn) {
  weft::Runtime runtime(steady());
  weft::Event finished;
  int got = 0;
  std::thread foreign;
  runtime.run([&]() -> Coro<> {
    foreign = std::thread([&] {
      got = runtime.submit(value_after(5ms, 8)).get();
      runtime.call_soon_threadsafe([&finished] { finished.set(); });
    });
    co_await finished.wait();
  });
  foreign.join();
  EXPECT_EQ(got, 8);
}

TEST_P(Threads, TasksSubmittedDuringARunAreCancelledAtItsEnd) {
  weft::Runtime runtime(options());
  std::future<int> future;
  runtime.run([&]() -> Coro<> {
    std::thread foreign([&] { future = runtime.submit(value_after(1h, 1)); });
    foreign.join();
    co_await weft::sleep(1ms);
  });
  EXPECT_EQ(outcome_of_call([&] { (void)future.get(); }), "CancelledError");
}

TEST_P(Threads, CreateTaskFromAForeignThreadAndGet) {
  weft::Runtime runtime(options());
  Task<int> const good = runtime.create_task(value_after(1ms, 4), {.name = "from outside"});
  EXPECT_EQ(good.name(), "from outside");
  EXPECT_EQ(good.get(), 4);
  EXPECT_TRUE(good.done());
  Task<int> const bad = runtime.create_task(fail_after(1ms, "x"));
  EXPECT_EQ(outcome_of_call([&] { (void)bad.get(); }), "Failure(x)");
  Task<std::string> const text = runtime.create_task([](std::string s) -> Coro<std::string> { co_return s; }, "arg");
  std::string const& first = text.get();
  EXPECT_EQ(first, "arg");
  EXPECT_EQ(&first, &text.get());
}

TEST_P(Threads, SeveralThreadsGetTheSameTask) {
  weft::Runtime runtime(steady());
  Task<int> const task = runtime.create_task(value_after(5ms, 9));
  std::atomic<int> sum{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) threads.emplace_back([&, task] { sum.fetch_add(task.get()); });
  for (std::thread& t : threads) t.join();
  EXPECT_EQ(sum.load(), 36);
}

TEST_P(Threads, CancelFromAForeignThread) {
  weft::Runtime runtime(steady());
  Log log;
  for (int i = 0; i < 50; ++i) {
    Task<void> task = runtime.create_task(sleep_for_ever(log, "t"));
    EXPECT_TRUE(task.cancel("foreign"));
    EXPECT_EQ(outcome_of_call([&] { task.get(); }), "CancelledError(foreign)");
    EXPECT_TRUE(task.cancelled());
    EXPECT_FALSE(task.cancel());
  }
}

TEST_P(Threads, CallSoonThreadsafeRunsOnAWorkerAndMayMakeTasks) {
  weft::Runtime runtime(options());
  runtime.run([&]() -> Coro<> {
    weft::Event event;
    weft::ExternalWork guard = runtime.external_work();
    std::thread foreign([&] { runtime.call_soon_threadsafe([&] { event.set(); }); });
    co_await event.wait();
    foreign.join();
  });
  for (int i = 0; i < 100; ++i) {
    std::promise<int> promise;
    auto owned = std::make_unique<int>(i);
    runtime.call_soon_threadsafe([&promise, o = std::move(owned)] { promise.set_value(*o); });
    EXPECT_EQ(promise.get_future().get(), i);
  }
}

TEST_P(Threads, CallsOfOneThreadRunInOrderAtOneWorker) {
  if (GetParam() != 1) return;
  weft::Runtime runtime(options());
  Log log;
  std::promise<void> last;
  for (int i = 0; i < 20; ++i) runtime.call_soon_threadsafe([&log, i] { log.add(std::to_string(i)); });
  runtime.call_soon_threadsafe([&] { last.set_value(); });
  last.get_future().get();
  EXPECT_EQ(log.text(), "0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19");
}

TEST_P(Threads, ToThreadGivesValuesAndExceptions) {
  run([]() -> Coro<> {
    std::thread::id const here = std::this_thread::get_id();
    int const v = co_await weft::to_thread([](int a, int b) { return a + b; }, 2, 3);
    EXPECT_EQ(v, 5);
    std::thread::id const there = co_await weft::to_thread([] { return std::this_thread::get_id(); });
    EXPECT_NE(there, here);
    std::unique_ptr<int> const moved = co_await weft::to_thread([] { return std::make_unique<int>(7); });
    EXPECT_EQ(*moved, 7);
    co_await weft::to_thread([] {});
    auto failing = []() -> Coro<> {
      co_await weft::to_thread([] { throw Failure("blocking"); });
    };
    std::string const seen = co_await outcome(failing());
    EXPECT_EQ(seen, "Failure(blocking)");
  });
}

TEST_P(Threads, ToThreadDoesNotBlockTheWorkers) {
  weft::Runtime runtime(steady());
  runtime.run([]() -> Coro<> {
    std::atomic<bool> release{false};
    auto blocks = [&]() -> Coro<int> {
      int const v = co_await weft::to_thread([&] {
        while (!release.load()) std::this_thread::yield();
        return 1;
      });
      co_return v;
    };
    auto releases = [&]() -> Coro<int> {
      co_await weft::sleep(1ms);
      release.store(true);
      co_return 2;
    };
    auto const [a, b, c] = co_await weft::gather(blocks(), blocks(), releases());
    EXPECT_EQ(a + b + c, 4);
  });
}

TEST_P(Threads, ToThreadsCallsRunAtTheSameTime) {
  run([]() -> Coro<> {
    std::atomic<int> inside{0};
    auto one = [&]() -> Coro<> {
      co_await weft::to_thread([&] {
        inside.fetch_add(1);
        while (inside.load() < 8) std::this_thread::yield();
      });
    };
    std::vector<Coro<>> many;
    for (int i = 0; i < 8; ++i) many.push_back(one());
    auto results = co_await weft::gather(std::move(many));
    (void)results;
    EXPECT_EQ(inside.load(), 8);
  });
}

TEST_P(Threads, ToThreadsCapQueuesTheRest) {
  weft::Options o = options();
  o.blocking_threads = 2;
  weft::Runtime runtime(o);
  runtime.run([]() -> Coro<> {
    std::atomic<int> inside{0};
    std::atomic<int> most{0};
    std::atomic<int> done{0};
    auto one = [&]() -> Coro<> {
      co_await weft::to_thread([&] {
        int const now = inside.fetch_add(1) + 1;
        int seen = most.load();
        while (seen < now && !most.compare_exchange_weak(seen, now)) {
        }
        std::this_thread::sleep_for(1ms);
        inside.fetch_sub(1);
        done.fetch_add(1);
      });
    };
    std::vector<Coro<>> many;
    for (int i = 0; i < 12; ++i) many.push_back(one());
    auto results = co_await weft::gather(std::move(many));
    (void)results;
    EXPECT_EQ(done.load(), 12);
    EXPECT_LE(most.load(), 2);
  });
}

TEST_P(Threads, CancelAbandonsTheCallAndAsksItToStop) {
  std::atomic<bool> stopped{false};
  {
    weft::Runtime runtime(steady());
    runtime.run([&]() -> Coro<> {
      std::atomic<bool>* const flag = &stopped;
      std::atomic<bool> begun{false};
      auto call = [flag, &begun](std::stop_token token, int) {
        begun.store(true);
        while (!token.stop_requested()) std::this_thread::yield();
        flag->store(true);
      };
      auto body = [&]() -> Coro<> { co_await weft::to_thread(call, 1); };
      Task<void> task = weft::create_task(body());
      while (!begun.load()) co_await weft::sleep(1ms);
      EXPECT_TRUE(task.cancel());
      std::string const seen = co_await outcome(task);
      EXPECT_EQ(seen, "CancelledError");
    });
  }
  EXPECT_TRUE(stopped.load()) << "the destructor of the Runtime waits for abandoned calls";
}

TEST_P(Threads, ToThreadKeepsItsArgumentsAliveWhenAbandoned) {
  std::atomic<int> live{0};
  {
    weft::Runtime runtime(steady());
    runtime.run([&]() -> Coro<> {
      auto call = [](std::stop_token token, Live, std::string text) {
        while (!token.stop_requested()) std::this_thread::yield();
        std::this_thread::sleep_for(2ms);
        EXPECT_EQ(text, "a string that is too long to be stored in place");
      };
      auto body = [&]() -> Coro<> {
        co_await weft::to_thread(call, Live(live), std::string("a string that is too long to be stored in place"));
      };
      Task<void> task = weft::create_task(body());
      co_await weft::sleep(2ms);
      task.cancel();
      std::string const seen = co_await outcome(task);
      EXPECT_EQ(seen, "CancelledError");
    });
  }
  EXPECT_EQ(live.load(), 0);
}

WEFT_TEST_AT_1_2_8_WORKERS(Threads);

}  // namespace
}  // namespace weft_test
