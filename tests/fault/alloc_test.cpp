// The n-th allocation of a coroutine frame fails, for every n of small programs: std::bad_alloc comes out of the call that
// made the frame, in gather nothing has been started then, in a group only that create_task fails, and nothing leaks.
#include <weft/runtime/platform/fault.hpp>
#include <weft/runtime/scheduler/frame_pool.hpp>

#include "unit/support.hpp"

#include <functional>
#include <set>

namespace weft_test {
namespace {

namespace fault = weft::engine::fault;

class FailingAllocation : public AtWorkers {
 protected:
  // Runs program once for each n, with the n-th allocation from its start failing, until it needs fewer than n. The
  // program is a coroutine function that catches bad_alloc itself and says what happened; judge looks at that.
  void for_each_failure(std::function<Coro<std::string>()> program, std::set<std::string> const& allowed) {
    std::uint64_t const frames = weft::engine::live_frames();
    int failures = 0;
    for (std::uint64_t n = 1; n < 500; ++n) {
      {
        weft::Runtime runtime(options());
        std::string seen;
        bool injected = false;
        runtime.run([&]() -> Coro<> {
          fault::fail_allocation_after(n);
          try {
            seen = co_await program();
          } catch (std::bad_alloc const&) {
            seen = "bad_alloc";
          }
          injected = fault::count() >= n;
          fault::reset();
        });
        EXPECT_TRUE(allowed.count(seen) == 1 || (injected && seen == "bad_alloc")) << "n = " << n << ": " << seen;
        if (injected) {
          ++failures;
        } else {
          n = 500;
        }
      }
      EXPECT_EQ(weft::engine::live_frames(), frames);
      EXPECT_EQ(live_.load(), 0);
    }
    EXPECT_GT(failures, 0) << "the injection reached the program";
  }

