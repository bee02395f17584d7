// Bad input gets a clear exception where the mistake is, and nothing is lost by it.
#include "support.hpp"

#include <cmath>
#include <limits>

namespace weft_test {
namespace {

class BadInput : public AtWorkers {};

using Seconds = std::chrono::duration<double>;

TEST_P(BadInput, DelaysThatAreNoTimeThrowValueError) {
  run([]() -> Coro<> {
    std::vector<Seconds> const bad{Seconds(std::nan("")), Seconds(-std::numeric_limits<double>::infinity())};
    for (Seconds const d : bad) {
      auto sleeps = [&]() -> Coro<> { co_await weft::sleep(d); };
      std::string const of_sleep = co_await outcome(sleeps());
      EXPECT_EQ(of_sleep, "ValueError");
      auto times = [&]() -> Coro<> {
        co_await weft::timeout(d, [](weft::Timeout&) -> Coro<> { co_return; });
      };
      std::string const of_timeout = co_await outcome(times());
      EXPECT_EQ(of_timeout, "ValueError");
      auto waits = [&]() -> Coro<> {
        int const v = co_await weft::wait_for(value_after(1ms, 1), d);
        (void)v;
      };
      std::string const of_wait_for = co_await outcome(waits());
      EXPECT_EQ(of_wait_for, "ValueError");
    }
    co_await weft::sleep(1ms);
  });
}

TEST_P(BadInput, ABadTimeoutDoesNotRunItsBody) {
  std::atomic<int> live{0};
  Log log;
  run([&]() -> Coro<> {
    Seconds const nan(std::nan(""));
    auto never = [](Log& l, Live) -> Coro<> {
      l.add("ran");
      co_return;
    };
    auto waits = [&]() -> Coro<> { co_await weft::wait_for(never(log, Live(live)), nan); };
    std::string const seen = co_await outcome(waits());
    EXPECT_EQ(seen, "ValueError");
    EXPECT_EQ(live.load(), 0);
  });
  EXPECT_EQ(log.text(), "");
}

TEST_P(BadInput, InfiniteTimeoutsMeanForEver) {
  run([]() -> Coro<> {
    Seconds const infinity(std::numeric_limits<double>::infinity());
    int const a = co_await weft::wait_for(value_after(24h, 1), infinity);
    int const b = co_await weft::timeout(std::chrono::hours::max(), [](weft::Timeout&) -> Coro<int> {
      co_await weft::sleep(24h);
      co_return 2;
    });
    EXPECT_EQ(a * 10 + b, 12);
  });
}

TEST(BadOptions, TooManyWorkersThrowValueError) {
  weft::Options o;
  o.workers = 4097;
  EXPECT_EQ(outcome_of_call([&] { weft::Runtime runtime(o); }), "ValueError");
  EXPECT_EQ(outcome_of_call([&] { (void)weft::run(value_after(1ms, 1), o); }), "ValueError");
}

TEST(BadOptions, NonsenseInTheEnvironmentThrowsValueErrorOrIsIgnored) {
  for (char const* text : {"99999", "none", "-3", "", "0"}) {
    ::setenv("WEFT_WORKERS", text, 1);
    std::string const seen = outcome_of_call([&] {
      weft::Runtime runtime;
      EXPECT_EQ(runtime.run(value_after(1ms, 1)), 1);
    });
    ::unsetenv("WEFT_WORKERS");
    EXPECT_TRUE(seen == "ok" || seen == "ValueError") << text << ": " << seen;
  }
}

TEST_P(BadInput, MembersOfAnEmptyHandleThrowRuntimeError) {
  run([]() -> Coro<> {
    Task<int> empty;
    EXPECT_EQ(outcome_of_call([&] { (void)empty.result(); }), "RuntimeError");
    EXPECT_EQ(outcome_of_call([&] { (void)empty.done(); }), "RuntimeError");
    EXPECT_EQ(outcome_of_call([&] { (void)empty.cancel(); }), "RuntimeError");
    EXPECT_EQ(outcome_of_call([&] { (void)empty.get(); }), "RuntimeError");
    EXPECT_TRUE(empty == Task<int>());
    Task<int> task = weft::create_task(value_after(1ms, 1));
    Task<int> const other = std::move(task);
    EXPECT_EQ(outcome_of_call([&] { (void)task.cancel(); }), "RuntimeError");
    EXPECT_TRUE(task == Task<int>());
    int const v = co_await other;
    EXPECT_EQ(v, 1);
  });
}

TEST_P(BadInput, EmptyHandleInAnyWaitThrowsRuntimeErrorAndTheOthersAreSafe) {
  run([]() -> Coro<> {
    Task<int> const empty;
    auto in_shield = [&]() -> Coro<> {
      int const v = co_await weft::shield(empty);
      (void)v;
    };
    std::string const of_shield = co_await outcome(in_shield());
    EXPECT_EQ(of_shield, "RuntimeError");
    auto in_wait_for = [&]() -> Coro<> {
      int const v = co_await weft::wait_for(empty, 1s);
      (void)v;
    };
    std::string const of_wait_for = co_await outcome(in_wait_for());
    EXPECT_EQ(of_wait_for, "RuntimeError");
    Task<int> const good = weft::create_task(value_after(1ms, 1));
    auto in_range = [&]() -> Coro<> {
      std::vector<Task<int>> const tasks{good, empty};
      std::vector<int> const v = co_await weft::gather(tasks);
      (void)v;
    };
    std::string const of_range = co_await outcome(in_range());
    EXPECT_EQ(of_range, "RuntimeError");
    int const v = co_await good;
    EXPECT_EQ(v, 1);
  });
}

TEST_P(BadInput, MovedFromCoroIsRefusedByEveryFunction) {
  run([]() -> Coro<> {
    auto spent = []() {
      Coro<int> a = value_after(1ms, 1);
      Coro<int> b = std::move(a);
      return a;
    };
    auto in_shielded = [&]() -> Coro<> {
      int const v = co_await weft::shielded(spent());
      (void)v;
    };
    std::string const of_shielded = co_await outcome(in_shielded());
    EXPECT_EQ(of_shielded, "RuntimeError");
    auto in_wait_for = [&]() -> Coro<> {
      int const v = co_await weft::wait_for(spent(), 1s);
      (void)v;
    };
    std::string const of_wait_for = co_await outcome(in_wait_for());
    EXPECT_EQ(of_wait_for, "RuntimeError");
    auto in_group = [&]() -> Coro<> {
      co_await weft::task_group([&](weft::TaskGroup& tg) -> Coro<> {
        EXPECT_EQ(outcome_of_call([&] { tg.create_task(spent()); }), "RuntimeError");
        EXPECT_EQ(outcome_of_call([&] { tg.start_soon(spent()); }), "RuntimeError");
        co_return;
      });
    };
    std::string const of_group = co_await outcome(in_group());
    EXPECT_EQ(of_group, "ok");
  });
}

TEST_P(BadInput, ResultReadTooEarlyThrowsInvalidStateErrorWhichIsARuntimeError) {
  run([]() -> Coro<> {
    Task<int> const task = weft::create_task(value_after(1ms, 1));
    bool as_runtime_error = false;
    try {
      (void)task.result();
    } catch (weft::RuntimeError const&) {
      as_runtime_error = true;
    }
    EXPECT_TRUE(as_runtime_error);
    co_await task;
  });
}

TEST_P(BadInput, GetOnAWorkerThrowsRuntimeError) {
  run([]() -> Coro<> {
    Task<int> const task = weft::create_task(value_after(1ms, 1));
    EXPECT_EQ(outcome_of_call([&] { (void)task.get(); }), "RuntimeError");
    co_await task;
  });
}

TEST_P(BadInput, UserExceptionsNeverEndTheProcess) {
  weft::Options o = options();
  o.on_unhandled_exception = [](std::exception_ptr, weft::AnyTask const&) { throw Failure("in the hook"); };
  weft::Runtime runtime(o);
  runtime.run([&]() -> Coro<> {
    weft::create_task(fail_after(1ms, "lost"));
    Task<int> task = weft::create_task(value_after(1ms, 1));
    task.add_done_callback([](Task<int> const&) { throw Failure("in a callback"); });
    runtime.call_soon_threadsafe([] { throw Failure("in a call"); });
    co_await weft::sleep(5ms);
    co_await task;
  });
  EXPECT_EQ(runtime.run(value_after(1ms, 2)), 2);
}

struct ThrowingDestructor {
  explicit ThrowingDestructor(bool* f) : fired(f) {}
  ThrowingDestructor(ThrowingDestructor&& other) noexcept : fired(std::exchange(other.fired, nullptr)) {}
  ~ThrowingDestructor() noexcept(false) {
    if (fired != nullptr && !std::exchange(*fired, true)) throw Failure("destructor");
  }
  bool* fired;
};

TEST_P(BadInput, LocalsWhoseDestructorsThrowGiveTheirException) {
  run([]() -> Coro<> {
    bool fired = false;
    auto body = [&]() -> Coro<> {
      ThrowingDestructor const local(&fired);
      co_await weft::sleep(1ms);
    };
    std::string const seen = co_await outcome(body());
    EXPECT_EQ(seen, "Failure(destructor)");
    EXPECT_TRUE(fired);
  });
}

WEFT_TEST_AT_1_2_8_WORKERS(BadInput);

}  // namespace
}  // namespace weft_test
