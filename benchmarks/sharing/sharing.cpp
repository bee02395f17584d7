// weft_sharing: how many cache lines that other workers hold are written by a fork, a spawn, a finish, a yield, a hand-off in a queue, and by a steal.
//
// The library and this file are compiled with the instrumentation of ThreadSanitizer and linked with a model of the caches (coherence.hpp) instead of its runtime, so what is
// counted is the library as it is, every access of it. WEFT_TSAN=0 gives the code that a release has.
//
//   weft_sharing                  the tables, for 2 and 4 workers
//   weft_sharing --check          small sizes; exits with 1 when a figure is over its bound
//   weft_sharing --where TEXT     only the rows with TEXT in their name, each with the places in the code that write shared lines, wait for another's, or are atomic
//                                 read-modify-writes (needs addr2line)
//
// BUSY: every worker has a loop of its own, and while one has not ended no worker is idle; each counts what it does itself. So this is what an operation costs where all
// cores have work of their own. The workers take turns of some hundred accesses, so that what their operations share shows, however the machine schedules them.
// TREES are forked by one task and spread over all workers by steals. Everything is counted, that idle workers search and park included.
// STEALS: each operation is one steal, since its two halves wait for each other on two workers. To be found by a searching worker is part of it.
// ALONE: one worker has the loop, the others have nothing to do but to look for work. A look reads the owner's queues, so the owner's next write there is to a line that
// another holds; and what is taken away takes its lines along.
#include <weft/weft.hpp>

#include <cstdint>
#include <cstdio>
#include <cstring>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "coherence.hpp"

