// timeout, timeout_at and wait_for after CPython 3.13: which cancellation becomes TimeoutError and which does not, what
// rescheduling does, nesting with groups and other timeouts, and that nothing is left over behind the block.
#include <atomic>
#include <thread>

#include "support.hpp"

namespace weft_test {
namespace {

class Timeouts : public AtWorkers {};

TEST_P(Timeouts, BodyInTimeGivesItsValueAndLeavesNoTimer) {
  run([]() -> Coro<> {
    Elapsed const clock;
    int const v = co_await weft::timeout(50ms, [](weft::Timeout& t) -> Coro<int> {
      co_await weft::sleep(10ms);
      EXPECT_FALSE(t.expired());
      co_return 4;
    });
    EXPECT_EQ(v, 4);
    EXPECT_EQ(clock.ms(), 10ms);
    co_await weft::sleep(100ms);
    EXPECT_EQ(clock.ms(), 110ms);
    EXPECT_EQ(weft::current_task().cancelling(), 0);
  });
}

TEST_P(Timeouts, BodyTooLateIsCancelledAndTheBlockThrowsTimeoutError) {
  Log log;
  run([&]() -> Coro<> {
    auto body = [&]() -> Coro<> {
      co_await weft::timeout(20ms, [&](weft::Timeout& t) -> Coro<> {
        try {
          co_await weft::sleep(1h);
        } catch (weft::CancelledError const&) {
          log.add(t.expired() ? "expired" : "not expired");
          throw;
        }
      });
    };
    Elapsed const clock;
    std::string const seen = co_await outcome(body());
    EXPECT_EQ(seen, "TimeoutError");
    EXPECT_EQ(clock.ms(), 20ms);
    EXPECT_EQ(weft::current_task().cancelling(), 0);
    co_await weft::sleep(1ms);
  });
  EXPECT_EQ(log.text(), "expired");
}

TEST_P(Timeouts, PassesArgumentsAndKeepsTheCallableAlive) {
  std::atomic<int> live{0};
  run([&]() -> Coro<> {
    Live const token(live);
    auto body = [token](weft::Timeout&, std::string text, int n) -> Coro<std::string> {
      co_await weft::sleep(1ms);
      co_return text + std::to_string(n);
    };
    std::string const s = co_await weft::timeout(1s, body, std::string("a"), 5);
    EXPECT_EQ(s, "a5");
    std::string const t = co_await weft::timeout_at(Clock::now() + 1s, body, std::string("b"), 6);
    EXPECT_EQ(t, "b6");
  });
  EXPECT_EQ(live.load(), 0);
}

TEST_P(Timeouts, NoDeadlineNeverFires) {
  run([]() -> Coro<> {
    Elapsed const clock;
    int const v = co_await weft::timeout(std::nullopt, [](weft::Timeout& t) -> Coro<int> {
      EXPECT_FALSE(t.when().has_value());
      co_await weft::sleep(24h);
      co_return 1;
    });
    int const w = co_await weft::timeout_at(std::nullopt, [](weft::Timeout&) -> Coro<int> { co_return 2; });
    int const x = co_await weft::wait_for(value_after(1ms, 3), std::nullopt);
    EXPECT_EQ(v * 100 + w * 10 + x, 123);
    EXPECT_EQ(clock.ms(), 24h + 1ms);
  });
}

TEST_P(Timeouts, WhenIsTheDeadlineAndTimeoutAtTakesIt) {
  run([]() -> Coro<> {
    Clock::time_point const start = Clock::now();
    co_await weft::timeout(30ms, [start](weft::Timeout& t) -> Coro<> {
      EXPECT_TRUE(t.when().has_value());
      if (t.when()) {
        EXPECT_EQ(*t.when(), start + 30ms);
      }
      co_return;
    });
    auto body = [start]() -> Coro<> {
      co_await weft::timeout_at(start + 70ms, [](weft::Timeout&) -> Coro<> { co_await weft::sleep(1h); });
    };
    std::string const seen = co_await outcome(body());
    EXPECT_EQ(seen, "TimeoutError");
    EXPECT_EQ(Clock::now(), start + 70ms);
  });
}

TEST_P(Timeouts, PastDeadlinesLetTheBodyRunToItsFirstSuspension) {
  Log log;
  run([&]() -> Coro<> {
    std::vector<milliseconds> const past{0ms, -5ms};
    for (milliseconds const d : past) {
      auto suspends = [&]() -> Coro<> {
        co_await weft::timeout(d, [&](weft::Timeout&) -> Coro<> {
          log.add("begun");
          co_await weft::sleep(1h);
          log.add("never");
        });
      };
      Elapsed const clock;
      std::string const seen = co_await outcome(suspends());
      EXPECT_EQ(seen, "TimeoutError");
      EXPECT_EQ(clock.ms(), 0ms);
    }
    co_await weft::sleep(1ms);
  });
  EXPECT_EQ(log.text(), "begun begun");
}

TEST_P(Timeouts, PastDeadlinesEndABodyThatNeverWaits) {
  run([]() -> Coro<> {
    auto yields = []() -> Coro<> {
      co_await weft::timeout(0s, [](weft::Timeout& t) -> Coro<> {
        EXPECT_FALSE(t.expired());
        while (true) co_await weft::yield_now();
      });
    };
    std::string const of_yields = co_await outcome(yields());
    EXPECT_EQ(of_yields, "TimeoutError");
    // Handing a turn to and fro with another task keeps the workers busy without a yield.
    weft::Queue<int> there, back;
    auto partner = [&]() -> Coro<> {
      while (true) {
        int const ball = co_await there.get();
        if (ball < 0) co_return;
        back.put_nowait(ball);
      }
    };
    auto plays = [&]() -> Coro<> {
      co_await weft::timeout_at(Clock::now() - 1s, [&](weft::Timeout&) -> Coro<> {
        while (true) {
          there.put_nowait(1);
          int const ball = co_await back.get();
          EXPECT_EQ(ball, 1);
        }
      });
    };
    Task<void> const other = weft::create_task(partner());
    std::string const of_plays = co_await outcome(plays());
    EXPECT_EQ(of_plays, "TimeoutError");
    there.put_nowait(-1);
    co_await other;
    EXPECT_EQ(weft::current_task().cancelling(), 0);
  });
}

TEST_P(Timeouts, PastDeadlineMayBeRescheduledBeforeItStrikes) {
  run([]() -> Coro<> {
    int const v = co_await weft::timeout(0s, [](weft::Timeout& t) -> Coro<int> {
      t.reschedule(std::nullopt);
      co_await weft::yield_now();
      t.reschedule(Clock::now() - 1s);
      t.reschedule(Clock::now() + 1s);
      co_await weft::sleep(10ms);
      co_return 3;
    });
    EXPECT_EQ(v, 3);
  });
}

TEST_P(Timeouts, ReschedulesLaterEarlierAndNever) {
  run([]() -> Coro<> {
    Elapsed const clock;
    auto later = []() -> Coro<> {
      co_await weft::timeout(10ms, [](weft::Timeout& t) -> Coro<> {
        t.reschedule(Clock::now() + 50ms);
        co_await weft::sleep(1h);
      });
    };
    std::string const of_later = co_await outcome(later());
    EXPECT_EQ(of_later, "TimeoutError");
    EXPECT_EQ(clock.ms(), 50ms);
    auto earlier = []() -> Coro<> {
      co_await weft::timeout(1h, [](weft::Timeout& t) -> Coro<> {
        co_await weft::sleep(5ms);
        t.reschedule(Clock::now() + 5ms);
        co_await weft::sleep(1h);
      });
    };
    std::string const of_earlier = co_await outcome(earlier());
    EXPECT_EQ(of_earlier, "TimeoutError");
    EXPECT_EQ(clock.ms(), 60ms);
    int const v = co_await weft::timeout(10ms, [](weft::Timeout& t) -> Coro<int> {
      t.reschedule(std::nullopt);
      EXPECT_FALSE(t.when().has_value());
      co_await weft::sleep(1h);
      co_return 6;
    });
    EXPECT_EQ(v, 6);
    auto from_never = []() -> Coro<> {
      co_await weft::timeout(std::nullopt, [](weft::Timeout& t) -> Coro<> {
        t.reschedule(Clock::now() + 7ms);
        co_await weft::sleep(1h);
      });
    };
    Elapsed const again;
    std::string const of_never = co_await outcome(from_never());
    EXPECT_EQ(of_never, "TimeoutError");
    EXPECT_EQ(again.ms(), 7ms);
  });
}

TEST_P(Timeouts, RescheduleIntoThePastFiresAndAfterFiringThrowsRuntimeError) {
  run([]() -> Coro<> {
    std::string seen;
    auto body = [&]() -> Coro<> {
      co_await weft::timeout(1h, [&](weft::Timeout& t) -> Coro<> {
        t.reschedule(Clock::now() - 1s);
        bool cancelled = false;
        try {
          co_await weft::sleep(1h);
        } catch (weft::CancelledError const&) {
          cancelled = true;
        }
        EXPECT_TRUE(cancelled);
        seen = outcome_of_call([&] { t.reschedule(Clock::now() + 1s); });
        throw weft::CancelledError();
      });
    };
    Elapsed const clock;
    std::string const end = co_await outcome(body());
    EXPECT_EQ(end, "TimeoutError");
    EXPECT_EQ(clock.ms(), 0ms);
    EXPECT_EQ(seen, "RuntimeError");
  });
}

TEST_P(Timeouts, BodyThatSwallowsItsCancelAndReturnsGivesItsValue) {
  run([]() -> Coro<> {
    int const v = co_await weft::timeout(5ms, [](weft::Timeout& t) -> Coro<int> {
      bool cancelled = false;
      try {
        co_await weft::sleep(1h);
      } catch (weft::CancelledError const&) {
        cancelled = true;
      }
      EXPECT_TRUE(cancelled);
      EXPECT_TRUE(t.expired());
      co_return 8;
    });
    EXPECT_EQ(v, 8);
    EXPECT_EQ(weft::current_task().cancelling(), 0);
    co_await weft::sleep(1ms);
  });
}

TEST_P(Timeouts, OtherErrorOfTheExpiredBodyPasses) {
  run([]() -> Coro<> {
    auto body = []() -> Coro<> {
      co_await weft::timeout(5ms, [](weft::Timeout&) -> Coro<> {
        bool cancelled = false;
        try {
          co_await weft::sleep(1h);
        } catch (weft::CancelledError const&) {
          cancelled = true;
        }
        EXPECT_TRUE(cancelled);
        throw Failure("cleanup");
      });
    };
    std::string const seen = co_await outcome(body());
    EXPECT_EQ(seen, "Failure(cleanup)");
    EXPECT_EQ(weft::current_task().cancelling(), 0);
    co_await weft::sleep(1ms);
  });
}

TEST_P(Timeouts, OuterCancelPassesAsCancelledError) {
  run([]() -> Coro<> {
    auto body = []() -> Coro<> {
      co_await weft::timeout(1h, [](weft::Timeout&) -> Coro<> { co_await weft::sleep(2h); });
    };
    Task<void> task = weft::create_task(body());
    co_await weft::sleep(5ms);
    task.cancel("outer");
    std::string const seen = co_await outcome(task);
    EXPECT_EQ(seen, "CancelledError(outer)");
    EXPECT_TRUE(task.cancelled());
  });
}

TEST_P(Timeouts, CancelBesideTheTimeoutWins) {
  run([]() -> Coro<> {
    auto body = []() -> Coro<> {
      co_await weft::timeout(5ms, [](weft::Timeout&) -> Coro<> {
        bool cancelled = false;
        try {
          co_await weft::sleep(1h);
        } catch (weft::CancelledError const&) {
          cancelled = true;
        }
        EXPECT_TRUE(cancelled);
        weft::current_task().cancel("also");
        EXPECT_EQ(weft::current_task().cancelling(), 2);
        co_await weft::sleep(1h);
      });
    };
    Task<void> const task = weft::create_task(body());
    std::string const seen = co_await outcome(task);
    EXPECT_EQ(seen, "CancelledError(also)");
    EXPECT_EQ(task.cancelling(), 1);
  });
}

TEST_P(Timeouts, NestInsideOneAnother) {
  run([]() -> Coro<> {
    auto nested = [](milliseconds outer, milliseconds inner, std::string* at) -> Coro<> {
      co_await weft::timeout(outer, [inner, at](weft::Timeout&) -> Coro<> {
        try {
          co_await weft::timeout(inner, [](weft::Timeout&) -> Coro<> { co_await weft::sleep(1h); });
        } catch (weft::TimeoutError const&) {
          *at = "inner";
          throw;
        } catch (weft::CancelledError const&) {
          *at = "outer";
          throw;
        }
      });
    };
    std::string at;
    Elapsed const clock;
    std::string const a = co_await outcome(nested(50ms, 10ms, &at));
    EXPECT_EQ(a + " " + at, "TimeoutError inner");
    EXPECT_EQ(clock.ms(), 10ms);
    std::string const b = co_await outcome(nested(10ms, 50ms, &at));
    EXPECT_EQ(b + " " + at, "TimeoutError outer");
    EXPECT_EQ(clock.ms(), 20ms);
    std::string const c = co_await outcome(nested(10ms, 10ms, &at));
    EXPECT_EQ(c, "TimeoutError") << "both at the same tick";
    EXPECT_EQ(weft::current_task().cancelling(), 0);
    co_await weft::sleep(100ms);
    EXPECT_EQ(clock.ms(), 130ms);
  });
}

TEST_P(Timeouts, InsideAGroupInsideATimeout) {
  Log log;
  run([&]() -> Coro<> {
    auto child = [&](milliseconds limit, std::string name) -> Coro<> {
      try {
        co_await weft::timeout(limit, [&](weft::Timeout&) -> Coro<> { co_await sleep_for_ever(log, name); });
      } catch (weft::TimeoutError const&) {
        log.add(name + ":timeout");
      }
    };
    auto body = [&]() -> Coro<> {
      co_await weft::timeout(30ms, [&](weft::Timeout&) -> Coro<> {
        co_await weft::task_group([&](weft::TaskGroup& tg) -> Coro<> {
          tg.start_soon(child(10ms, "quick"));
          tg.start_soon(child(1h, "slow"));
          co_return;
        });
      });
    };
    Elapsed const clock;
    std::string const seen = co_await outcome(body());
    EXPECT_EQ(seen, "TimeoutError");
    EXPECT_EQ(clock.ms(), 30ms);
    EXPECT_EQ(weft::current_task().cancelling(), 0);
  });
  EXPECT_EQ(log.text(), "quick:cancelled quick:timeout slow:cancelled");
}

TEST_P(Timeouts, TimeoutErrorOfAChildIsAFailureOfItsGroupInsideATimeout) {
  run([]() -> Coro<> {
    auto child = []() -> Coro<> {
      co_await weft::timeout(10ms, [](weft::Timeout&) -> Coro<> { co_await weft::sleep(1h); });
    };
    auto body = [&]() -> Coro<> {
      co_await weft::timeout(1h, [&](weft::Timeout&) -> Coro<> {
        co_await weft::task_group([&](weft::TaskGroup& tg) -> Coro<> {
          tg.start_soon(child());
          tg.start_soon(value_after(2h, 1));
          co_await weft::sleep(2h);
        });
      });
    };
    Elapsed const clock;
    std::string const seen = co_await outcome(body());
    EXPECT_EQ(seen, "ExceptionGroup[TimeoutError]");
    EXPECT_EQ(clock.ms(), 10ms);
    EXPECT_EQ(weft::current_task().cancelling(), 0);
  });
}

TEST_P(Timeouts, OfAGatherReachesItsPartsAndInPartsReachesOnlyThem) {
  Log log;
  run([&]() -> Coro<> {
    auto whole = [&]() -> Coro<> {
      co_await weft::timeout(10ms, [&](weft::Timeout&) -> Coro<> {
        auto r = co_await weft::gather(sleep_for_ever(log, "a"), sleep_for_ever(log, "b"));
        (void)r;
      });
    };
    std::string const seen = co_await outcome(whole());
    EXPECT_EQ(seen, "TimeoutError");
    EXPECT_EQ(log.words().size(), 2U);
    auto limited = [&]() -> Coro<std::string> {
      std::string const s = co_await outcome(whole());
      co_return s;
    };
    auto const [x, y] = co_await weft::gather(limited(), value_after(40ms, 5));
    EXPECT_EQ(x, "TimeoutError");
    EXPECT_EQ(y, 5);
  });
}

TEST_P(Timeouts, ThousandsAtOnceEachHitTheirOwn) {
  std::atomic<int> hit{0};
  std::atomic<int> missed{0};
  run([&]() -> Coro<> {
    auto one = [&](int i) -> Coro<> {
      try {
        co_await weft::timeout(10ms, [i](weft::Timeout&) -> Coro<> {
          co_await weft::sleep(milliseconds(i % 2 == 0 ? 5 : 15));
        });
        hit.fetch_add(1);
      } catch (weft::TimeoutError const&) {
        missed.fetch_add(1);
      }
      EXPECT_EQ(weft::current_task().cancelling(), 0);
    };
    co_await weft::task_group([&](weft::TaskGroup& tg) -> Coro<> {
      for (int i = 0; i < 2000; ++i) tg.start_soon(one(i));
      co_return;
    });
  });
  EXPECT_EQ(hit.load(), 1000);
  EXPECT_EQ(missed.load(), 1000);
}

// asyncio has one count of requests, so which of them uncancel() takes back is nobody's choice; the block's own is still there when it ends.
TEST_P(Timeouts, ARequestTakenBackInsideLeavesTheBlocksOwn) {
  run([]() -> Coro<> {
    std::string outcome = "none";
    try {
      co_await weft::timeout(30ms, [](weft::Timeout&) -> Coro<> {
        try {
          co_await weft::sleep(1h);
        } catch (weft::CancelledError const&) {
          EXPECT_TRUE(weft::current_task().cancel());
          EXPECT_EQ(weft::current_task().uncancel(), 1);
          throw;
        }
      });
    } catch (weft::TimeoutError const&) {
      outcome = "timeout";
    } catch (weft::CancelledError const&) {
      outcome = "cancelled";
    }
    EXPECT_EQ(outcome, "timeout");
    EXPECT_EQ(weft::current_task().cancelling(), 0);
  });
}

// A request that was pending when the block began, seen and swallowed in it: when the block's time is up later, that is all that is seen outside.
TEST_P(Timeouts, ARequestSeenInTheBlockBeforeItsTimeIsUpIsNotSeenAgainBehindIt) {
  for (bool const in_an_inner_block : {false, true}) {
    run([&]() -> Coro<> {
      auto swallow = []() -> Coro<> {
        bool seen = false;
        try {
          co_await weft::sleep(1h);
        } catch (weft::CancelledError const&) {
          seen = true;
        }
        EXPECT_TRUE(seen);
      };
      auto block = [&](weft::Timeout&) -> Coro<> {
        if (in_an_inner_block) co_await weft::timeout(1h, [&](weft::Timeout&) -> Coro<> { co_await swallow(); });
        else co_await swallow();
        co_await weft::sleep(1h);
      };
      auto body = [&]() -> Coro<> {
        EXPECT_TRUE(weft::current_task().cancel());
        std::string const end = co_await outcome(weft::timeout(30ms, block));
        EXPECT_EQ(end, "TimeoutError");
        EXPECT_EQ(weft::current_task().cancelling(), 1);
        co_await weft::sleep(1ms);
      };
      Task<void> task = weft::create_task(body);
      std::string const end = co_await outcome(task);
      EXPECT_EQ(end, "ok");
    });
  }
}

// A body that takes back what its block has asked for, and then asks for its own cancellation: the block takes that back when it ends, and what was not
// delivered is void, because there is one count (CPython 3.13).
TEST_P(Timeouts, AnEndTakesBackOneRequestWhicheverItIs) {
  run([]() -> Coro<> {
    auto swallow = []() -> Coro<> {
      std::string const seen = co_await outcome([]() -> Coro<> { co_await weft::sleep(1h); }());
      EXPECT_EQ(seen, "CancelledError");
    };
    weft::AnyTask self = weft::current_task();
    auto taken = [&](weft::Timeout&) -> Coro<> {
      co_await swallow();
      EXPECT_EQ(self.uncancel(), 0);
      EXPECT_TRUE(self.cancel());
    };
    co_await weft::timeout(30ms, taken);
    EXPECT_EQ(self.cancelling(), 0);
    co_await weft::checkpoint();

    auto left = [&](weft::Timeout&) -> Coro<> {
      co_await swallow();
      EXPECT_TRUE(self.cancel());
      EXPECT_EQ(self.uncancel(), 1);
    };
    co_await weft::timeout(1h, [&](weft::Timeout&) -> Coro<> {
      co_await weft::timeout(30ms, left);
      EXPECT_EQ(self.cancelling(), 0);
      co_await weft::checkpoint();
    });
  });
}

// What brings one part's count to zero makes nothing void of what the block of another part has asked for.
TEST(TimeoutsOfParts, AnotherPartsUncancelLeavesTheBlocksOwn) {
  weft::Options options;
  options.workers = 2;
  weft::Runtime runtime(options);
  runtime.run([]() -> Coro<> {
    std::atomic<bool> expired = false, taken_back = false;
    auto block = [&](weft::Timeout& timeout) -> Coro<> {
      while (!timeout.expired()) std::this_thread::yield();
      expired = true;
      while (!taken_back) std::this_thread::yield();
      co_await weft::sleep(10s);
    };
    auto in_a_block = [&]() -> Coro<std::string> { co_return co_await outcome(weft::timeout(1ms, block)); };
    auto other = [&]() -> Coro<int> {
      while (!expired) co_await weft::sleep(1ms);
      weft::current_task().cancel();
      int const left = weft::current_task().uncancel();
      taken_back = true;
      co_return left;
    };
    auto const [end, left] = co_await weft::gather(in_a_block(), other());
    EXPECT_EQ(end, "TimeoutError");
    EXPECT_EQ(left, 0);
  });
}

WEFT_TEST_AT_1_2_8_WORKERS(Timeouts);

}  // namespace
}  // namespace weft_test
