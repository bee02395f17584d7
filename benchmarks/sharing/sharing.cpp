// weft_sharing: how many cache lines that other workers hold are written by a fork, a spawn, a finish, a yield, a hand-off in a queue, and by a steal.
//
// The library and this file are compiled with the instrumentation of ThreadSanitizer and linked with a model of the caches (coherence.hpp) instead of its runtime, so what is
// counted is the library as it is, every access of it. WEFT_TSAN=0 gives the code that a release has.
//
//   weft_sharing                  the tables, for 2 and 4 workers
//   weft_sharing --check          small sizes; exits with 1 when a figure is over its bound
//   weft_sharing --where TEXT     only the rows with TEXT in their name, each with the places in the code that write shared lines or wait for another's
//
// TREES are forked by one task and spread over all workers by steals. Everything is counted, that idle workers search and park included; so the figures for a call
// depend on how many steals there were, and those for a steal do not depend on the calls.
//
// LOOPS are run twice. Busy: every worker has a loop of its own, nobody is idle, and each counts what it does itself. It is what an operation costs in itself, and
// it has to be nothing. Alone: one worker has the loop, the others have nothing to do but to look for work, and what they do counts as well.
#include <weft/weft.hpp>

#include <cstdint>
#include <cstdio>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "coherence.hpp"

