// One piece of work done by one contender with a given number of threads: the unit of everything measured here.
//
// A kernel computes something whose result is known, so that each timed call is also checked. The same list of kernels feeds Google Benchmark
// (one benchmark per kernel), the table of `--table`, and the server through which ./bench.sh measures several programs interleaved
// (report/), so that all of them time the same code.
//
// Two kinds: most kernels are timed from outside and give a time per task; a kernel with `samples` measures by itself and gives a
// distribution (latencies) or a size (memory).
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <vector>

namespace bench {

enum class Contender { serial, weft, tbb, openmp, std_async, thread_pool, asio_pool, asio_coroutines, hardware };

struct Kernel {
  std::string work{};          // "fib(30)": all contenders of a work stand beside each other
  std::string form{};          // "TaskGroup": another way in which weft does the same work
  Contender contender{};
  unsigned threads = 1;        // the caller's thread included
  std::uint64_t tasks = 1;     // tasks, or operations, that one call does
  std::uint64_t expected = 0;  // what run() must return
  std::function<std::uint64_t()> run{};
  std::function<std::vector<double>()> samples{};  // instead of run
  std::string section{};       // programs, micro, latency, memory
  std::string unit = "ns";     // of the samples, or of the time per task
  std::string spec{};          // "fib 30": how peers that are programs of their own are asked for this work; empty: they are not
  std::function<void()> release{};                 // frees what the calls keep between them
};

// `full` for measuring, `quick` for a measurement of three minutes, `smoke` for a test that everything runs and computes the right thing. `table` is quick, but
// programs that are nothing but task overhead are so large that starting a run does not count.
enum class Size { full, table, quick, smoke };

struct Plan {
  Size size = Size::full;
  std::vector<unsigned> threads{1, 2};

  template <class T>
  T pick(T smoke, T quick, T full) const {
    return size == Size::smoke ? smoke : size == Size::full ? full : quick;
  }
  template <class T>
  T pick(T smoke, T quick, T table, T full) const {
    return size == Size::table ? table : pick(smoke, quick, full);
  }
};

// Time within a call that does not count, such as that of setting up: subtracted by whoever times the call. Any thread.
class Untimed {
 public:
  Untimed() = default;
  Untimed(Untimed const&) = delete;
  Untimed& operator=(Untimed const&) = delete;
  ~Untimed() { total().fetch_add((std::chrono::steady_clock::now() - start_).count(), std::memory_order_relaxed); }

  // Nanoseconds since the last call.
  static std::int64_t take() { return total().exchange(0, std::memory_order_relaxed); }

 private:
  static std::atomic<std::int64_t>& total() {
    static std::atomic<std::int64_t> value{0};
    return value;
  }
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

using Kernels = std::vector<Kernel>;

// The kernels of one work are added through this.
class Work {
 public:
  Work(Kernels& kernels, Plan const& plan, std::string section, std::string name, std::uint64_t tasks, std::uint64_t expected)
      : kernels_(kernels), plan_(plan), section_(std::move(section)), name_(std::move(name)), tasks_(tasks), expected_(expected) {}

  // weft, for each number of threads: fn(threads) gives the result.
  template <class F>
  void weft(F fn, std::string form = {}) {
    for (unsigned const threads : plan_.threads) add(Contender::weft, threads, [fn, threads] { return fn(threads); }, form);
  }
  void add(Contender contender, unsigned threads, std::function<std::uint64_t()> run, std::string form = {}) {
    Kernel kernel = make(contender, threads);
    kernel.form = std::move(form);
    kernel.run = std::move(run);
    kernels_.push_back(std::move(kernel));
  }
  void add_samples(Contender contender, unsigned threads, std::string unit, std::function<std::vector<double>()> samples, std::string form = {}) {
    Kernel kernel = make(contender, threads);
    kernel.form = std::move(form);
    kernel.unit = std::move(unit);
    kernel.samples = std::move(samples);
    kernels_.push_back(std::move(kernel));
  }
  // Every peer in this program that knows `program`, and for those that are programs of their own the words to ask with.
  void peers(std::string const& program, std::uint64_t size);
  // The words alone.
  void ask(std::string const& program, std::uint64_t size) { spec_ = program + " " + std::to_string(size); }
  // When all kernels of the last `add` or `weft` have been measured.
  void release(std::function<void()> fn) { kernels_.back().release = std::move(fn); }

 private:
  Kernel make(Contender contender, unsigned threads) const {
    Kernel kernel;
    kernel.work = name_;
    kernel.contender = contender;
    kernel.threads = threads;
    kernel.tasks = tasks_;
    kernel.expected = expected_;
    kernel.section = section_;
    kernel.spec = spec_;
    return kernel;
  }

  Kernels& kernels_;
  Plan const& plan_;
  std::string section_, name_, spec_;
  std::uint64_t tasks_, expected_;
};

// programs/
void add_fib(Kernels&, Plan const&);
void add_skynet(Kernels&, Plan const&);
void add_nqueens(Kernels&, Plan const&);
void add_uts(Kernels&, Plan const&);
void add_integrate(Kernels&, Plan const&);
void add_matmul(Kernels&, Plan const&);
void add_sort(Kernels&, Plan const&);
void add_knapsack(Kernels&, Plan const&);
void add_wavefront(Kernels&, Plan const&);
// micro/
void add_spawn(Kernels&, Plan const&);
void add_gather(Kernels&, Plan const&);
void add_yield(Kernels&, Plan const&);
void add_locks(Kernels&, Plan const&);
void add_queues(Kernels&, Plan const&);
void add_ping_pong(Kernels&, Plan const&);
void add_threads(Kernels&, Plan const&);
void add_sleep(Kernels&, Plan const&);
void add_cancel(Kernels&, Plan const&);
void add_latency(Kernels&, Plan const&);
void add_memory(Kernels&, Plan const&);

inline Kernels all_kernels(Plan const& plan) {
  Kernels kernels;
  for (auto* const add : {add_fib, add_skynet, add_nqueens, add_uts, add_integrate, add_matmul, add_sort, add_knapsack, add_wavefront, add_spawn,
                          add_gather, add_yield, add_locks, add_queues, add_ping_pong, add_threads, add_sleep, add_cancel, add_latency, add_memory})
    add(kernels, plan);
  return kernels;
}

inline char const* name_of(Contender contender) {
  switch (contender) {
    case Contender::serial: return "serial";
    case Contender::weft: return "weft";
    case Contender::tbb: return "oneTBB";
    case Contender::openmp: return "OpenMP";
    case Contender::std_async: return "std::async";
    case Contender::thread_pool: return "thread pool";
    case Contender::asio_pool: return "Asio thread_pool";
    case Contender::asio_coroutines: return "Asio coroutines";
    case Contender::hardware: return "hardware";
  }
  return "?";
}

}  // namespace bench
