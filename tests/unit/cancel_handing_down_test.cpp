// A cancel of a task that awaits another goes down to that one, and the awaiter wakes when it has ended; an await that was
// granted first is not cancelled.
#include "support.hpp"

namespace weft_test {
namespace {

class HandedDown : public AtWorkers {};

TEST_P(HandedDown, IsHandedDownToTheAwaitedTaskAndTheAwaiterWakesWhenThatHasEnded) {
  Log log;
  run([&]() -> Coro<> {
    auto leaf = [&]() -> Coro<> {
      bool cancelled = false;
      try {
        co_await weft::sleep(1h);
      } catch (weft::CancelledError const& e) {
        log.add("leaf:" + e.message());
        cancelled = true;
      }
      EXPECT_TRUE(cancelled);
      co_await weft::sleep(20ms);
      throw weft::CancelledError("from leaf");
    };
    Task<void> const c = weft::create_task(leaf());
    auto middle = [&]() -> Coro<> { co_await c; };
    Task<void> const b = weft::create_task(middle());
    auto top = [&]() -> Coro<> { co_await b; };
    Task<void> a = weft::create_task(top());
    co_await weft::sleep(1ms);
    Elapsed const clock;
    EXPECT_TRUE(a.cancel("down"));
    std::string const seen = co_await outcome(a);
    EXPECT_EQ(seen, "CancelledError(from leaf)");
    EXPECT_EQ(clock.ms(), 20ms);
    EXPECT_TRUE(c.cancelled() && b.cancelled() && a.cancelled());
    EXPECT_EQ(a.cancelling(), 1);
    EXPECT_EQ(b.cancelling(), 1);
    EXPECT_EQ(c.cancelling(), 1);
  });
  EXPECT_EQ(log.text(), "leaf:down");
}

TEST_P(HandedDown, HandedDownAndSwallowedGivesTheAwaiterTheValueAndNoSecondDelivery) {
  run([]() -> Coro<> {
    auto swallow = []() -> Coro<int> {
      try {
        co_await weft::sleep(1h);
      } catch (weft::CancelledError const&) {
      }
      co_return 5;
    };
    Task<int> const inner = weft::create_task(swallow());
    auto waits = [&]() -> Coro<int> {
      int const v = co_await inner;
      co_await weft::sleep(5ms);
      EXPECT_EQ(weft::current_task().cancelling(), 1);
      co_return v;
    };
    Task<int> outer = weft::create_task(waits());
    co_await weft::sleep(1ms);
    outer.cancel();
    int const v = co_await outer;
    EXPECT_EQ(v, 5);
    EXPECT_EQ(outer.cancelling(), 1);
  });
}

TEST_P(HandedDown, OfOneAwaiterCancelsTheSharedTaskUnderAll) {
  run([]() -> Coro<> {
    Task<int> const shared = weft::create_task(value_after(1h, 1));
    auto reader = [&]() -> Coro<int> {
      int const v = co_await shared;
      co_return v;
    };
    Task<int> a = weft::create_task(reader());
    Task<int> const b = weft::create_task(reader());
    co_await weft::sleep(1ms);
    a.cancel();
    std::string const of_b = co_await outcome(b);
    EXPECT_EQ(of_b, "CancelledError");
    EXPECT_EQ(b.cancelling(), 0);
    std::string const of_a = co_await outcome(a);
    EXPECT_EQ(of_a, "CancelledError");
  });
}

TEST_P(HandedDown, AnAwaitCompletesOrIsCancelledNeverBoth) {
  Log log;
  run([&]() -> Coro<> {
    for (int i = 0; i < 50; ++i) {
      weft::Event event;
      auto body = [&]() -> Coro<> {
        co_await event.wait();
        log.add("granted");
        co_await weft::sleep(1ms);
        log.add("never");
      };
      Task<void> task = weft::create_task(body());
      co_await weft::sleep(1ms);
      event.set();
      EXPECT_TRUE(task.cancel());  // too late for the wait, in time for the sleep
      std::string const seen = co_await outcome(task);
      EXPECT_EQ(seen, "CancelledError");
    }
  });
  EXPECT_EQ(log.count("granted"), 50U);
  EXPECT_EQ(log.count("never"), 0U);
}

// Takes a cancel, and some time to clean up after it. A second cancel would be heard in that time.
Coro<> cleans_up(Log& log) {
  bool cancelled = false;
  try {
    co_await weft::sleep(1h);
  } catch (weft::CancelledError const&) {
    cancelled = true;
  }
  EXPECT_TRUE(cancelled);
  co_await weft::sleep(5ms);
  log.add("cleaned up");
}
Coro<> awaits(Task<void> task) { co_await task; }

TEST_P(HandedDown, ReachesATaskOnTwoWaysAndStrikesItOnce) {
  constexpr int rounds = 200;
  Log log;
  run([&]() -> Coro<> {
    for (int i = 0; i < rounds; ++i) {
      Task<void> const shared = weft::create_task(cleans_up(log));
      std::vector<Task<void>> tasks;
      for (int k = 0; k < 3; ++k) tasks.push_back(weft::create_task(awaits(shared)));
      tasks.push_back(shared);
      auto gathering = [](std::vector<Task<void>> all) -> Coro<> { co_await weft::gather(all); };
      Task<void> top = weft::create_task(gathering(tasks));
      co_await weft::sleep(1ms);
      top.cancel();
      std::string const seen = co_await outcome(shared);
      EXPECT_EQ(seen, "ok");
      EXPECT_EQ(shared.cancelling(), 4);
    }
  });
  EXPECT_EQ(log.count("cleaned up"), static_cast<std::size_t>(rounds));
}

TEST_P(HandedDown, TheEndOfRunStrikesATaskThatOthersAwaitOnce) {
  constexpr int rounds = 200;
  Log log;
  for (int i = 0; i < rounds; ++i)
    run([&]() -> Coro<> {
      Task<void> const shared = weft::create_task(cleans_up(log));
      for (int k = 0; k < 4; ++k) weft::create_task(awaits(shared));
      co_await weft::sleep(1ms);
    });
  EXPECT_EQ(log.count("cleaned up"), static_cast<std::size_t>(rounds));
}

TEST_P(HandedDown, AnAbortingGroupStrikesAChildThatOthersAwaitOnce) {
  constexpr int rounds = 200;
  Log log;
  run([&]() -> Coro<> {
    for (int i = 0; i < rounds; ++i) {
      auto group = [&]() -> Coro<> {
        co_await weft::task_group([&](weft::TaskGroup& tg) -> Coro<> {
          Task<void> const shared = tg.create_task(cleans_up(log));
          for (int k = 0; k < 4; ++k) tg.create_task(awaits(shared));
          tg.create_task(fail_after(1ms, "child"));
          co_return;
        });
      };
      std::string const seen = co_await outcome(group());
      EXPECT_EQ(seen, "ExceptionGroup[Failure(child)]");
    }
  });
  EXPECT_EQ(log.count("cleaned up"), static_cast<std::size_t>(rounds));
}

WEFT_TEST_AT_1_2_8_WORKERS(HandedDown);

}  // namespace
}  // namespace weft_test
