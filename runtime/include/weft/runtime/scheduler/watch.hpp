// What is noted about the steps of a worker that is being watched: because WEFT_DEBUG asks for slow ones, or because a trace is on.
//
// Off, a step pays one relaxed load of a byte that stands beside what it reads anyway. On, the worker reads the clock around what it does for a task (drive(), the
// outermost one), and around callbacks; the host notes whose step it is, and at its end reports it or puts it into the worker's trace buffer. The buffer has a lock
// of its own, which is free but for the moments in which a trace begins or ends.
#pragma once

#include <cstdint>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

namespace weft::engine {

// Bits of Worker::watch.
inline constexpr std::uint8_t watch_slow_steps = 1;
inline constexpr std::uint8_t watch_for_trace = 2;

// One step, on the native stack of the worker that runs it.
struct WatchedStep {
  std::int64_t began = 0;
  // The host's: a reference to the task, or null.
  void* task = nullptr;
};

struct TraceEvent {
  enum class Kind : std::uint8_t { step, wake, steal, park };
  Kind kind;
  std::int64_t at;
  std::int64_t took;
  // The task's number, or, of a steal, the victim's.
  std::uint64_t number;
  std::string name;
};

class TraceBuffer {
 public:
  static constexpr std::size_t room = 4096;

  // The full buffer, which the caller writes out, or nothing. Throws std::bad_alloc.
  std::vector<TraceEvent> add(TraceEvent event) {
    std::vector<TraceEvent> full;
    std::lock_guard const hold(lock_);
    events_.push_back(std::move(event));
    if (events_.size() >= room) full.swap(events_);
    return full;
  }
  std::vector<TraceEvent> take() {
    std::vector<TraceEvent> events;
    std::lock_guard const hold(lock_);
    events.swap(events_);
    return events;
  }

 private:
  std::mutex lock_;
  std::vector<TraceEvent> events_;
};

}  // namespace weft::engine
