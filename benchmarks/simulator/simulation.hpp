// A discrete-event simulation of workers that steal from each other and go to sleep.
//
// THE MODEL. A worker runs a task's body, pushes its children on its own deque and takes the youngest; when its deque is empty it searches: it
// looks at the injector and then at one victim after the other; a victim's oldest child is taken. Who finishes the last child
// of a task goes on with the task. After some rounds in vain a worker parks. Two things are shared and so have a queue: the idle word (every
// change of "searching" or "parked" is a read-modify-write of one cache line) and each victim's deque. Costs are parameters in nanoseconds, to be
// filled in from measurements (docs/scaling.md says from which).
//
// THE POLICIES. `weft` is what idle_set.hpp does: at most half of the workers search; who publishes work wakes a worker only if nobody searches; a
// searcher that finds work and was the last one wakes the next if somebody has relied on it or more work is in sight. The others change one thing each.
//
// NOT IN THE MODEL: caches other than the lines named, NUMA, hyper-threads, the operating system's own ideas, memory bandwidth.
#pragma once

#include "workloads.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace sim {

struct Costs {
  double spawn = 5;             // a child pushed and popped by its owner, its frame made and freed
  double join = 3;              // a finished child counted by its owner
  double remote_join = 60;      // a finished child counted by somebody else
  double probe = 40;            // a look at a victim that is running and has nothing: its line has changed
  double probe_parked = 5;      // at one that sleeps: the line is in the thief's cache from the last look
  double steal = 200;           // a child taken, with the lines of its frame
  double word = 60;             // a change of the idle word by another core than the last
  double pause = 100;           // between two rounds of the search
  double rounds = 16;           // of the search before parking
  double park = 4'000;          // announce, the heavy fence, the look at everything, the system call
  double wake_call = 2'000;     // what a wake-up costs the waker
  double wake_latency = 6'000;  // and until the woken worker searches
};

enum class Waking {
  chain,       // ours
  last_always, // the last searcher that finds work wakes the next, whether or not there is more
  more_left,   // as ours, and a searcher that finds work and sees more of it wakes another, while fewer than the limit search
  producers,   // searchers wake nobody: the next push does
  each_push,   // every push wakes somebody while anybody sleeps
  all,         // the first push wakes everybody
  never_sleep  // workers search for ever
};
enum class Victims {
  scan,    // all in order from a random one
  stride,  // ours: all, in steps of a random number that has no divisor in common with theirs
  random   // each time another
};
enum class Amount { one, half };

struct Policy {
  std::string name{};
  Waking waking = Waking::chain;
  unsigned searchers_percent = 50;  // of the workers may search at a time
  Victims victims = Victims::stride;
  Amount amount = Amount::one;
};

struct Outcome {
  double time = 0;                // of the last task's end, ns
  double busy = 0;                // all workers together: in tasks and in waking others
  double searching = 0;           // all workers together, ns
  std::uint64_t tasks = 0, steals = 0, wake_ups = 0, word_changes = 0;
  std::vector<double> latencies{};  // of each root, from its arrival to its end
};

Outcome simulate(Workload const&, unsigned workers, Policy const&, Costs const&);

}  // namespace sim