namespace {

using sharing::Counts;

bool right = true;

void expect(bool condition, char const* what) {
  if (condition) return;
  std::printf("WRONG: %s\n", what);
  right = false;
}

// ---------------------------------------------------------------- trees

weft::Coro<std::uint64_t> fib(std::uint64_t n) {
  if (n < 2) co_return n;
  auto [a, b] = co_await weft::gather(fib(n - 1), fib(n - 2));
  co_return a + b;
}
std::uint64_t fib_number(std::uint64_t n) {
  std::uint64_t a = 0, b = 1;
  for (; n != 0; --n) {
    std::uint64_t const sum = a + b;
    a = b;
    b = sum;
  }
  return a;
}
std::uint64_t fib_children(std::uint64_t n) { return 2 * (fib_number(n + 1) - 1); }

weft::Coro<std::uint64_t> skynet_from(std::uint64_t first, std::uint64_t size) {
  if (size == 1) co_return first;
  std::vector<weft::Coro<std::uint64_t>> children;
  children.reserve(10);
  for (std::uint64_t i = 0; i < 10; ++i) children.push_back(skynet_from(first + i * (size / 10), size / 10));
  auto const sums = co_await weft::gather(std::move(children));
  std::uint64_t sum = 0;
  for (std::uint64_t const part : sums) sum += part;
  co_return sum;
}
weft::Coro<std::uint64_t> skynet(std::uint64_t size) { return skynet_from(0, size); }
std::uint64_t skynet_sum(std::uint64_t size) { return size * (size - 1) / 2; }
std::uint64_t skynet_children(std::uint64_t size) { return (size * 10 - 10) / 9; }

// ---------------------------------------------------------------- loops

weft::Coro<std::uint64_t> one() { co_return 1; }
weft::Coro<> nothing() { co_return; }

// A small tree over and over, so that both sides of a gather are gathers themselves.
weft::Coro<std::uint64_t> small_tree(int depth) {
  if (depth == 0) co_return 1;
  auto [a, b] = co_await weft::gather(small_tree(depth - 1), small_tree(depth - 1));
  co_return a + b + 1;
}
weft::Coro<std::uint64_t> fork(std::uint64_t times) {
  std::uint64_t done = 0;
  while (done < times) {
    std::uint64_t const calls = co_await small_tree(6);
    done += calls - 1;
  }
  co_return done - done % 126 == done ? times : 0;
}

weft::Coro<std::uint64_t> create_task_await(std::uint64_t times) {
  std::uint64_t sum = 0;
  for (std::uint64_t i = 0; i < times; ++i) {
    weft::Task<std::uint64_t> const task = weft::create_task(one());
    sum += co_await task;
  }
  co_return sum;
}

weft::Coro<> start_children(weft::TaskGroup& group, std::uint64_t count) {
  for (std::uint64_t i = 0; i < count; ++i) group.start_soon(nothing());
  co_return;
}
weft::Coro<std::uint64_t> start_soon(std::uint64_t times) {
  std::uint64_t done = 0;
  for (; done < times; done += 100) co_await weft::task_group(start_children, std::uint64_t{100});
  co_return done;
}

weft::Coro<std::uint64_t> yield(std::uint64_t times) {
  for (std::uint64_t i = 0; i < times; ++i) co_await weft::yield_now();
  co_return times;
}

// Two tasks in turns, so that the run queue is used.
weft::Coro<std::uint64_t> yield_in_turns(std::uint64_t times) {
  auto [a, b] = co_await weft::gather(weft::create_task(yield(times / 2)), weft::create_task(yield(times / 2)));
  co_return a + b;
}

weft::Coro<> put(weft::Queue<std::uint64_t>* queue, std::uint64_t times) {
  for (std::uint64_t i = 0; i < times; ++i) co_await queue->put(1);
}
weft::Coro<std::uint64_t> queue(std::uint64_t times) {
  weft::Queue<std::uint64_t> items(16);
  weft::Task<void> const producer = weft::create_task(put(&items, times));
  std::uint64_t sum = 0;
  for (std::uint64_t i = 0; i < times; ++i) sum += co_await items.get();
  co_await producer;
  co_return sum;
}

// ---------------------------------------------------------------- counting

struct Figures {
  std::uint64_t operations = 0;
  Counts counts;
  std::uint64_t steals = 0, searched = 0, parks = 0;
};

struct Work {
  char const* name;
  weft::Coro<std::uint64_t> (*run)(std::uint64_t size);
  std::uint64_t size;
  std::uint64_t result;
  std::uint64_t operations;
};

weft::Options with_workers(unsigned workers) {
  weft::Options options;
  options.workers = workers;
  options.on_thread_start = [](unsigned index) { sharing::enter(index + 1); };
  return options;
}

void add(Figures& figures, weft::Metrics const& metrics, bool after) {
  for (weft::WorkerMetrics const& worker : metrics.workers) {
    figures.steals += after ? worker.steals_won : -worker.steals_won;
    figures.searched += after ? worker.steals_tried : -worker.steals_tried;
    figures.parks += after ? worker.parks : -worker.parks;
  }
}

// One task does it, and every access of every worker counts.
weft::Coro<Figures> count_alone(weft::Runtime* runtime, Work const* work, int rounds) {
  Figures figures;
  std::uint64_t const warm = co_await work->run(work->size);
  expect(warm == work->result, work->name);
  add(figures, runtime->metrics(), false);
  Counts const before = sharing::counted_by_workers();
  for (int i = 0; i < rounds; ++i) {
    std::uint64_t const result = co_await work->run(work->size);
    expect(result == work->result, work->name);
  }
  figures.counts = sharing::counted_by_workers();
  figures.counts -= before;
  add(figures, runtime->metrics(), true);
  figures.operations = work->operations * static_cast<std::uint64_t>(rounds);
  co_return figures;
}

struct Meetings {
  explicit Meetings(unsigned workers) : started(workers), warm(workers), done(workers) {}
  sharing::Meeting started, warm, done;
};

// Each worker has one of these, since who waits in a meeting keeps its worker; and counts its own accesses.
weft::Coro<Figures> count_own(Work const* work, Meetings* meetings) {
  Figures figures;
  meetings->started.arrive_and_wait();
  unsigned const me = sharing::current();
  std::uint64_t const warm = co_await work->run(work->size);
  expect(warm == work->result, work->name);
  meetings->warm.arrive_and_wait();
  Counts const before = sharing::counted_by(me);
  std::uint64_t const result = co_await work->run(work->size);
  figures.counts = sharing::counted_by(me);
  figures.counts -= before;
  meetings->done.arrive_and_wait();
  expect(result == work->result, work->name);
  expect(sharing::current() == me, "a loop has changed its worker");
  figures.operations = work->operations;
  co_return figures;
}

weft::Coro<Figures> count_busy(Work const* work, unsigned workers) {
  Meetings meetings(workers);
  std::vector<weft::Task<Figures>> tasks;
  for (unsigned i = 0; i < workers; ++i) tasks.push_back(weft::create_task(count_own(work, &meetings)));
  Figures sum;
  for (weft::Task<Figures> const& task : tasks) {
    Figures const own = co_await task;
    sum.operations += own.operations;
    sum.counts += own.counts;
  }
  co_return sum;
}

// ---------------------------------------------------------------- tables

double per(std::uint64_t count, std::uint64_t of) { return of == 0 ? 0 : static_cast<double>(count) / static_cast<double>(of); }

void print_row(char const* name, unsigned workers, Figures const& f) {
  std::printf("| %-22s | %u | %9zu | %8.5f | %8.5f | %8.5f | %8.5f | %8.3f | %6.1f | %6.3f | %7zu | %7zu | %5zu | %6zu | %6.1f | %6.1f |\n", name, workers,
              static_cast<std::size_t>(f.operations), per(f.counts.shared_writes, f.operations), per(f.counts.transfers, f.operations),
              per(f.counts.pair_shared_writes, f.operations), per(f.counts.pair_transfers, f.operations), per(f.counts.read_modify_writes, f.operations),
              per(f.counts.accesses, f.operations), per(f.counts.allocations, f.operations), static_cast<std::size_t>(f.steals),
              static_cast<std::size_t>(f.searched), static_cast<std::size_t>(f.parks), static_cast<std::size_t>(f.counts.shared_writes), per(f.counts.shared_writes, f.steals),
              per(f.counts.transfers, f.steals));
}

}  // namespace

