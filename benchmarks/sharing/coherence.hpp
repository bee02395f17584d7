// The cache lines of a program as a directory would see them: who holds a copy of each, and who wrote it last.
//
// A SHARED WRITE is a write to a line of which another thread holds a copy: on a machine it takes the line away from another core. A TRANSFER is a read of a line that
// another thread wrote last and that the reader does not hold: it waits for another core. Everything else is a hit, or a line that nobody has.
// Caches are infinite: a line leaves a thread only when another writes it. So nothing is missed, and memory that changes hands counts however long ago it was used.
//
// Threads are told apart by a number: 0 is every thread that is not a worker, a worker says which it is by enter(). A line's state is one word in a table that covers
// the whole address space and is filled in as it is touched; it changes by one compare-exchange. State and access are not one step, so two
// accesses to a line at the same moment may be counted in the other order: that moves single counts, never many.
//
// Filled by callbacks.cpp, which must not be instrumented itself.
#pragma once

#include <atomic>
#include <cstdint>

namespace sharing {

inline constexpr unsigned most_threads = 24;

struct Counts {
  std::uint64_t accesses = 0;
  std::uint64_t shared_writes = 0, transfers = 0;
  // The same with lines of 128 bytes, the pairs that the prefetcher pulls.
  std::uint64_t pair_shared_writes = 0, pair_transfers = 0;
  std::uint64_t read_modify_writes = 0;
  // Calls of operator new and delete: what malloc does inside is not seen.
  std::uint64_t allocations = 0;
  // Said by the workload.
  std::uint64_t moved = 0;

  Counts& operator+=(Counts const& other) noexcept;
  Counts& operator-=(Counts const& other) noexcept;
};

// The calling thread counts as this one from now on.
void enter(unsigned thread) noexcept;
unsigned current() noexcept;
// Counts as moved when the calling thread is not `maker`.
void count_moved(unsigned maker) noexcept;

// What a thread has counted so far, and all that have entered. Exact for the caller's own, and for threads that do nothing.
Counts counted_by(unsigned thread) noexcept;
Counts counted_by_workers() noexcept;

// Nobody holds anything. When no other thread runs instrumented code.
void forget() noexcept;

// Where in the code it happens is noted while it is asked for.
enum class Note : unsigned char { nothing, sharing, sharing_and_read_modify_writes };
void note_places(Note what) noexcept;
// The places that were noted since the last call, the most frequent first, with function and line where addr2line finds them.
void print_places();
void forget_places() noexcept;

// TURNS. Two threads that do not run at the same moment do not meet on a line, however often both write it; and on a busy machine the scheduler gives each a slice of
// milliseconds. So threads can be made to take turns of some hundred accesses, one after the other, in an order that is always the same: what they share then shows
// in every turn. Between prepare_turns(n) and the last leave_turns() the threads 1 to n must each enter and leave once. A thread that holds the turn must not block, but may
// spin on what instrumented code reads, and may lock a mutex.
void prepare_turns(unsigned threads) noexcept;
void enter_turns() noexcept;
void leave_turns() noexcept;

// Where threads wait for each other, again and again, without being counted. The core goes to others meanwhile.
class Meeting {
 public:
  explicit Meeting(unsigned threads) noexcept : threads_(threads) {}
  void arrive_and_wait() noexcept;

 private:
  unsigned const threads_;
  std::atomic<unsigned> arrived_{0};
};

}  // namespace sharing
