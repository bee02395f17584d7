// What is asked of the checker and what it answers.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>

namespace weft::model {

inline constexpr unsigned unbounded = ~0u;

// One change to the algorithm under test, made by the checker at one place of its source while it runs.
struct Mutation {
  enum class Kind { order, failure_order, drop_fence, split_cas, drop_wake };
  Kind kind = Kind::order;
  std::string file{};  // as std::source_location spells it
  std::uint32_t line = 0;
  std::uint32_t column = 0;
  std::memory_order order = std::memory_order_relaxed;  // the weakened order
};

struct Options {
  char const* name = "program";
  // Switches away from a thread that could have gone on; switches at a block, a yield or an end are free.
  unsigned preemptions = 3;
  std::uint64_t max_executions = 5'000'000;  // a search that is not complete by then has failed
  unsigned max_steps = 5'000;                // visible operations of one execution; more is a livelock

  unsigned outdated = unbounded;  // loads that return an outdated value, per execution: a second bound, for large programs
  unsigned spurious_cas = 1;    // compare_exchange_weak calls that fail for no reason, per execution
  unsigned spurious_wakes = 0;  // futex waits that return for no reason, per execution
  unsigned timeouts = 1;        // futex_wait_for calls that time out at any moment, per execution; later ones wait for a wake,
  bool timeouts_rescue = false;  // unless this lets them time out once nothing else can run: it hides lost wake-ups
  unsigned stale_repeats = 3;   // how often more than once a thread may get the same outdated value of a location
  bool leak_check = true;       // memory that the threads took must be free at the end

  bool reduce = true;           // leave out executions that equal another one (engine.hpp); off only to check that this is so

  // Random mode (PCT, Burckhardt et al. 2010) instead of the exhaustive one: this many runs, thread priorities drawn at random, lowered at
  // pct_depth - 1 random moments. Finds a bug of that depth with a probability of at least 1 / (threads * steps^(depth - 1)) a run.
  std::uint64_t pct_runs = 0;
  unsigned pct_depth = 3;
  std::uint64_t seed = 1;

  Mutation const* mutation = nullptr;
};

struct Result {
  bool ok = false;         // no error, and nothing left to explore (or all random runs made)
  bool exhausted = false;  // every execution within the bounds was seen
  std::uint64_t executions = 0;  // that ran to their end
  std::uint64_t pruned = 0;      // that were left when they turned out to equal another one; the budget counts both
  unsigned bound = 0;
  std::string error{};
  std::string replay{};  // the choices of the failing execution, for replay()
  std::string trace{};   // its visible operations, one a line

  explicit operator bool() const { return ok; }
};

}  // namespace weft::model
