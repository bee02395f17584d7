// Every public name at least once, as a user would write it: what it takes, what it gives, and that it does what it says.
#include <weft/weft.hpp>

#include <array>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <future>
#include <memory>
#include <optional>
#include <span>
#include <stdexcept>
#include <stop_token>
#include <string>
#include <thread>
#include <tuple>
#include <type_traits>
#include <variant>
#include <vector>

using namespace std::chrono_literals;

namespace {

void check(bool ok, char const* what, int line) {
  if (ok) return;
  std::fprintf(stderr, "every_name.cpp:%d: %s\n", line, what);
  std::exit(1);
}
#define CHECK(x) check((x), #x, __LINE__)
#define CHECK_THROWS(E, x) \
  do {                     \
    bool thrown = false;   \
    try {                  \
      (void)(x);           \
    } catch (E const&) {   \
      thrown = true;       \
    }                      \
    CHECK(thrown);         \
  } while (false)

// ---- clock, errors
static_assert(weft::Clock::is_steady && std::is_same_v<weft::Clock::duration, std::chrono::nanoseconds>);
static_assert(std::is_base_of_v<std::runtime_error, weft::RuntimeError> && std::is_base_of_v<weft::RuntimeError, weft::InvalidStateError>);
static_assert(std::is_base_of_v<weft::RuntimeError, weft::Deadlock> && std::is_base_of_v<weft::RuntimeError, weft::BrokenBarrierError>);
static_assert(std::is_base_of_v<std::invalid_argument, weft::ValueError> && std::is_base_of_v<std::runtime_error, weft::TimeoutError>);
static_assert(std::is_base_of_v<std::runtime_error, weft::QueueFull> && std::is_base_of_v<std::runtime_error, weft::QueueEmpty>);
static_assert(std::is_base_of_v<std::runtime_error, weft::QueueShutDown> && std::is_base_of_v<std::exception, weft::ExceptionGroup>);
static_assert(!std::is_base_of_v<std::exception, weft::CancelledError> && !std::is_base_of_v<std::exception, weft::KeyboardInterrupt>);
static_assert(std::is_trivially_destructible_v<weft::TaskOptions> && std::is_trivially_destructible_v<weft::WaitOptions>);
static_assert(std::is_aggregate_v<weft::Options>);
static_assert(std::is_copy_constructible_v<weft::Task<int>> && std::is_default_constructible_v<weft::Task<int>>);
static_assert(!std::is_copy_constructible_v<weft::Coro<int>> && std::is_move_constructible_v<weft::Coro<int>>);

void errors() {
  weft::CancelledError const cancelled("why");
  CHECK(cancelled.message() == "why" && weft::CancelledError().message().empty());
  CHECK(weft::KeyboardInterrupt().what() != nullptr);
  auto inner = std::make_exception_ptr(weft::ExceptionGroup("inner", {std::make_exception_ptr(weft::TimeoutError())}));
  weft::ExceptionGroup const group("outer", {inner, std::make_exception_ptr(std::logic_error("x"))});
  CHECK(group.message() == "outer" && group.exceptions().size() == 2 && group.flatten().size() == 2);
  CHECK(group.contains<std::logic_error>() && !group.contains<weft::ValueError>());
  auto const [matching, rest] = group.split<weft::TimeoutError>();
  CHECK(matching.has_value() && rest.has_value() && matching->flatten().size() == 1);
  CHECK(group.subgroup<std::logic_error>().has_value() && std::string(group.what()).find("outer") != std::string::npos);
}

weft::Coro<int> give(int value) { co_return value; }
weft::Coro<int> give_after(weft::Event& gate, int value) {
  co_await gate.wait();
  co_return value;
}
weft::Coro<> nothing() { co_return; }
weft::Coro<int> later(int value, std::chrono::milliseconds delay) {
  co_await weft::sleep(delay);
  co_return value;
}
weft::Coro<int> fails() {
  co_await weft::yield_now();
  throw std::logic_error("fails");
}
weft::Coro<int&> refer(int& value) { co_return value; }

weft::Coro<> tasks() {
  // Another worker may start a task at once: the gate keeps it from having ended.
  weft::Event gate;
  weft::Task<int> task = weft::create_task(give_after(gate, 1), {.name = "one"});
  CHECK(task.name() == "one" && task.id() != 0 && !task.done() && !task.cancelled());
  CHECK_THROWS(weft::InvalidStateError, task.result());
  CHECK_THROWS(weft::InvalidStateError, task.exception());
  task.set_name("uno");
  std::atomic<bool> told{false};
  task.add_done_callback([&told](weft::Task<int> const& t) { told = t.result() == 1; });
  gate.set();
  int const& seen = co_await task;
  CHECK(seen == 1 && task.result() == 1 && task.exception() == nullptr && task.cancelling() == 0 && task.uncancel() == 0);
  while (!told) co_await weft::yield_now();
  weft::Task<int> const with_arguments = weft::create_task(give, 2);
  weft::Task<int> const named = weft::create_task(weft::TaskOptions{.name = "n"}, give, 3);
  int const two = co_await with_arguments;
  int const three = co_await named;
  CHECK(two == 2 && three == 3 && named.name() == "n" && named == named);
  weft::AnyTask const any = named;
  CHECK(any.done() && any.name() == "n");
  CHECK(!weft::current_task().done() && !weft::all_tasks().empty());
  weft::Task<int> hung = weft::create_task(later(1, 1h));
  CHECK(hung.cancel("enough") && hung.cancelling() == 1);
  weft::Result<int> const ended = co_await weft::as_result(hung);
  CHECK(ended.cancelled() && hung.cancelled() && !ended.has_value());
  int value = 5;
  weft::Task<int&> const reference = weft::create_task(refer(value));
  int& same = co_await reference;
  CHECK(&same == &value);
  weft::Task<std::unique_ptr<int>> owner = weft::create_task([]() -> weft::Coro<std::unique_ptr<int>> { co_return std::make_unique<int>(6); });
  std::unique_ptr<int> const moved = co_await std::move(owner);
  CHECK(*moved == 6);
  CHECK_THROWS(weft::RuntimeError, owner.done());
}

weft::Coro<> gathers() {
  auto [a, none] = co_await weft::gather(give(1), nothing());
  static_assert(std::is_same_v<decltype(none), std::monostate>);
  CHECK(a == 1);
  std::vector<weft::Coro<int>> coros;
  for (int i = 0; i < 3; ++i) coros.push_back(give(i));
  std::vector<int> const values = co_await weft::gather(std::move(coros));
  CHECK(values.size() == 3 && values[2] == 2);
  std::vector<weft::Task<int>> handles{weft::create_task(give(7)), weft::create_task(give(8))};
  std::vector<int> const of_handles = co_await weft::gather(handles);
  CHECK(of_handles[0] + of_handles[1] == 15);
  auto [fine, bad] = co_await weft::gather(weft::return_exceptions, give(1), fails());
  CHECK(fine.has_value() && static_cast<bool>(fine) && *fine == 1 && fine.value() == 1 && !bad && bad.error() != nullptr && bad.value_or(9) == 9);
  CHECK_THROWS(std::logic_error, bad.rethrow_if_error());
  std::vector<weft::Coro<int>> mixed_luck;
  mixed_luck.push_back(give(1));
  mixed_luck.push_back(fails());
  std::vector<weft::Result<int>> const results = co_await weft::gather(weft::return_exceptions, std::move(mixed_luck));
  CHECK(results[0].has_value() && !results[1].has_value());
  weft::Result<std::tuple<int, int>> const aborted = co_await weft::as_result(weft::gather(weft::cancel_on_error, later(1, 1h), fails()));
  CHECK(!aborted && !aborted.cancelled());
  std::array<int, 4> storage{};
  std::vector<weft::Coro<int>> into_storage;
  into_storage.push_back(give(6));
  into_storage.push_back(give(7));
  std::span<int> const filled = co_await weft::gather(weft::into(storage), std::move(into_storage));
  CHECK(filled.size() == 2 && storage[1] == 7);
  auto const first = co_await weft::race(later(1, 1h), give(2));
  CHECK(first.index() == 1 && std::get<1>(first) == 2);
  std::vector<int> const numbers{1, 2, 3, 4};
  auto square = [](int n) -> weft::Coro<int> { co_return n * n; };
  std::vector<int> const squares = co_await weft::map(numbers, square, weft::MapOptions{.concurrency = 2});
  CHECK(squares.back() == 16);
}

weft::Coro<> groups() {
  int const result = co_await weft::task_group([](weft::TaskGroup& tg) -> weft::Coro<int> {
    weft::Task<int> const t = tg.create_task(give(1), {.name = "child"});
    weft::Task<int> const u = tg.create_task(give, 2);
    tg.start_soon(nothing());
    tg.start_soon(give, 3);
    int const x = co_await t;
    int const y = co_await u;
    co_return x + y;
  });
  CHECK(result == 3);
  co_await weft::task_group([](weft::TaskGroup& tg) -> weft::Coro<> {
    tg.start_soon(later(1, 1h));
    tg.cancel();
    co_return;
  });
  bool grouped = false;
  try {
    co_await weft::task_group([](weft::TaskGroup& tg, int) -> weft::Coro<> {
      tg.start_soon(fails());
      co_return;
    }, 1);
  } catch (weft::ExceptionGroup const& group) {
    grouped = group.contains<std::logic_error>();
  }
  CHECK(grouped);
}

weft::Coro<> cancellation() {
  co_await weft::checkpoint();
  int const kept = co_await weft::shielded(give(1));
  int const shielded = co_await weft::shield(weft::create_task(give(2)));
  int const after = co_await weft::finally_(give(3), nothing());
  CHECK(kept + shielded + after == 6);
}

weft::Coro<> time() {
  auto const start = weft::Clock::now();
  co_await weft::sleep(5ms);
  co_await weft::sleep_until(start + 10ms);
  co_await weft::yield_now();
  CHECK(weft::Clock::now() >= start + 10ms);
  int const in_time = co_await weft::wait_for(give(1), 1s);
  int const unbounded = co_await weft::wait_for(give(2), std::nullopt);
  CHECK(in_time == 1 && unbounded == 2);
  weft::Result<int> const late = co_await weft::as_result(weft::wait_for(later(1, 1h), 1ms));
  CHECK(!late && !late.cancelled());
  int const in_block = co_await weft::timeout(1s, [](weft::Timeout& t) -> weft::Coro<int> {
    CHECK(t.when().has_value() && !t.expired());
    t.reschedule(weft::Clock::now() + 2s);
    t.reschedule(std::nullopt);
    co_return 4;
  });
  int const at = co_await weft::timeout_at(std::optional(weft::Clock::now() + 1s), [](weft::Timeout&, int n) -> weft::Coro<int> { co_return n; }, 5);
  CHECK(in_block == 4 && at == 5);
  std::vector<weft::Task<int>> two{weft::create_task(give(1)), weft::create_task(later(2, 1h))};
  weft::WaitResult<weft::Task<int>> const waited = co_await weft::wait(two, {.timeout = 1s, .return_when = weft::FIRST_COMPLETED});
  CHECK(waited.done.size() == 1 && waited.pending.size() == 1);
  CHECK(weft::ReturnWhen::FIRST_EXCEPTION == weft::FIRST_EXCEPTION && weft::ReturnWhen::ALL_COMPLETED == weft::ALL_COMPLETED);
  two[1].cancel();
  weft::WaitResult<weft::Task<int>> const all = co_await weft::wait(two);
  CHECK(all.done.size() == 2);
  std::vector<weft::Coro<int>> coros;
  for (int i = 0; i < 3; ++i) coros.push_back(later(i, std::chrono::milliseconds(3 - i)));
  weft::AsCompleted<int> it = weft::as_completed(std::move(coros), 10s);
  int count = 0;
  while (auto const next = co_await it.next()) count += next->done() ? 1 : 0;  // GCC12: the block of the while declares `next`
  CHECK(count == 3);
}

weft::AsyncGenerator<int> upto(int n) {
  for (int i = 0; i < n; ++i) {
    co_await weft::yield_now();
    co_yield i;
  }
}

weft::Coro<> synchronisation() {
  weft::Event event;
  event.set();
  co_await event.wait();
  CHECK(event.is_set());
  event.clear();
  weft::Lock lock;
  co_await lock.acquire();
  CHECK(lock.locked());
  lock.release();
  { auto const guard = co_await lock.scoped(); }
  CHECK_THROWS(weft::RuntimeError, lock.release());
  weft::Semaphore semaphore(2);
  co_await semaphore.acquire();
  { auto const guard = co_await semaphore.scoped(); }
  CHECK(!semaphore.locked());
  semaphore.release();
  weft::BoundedSemaphore bounded;
  co_await bounded.acquire();
  bounded.release();
  CHECK_THROWS(weft::ValueError, bounded.release());
  CHECK_THROWS(weft::ValueError, weft::Semaphore(-1));
  weft::Condition condition;
  weft::Condition sharing(lock);
  bool ready = false;
  weft::Task<void> const waiter = weft::create_task([&]() -> weft::Coro<> {
    auto const guard = co_await condition.scoped();
    bool const now = co_await condition.wait_for([&ready] { return ready; });
    CHECK(now);
  });
  co_await weft::yield_now();
  co_await condition.acquire();
  CHECK(condition.locked());
  ready = true;
  condition.notify(1);
  condition.notify_all();
  condition.release();
  co_await waiter;
  CHECK_THROWS(weft::RuntimeError, sharing.notify());
  weft::Barrier barrier(2);
  auto [i, j] = co_await weft::gather(barrier.wait(), barrier.wait());
  CHECK(i + j == 1 && barrier.parties() == 2 && barrier.n_waiting() == 0 && !barrier.broken());
  barrier.abort();
  CHECK(barrier.broken());
  barrier.reset();
  weft::Queue<int> queue(1);
  co_await queue.put(1);
  CHECK(queue.full() && !queue.empty() && queue.qsize() == 1);
  CHECK_THROWS(weft::QueueFull, queue.put_nowait(2));
  int const got = co_await queue.get();
  CHECK(got == 1);
  CHECK_THROWS(weft::QueueEmpty, queue.get_nowait());
  queue.task_done();
  co_await queue.join();
  CHECK_THROWS(weft::ValueError, queue.task_done());
  queue.shutdown();
  CHECK_THROWS(weft::QueueShutDown, queue.put_nowait(3));
  weft::PriorityQueue<int> least;
  weft::PriorityQueue<int, std::greater<>> greatest;
  weft::LifoQueue<int> newest;
  for (int const n : {2, 1, 3}) {
    co_await least.put(n);
    greatest.put_nowait(n);
    newest.put_nowait(n);
  }
  CHECK(least.get_nowait() == 1 && greatest.get_nowait() == 3 && newest.get_nowait() == 3);
  weft::CapacityLimiter limiter(2);
  co_await limiter.acquire();
  { auto const guard = co_await limiter.scoped(); }
  CHECK(limiter.borrowed() == 1 && limiter.available() == 1);
  limiter.set_total(3);
  limiter.release();
  weft::Strand strand;
  weft::Task<int> const on_strand = strand.create_task(give(1));
  weft::Task<int> const called = strand.create_task(give, 2);
  int const x = co_await on_strand;
  int const y = co_await called;
  CHECK(x + y == 3);
  weft::AsyncGenerator<int> numbers = upto(3);
  int sum = 0;
  while (auto const next = co_await numbers.next()) sum += *next;  // GCC12: the block of the while declares `next`
  CHECK(sum == 3);
}

weft::ContextVar<int> variable("variable", 1);
weft::ContextVar<std::string> unset("unset");

weft::Coro<> threads_and_context(weft::Runtime& runtime) {
  int const there = co_await weft::to_thread([](int n) { return n + 1; }, 1);
  bool const stoppable = co_await weft::to_thread([](std::stop_token token) { return !token.stop_requested(); });
  CHECK(there == 2 && stoppable);
  CHECK(variable.get() == 1 && unset.get("fallback") == "fallback");
  auto const token = variable.set(2);
  CHECK(variable.get() == 2);
  variable.reset(token);
  CHECK(variable.get() == 1);
  weft::Promise<int> promise;
  weft::Future<int> const future = promise.future();
  CHECK(!future.done() && !future.cancelled());
  // The virtual clock does not know of the thread: without the guard the program would be stuck.
  std::thread thread([p = std::move(promise), out = runtime.external_work()]() mutable { CHECK(p.set_result(3)); });
  int const& set = co_await future;
  CHECK(set == 3 && future.result() == 3 && future.exception() == nullptr && !future.cancel());
  thread.join();
  weft::Promise<void> broken;
  CHECK(broken.set_exception(std::make_exception_ptr(std::logic_error("x"))));
  weft::Result<void> const failed = co_await weft::as_result(broken.future());
  CHECK(!failed);
  weft::Promise<int> dropped;
  CHECK(dropped.cancel("no") && !dropped.set_result(1));
  std::atomic<bool> told{false};
  dropped.future().add_done_callback([&told](weft::Future<int> const& f) { told = f.cancelled(); });
  while (!told) co_await weft::yield_now();
  CHECK(!weft::task_tree().empty() && weft::task_tree_json().front() != ' ');
}

weft::Coro<int> everything(weft::Runtime& runtime) {
  errors();
  co_await tasks();
  co_await gathers();
  co_await groups();
  co_await cancellation();
  co_await time();
  co_await synchronisation();
  co_await threads_and_context(runtime);
  co_return 42;
}

void runtimes() {
  weft::Options options;
  options.workers = 2;
  options.thread_name = "every";
  options.pin = weft::Pin::none;
  options.clock = weft::ClockKind::virtual_time;
  std::atomic<int> started{0};
  options.on_thread_start = [&started](unsigned) { ++started; };
  options.on_thread_stop = [](unsigned) {};
  options.on_unhandled_exception = [](std::exception_ptr, weft::AnyTask const&) { CHECK(false); };
  options.seed = 1;
  options.blocking_threads = 4;
  {
    weft::Runtime runtime(options);
    CHECK(runtime.run(everything(runtime)) == 42 && runtime.run(give, 1) == 1);
    std::future<int> submitted = runtime.submit(give(2));
    std::future<int> called = runtime.submit(give, 3);
    CHECK(submitted.get() == 2 && called.get() == 3);
    weft::Task<int> const task = runtime.create_task(give(4), {.name = "four"});
    weft::Task<int> const with_arguments = runtime.create_task(give, 5);
    CHECK(task.get() == 4 && with_arguments.get() == 5);
    std::promise<void> soon;
    runtime.call_soon_threadsafe([&soon] { soon.set_value(); });
    soon.get_future().get();
    weft::ExternalWork work = runtime.external_work();
    weft::ExternalWork const moved = std::move(work);
    weft::Metrics const metrics = runtime.metrics();
    weft::WorkerMetrics const& worker = metrics.workers.at(0);
    CHECK(metrics.workers.size() == 2 && metrics.timers == 0 && worker.busy >= 0ns);
    (void)(metrics.live_tasks + metrics.frame_bytes + worker.tasks_run + worker.local_pops + worker.steals_tried + worker.steals_won + worker.parks +
           worker.wakeups + worker.queue_depth);
    (void)runtime.all_tasks().size();
    (void)runtime.task_tree().size();
    (void)runtime.task_tree_json().size();
  }
  CHECK(started == 2);
  CHECK(weft::run(give(6)) == 6 && weft::run(give, 7) == 7);
  weft::Options deterministic;
  deterministic.deterministic = true;
  deterministic.clock = weft::ClockKind::virtual_time;
  deterministic.handle_sigint = false;
  CHECK(weft::run(give(8), deterministic) == 8);
  CHECK_THROWS(weft::Deadlock, weft::run([]() -> weft::Coro<> {
    weft::Event never;
    co_await never.wait();
  }(), deterministic));
  CHECK_THROWS(weft::RuntimeError, weft::current_task());
  std::string const path = "every_name_trace.json";
  weft::trace::start(path);
  (void)weft::run(give(9));
  weft::trace::stop();
  std::remove(path.c_str());
}

}  // namespace

int main() {
  runtimes();
  std::puts("every name is there");
}
