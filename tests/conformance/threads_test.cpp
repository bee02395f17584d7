// What CPython's test_threads.py asks of to_thread(). The table is docs/conformance/threads.md.
#include "conformance/operations.hpp"

#include <memory>
#include <numeric>
#include <thread>

namespace weft_test {
namespace {

class AsyncioToThread : public AtWorkers {};

int sum(std::vector<int> const& numbers) { return std::accumulate(numbers.begin(), numbers.end(), 0); }

TEST_P(AsyncioToThread, GivesTheResultOfACallOnAnotherThread) {
  run([]() -> Coro<> {
    std::vector<int> const numbers{40, 2};
    int const total = co_await weft::to_thread(sum, numbers);
    EXPECT_EQ(total, 42);
    std::thread::id const here = std::this_thread::get_id();
    std::thread::id const there = co_await weft::to_thread([] { return std::this_thread::get_id(); });
    EXPECT_NE(here, there);
  });
}

TEST_P(AsyncioToThread, ThrowsWhatTheCallThrows) {
  run([]() -> Coro<> {
    auto call = []() -> Coro<> { co_await weft::to_thread([] { throw Failure("test"); }); };
    std::string const seen = co_await outcome(call());
    EXPECT_EQ(seen, "Failure(test)");
  });
}

TEST_P(AsyncioToThread, CallsOnce) {
  std::atomic<int> calls{0};
  run([&]() -> Coro<> { co_await weft::to_thread([&] { ++calls; }); });
  EXPECT_EQ(calls.load(), 1);
}

TEST_P(AsyncioToThread, CallsRunConcurrently) {
  std::atomic<int> calls{0};
  run([&]() -> Coro<> {
    // Each waits until all are there: they would wait for ever one after the other.
    auto call = [&]() -> Coro<> {
      co_await weft::to_thread([&] {
        ++calls;
        while (calls.load() < 10) std::this_thread::yield();
      });
    };
    std::vector<Coro<>> all;
    for (int i = 0; i < 10; ++i) all.push_back(call());
    co_await weft::gather(std::move(all));
  });
  EXPECT_EQ(calls.load(), 10);
}

TEST_P(AsyncioToThread, HandsTheArgumentsOn) {
  run([]() -> Coro<> {
    auto join = [](std::string text, bool something, std::unique_ptr<int> number) {
      return text + (something ? "+" : "-") + std::to_string(*number);
    };
    std::unique_ptr<int> number = std::make_unique<int>(5);
    std::string const seen = co_await weft::to_thread(join, std::string("test"), true, std::move(number));
    EXPECT_EQ(seen, "test+5");
  });
}

TEST_P(AsyncioToThread, HandsTheContextOn) {
  weft::ContextVar<std::string> context("test_ctx");
  run([&]() -> Coro<> {
    context.set("parrot");
    std::string const seen = co_await weft::to_thread([&] { return context.get(); });
    EXPECT_EQ(seen, "parrot");
  });
}

WEFT_TEST_AT_1_2_8_WORKERS(AsyncioToThread);

}  // namespace
}  // namespace weft_test
