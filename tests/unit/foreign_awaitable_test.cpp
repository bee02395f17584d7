// Awaitables of other libraries: whatever has await_ready, await_suspend and await_resume, or operator co_await. The
// coroutine resumes on this runtime's workers, whoever calls resume; a cancel waits until it has.
#include "support.hpp"

#include <coroutine>
#include <mutex>
#include <thread>

namespace weft_test {
namespace {

class ForeignAwaitable : public AtWorkers {};

// The threads that resume coroutines. A coroutine may run on, and start the next one, before add() has returned.
class Resumers {
 public:
  template <class F>
  void add(F fn) {
    std::lock_guard const lock(mutex_);
    threads_.emplace_back(std::move(fn));
  }
  ~Resumers() {
    for (std::thread& t : threads_) t.join();
  }

 private:
  std::mutex mutex_;
  std::vector<std::thread> threads_;
};

// Resumes on a thread of its own, and is not touched after that.
struct OnAThread {
  explicit OnAThread(Resumers& r) : resumers(&r) {}
  bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> h) {
    resumers->add([this, h] {
      id = std::this_thread::get_id();
      h.resume();
    });
  }
  std::thread::id await_resume() const noexcept { return id; }
  Resumers* resumers;
  std::thread::id id;
};

struct Ready {
  bool await_ready() const noexcept { return true; }
  void await_suspend(std::coroutine_handle<>) const noexcept {}
  int await_resume() const { return 3; }
};

struct RefusesToSuspend {
  bool await_ready() const noexcept { return false; }
  bool await_suspend(std::coroutine_handle<>) const noexcept { return false; }
  int await_resume() const { return 4; }
};

struct ResumesInline {
  bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> h) const { h.resume(); }
  int await_resume() const { return 5; }
};

struct Transfers {
  bool await_ready() const noexcept { return false; }
  std::coroutine_handle<> await_suspend(std::coroutine_handle<> h) const noexcept { return h; }
  int await_resume() const { return 6; }
};

struct Throws {
  bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<>) const { throw Failure("suspend"); }
  int await_resume() const { return 0; }
};

struct ThrowsOnResume {
  bool await_ready() const noexcept { return true; }
  void await_suspend(std::coroutine_handle<>) const noexcept {}
  int await_resume() const { throw Failure("resume"); }
};

struct ByMember {
  Ready operator co_await() const noexcept { return {}; }
};

struct ByFunction {};
RefusesToSuspend operator co_await(ByFunction const&) noexcept { return {}; }

TEST_P(ForeignAwaitable, OfEveryShape) {
  run([]() -> Coro<> {
    int const a = co_await Ready();
    int const b = co_await RefusesToSuspend();
    int const c = co_await ResumesInline();
    int const d = co_await Transfers();
    ByMember const member;
    int const e = co_await member;
    ByFunction const function;
    int const f = co_await function;
    EXPECT_EQ(a * 100'000 + b * 10'000 + c * 1000 + d * 100 + e * 10 + f, 345'634);
    auto throws = []() -> Coro<> {
      int const v = co_await Throws();
      (void)v;
    };
    std::string const of_suspend = co_await outcome(throws());
    EXPECT_EQ(of_suspend, "Failure(suspend)");
    auto on_resume = []() -> Coro<> {
      int const v = co_await ThrowsOnResume();
      (void)v;
    };
    std::string const of_resume = co_await outcome(on_resume());
    EXPECT_EQ(of_resume, "Failure(resume)");
  });
}

TEST_P(ForeignAwaitable, ResumesOnAWorkerOfTheRuntime) {
  Resumers resumers;
  run([&]() -> Coro<> {
    weft::AnyTask const me = weft::current_task();
    for (int i = 0; i < 20; ++i) {
      OnAThread foreign(resumers);
      std::thread::id const there = co_await foreign;
      EXPECT_NE(std::this_thread::get_id(), there);
      EXPECT_TRUE(weft::current_task() == me);
    }
  });
}

TEST_P(ForeignAwaitable, HoldsTheVirtualClockAndIsNoDeadlock) {
  Resumers resumers;
  run([&]() -> Coro<> {
    Clock::time_point const start = Clock::now();
    Task<int> const timer = weft::create_task(value_after(1ms, 1));
    OnAThread foreign(resumers);
    co_await foreign;
    EXPECT_EQ(Clock::now(), start);
    co_await timer;
  });
}

// Resumed by whoever calls open().
class Gate {
 public:
  bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> h) { handle_.store(h.address()); }
  int await_resume() const noexcept { return 1; }
  bool open() {
    void* const address = handle_.exchange(nullptr);
    if (address == nullptr) return false;
    std::coroutine_handle<>::from_address(address).resume();
    return true;
  }

 private:
  std::atomic<void*> handle_{nullptr};
};

TEST_P(ForeignAwaitable, ACancelWaitsUntilItHasResumed) {
  Log log;
  run([&]() -> Coro<> {
    Gate gate;
    // GCC12: awaiting a by-reference capture copies it, so the awaitable is a parameter here.
    auto body = [&log](Gate& awaited) -> Coro<> {
      int const v = co_await awaited;
      log.add("resumed " + std::to_string(v));
      co_await weft::sleep(1h);
      log.add("never");
    };
    Task<void> task = weft::create_task(body(gate));
    for (int i = 0; i < 100; ++i) co_await weft::yield_now();
    EXPECT_TRUE(task.cancel());
    for (int i = 0; i < 100; ++i) co_await weft::yield_now();
    EXPECT_FALSE(task.done());
    while (!gate.open()) co_await weft::yield_now();
    std::string const seen = co_await outcome(task);
    EXPECT_EQ(seen, "CancelledError");
  });
  EXPECT_EQ(log.text(), "resumed 1");
}

TEST_P(ForeignAwaitable, InsideGatherAsResultAndWaitFor) {
  Resumers resumers;
  run([&]() -> Coro<> {
    auto wrap = [&]() -> Coro<int> {
      OnAThread foreign(resumers);
      co_await foreign;
      co_return 2;
    };
    int const first = co_await weft::wait_for(wrap(), 1h);
    auto const [a, b] = co_await weft::gather(value_after(1ms, 1), Ready());
    auto result = co_await weft::as_result(Ready());
    EXPECT_EQ(first * 1000 + a * 100 + b * 10 + result.value(), 2133);
  });
}

WEFT_TEST_AT_1_2_8_WORKERS(ForeignAwaitable);

}  // namespace
}  // namespace weft_test
