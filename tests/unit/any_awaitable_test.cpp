// Whatever takes a coroutine or a task takes any awaitable: wait_for, shield, as_result, gather in its three modes and race, each over every kind that there is.
#include "support.hpp"

#include <memory>
#include <variant>

namespace weft_test {
namespace {

class AnyAwaitable : public AtWorkers {};

// Awaits what `make` gives, bare and through everything that takes an awaitable. Each time it has to end with a value.
template <class Make>
Coro<> through_everything(Make make) {
  (void)co_await make();
  (void)co_await weft::wait_for(make(), 1h);
  (void)co_await weft::wait_for(make(), std::nullopt);
  (void)co_await weft::shield(make());
  auto const result = co_await weft::as_result(make());
  EXPECT_TRUE(result.has_value());
  auto const both = co_await weft::gather(make(), make());
  (void)both;
  auto const collected = co_await weft::gather(weft::return_exceptions, make(), make());
  EXPECT_TRUE(std::get<0>(collected).has_value());
  EXPECT_TRUE(std::get<1>(collected).has_value());
  auto const strict = co_await weft::gather(weft::cancel_on_error, make(), make());
  (void)strict;
  auto const winner = co_await weft::race(weft::sleep(24h), make());
  EXPECT_EQ(winner.index(), 1U);
  // One inside the other.
  (void)co_await weft::wait_for(weft::shield(make()), 1h);
  auto const nested = co_await weft::as_result(weft::race(weft::wait_for(make(), 1h), weft::sleep(24h)));
  EXPECT_TRUE(nested.has_value());
}

// Of another library: its own awaiter, resumed at once.
struct Foreign {
  bool await_ready() const noexcept { return false; }
  bool await_suspend(std::coroutine_handle<>) const noexcept { return false; }
  int await_resume() const noexcept { return 1; }
};

weft::AsyncGenerator<int> endless() {
  for (int i = 0;; ++i) {
    co_await weft::yield_now();
    co_yield i;
  }
}

TEST_P(AnyAwaitable, CoroutinesTasksAndFutures) {
  run([]() -> Coro<> {
    co_await through_everything([] { return value_after(1ms, 1); });
    co_await through_everything([] { return weft::create_task(value_after(1ms, 1)); });
    co_await through_everything([] {
      weft::Promise<int> promise;
      promise.set_result(1);
      return promise.future();
    });
    Task<int> const task = weft::create_task(value_after(1ms, 1));
    co_await through_everything([&]() -> Task<int> const& { return task; });
    weft::Promise<std::unique_ptr<int>> promise;
    weft::Future<std::unique_ptr<int>> const future = promise.future();
    promise.set_result(std::make_unique<int>(1));
    // A value that cannot be copied can be referred to.
    std::unique_ptr<int> const& value = co_await weft::shield(future);
    EXPECT_EQ(*value, 1);
  });
}

TEST_P(AnyAwaitable, TimeAndPrimitives) {
  run([]() -> Coro<> {
    co_await through_everything([] { return weft::sleep(1ms); });
    co_await through_everything([] { return weft::yield_now(); });
    co_await through_everything([] { return weft::sleep_until(Clock::now() + 1ms); });
    co_await through_everything([] { return weft::checkpoint(); });
    weft::Event event;
    event.set();
    co_await through_everything([&] { return event.wait(); });
    weft::Semaphore semaphore(100);
    co_await through_everything([&] { return semaphore.acquire(); });
    co_await through_everything([&] { return semaphore.scoped(); });
    weft::Queue<int> queue;
    co_await through_everything([&] { return queue.put(1); });
    co_await through_everything([&] { return queue.get(); });
  });
}

TEST_P(AnyAwaitable, WhatIsMadeOfOthers) {
  run([]() -> Coro<> {
    co_await through_everything([] { return weft::gather(value_after(1ms, 1), weft::sleep(1ms)); });
    co_await through_everything([] { return weft::race(value_after(1ms, 1), weft::sleep(1h)); });
    co_await through_everything([] { return weft::shield(value_after(1ms, 1)); });
    co_await through_everything([] { return weft::as_result(fail_after(1ms, "x")); });
    co_await through_everything([] { return weft::wait_for(value_after(1ms, 1), 1h); });
    co_await through_everything([] { return weft::map(std::vector<int>(3, 1), [](int n) { return value_after(1ms, n); }); });
    co_await through_everything([] { return weft::wait(std::vector<Task<int>>(2, weft::create_task(value_after(1ms, 1)))); });
    co_await through_everything([] { return weft::to_thread([] { return 1; }); });
    co_await through_everything([] { return Foreign(); });
  });
}

TEST_P(AnyAwaitable, TheNextOfAGeneratorAndOfAsCompleted) {
  run([]() -> Coro<> {
    auto generator = endless();
    // One consumer at a time, so not beside itself in a gather.
    auto const a = co_await weft::wait_for(generator.next(), 1h);
    auto const b = co_await weft::shield(generator.next());
    auto const c = co_await weft::as_result(generator.next());
    auto const d = co_await weft::race(generator.next(), weft::sleep(24h));
    auto const [e, slept] = co_await weft::gather(generator.next(), weft::sleep(1ms));
    (void)slept;
    EXPECT_EQ(*a, 0);
    EXPECT_EQ(*b, 1);
    EXPECT_EQ(*c.value(), 2);
    EXPECT_EQ(*std::get<0>(d), 3);
    EXPECT_EQ(*e, 4);
    std::vector<Task<int>> tasks;
    for (int i = 0; i < 20; ++i) tasks.push_back(weft::create_task(value_after(1ms, i)));
    auto it = weft::as_completed(std::move(tasks));
    co_await through_everything([&] { return it.next(); });
  });
}

TEST_P(AnyAwaitable, ATimeoutCancelsWhateverItIs) {
  run([]() -> Coro<> {
    weft::Queue<int> queue;
    weft::Event event;
    weft::Promise<int> promise;
    weft::Future<int> const future = promise.future();
    Task<int> task = weft::create_task(value_after(1h, 1));
    auto generator = [](weft::Event& never) -> weft::AsyncGenerator<int> {
      co_await never.wait();
      co_yield 1;
    }(event);
    auto late = [](auto awaitable) -> Coro<> { (void)co_await weft::wait_for(std::move(awaitable), 5ms); };
    std::string words;
    for (int i = 0; i < 6; ++i) {
      Elapsed const clock;
      std::string word;
      switch (i) {
        case 0: word = co_await outcome(late(queue.get())); break;
        case 1: word = co_await outcome(late(event.wait())); break;
        case 2: word = co_await outcome(late(future)); break;
        case 3: word = co_await outcome(late(task)); break;
        case 4: word = co_await outcome(late(generator.next())); break;
        default: word = co_await outcome(late(weft::race(weft::sleep(1h), event.wait()))); break;
      }
      EXPECT_EQ(clock.ms(), 5ms);
      words += word + " ";
    }
    EXPECT_EQ(words, "TimeoutError TimeoutError TimeoutError TimeoutError TimeoutError TimeoutError ");
    EXPECT_TRUE(future.cancelled());
    EXPECT_TRUE(task.cancelled());
    auto const ended = co_await generator.next();
    EXPECT_FALSE(ended.has_value()) << "the cancel went through its body";
    queue.put_nowait(7);
    int const kept = co_await queue.get();
    EXPECT_EQ(kept, 7) << "nothing was lost to the cancelled get";
  });
}

// asyncio's operations are coroutines, so they can be made tasks.
TEST_P(AnyAwaitable, OperationsAsTasks) {
  run([]() -> Coro<> {
    weft::Queue<int> queue;
    weft::Event event;
    weft::Strand strand;
    Task<int> got = weft::create_task(queue.get());
    Task<void> heard = weft::create_task(event.wait(), named("listener"));
    Task<int> got_on_strand = strand.create_task(queue.get());
    Task<std::tuple<int, std::monostate>> both = weft::create_task(weft::gather(value_after(1ms, 5), weft::sleep(2ms)));
    co_await weft::sleep(1ms);
    EXPECT_EQ(heard.name(), "listener");
    EXPECT_FALSE(got.done() || heard.done());
    co_await weft::task_group([&](weft::TaskGroup& tg) -> Coro<> {
      tg.start_soon(queue.put(1));
      Task<void> const put = tg.create_task(queue.put(2));
      tg.create_task(weft::sleep(1ms)).set_name("sleeper");
      event.set();
      co_return;
    });
    int const first = co_await got;
    int const second = co_await got_on_strand;
    EXPECT_EQ(first + second, 3);
    co_await heard;
    std::tuple<int, std::monostate> const pair = co_await both;
    EXPECT_EQ(std::get<0>(pair), 5);
    Task<int> never = weft::create_task(queue.get());
    co_await weft::sleep(1ms);
    EXPECT_TRUE(never.cancel());
    std::string const end = co_await outcome(never);
    EXPECT_EQ(end, "CancelledError");
  });
}

template <class A>
concept MakesATask = requires(A a) { weft::create_task(std::forward<A>(a)); };
// asyncio: TypeError for a task, which runs already.
static_assert(!MakesATask<Task<int>> && !MakesATask<Task<int>&> && !MakesATask<weft::Future<int>> && !MakesATask<int>);

WEFT_TEST_AT_1_2_8_WORKERS(AnyAwaitable);

}  // namespace
}  // namespace weft_test