namespace {

using sharing::Counts;

bool right = true;
// What is noted while something is counted.
sharing::Note noted = sharing::Note::sharing;

void expect(bool condition, std::string const& what) {
  if (condition) return;
  std::printf("WRONG: %s\n", what.c_str());
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

// A small tree over and over, so that both sides of a gather are gathers themselves.
constexpr std::uint64_t small_children = 126;
weft::Coro<std::uint64_t> small_tree(int depth) {
  if (depth == 0) co_return 1;
  auto [a, b] = co_await weft::gather(small_tree(depth - 1), small_tree(depth - 1));
  co_return a + b + 1;
}
weft::Coro<std::uint64_t> fork(std::uint64_t times) {
  std::uint64_t children = 0;
  while (children < times) {
    std::uint64_t const calls = co_await small_tree(6);
    children += calls - 1;
  }
  co_return children;
}

// Tasks say whether they run on another worker than the one that made them.
weft::Coro<std::uint64_t> one(unsigned maker) {
  sharing::count_moved(maker);
  co_return 1;
}
weft::Coro<> nothing(unsigned maker) {
  sharing::count_moved(maker);
  co_return;
}

weft::Coro<std::uint64_t> create_task_await(std::uint64_t times) {
  std::uint64_t sum = 0;
  for (std::uint64_t i = 0; i < times; ++i) {
    weft::Task<std::uint64_t> const task = weft::create_task(one(sharing::current()));
    sum += co_await task;
  }
  co_return sum;
}

constexpr std::uint64_t group_children = 100;
weft::Coro<> start_children(weft::TaskGroup& group) {
  for (std::uint64_t i = 0; i < group_children; ++i) group.start_soon(nothing(sharing::current()));
  co_return;
}
weft::Coro<std::uint64_t> start_soon(std::uint64_t times) {
  std::uint64_t done = 0;
  for (; done < times; done += group_children) co_await weft::task_group(start_children);
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

// An item says who put it.
weft::Coro<> put(weft::Queue<unsigned>* queue, std::uint64_t times) {
  for (std::uint64_t i = 0; i < times; ++i) co_await queue->put(sharing::current());
}
weft::Coro<std::uint64_t> queue(std::uint64_t times) {
  weft::Queue<unsigned> items(16);
  weft::Task<void> const producer = weft::create_task(put(&items, times));
  std::uint64_t got = 0;
  for (; got < times; ++got) {
    unsigned const maker = co_await items.get();
    sharing::count_moved(maker);
  }
  co_await producer;
  co_return got;
}

// ---------------------------------------------------------------- steals

weft::Coro<std::uint64_t> meet(sharing::Meeting* meeting) {
  meeting->arrive_and_wait();
  co_return 1;
}
weft::Coro<std::uint64_t> child_stolen(std::uint64_t times) {
  std::uint64_t met = 0;
  for (std::uint64_t i = 0; i < times; ++i) {
    sharing::Meeting meeting(2);
    auto [a, b] = co_await weft::gather(meet(&meeting), meet(&meeting));
    met += a + b;
  }
  co_return met / 2;
}
weft::Coro<std::uint64_t> task_stolen(std::uint64_t times) {
  std::uint64_t met = 0;
  for (std::uint64_t i = 0; i < times; ++i) {
    sharing::Meeting meeting(2);
    weft::Task<std::uint64_t> const task = weft::create_task(meet(&meeting));
    meeting.arrive_and_wait();
    met += co_await task;
  }
  co_return met;
}

// ---------------------------------------------------------------- counting

struct Figures {
  std::uint64_t operations = 0;
  Counts counts;
  // Steals that got something, and tries that did not.
  std::uint64_t steals = 0, looks = 0;
};

struct Work {
  char const* name;
  weft::Coro<std::uint64_t> (*run)(std::uint64_t size);
  std::uint64_t size;
  std::uint64_t result;
  std::uint64_t operations;
  int rounds = 1;
};

weft::Options with_workers(unsigned workers) {
  weft::Options options;
  options.workers = workers;
  options.on_thread_start = [](unsigned index) { sharing::enter(index + 1); };
  return options;
}

// One task does it, and every access of every worker counts.
weft::Coro<Figures> count_all(weft::Runtime* runtime, Work const* work) {
  Figures figures;
  std::uint64_t const warm = co_await work->run(work->size);
  expect(warm == work->result, work->name);
  for (weft::WorkerMetrics const& worker : runtime->metrics().workers) {
    figures.steals -= worker.steals_won;
    figures.looks -= worker.steals_tried - worker.steals_won;
  }
  sharing::note_places(noted);
  Counts const before = sharing::counted_by_workers();
  for (int i = 0; i < work->rounds; ++i) {
    std::uint64_t const result = co_await work->run(work->size);
    expect(result == work->result, work->name);
  }
  figures.counts = sharing::counted_by_workers();
  sharing::note_places(sharing::Note::nothing);
  figures.counts -= before;
  for (weft::WorkerMetrics const& worker : runtime->metrics().workers) {
    figures.steals += worker.steals_won;
    figures.looks += worker.steals_tried - worker.steals_won;
  }
  figures.operations = work->operations * static_cast<std::uint64_t>(work->rounds);
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
  // Long enough to have been once around every ring: their slots were first written by the thread that made the runtime.
  for (int i = 0; i < 4; ++i) {
    std::uint64_t const warm = co_await work->run(work->size);
    expect(warm == work->result, work->name);
  }
  meetings->warm.arrive_and_wait();
  sharing::enter_turns();
  sharing::note_places(noted);
  Counts const before = sharing::counted_by(me);
  std::uint64_t const result = co_await work->run(work->size);
  figures.counts = sharing::counted_by(me);
  figures.counts -= before;
  sharing::leave_turns();
  meetings->done.arrive_and_wait();
  sharing::note_places(sharing::Note::nothing);
  expect(result == work->result, work->name);
  expect(sharing::current() == me, "a loop has changed its worker");
  figures.operations = work->operations;
  co_return figures;
}

weft::Coro<Figures> count_busy(Work const* work, unsigned workers) {
  Meetings meetings(workers);
  sharing::prepare_turns(workers);
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

// Two threads increment a number in turns: each time the other one wrote it last, and holds it still when it is written. So the model must say one of each, but for the
// first time.
alignas(128) std::uint64_t volatile turns_taken = 0;

void take_turns(unsigned thread, std::uint64_t turns, sharing::Meeting* meeting, Counts* counts) {
  sharing::enter(thread + 1);
  Counts const before = sharing::counted_by(thread + 1);
  for (std::uint64_t i = 0; i < turns; ++i) {
    if (i % 2 == thread) turns_taken = turns_taken + 1;
    meeting->arrive_and_wait();
  }
  Counts const after = sharing::counted_by(thread + 1);
  *counts = after;
  *counts -= before;
}

Figures count_control(std::uint64_t turns) {
  sharing::Meeting meeting(2);
  Counts counts[2];
  std::thread first(take_turns, 0u, turns, &meeting, &counts[0]), second(take_turns, 1u, turns, &meeting, &counts[1]);
  first.join();
  second.join();
  Figures figures;
  figures.operations = turns;
  figures.counts = counts[0];
  figures.counts += counts[1];
  return figures;
}

// ---------------------------------------------------------------- tables and bounds

double per(std::uint64_t count, std::uint64_t of) { return of == 0 ? 0 : static_cast<double>(count) / static_cast<double>(of); }

std::string number(std::uint64_t count, std::uint64_t of) {
  if (count == 0) return "0";
  double const value = per(count, of);
  char text[32];
  std::snprintf(text, sizeof(text), value >= 10 ? "%.1f" : value >= 0.1 ? "%.2f" : "%.2g", value);
  return text;
}

enum class Kind { busy, tree, steal, alone };

void print_head(Kind kind) {
  switch (kind) {
    case Kind::busy:
      std::printf("\nBUSY: every worker has a loop of its own; per operation\n\n"
                  "| operation | workers | operations | accesses | atomic RMW | new, delete | shared writes | transfers | the same by 128 bytes |\n"
                  "|---|---|---|---|---|---|---|---|---|\n");
      break;
    case Kind::tree:
      std::printf("\nTREES: one tree over all workers\n\n"
                  "| tree | workers | children | steals | looks in vain | shared writes, transfers, RMW per child | shared writes, transfers per steal | 128 bytes |\n"
                  "|---|---|---|---|---|---|---|---|\n");
      break;
    case Kind::steal:
      std::printf("\nSTEALS: one steal in each operation; per operation\n\n"
                  "| operation | workers | operations | steals | looks in vain | atomic RMW | shared writes | transfers | the same by 128 bytes |\n"
                  "|---|---|---|---|---|---|---|---|---|\n");
      break;
    case Kind::alone:
      std::printf("\nALONE: one worker has the loop, the others look for work; per operation\n\n"
                  "| operation | workers | operations | steals | looks in vain | moved | shared writes | transfers | shared writes for each moved |\n"
                  "|---|---|---|---|---|---|---|---|---|\n");
      break;
  }
}

void print_row(Kind kind, char const* name, unsigned workers, Figures const& f) {
  Counts const& c = f.counts;
  auto const each = [&](std::uint64_t count) { return number(count, f.operations); };
  std::string const pairs = each(c.pair_shared_writes) + ", " + each(c.pair_transfers);
  std::printf("| %s | %u | %zu |", name, workers, static_cast<std::size_t>(f.operations));
  if (kind != Kind::busy) std::printf(" %zu | %zu |", static_cast<std::size_t>(f.steals), static_cast<std::size_t>(f.looks));
  switch (kind) {
    case Kind::busy:
      std::printf(" %s | %s | %s | %s | %s | %s |\n", each(c.accesses).c_str(), each(c.read_modify_writes).c_str(), each(c.allocations).c_str(),
                  each(c.shared_writes).c_str(), each(c.transfers).c_str(), pairs.c_str());
      break;
    case Kind::tree:
      std::printf(" %s, %s, %s | %s, %s | %s |\n", each(c.shared_writes).c_str(), each(c.transfers).c_str(), each(c.read_modify_writes).c_str(),
                  number(c.shared_writes, f.steals).c_str(), number(c.transfers, f.steals).c_str(), pairs.c_str());
      break;
    case Kind::steal:
      std::printf(" %s | %s | %s | %s |\n", each(c.read_modify_writes).c_str(), each(c.shared_writes).c_str(), each(c.transfers).c_str(), pairs.c_str());
      break;
    case Kind::alone:
      std::printf(" %s | %s | %s | %s |\n", each(c.moved).c_str(), each(c.shared_writes).c_str(), each(c.transfers).c_str(),
                  c.moved == 0 ? "" : number(c.shared_writes, c.moved).c_str());
      break;
  }
  std::fflush(stdout);
}

// What a steal may write, its share of searching and parking included; a look in vain; and what a run may that has neither.
constexpr std::uint64_t per_steal = 30, per_look = 3, beside = 100;

void judge(Kind kind, Work const& work, Figures const& f) {
  Counts const& c = f.counts;
  std::string const name = work.name;
  switch (kind) {
    case Kind::busy:
      expect(c.shared_writes == 0, name + ": no line that another worker holds is written while all are busy");
      expect(c.transfers == 0, name + ": no line that another worker wrote is read while all are busy");
      // A wish of a thief that is long gone costs the first pop a lock.
      if (work.run == fork) expect(c.read_modify_writes * 1000 < f.operations, name + ": no atomic read-modify-write");
      break;
    case Kind::tree: {
      std::uint64_t const explained = per_steal * f.steals + per_look * f.looks + beside;
      std::uint64_t const rest = c.shared_writes > explained ? c.shared_writes - explained : 0;
      expect(rest * 500 < f.operations, name + ": shared writes beside those of steals and looks are under 0.002 for a child");
      break;
    }
    case Kind::steal:
      expect(c.shared_writes < per_steal * f.steals + per_look * f.looks + beside, name + ": shared writes of a steal");
      break;
    case Kind::alone:
      expect(c.shared_writes < per_steal * (f.steals + c.moved) + per_look * f.looks + beside, name + ": shared writes beside those of steals and looks");
      break;
  }
}

}  // namespace

int main(int argc, char** argv) {
  bool const check = argc == 2 && std::strcmp(argv[1], "--check") == 0;
  std::string_view const where = argc == 3 && std::strcmp(argv[1], "--where") == 0 ? argv[2] : "";
  bool const places = !where.empty();
  if (places) noted = sharing::Note::sharing_and_read_modify_writes;
  if (argc > 1 && !check && !places) {
    std::fputs("weft_sharing [--check | --where TEXT]\n", stderr);
    return 2;
  }

  Figures const control = count_control(1'000);
  std::printf("control: 1000 increments by two threads in turns: %zu shared writes, %zu transfers\n", static_cast<std::size_t>(control.counts.shared_writes),
              static_cast<std::size_t>(control.counts.transfers));
  expect(control.counts.shared_writes == 999 && control.counts.transfers == 999, "the control: 999 of each");

  std::uint64_t const n = check ? 10'000 : 100'000, forks = n / small_children * small_children, few = check ? 100 : 1'000;
  int const often = check ? 1 : 4;
  std::vector<Work> const loops = {
      {"gather, a child", fork, forks, forks, forks},
      {"create_task and await", create_task_await, n, n, n},
      {"start_soon, joined", start_soon, n, n, n},
      {"yield_now", yield, n, n, n},
      {"yield_now, two tasks", yield_in_turns, n, n, n},
      {"queue item", queue, n, n, n},
  };
  std::vector<Work> trees = {
      {"fib(20)", fib, 20, fib_number(20), fib_children(20), 4 * often},
      {"fib(24)", fib, 24, fib_number(24), fib_children(24), often},
      {"skynet", skynet, 100'000, skynet_sum(100'000), skynet_children(100'000), often},
  };
  if (!check) {
    trees.insert(trees.begin() + 2, {"fib(26)", fib, 26, fib_number(26), fib_children(26), often});
    trees.insert(trees.begin() + 3, {"fib(30)", fib, 30, fib_number(30), fib_children(30)});
  }
  std::vector<Work> const steals = {
      {"a child of a gather", child_stolen, few, few, few},
      {"a task", task_stolen, few, few, few},
  };
  auto const table = [&](Kind kind, std::vector<Work> const& works) {
    print_head(kind);
    for (Work const& work : works) {
      if (std::string_view(work.name).find(where) == std::string_view::npos) continue;
      for (unsigned workers : {2u, 4u}) {
        sharing::forget();
        sharing::forget_places();
        weft::Runtime runtime(with_workers(workers));
        Figures const figures = kind == Kind::busy ? runtime.run(count_busy(&work, workers)) : runtime.run(count_all(&runtime, &work));
        print_row(kind, work.name, workers, figures);
        bool const was_right = std::exchange(right, true);
        judge(kind, work, figures);
        if (places || !right) sharing::print_places();
        right = right && was_right;
      }
    }
  };
  table(Kind::busy, loops);
  table(Kind::tree, trees);
  table(Kind::steal, steals);
  table(Kind::alone, loops);
  return right ? 0 : 1;
}
