// metrics: plain numbers that agree with what happened.
#include "support.hpp"

#include <numeric>
#include <stdexcept>
#include <thread>

#include <weft/runtime/scheduler/worker.hpp>

namespace weft_test {
namespace {

class MetricsOf : public AtWorkers {};

template <class Field>
std::uint64_t sum(weft::Metrics const& metrics, Field field) {
  std::uint64_t total = 0;
  for (weft::WorkerMetrics const& worker : metrics.workers) total += field(worker);
  return total;
}

TEST_P(MetricsOf, AFreshRuntimeHasNothingAlive) {
  weft::Runtime runtime(options());
  weft::Metrics const metrics = runtime.metrics();
  EXPECT_EQ(metrics.workers.size(), GetParam());
  EXPECT_EQ(metrics.live_tasks, 0u);
  EXPECT_EQ(metrics.timers, 0u);
}

TEST_P(MetricsOf, CountLiveTasksTimersAndFrames) {
  weft::Runtime runtime(options());
  weft::Metrics const before = runtime.metrics();
  runtime.run([&]() -> Coro<> {
    std::vector<Task<int>> tasks;
    for (int i = 0; i < 100; ++i) tasks.push_back(weft::create_task(value_after(1h, i)));
    co_await weft::sleep(1ms);
    weft::Metrics const metrics = runtime.metrics();
    EXPECT_EQ(metrics.live_tasks, 101u);
    EXPECT_EQ(metrics.timers, 100u);
    EXPECT_GT(metrics.frame_bytes, before.frame_bytes + 100 * 64);
    for (Task<int>& task : tasks) task.cancel();
    co_await weft::gather(weft::return_exceptions, tasks);
    weft::Metrics const after = runtime.metrics();
    EXPECT_EQ(after.live_tasks, 1u);
    EXPECT_EQ(after.timers, 0u);
  });
  weft::Metrics const end = runtime.metrics();
  EXPECT_EQ(end.live_tasks, 0u);
  EXPECT_EQ(end.timers, 0u);
}

TEST_P(MetricsOf, CountSteps) {
  weft::Runtime runtime(options());
  auto const steps = [](weft::WorkerMetrics const& worker) { return worker.tasks_run; };
  std::uint64_t const before = sum(runtime.metrics(), steps);
  runtime.run([]() -> Coro<> {
    for (int i = 0; i < 1000; ++i) co_await weft::yield_now();
  });
  EXPECT_GE(sum(runtime.metrics(), steps), before + 1001);
  std::uint64_t const middle = sum(runtime.metrics(), steps);
  runtime.run([]() -> Coro<> {
    weft::Strand strand;
    co_await strand.create_task([]() -> Coro<> {
      for (int i = 0; i < 1000; ++i) co_await weft::yield_now();
    });
  });
  EXPECT_GE(sum(runtime.metrics(), steps), middle + 1001) << "steps of a strand count, too";
}

TEST_P(MetricsOf, NeverGoBackwards) {
  weft::Options o = options();
  o.clock = weft::ClockKind::steady;
  weft::Runtime runtime(o);
  std::atomic<bool> stop{false};
  std::thread reader([&] {
    weft::Metrics last = runtime.metrics();
    while (!stop.load()) {
      weft::Metrics const now = runtime.metrics();
      for (std::size_t i = 0; i < now.workers.size(); ++i) {
        EXPECT_GE(now.workers[i].tasks_run, last.workers[i].tasks_run);
        EXPECT_GE(now.workers[i].local_pops, last.workers[i].local_pops);
        EXPECT_GE(now.workers[i].steals_tried, last.workers[i].steals_tried);
        EXPECT_GE(now.workers[i].steals_won, last.workers[i].steals_won);
        EXPECT_GE(now.workers[i].steals_tried, now.workers[i].steals_won);
        EXPECT_GE(now.workers[i].parks, last.workers[i].parks);
        EXPECT_GE(now.workers[i].wakeups, last.workers[i].wakeups);
        EXPECT_GE(now.workers[i].busy, last.workers[i].busy);
      }
      last = now;
    }
  });
  runtime.run([]() -> Coro<> {
    for (int i = 0; i < 200; ++i) co_await weft::gather(value_after(0ms, 1), value_after(1ms, 2), weft::sleep(50us));
  });
  stop.store(true);
  reader.join();
}

TEST_P(MetricsOf, BusyTimeIsRealTimeUnderTheVirtualClockToo) {
  weft::Runtime runtime(options());
  runtime.run([]() -> Coro<> {
    co_await weft::sleep(1h);
    std::this_thread::sleep_for(20ms);
    co_await weft::sleep(1h);
  });
  std::chrono::nanoseconds busy{0};
  for (weft::WorkerMetrics const& worker : runtime.metrics().workers) busy += worker.busy;
  EXPECT_GE(busy, 20ms);
  EXPECT_LT(busy, 30min);
}

WEFT_TEST_AT_1_2_8_WORKERS(MetricsOf);

// One stretch follows the other without a gap, so whoever asks in between must hear of all of them.
TEST(BusyTime, ASumReadBetweenTwoStretchesMissesNeither) {
  auto clock = [] { return std::chrono::steady_clock::now().time_since_epoch().count(); };
  weft::engine::BusyTime busy;
  std::int64_t const start = clock();
  busy.begin(start);
  std::atomic<std::int64_t> passed{start};
  std::atomic<bool> stop{false};
  std::thread writer([&] {
    while (!stop.load()) {
      std::int64_t const now = clock();
      passed.store(now);
      busy.end(now);
      busy.begin(now);
    }
  });
  for (int i = 0; i < 20'000; ++i) {
    std::int64_t const so_far = passed.load();
    std::int64_t const sum = busy.get(clock);
    EXPECT_GE(sum, so_far - start);
    EXPECT_LE(sum, clock() - start);
  }
  stop.store(true);
  writer.join();
}

TEST(BusyTime, StandsStillBetweenTheStretches) {
  weft::engine::BusyTime busy;
  auto never = []() -> std::int64_t { throw std::logic_error("the clock is not needed"); };
  EXPECT_EQ(busy.get(never), 0);
  busy.begin(100);
  EXPECT_EQ(busy.get([] { return std::int64_t{130}; }), 30);
  busy.end(150);
  EXPECT_EQ(busy.get(never), 50);
  busy.begin(1000);
  EXPECT_EQ(busy.get([] { return std::int64_t{1001}; }), 51);
  EXPECT_EQ(busy.get([] { return std::int64_t{1000}; }), 51) << "never less than an earlier answer";
  busy.end(1010);
  EXPECT_EQ(busy.get(never), 60);
}

}  // namespace
}  // namespace weft_test