  std::atomic<int> live_{0};
};

Coro<int> leaf(Live, std::atomic<int>* started, int v, bool asleep) {
  started->fetch_add(1);
  if (asleep) co_await weft::sleep(1ms);
  co_return v;
}

TEST_P(FailingAllocation, OfAnAwaitedCoroutine) {
  for_each_failure(
      [&]() -> Coro<std::string> {
        std::atomic<int> started{0};
        int const a = co_await leaf(Live(live_), &started, 1, false);
        int const b = co_await leaf(Live(live_), &started, 2, true);
        co_return a + b == 3 ? "done" : "wrong";
      },
      {"done"});
}

TEST_P(FailingAllocation, OfAGathersChildMeansThatNothingWasStarted) {
  for_each_failure(
      [&]() -> Coro<std::string> {
        std::atomic<int> started{0};
        std::string seen = "done";
        try {
          auto const [a, b, c] = co_await weft::gather(leaf(Live(live_), &started, 1, false), leaf(Live(live_), &started, 2, true),
                                                       leaf(Live(live_), &started, 3, false));
          if (a + b + c != 6 || started.load() != 3) seen = "wrong";
        } catch (std::bad_alloc const&) {
          seen = started.load() == 0 ? "nothing started" : "started " + std::to_string(started.load());
        }
        co_return seen;
      },
      {"done", "nothing started"});
}

TEST_P(FailingAllocation, OfARangesChildMeansThatNothingWasStarted) {
  for_each_failure(
      [&]() -> Coro<std::string> {
        std::atomic<int> started{0};
        std::string seen = "done";
        try {
          std::vector<Coro<int>> many;
          for (int i = 0; i < 5; ++i) many.push_back(leaf(Live(live_), &started, i, i % 2 == 0));
          std::vector<int> const all = co_await weft::gather(std::move(many));
          if (all.size() != 5 || started.load() != 5) seen = "wrong";
        } catch (std::bad_alloc const&) {
          seen = started.load() == 0 ? "nothing started" : "started " + std::to_string(started.load());
        }
        co_return seen;
      },
      {"done", "nothing started"});
}

TEST_P(FailingAllocation, OfATaskLeavesTheOthers) {
  for_each_failure(
      [&]() -> Coro<std::string> {
        std::atomic<int> started{0};
        std::vector<Task<int>> tasks;
        int refused = 0;
        for (int i = 0; i < 4; ++i) {
          try {
            tasks.push_back(weft::create_task(leaf(Live(live_), &started, 1, i % 2 == 0)));
          } catch (std::bad_alloc const&) {
            ++refused;
          }
        }
        int sum = 0;
        for (Task<int> const& t : tasks) {
          int const v = co_await t;
          sum += v;
        }
        co_return sum + refused == 4 && started.load() == sum ? "done" : "wrong";
      },
      {"done"});
}

TEST_P(FailingAllocation, InAGroupOnlyThatCreateTaskFails) {
  for_each_failure(
      [&]() -> Coro<std::string> {
        std::atomic<int> started{0};
        int refused = 0;
        std::string of_body;
        try {
          co_await weft::task_group([&](weft::TaskGroup& tg) -> Coro<> {
            for (int i = 0; i < 4; ++i) {
              try {
                if (i % 2 == 0) {
                  tg.start_soon(leaf(Live(live_), &started, 1, true));
                } else {
                  tg.create_task(leaf(Live(live_), &started, 1, false));
                }
              } catch (std::bad_alloc const&) {
                ++refused;
              }
            }
            co_return;
          });
        } catch (weft::ExceptionGroup const&) {
          of_body = describe(std::current_exception());  // the body's own frame
        }
        if (of_body == "ExceptionGroup[bad_alloc]" && started.load() + refused == 0) co_return "bad_alloc";
        co_return of_body.empty() && started.load() + refused == 4 ? "done" : "wrong";
      },
      {"done"});
}

TEST_P(FailingAllocation, InsideAChildIsItsFailure) {
  for_each_failure(
      [&]() -> Coro<std::string> {
        std::atomic<int> started{0};
        std::string seen = "done";
        auto child = [&](int i) -> Coro<> {
          int const v = co_await leaf(Live(live_), &started, i, true);
          (void)v;
        };
        try {
          co_await weft::task_group([&](weft::TaskGroup& tg) -> Coro<> {
            for (int i = 0; i < 3; ++i) tg.start_soon(child(i));
            co_return;
          });
        } catch (weft::ExceptionGroup const& e) {
          seen = "group";
          for (std::exception_ptr const& error : e.flatten()) {
            if (describe(error) != "bad_alloc") seen = describe(error);
          }
        }
        co_return seen;
      },
      {"done", "group"});
}

TEST_P(FailingAllocation, OfEverythingElseThatMakesFrames) {
  for_each_failure(
      [&]() -> Coro<std::string> {
        std::atomic<int> started{0};
        int const a = co_await weft::timeout(1s, [&](weft::Timeout&) -> Coro<int> {
          int const v = co_await leaf(Live(live_), &started, 1, true);
          co_return v;
        });
        int const b = co_await weft::wait_for(leaf(Live(live_), &started, 2, true), 1s);
        int const c = co_await weft::shield(leaf(Live(live_), &started, 3, true));
        int const d = co_await weft::shielded(leaf(Live(live_), &started, 4, false));
        auto e = co_await weft::as_result(leaf(Live(live_), &started, 5, true));
        weft::Lock lock;
        weft::Event event;
        weft::Queue<int> queue;
        co_await lock.acquire();
        lock.release();
        event.set();
        co_await event.wait();
        co_await queue.put(6);
        int const f = co_await queue.get();
        if (!e.has_value()) co_return "bad_alloc";
        co_return a + b + c + d + e.value() + f == 21 ? "done" : "wrong";
      },
      {"done"});
}

// The runtime's own entry points, from a foreign thread.
TEST_P(FailingAllocation, AtTheEntryPointsIsThrownThere) {
  std::uint64_t const frames = weft::engine::live_frames();
  std::atomic<int> started{0};
  for (std::uint64_t n = 1; n <= 8; ++n) {
    weft::Runtime runtime(options());
    int values = 0;
    int failed = 0;
    for (int i = 0; i < 3; ++i) {
      fault::fail_allocation_after(n);
      std::string const of_submit = outcome_of_call([&] { values += runtime.submit(leaf(Live(live_), &started, 1, true)).get(); });
      fault::fail_allocation_after(n);
      std::string const of_create = outcome_of_call([&] { values += runtime.create_task(leaf(Live(live_), &started, 1, true)).get(); });
      fault::fail_allocation_after(n);
      std::string const of_run = outcome_of_call([&] { values += runtime.run(leaf, Live(live_), &started, 1, true); });
      fault::reset();
      for (std::string const& seen : {of_submit, of_create, of_run}) {
        EXPECT_TRUE(seen == "ok" || seen == "bad_alloc") << seen;
        if (seen == "bad_alloc") ++failed;
      }
    }
    EXPECT_EQ(values + failed, 9);
    EXPECT_EQ(runtime.run(value_after(1ms, 4)), 4) << "the runtime is as good as before";
  }
  EXPECT_EQ(live_.load(), 0);
  EXPECT_EQ(weft::engine::live_frames(), frames);
}

WEFT_TEST_AT_1_2_8_WORKERS(FailingAllocation);

}  // namespace
}  // namespace weft_test
