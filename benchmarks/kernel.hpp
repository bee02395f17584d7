// One piece of work done by one contender with a given number of threads: the unit of everything measured here.
//
// A kernel computes something whose result is known, so that each timed call is also checked. The same list of kernels
// feeds Google Benchmark (one benchmark per kernel) and the table (report/), so that both time the same code.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace bench {

enum class Contender { serial, weft, tbb, openmp };

struct Kernel {
  std::string work;           // "fib(30)"
  Contender contender{};
  unsigned threads = 1;       // the caller's thread included
  std::uint64_t tasks = 0;    // tasks, or operations, that one call does
  std::uint64_t expected = 0; // what run() must return
  std::function<std::uint64_t()> run{};
};

// How large the work is: `full` for measuring, `smoke` for a test that everything runs and computes the right thing.
enum class Size { full, smoke };

struct Plan {
  Size size = Size::full;
  std::vector<unsigned> threads{1, 2};
};

using Kernels = std::vector<Kernel>;

void add_fib(Kernels&, Plan const&);
void add_skynet(Kernels&, Plan const&);
void add_nqueens(Kernels&, Plan const&);
void add_spawn(Kernels&, Plan const&);
void add_yield(Kernels&, Plan const&);
void add_sleep(Kernels&, Plan const&);

inline Kernels all_kernels(Plan const& plan) {
  Kernels kernels;
  add_fib(kernels, plan);
  add_skynet(kernels, plan);
  add_nqueens(kernels, plan);
  add_spawn(kernels, plan);
  add_yield(kernels, plan);
  add_sleep(kernels, plan);
  return kernels;
}

inline char const* name_of(Contender contender) {
  switch (contender) {
    case Contender::serial: return "serial";
    case Contender::weft: return "weft";
    case Contender::tbb: return "oneTBB";
    case Contender::openmp: return "OpenMP";
  }
  return "?";
}

}  // namespace bench
