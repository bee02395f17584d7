// The k-th thread of a runtime cannot be created: the constructor throws std::system_error after joining those that
// started, and the next one works.
#include <weft/runtime/platform/fault.hpp>

#include "unit/support.hpp"

#include <system_error>

namespace weft_test {
namespace {

namespace fault = weft::engine::fault;

std::string construct(weft::Options const& o) {
  try {
    weft::Runtime runtime(o);
    return runtime.run(value_after(1ms, 4)) == 4 ? "works" : "wrong";
  } catch (std::system_error const&) {
    return "system_error";
  }
}

TEST(ThreadCreation, FailingAtTheKthThrowsSystemErrorAndJoinsTheOthers) {
  constexpr unsigned workers = 6;
  unsigned failures = 0;
  for (unsigned k = 1; k <= workers + 1; ++k) {
    std::atomic<int> started{0};
    std::atomic<int> stopped{0};
    weft::Options o;
    o.workers = workers;
    o.on_thread_start = [&](unsigned) { started.fetch_add(1); };
    o.on_thread_stop = [&](unsigned) { stopped.fetch_add(1); };
    fault::fail_thread_creation_at(k);
    std::string const seen = construct(o);
    fault::reset();
    EXPECT_EQ(started.load(), stopped.load()) << "every thread that started has been joined, k = " << k;
    EXPECT_TRUE(seen == "system_error" || seen == "works") << seen;
    if (seen == "system_error") ++failures;
    EXPECT_EQ(construct(o), "works");
  }
  EXPECT_GE(failures, workers - 1);
}

TEST(ThreadCreation, FailureComesOutOfRunAndDestroysTheCoroutineUnstarted) {
  std::atomic<int> live{0};
  Log log;
  auto body = [](Log& l, Live) -> Coro<> {
    l.add("ran");
    co_return;
  };
  weft::Options o;
  o.workers = 4;
  fault::fail_thread_creation_at(2);
  bool failed = false;
  try {
    weft::run(body(log, Live(live)), o);
  } catch (std::system_error const&) {
    failed = true;
  }
  fault::reset();
  EXPECT_TRUE(failed);
  EXPECT_EQ(live.load(), 0);
  EXPECT_EQ(log.text(), "");
  weft::run(body(log, Live(live)), o);
  EXPECT_EQ(log.text(), "ran");
}

TEST(ThreadCreation, ThrowingStartHookIsNotFatal) {
  weft::Options o;
  o.workers = 3;
  o.on_thread_start = [](unsigned index) {
    if (index == 1) throw Failure("hook");
  };
  std::string const seen = outcome_of_call([&] {
    weft::Runtime runtime(o);
    EXPECT_EQ(runtime.run(value_after(1ms, 4)), 4);
  });
  EXPECT_TRUE(seen == "ok" || seen == "Failure(hook)") << seen;
}

TEST(ThreadCreation, OfABlockingThreadFailsOnlyThatCall) {
  weft::Options o;
  o.workers = 2;
  weft::Runtime runtime(o);
  runtime.run([]() -> Coro<> {
    fault::fail_thread_creation_at(1);
    bool failed = false;
    int v = 0;
    try {
      v = co_await weft::to_thread([] { return 5; });
    } catch (std::system_error const&) {
      failed = true;
    }
    fault::reset();
    EXPECT_TRUE(failed || v == 5);
    int const again = co_await weft::to_thread([] { return 6; });
    EXPECT_EQ(again, 6);
  });
}

}  // namespace
}  // namespace weft_test
