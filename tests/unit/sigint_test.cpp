// handle_sigint: the first SIGINT cancels main, and run throws KeyboardInterrupt; a main that swallows the cancel returns
// its value; the old handler is back afterwards.
#include "support.hpp"

#include <csignal>

namespace weft_test {
namespace {

class Sigint : public AtWorkers {
 protected:
  weft::Options interruptible() {
    weft::Options o = options();
    o.handle_sigint = true;
    o.clock = weft::ClockKind::steady;
    return o;
  }
};

TEST_P(Sigint, CancelsMainAndRunThrowsKeyboardInterrupt) {
  Log log;
  std::string seen = "nothing";
  try {
    weft::Runtime runtime(interruptible());
    runtime.run([&]() -> Coro<> {
      weft::create_task(sleep_for_ever(log, "child"));
      co_await weft::yield_now();
      std::raise(SIGINT);
      co_await sleep_for_ever(log, "main");
    });
  } catch (weft::KeyboardInterrupt const& e) {
    seen = e.what() != nullptr ? "KeyboardInterrupt" : "no text";
  }
  EXPECT_EQ(seen, "KeyboardInterrupt");
  EXPECT_EQ(log.count("main:cancelled"), 1U);
}

// CPython: KeyboardInterrupt only if main ends by the cancellation that the signal made.
TEST_P(Sigint, AMainThatSwallowsTheCancelReturnsItsValue) {
  weft::Runtime runtime(interruptible());
  int const v = runtime.run([]() -> Coro<int> {
    std::raise(SIGINT);
    bool cancelled = false;
    try {
      co_await weft::sleep(1h);
    } catch (weft::CancelledError const&) {
      cancelled = true;
    }
    EXPECT_TRUE(cancelled);
    co_return 4;
  });
  EXPECT_EQ(v, 4);
}

int signals_seen = 0;
void count_signal(int) { ++signals_seen; }

TEST_P(Sigint, PutsTheOldHandlerBack) {
  signals_seen = 0;
  auto const old = std::signal(SIGINT, count_signal);
  {
    weft::Runtime runtime(interruptible());
    EXPECT_EQ(runtime.run(value_after(1ms, 1)), 1);
    std::raise(SIGINT);
    EXPECT_EQ(signals_seen, 1) << "outside run it is not ours";
  }
  std::raise(SIGINT);
  EXPECT_EQ(signals_seen, 2);
  std::signal(SIGINT, old);
}

TEST_P(Sigint, WithoutTheOptionTheHandlerIsNotTouched) {
  signals_seen = 0;
  auto const old = std::signal(SIGINT, count_signal);
  EXPECT_EQ(run([]() -> Coro<int> {
              std::raise(SIGINT);
              co_await weft::sleep(1ms);
              co_return 5;
            }),
            5);
  EXPECT_EQ(signals_seen, 1);
  std::signal(SIGINT, old);
}

WEFT_TEST_AT_1_2_8_WORKERS(Sigint);

}  // namespace
}  // namespace weft_test
