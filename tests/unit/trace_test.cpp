// trace: a file that parses and tells the steps of each worker, from start to stop.
#include "support.hpp"

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>
#include <system_error>
#include <thread>

#include <unistd.h>

#include <nlohmann/json.hpp>

namespace weft_test {
namespace {

using nlohmann::json;

class Trace : public AtWorkers {
 protected:
  void SetUp() override {
    path_ = (std::filesystem::temp_directory_path() / ("weft_trace_" + std::to_string(getpid()) + "_" + std::to_string(GetParam()) + ".json")).string();
  }
  void TearDown() override {
    weft::trace::stop();
    std::filesystem::remove(path_);
    AtWorkers::TearDown();
  }
  std::string const& path() const { return path_; }
  json events() const {
    std::ifstream file(path_);
    return json::parse(file)["traceEvents"];
  }
  static std::size_t count(json const& all, std::string const& name) {
    std::size_t n = 0;
    for (json const& event : all) n += event["name"] == name ? 1U : 0U;
    return n;
  }

 private:
  std::string path_;
};

Coro<> steps(int count) {
  for (int i = 0; i < count; ++i) co_await weft::yield_now();
}

TEST_P(Trace, TellsEachStepWithItsTask) {
  weft::Runtime runtime(options());
  weft::trace::start(path());
  std::uint64_t id = 0;
  runtime.run([&]() -> Coro<> {
    Task<void> task = weft::create_task(steps(10), named("ten steps"));
    id = task.id();
    co_await task;
  });
  weft::trace::stop();
  json const all = events();
  EXPECT_EQ(count(all, "ten steps"), 11u);
  std::set<unsigned> workers;
  for (json const& event : all) {
    EXPECT_TRUE(event.contains("pid") && event.contains("ph")) << event;
    if (event["ph"] == "M") continue;
    EXPECT_GE(event["ts"].get<double>(), 0);
    workers.insert(event["tid"].get<unsigned>());
    if (event["name"] != "ten steps") continue;
    EXPECT_EQ(event["ph"], "X");
    EXPECT_EQ(event["args"]["task"], id);
    EXPECT_GE(event["dur"].get<double>(), 0);
  }
  for (unsigned const worker : workers) EXPECT_LT(worker, GetParam());
  EXPECT_EQ(count(all, "thread_name"), GetParam());
}

TEST_P(Trace, StepsOfOneWorkerDoNotOverlap) {
  weft::trace::start(path());
  run([]() -> Coro<> {
    weft::Strand strand;
    std::vector<Task<void>> tasks;
    for (int i = 0; i < 10; ++i) tasks.push_back(i % 2 == 0 ? strand.create_task(steps(20)) : weft::create_task(steps(20)));
    co_await weft::gather(tasks);
  });
  weft::trace::stop();
  std::map<unsigned, double> ends;
  for (json const& event : events()) {
    if (event["ph"] != "X") continue;
    double const at = event["ts"].get<double>();
    double& end = ends[event["tid"].get<unsigned>()];
    EXPECT_GE(at, end - 0.002) << event;
    end = at + event["dur"].get<double>();
  }
}

TEST_P(Trace, SeesRuntimesThatBeginAndEndMeanwhile) {
  weft::trace::start(path());
  for (int i = 0; i < 3; ++i) run([] { return steps(1); });
  weft::trace::stop();
  json const all = events();
  std::set<int> processes;
  for (json const& event : all)
    if (event["ph"] == "X") processes.insert(event["pid"].get<int>());
  EXPECT_EQ(processes.size(), 3u);
}

TEST_P(Trace, TellsParksAndWakes) {
  weft::Options o = options();
  o.clock = weft::ClockKind::steady;
  weft::trace::start(path());
  {
    weft::Runtime runtime(o);
    auto const has_woken = [](weft::WorkerMetrics const& worker) { return worker.wakeups != 0; };
    runtime.run([&]() -> Coro<> {
      // Whether a worker has to park at all for a short sleep is up to its luck: one that still searches may see the timer first.
      while (std::ranges::none_of(runtime.metrics().workers, has_woken)) co_await weft::sleep(1ms);
    });
  }
  weft::trace::stop();
  json const all = events();
  EXPECT_GE(count(all, "park"), 1u);
  EXPECT_GE(count(all, "wake"), 1u);
}

TEST_P(Trace, IsWrittenOutWhileItGrows) {
  weft::trace::start(path());
  run([] { return steps(10'000); });
  EXPECT_GT(std::filesystem::file_size(path()), 4096u * 20u);
  weft::trace::stop();
  std::size_t found = 0;
  for (json const& event : events()) found += event["ph"] == "X" ? 1U : 0U;
  EXPECT_GE(found, 10'001u);
}

TEST_P(Trace, OffNothingIsWritten) {
  weft::trace::start(path());
  weft::trace::stop();
  auto const size = std::filesystem::file_size(path());
  run([] { return steps(100); });
  EXPECT_EQ(std::filesystem::file_size(path()), size);
  EXPECT_EQ(events().size(), 0u);
  weft::trace::stop();
}

TEST_P(Trace, RefusesBadPathsAndASecondStart) {
  try {
    weft::trace::start("/nowhere/at/all/trace.json");
    FAIL() << "no error";
  } catch (std::system_error const& error) {
    EXPECT_EQ(error.code(), std::errc::no_such_file_or_directory);
    EXPECT_NE(std::string(error.what()).find("/nowhere/at/all/trace.json"), std::string::npos);
  }
  weft::trace::start(path());
  EXPECT_EQ(outcome_of_call([&] { weft::trace::start(path()); }), "RuntimeError");
}

TEST_P(Trace, MayBeginAndEndWhileEverythingRuns) {
  weft::Options o = options();
  o.clock = weft::ClockKind::steady;
  weft::Runtime runtime(o);
  std::atomic<bool> stop{false};
  std::thread switcher([&] {
    while (!stop.load()) {
      weft::trace::start(path());
      weft::trace::stop();
      (void)events();
    }
  });
  runtime.run([]() -> Coro<> {
    for (int i = 0; i < 20; ++i) co_await weft::gather(steps(50), steps(50), steps(50));
  });
  stop.store(true);
  switcher.join();
}

WEFT_TEST_AT_1_2_8_WORKERS(Trace);

}  // namespace
}  // namespace weft_test
