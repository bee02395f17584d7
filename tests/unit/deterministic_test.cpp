// One worker runs ready tasks in asyncio's FIFO order; deterministic mode repeats the same schedule for the same seed.
#include "support.hpp"

#include <set>

namespace weft_test {
namespace {

weft::Options one_worker() {
  weft::Options o;
  o.workers = 1;
  o.clock = weft::ClockKind::virtual_time;
  return o;
}

TEST(OneWorker, CreateTaskNeverRunsTheChildInsideTheCall) {
  Log log;
  weft::Runtime runtime(one_worker());
  runtime.run([&]() -> Coro<> {
    auto child = [&](std::string name) -> Coro<> {
      log.add(name);
      co_return;
    };
    weft::create_task(child("a"));
    log.add("main1");
    weft::create_task(child("b"));
    log.add("main2");
    co_await weft::yield_now();
    log.add("main3");
  });
  EXPECT_EQ(log.text(), "main1 main2 a b main3");
}

TEST(OneWorker, ReadyTasksRunInTheOrderInWhichTheyBecameReady) {
  Log log;
  weft::Runtime runtime(one_worker());
  runtime.run([&]() -> Coro<> {
    weft::Event event;
    auto waits = [&](std::string name) -> Coro<> {
      co_await event.wait();
      log.add(name);
      co_await weft::yield_now();
      log.add(name + name);
    };
    std::vector<Task<void>> tasks;
    tasks.push_back(weft::create_task(waits("a")));
    tasks.push_back(weft::create_task(waits("b")));
    co_await weft::yield_now();
    tasks.push_back(weft::create_task(waits("c")));
    event.set();
    for (Task<void> const& t : tasks) co_await t;
  });
  // c is made ready before the set wakes a and b: it runs first and, the event being set, does not wait.
  EXPECT_EQ(log.text(), "c a b cc aa bb");
}

TEST(OneWorker, AwaiterOfATaskRunsAfterWhatWasReadyBefore) {
  Log log;
  weft::Runtime runtime(one_worker());
  runtime.run([&]() -> Coro<> {
    auto child = [&]() -> Coro<> {
      log.add("child");
      co_return;
    };
    auto other = [&]() -> Coro<> {
      log.add("other");
      co_return;
    };
    Task<void> const c = weft::create_task(child());
    Task<void> const o = weft::create_task(other());
    co_await c;
    log.add("main");
    co_await o;
  });
  EXPECT_EQ(log.text(), "child other main");
}

TEST(OneWorker, YieldersTakeTurns) {
  Log log;
  weft::Runtime runtime(one_worker());
  runtime.run([&]() -> Coro<> {
    auto body = [&](std::string name) -> Coro<> {
      for (int i = 0; i < 4; ++i) {
        log.add(name);
        co_await weft::yield_now();
      }
    };
    co_await weft::task_group([&](weft::TaskGroup& tg) -> Coro<> {
      tg.start_soon(body("1"));
      tg.start_soon(body("2"));
      tg.start_soon(body("3"));
      co_return;
    });
  });
  EXPECT_EQ(log.text(), "1 2 3 1 2 3 1 2 3 1 2 3");
}

TEST(OneWorker, AYielderDoesNotStarveTimersAndSubmittedWork) {
  weft::Options o = one_worker();
  o.clock = weft::ClockKind::steady;
  weft::Runtime runtime(o);
  int const yields = runtime.run([]() -> Coro<int> {
    Task<int> const timer = weft::create_task(value_after(5ms, 1));
    int n = 0;
    while (!timer.done()) {
      ++n;
      co_await weft::yield_now();
    }
    co_return n;
  });
  EXPECT_GT(yields, 0);
}

// What a program with every kind of choice in it does, written down.
std::string trace(std::uint64_t seed) {
  Log log;
  weft::Options o;
  o.clock = weft::ClockKind::virtual_time;
  o.deterministic = true;
  o.seed = seed;
  weft::Runtime runtime(o);
  runtime.run([&]() -> Coro<> {
    weft::Lock lock;
    weft::Queue<int> queue(2);
    auto part = [&](std::string name, int n) -> Coro<int> {
      log.add(name);
      if (n % 2 == 0) co_await weft::yield_now();
      if (n % 3 == 0) co_await weft::sleep(1ms);
      log.add(name + "'");
      co_return n;
    };
    auto worker = [&](std::string name) -> Coro<> {
      for (int i = 0; i < 5; ++i) {
        {
          auto guard = co_await lock.scoped();
          log.add(name + std::to_string(i));
          co_await weft::yield_now();
        }
        auto const [a, b, c] = co_await weft::gather(part(name + "x", i), part(name + "y", i + 1), part(name + "z", i + 2));
        co_await queue.put(a + b + c);
      }
    };
    auto reader = [&]() -> Coro<> {
      for (;;) {
        int const v = co_await queue.get();
        log.add("=" + std::to_string(v));
      }
    };
    Task<void> r = weft::create_task(reader());
    co_await weft::task_group([&](weft::TaskGroup& tg) -> Coro<> {
      for (int i = 0; i < 6; ++i) tg.start_soon(worker(std::string(1, static_cast<char>('a' + i))));
      co_return;
    });
    r.cancel();
    std::string const of_reader = co_await outcome(r);
    EXPECT_EQ(of_reader, "CancelledError");
  });
  return log.text();
}

TEST(Deterministic, SameSeedGivesTheSameSchedule) {
  for (std::uint64_t seed = 0; seed < 5; ++seed) {
    std::string const first = trace(seed);
    EXPECT_FALSE(first.empty());
    for (int i = 0; i < 3; ++i) EXPECT_EQ(trace(seed), first);
  }
}

TEST(Deterministic, SeedsGiveDifferentSchedules) {
  std::set<std::string> traces;
  for (std::uint64_t seed = 1; seed <= 20; ++seed) traces.insert(trace(seed));
  EXPECT_GT(traces.size(), 1U) << "the seed is there to explore schedules";
}

TEST(Deterministic, ImpliesOneWorker) {
  std::atomic<int> threads{0};
  weft::Options o;
  o.deterministic = true;
  o.workers = 4;
  o.on_thread_start = [&](unsigned) { threads.fetch_add(1); };
  {
    weft::Runtime runtime(o);
    EXPECT_EQ(runtime.run(value_after(1ms, 2)), 2);
  }
  EXPECT_EQ(threads.load(), 1);
}

}  // namespace
}  // namespace weft_test
