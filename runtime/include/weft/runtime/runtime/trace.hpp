// The trace of a process: what its workers do, as a file that Perfetto and chrome://tracing show.
//
// One trace at a time, for all runtimes. While it is on, each worker writes its steps, its steals and its parks into a buffer of its own (watch.hpp), and a
// full buffer is appended to the file by the worker that filled it. A runtime is a process in the file, a worker a thread of it.
//
// LOCK ORDER: the list of live runtimes, then a buffer; the file's lock is taken with no other held but the list's.
#pragma once

#include <string>
#include <vector>

#include <weft/runtime/scheduler/watch.hpp>

namespace weft::engine {

class RuntimeCore;

class Trace {
 public:
  // Throws std::system_error when the file cannot be opened, RuntimeError when a trace is on.
  static void start(std::string const& path);
  // Does nothing when no trace is on. Throws std::system_error when not everything could be written.
  static void stop();

  // Under the lock of the list of live runtimes.
  static bool active() noexcept;
  // A runtime begins while the trace is on.
  static void introduce(RuntimeCore& core) noexcept;
  // From a buffer to the file.
  static void write(RuntimeCore const& core, unsigned worker, std::vector<TraceEvent> const& events) noexcept;
};

}  // namespace weft::engine
