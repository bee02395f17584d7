// WEFT_DEBUG=1: slow steps and coroutines that were never awaited are reported on stderr; a failure that nobody retrieved tells its coroutine.
#include "support.hpp"

#include <thread>

namespace weft_test {
namespace {

class Debug : public AtWorkers {
 protected:
  void SetUp() override { setenv("WEFT_DEBUG", "1", 1); }
  void TearDown() override {
    unsetenv("WEFT_DEBUG");
    AtWorkers::TearDown();
  }
  // What goes to stderr while fn(args...) runs as main.
  template <class F>
  std::string stderr_of(F fn) {
    ::testing::internal::CaptureStderr();
    run(std::move(fn));
    return ::testing::internal::GetCapturedStderr();
  }
};

bool contains(std::string const& text, std::string const& part) { return text.find(part) != std::string::npos; }

int occurrences(std::string const& text, std::string const& part) {
  int count = 0;
  for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + part.size())) ++count;
  return count;
}

Coro<> blocks_its_worker() {
  std::this_thread::sleep_for(110ms);
  co_await weft::sleep(1ms);
}

TEST_P(Debug, ASlowStepIsReportedWithItsTaskAndPlace) {
  std::string const text = stderr_of([]() -> Coro<> {
    weft::TaskOptions options;
    options.name = "the slow one";
    co_await weft::create_task(blocks_its_worker(), options);
  });
  EXPECT_TRUE(contains(text, "weft: the slow one held worker ")) << text;
  EXPECT_TRUE(contains(text, " ms, until the await at ")) << text;
  EXPECT_TRUE(contains(text, "blocks_its_worker")) << text;
  EXPECT_TRUE(contains(text, "debug_test.cpp:")) << text;
}

TEST_P(Debug, ATaskOfACallableIsAtThePlaceOfWhatIsCalled) {
  std::string const text = stderr_of([]() -> Coro<> {
    co_await weft::create_task(blocks_its_worker);
    co_await weft::task_group([](weft::TaskGroup& tg) -> Coro<> {
      tg.start_soon(blocks_its_worker);
      co_return;
    });
  });
  EXPECT_EQ(occurrences(text, "held worker"), 2) << text;
  EXPECT_EQ(occurrences(text, "blocks_its_worker"), 2) << text;
  EXPECT_FALSE(contains(text, "coro.hpp")) << text;
}

TEST_P(Debug, ASlowLastStepIsReportedToo) {
  std::string const text = stderr_of([]() -> Coro<> {
    co_await weft::sleep(1ms);
    std::this_thread::sleep_for(110ms);
  });
  EXPECT_TRUE(contains(text, " ms, until its end")) << text;
}

TEST_P(Debug, ASlowGatherThatIsATaskOrAResultEndsWhereItEnds) {
  auto spin = []() -> Coro<> {
    std::this_thread::sleep_for(110ms);
    co_return;
  };
  std::string const text = stderr_of([spin]() -> Coro<> {
    co_await weft::create_task(weft::gather(spin(), weft::checkpoint()));
    auto captured = [spin]() -> Coro<> { (void)co_await weft::as_result(weft::gather(spin(), weft::checkpoint())); };
    co_await weft::create_task(captured);
  });
  EXPECT_EQ(occurrences(text, " ms, until its end"), 2) << text;
}

TEST_P(Debug, ASlowStepOnAStrandIsReportedOnce) {
  std::string const text = stderr_of([]() -> Coro<> {
    weft::Strand strand;
    weft::TaskOptions options;
    options.name = "actor";
    co_await strand.create_task(blocks_its_worker(), options);
  });
  std::size_t const first = text.find("held worker");
  EXPECT_TRUE(contains(text, "weft: actor held worker ")) << text;
  EXPECT_EQ(text.find("held worker", first + 1), std::string::npos) << text;
}

TEST_P(Debug, ASlowCallbackIsReported) {
  std::string const text = stderr_of([]() -> Coro<> {
    Task<int> task = weft::create_task(value_after(1ms, 1));
    weft::Event called;
    task.add_done_callback([&called](Task<int> const&) {
      std::this_thread::sleep_for(110ms);
      called.set();
    });
    co_await called.wait();
  });
  EXPECT_TRUE(contains(text, "weft: a callback held worker ")) << text;
}

Coro<int> forgotten(int n) { co_return n; }

TEST_P(Debug, ACoroutineThatWasNeverAwaitedIsReported) {
  std::string const text = stderr_of([]() -> Coro<> {
    {
      Coro<int> const lost = forgotten(1);
    }
    Coro<int> replaced = forgotten(2);
    replaced = forgotten(3);
    int const used = co_await std::move(replaced);
    EXPECT_EQ(used, 3);
  });
  std::size_t const first = text.find("weft: coroutine was never awaited: ");
  EXPECT_NE(first, std::string::npos) << text;
  EXPECT_NE(text.find("weft: coroutine was never awaited: ", first + 1), std::string::npos) << text;
  EXPECT_TRUE(contains(text, "forgotten")) << text;
  EXPECT_TRUE(contains(text, "debug_test.cpp:")) << text;
}

TEST_P(Debug, ACoroutineThatARefusalDestroysIsNot) {
  std::string const text = stderr_of([]() -> Coro<> {
    std::string const refused = co_await outcome([]() -> Coro<> {
      co_await weft::task_group([](weft::TaskGroup& tg) -> Coro<> {
        tg.cancel();
        (void)tg.create_task(forgotten(1));
        co_return;
      });
    }());
    EXPECT_EQ(refused, "ExceptionGroup[RuntimeError]");
  });
  EXPECT_FALSE(contains(text, "never awaited")) << text;
}

TEST_P(Debug, OffNothingIsReported) {
  unsetenv("WEFT_DEBUG");
  std::string const text = stderr_of([]() -> Coro<> {
    {
      Coro<int> const lost = forgotten(1);
    }
    co_await blocks_its_worker();
  });
  EXPECT_EQ(text, "");
}

TEST_P(Debug, AFailureThatNobodyRetrievedTellsItsCoroutine) {
  weft::Options o;
  o.workers = GetParam();
  o.clock = weft::ClockKind::virtual_time;
  ::testing::internal::CaptureStderr();
  {
    weft::Runtime runtime(o);
    runtime.run([]() -> Coro<> {
      (void)weft::create_task(fail_after(1ms, "x"));
      co_await weft::sleep(2ms);
    });
  }
  std::string const text = ::testing::internal::GetCapturedStderr();
  EXPECT_TRUE(contains(text, "Task exception was never retrieved")) << text;
  EXPECT_TRUE(contains(text, "fail_after")) << text;
}

WEFT_TEST_AT_1_2_8_WORKERS(Debug);

}  // namespace
}  // namespace weft_test
