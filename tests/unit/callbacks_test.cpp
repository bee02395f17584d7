// Done callbacks: they get the handle, are scheduled and never run inside the call, in the order of registration, once.
#include "support.hpp"

#include <thread>

namespace weft_test {
namespace {

class Callbacks : public AtWorkers {};

TEST_P(Callbacks, GetTheHandleInOrderOfRegistration) {
  Log log;
  run([&]() -> Coro<> {
    Task<int> task = weft::create_task(value_after(5ms, 3));
    for (int i = 0; i < 5; ++i) {
      task.add_done_callback([&log, i](Task<int> const& t) { log.add(std::to_string(i) + "=" + std::to_string(t.result())); });
    }
    int const v = co_await task;
    EXPECT_EQ(v, 3);
    co_await weft::sleep(1ms);
  });
  EXPECT_EQ(log.text(), "0=3 1=3 2=3 3=3 4=3");
}

TEST_P(Callbacks, OnADoneTaskAreScheduledNotRunInline) {
  Log log;
  run([&]() -> Coro<> {
    Task<int> task = weft::create_task(value_after(1ms, 3));
    co_await task;
    if (GetParam() == 1) {
      task.add_done_callback([&log](Task<int> const&) { log.add("callback"); });
      log.add("registered");
      co_await weft::sleep(1ms);
    } else {
      std::thread::id const here = std::this_thread::get_id();
      std::atomic<bool> inside{true};
      std::atomic<bool> inline_call{false};
      task.add_done_callback([&, here](Task<int> const&) {
        if (std::this_thread::get_id() == here && inside.load()) inline_call.store(true);
      });
      inside.store(false);
      co_await weft::sleep(1ms);
      EXPECT_FALSE(inline_call.load());
      log.add("registered");
      log.add("callback");
    }
  });
  EXPECT_EQ(log.text(), "registered callback");
}

TEST_P(Callbacks, SeeFailuresAndCancellations) {
  Log log;
  run([&]() -> Coro<> {
    Task<int> bad = weft::create_task(fail_after(1ms, "x"));
    bad.add_done_callback([&](Task<int> const& t) { log.add(describe(t.exception())); });
    co_await weft::sleep(5ms);
    Task<int> gone = weft::create_task(value_after(1h, 1));
    gone.add_done_callback([&](Task<int> const& t) { log.add(t.cancelled() ? "cancelled" : "?"); });
    co_await weft::sleep(1ms);
    gone.cancel();
    co_await weft::sleep(1ms);
    Task<int> unstarted = weft::create_task(value_after(1h, 1));
    unstarted.add_done_callback([&](Task<int> const& t) { log.add(t.cancelled() ? "unstarted" : "?"); });
    unstarted.cancel();
    co_await weft::sleep(1ms);
  });
  EXPECT_EQ(log.text(), "Failure(x) cancelled unstarted");
}

TEST_P(Callbacks, OfTypeErasedAndVoidTasks) {
  Log log;
  run([&]() -> Coro<> {
    Task<void> nothing = weft::create_task([]() -> Coro<> { co_await weft::sleep(1ms); });
    nothing.add_done_callback([&](Task<void> const& t) {
      t.result();
      log.add("void");
    });
    co_await weft::sleep(2ms);
    Task<int> number = weft::create_task(value_after(1ms, 1));
    weft::AnyTask any = number;
    any.add_done_callback([&](weft::AnyTask const& t) { log.add(t.done() ? "any" : "?"); });
    co_await weft::sleep(2ms);
  });
  EXPECT_EQ(log.text(), "void any");
}

TEST_P(Callbacks, WhatTheyThrowGoesToTheHookAndTheOthersStillRun) {
  Log log;
  run([&]() -> Coro<> {
    Task<int> task = weft::create_task(value_after(1ms, 1));
    task.add_done_callback([](Task<int> const&) { throw Failure("callback"); });
    task.add_done_callback([&](Task<int> const&) { log.add("second"); });
    co_await weft::sleep(5ms);
    EXPECT_EQ(task.result(), 1);
  });
  EXPECT_EQ(log.text(), "second");
  EXPECT_EQ(take_unhandled(), std::vector<std::string>{"Failure(callback)"});
}

TEST_P(Callbacks, MayMakeTasksAndRegisterMore) {
  Log log;
  run([&]() -> Coro<> {
    Task<int> task = weft::create_task(value_after(1ms, 1));
    task.add_done_callback([&](Task<int> const& t) {
      log.add("first");
      Task<int> copy = t;
      copy.add_done_callback([&](Task<int> const&) { log.add("nested"); });
    });
    co_await weft::sleep(5ms);
  });
  EXPECT_EQ(log.text(), "first nested");
}

TEST_P(Callbacks, AndTheirCapturesAreDestroyedAfterTheyRan) {
  std::atomic<int> live{0};
  run([&]() -> Coro<> {
    Task<int> task = weft::create_task(value_after(1ms, 1));
    {
      Live const token(live);
      task.add_done_callback([token](Task<int> const&) {});
      task.add_done_callback([token](Task<int> const&) {});
    }
    EXPECT_EQ(live.load(), 2);
    co_await task;
    co_await weft::sleep(1ms);
    EXPECT_EQ(live.load(), 0);
  });
}

TEST_P(Callbacks, EachRunsExactlyOnceWhileTheTaskFinishes) {
  std::atomic<int> calls{0};
  run([&]() -> Coro<> {
    for (int round = 0; round < 100; ++round) {
      auto body = []() -> Coro<> {
        co_await weft::yield_now();
        co_return;
      };
      Task<void> task = weft::create_task(body());
      for (int i = 0; i < 10; ++i) {
        task.add_done_callback([&](Task<void> const&) { calls.fetch_add(1); });
      }
      co_await task;
      task.add_done_callback([&](Task<void> const&) { calls.fetch_add(1); });
    }
    co_await weft::sleep(1ms);
  });
  EXPECT_EQ(calls.load(), 1100);
}

WEFT_TEST_AT_1_2_8_WORKERS(Callbacks);

}  // namespace
}  // namespace weft_test
