// A task group whose caller is cancelled from outside: in the body, while it waits at the end, while it is aborting, and
// beside failures.
#include "support.hpp"

namespace weft_test {
namespace {

class CancelledGroups : public AtWorkers {};

TEST_P(CancelledGroups, CancelFromOutsideWhileTheBodyRunsReachesTheBodyThenTheChildren) {
  Log log;
  run([&]() -> Coro<> {
    auto body = [&]() -> Coro<> {
      co_await weft::task_group([&](weft::TaskGroup& tg) -> Coro<> {
        tg.start_soon(sleep_for_ever(log, "child"));
        bool cancelled = false;
        try {
          co_await weft::sleep(1h);
        } catch (weft::CancelledError const&) {
          cancelled = true;
        }
        EXPECT_TRUE(cancelled);
        log.add("body:cancelled");
        co_await weft::sleep(10ms);  // the children run on while the body cleans up
        log.add("body:clean");
        throw weft::CancelledError("from body");
      });
    };
    Task<void> task = weft::create_task(body());
    co_await weft::sleep(1ms);
    EXPECT_TRUE(task.cancel());
    std::string const seen = co_await outcome(task);
    EXPECT_EQ(seen, "CancelledError(from body)");
    EXPECT_TRUE(task.cancelled());
  });
  EXPECT_EQ(log.text(), "body:cancelled body:clean child:cancelled");
}

TEST_P(CancelledGroups, CancelFromOutsideWhileWaitingAtTheEndReachesTheChildrenAtOnce) {
  Log log;
  run([&]() -> Coro<> {
    auto body = [&]() -> Coro<> {
      co_await weft::task_group([&](weft::TaskGroup& tg) -> Coro<> {
        tg.start_soon(sleep_for_ever(log, "a"));
        tg.start_soon(sleep_for_ever(log, "b"));
        co_return;
      });
      log.add("never");
    };
    Task<void> task = weft::create_task(body());
    co_await weft::sleep(5ms);
    Elapsed const clock;
    task.cancel();
    std::string const seen = co_await outcome(task);
    EXPECT_EQ(seen, "CancelledError");
    EXPECT_EQ(clock.ms(), 0ms);
    EXPECT_EQ(task.cancelling(), 1);
  });
  EXPECT_EQ(log.words().size(), 2U);
  EXPECT_EQ(log.count("a:cancelled") + log.count("b:cancelled"), 2U);
}

// CPython 3.13 (TG _aexit): errors win, and the outside cancel is delivered at the next suspension.
TEST_P(CancelledGroups, CancelFromOutsideWithFailuresThrowsTheGroupAndCancelsAtTheNextSuspension) {
  Log log;
  run([&]() -> Coro<> {
    auto failing = []() -> Coro<> {
      bool cancelled = false;
      try {
        co_await weft::sleep(1h);
      } catch (weft::CancelledError const&) {
        cancelled = true;
      }
      EXPECT_TRUE(cancelled);
      throw Failure("cleanup");
    };
    auto body = [&]() -> Coro<> {
      std::string seen;
      try {
        co_await weft::task_group([&](weft::TaskGroup& tg) -> Coro<> {
          tg.start_soon(failing());
          co_return;
        });
      } catch (weft::ExceptionGroup const&) {
        seen = describe(std::current_exception());
      }
      log.add(seen);
      EXPECT_EQ(weft::current_task().cancelling(), 1);
      try {
        co_await weft::sleep(1ms);
        log.add("slept");
      } catch (weft::CancelledError const&) {
        log.add("cancelled");
        throw;
      }
    };
    Task<void> task = weft::create_task(body());
    co_await weft::sleep(1ms);
    task.cancel();
    std::string const end = co_await outcome(task);
    EXPECT_EQ(end, "CancelledError");
  });
  EXPECT_EQ(log.text(), "ExceptionGroup[Failure(cleanup)] cancelled");
}

TEST_P(CancelledGroups, CancelFromOutsideWhileAbortingIsNotLost) {
  Log log;
  run([&]() -> Coro<> {
    auto slow_cleanup = []() -> Coro<> {
      bool cancelled = false;
      try {
        co_await weft::sleep(1h);
      } catch (weft::CancelledError const&) {
        cancelled = true;
      }
      EXPECT_TRUE(cancelled);
      co_await weft::sleep(50ms);
    };
    auto body = [&]() -> Coro<> {
      std::string seen;
      try {
        co_await weft::task_group([&](weft::TaskGroup& tg) -> Coro<> {
          tg.start_soon(fail_after(10ms, "x"));
          tg.start_soon(slow_cleanup());
          co_await weft::sleep(1h);
        });
      } catch (weft::ExceptionGroup const&) {
        seen = describe(std::current_exception());
      }
      log.add(seen);
      co_await weft::sleep(1ms);
      log.add("never");
    };
    Task<void> task = weft::create_task(body());
    co_await weft::sleep(30ms);  // the group is aborting and waits for slow_cleanup
    task.cancel();
    std::string const end = co_await outcome(task);
    EXPECT_EQ(end, "CancelledError");
  });
  EXPECT_EQ(log.text(), "ExceptionGroup[Failure(x)]");
}

WEFT_TEST_AT_1_2_8_WORKERS(CancelledGroups);

}  // namespace
}  // namespace weft_test