int main(int argc, char** argv) {
  bool const check = argc > 1 && std::strcmp(argv[1], "--check") == 0;
  char const* where = argc > 2 && std::strcmp(argv[1], "--where") == 0 ? argv[2] : nullptr;
  std::uint64_t const n = check ? 10'000 : 100'000;
  Work const trees[] = {
      {"fib(20)", fib, 20, fib_number(20), fib_children(20)},
      {"fib(24)", fib, 24, fib_number(24), fib_children(24)},
      {"fib(26)", fib, 26, fib_number(26), fib_children(26)},
      {"skynet", skynet, 100'000, skynet_sum(100'000), skynet_children(100'000)},
  };
  Work const loops[] = {
      {"gather", fork, 126 * (n / 126), 126 * (n / 126), 126 * (n / 126)},
      {"create_task await", create_task_await, n, n, n},
      {"start_soon", start_soon, n, n, n},
      {"yield", yield, n, n, n},
      {"yield, two tasks", yield_in_turns, n, n, n},
      {"queue", queue, n, n, n},
  };
  for (unsigned workers : {2u, 4u}) {
    for (Work const& work : trees) {
      if (where != nullptr && std::string_view(work.name).find(where) == std::string_view::npos) continue;
      sharing::forget();
      weft::Runtime runtime(with_workers(workers));
      sharing::note_places(where != nullptr);
      print_row(work.name, workers, runtime.run(count_alone(&runtime, &work, 1)));
      sharing::note_places(false);
      if (where) sharing::print_places();
    }
    for (Work const& work : loops) {
      if (where != nullptr && std::string_view(work.name).find(where) == std::string_view::npos) continue;
      sharing::forget();
      weft::Runtime runtime(with_workers(workers));
      print_row((std::string(work.name) + " busy").c_str(), workers, runtime.run(count_busy(&work, workers)));
      print_row((std::string(work.name) + " alone").c_str(), workers, runtime.run(count_alone(&runtime, &work, 1)));
    }
  }
  return right ? 0 : 1;
}
