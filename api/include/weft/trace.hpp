// trace: what the workers do, as a file for Perfetto.
#pragma once

#include <string_view>

namespace weft::trace {

/// Begins to write what the workers of every Runtime of this process do to the file `path`, which it replaces: each step with its task's name and number, and
/// where workers park, wake and steal.
///
/// No counterpart in asyncio. The file is Chrome's trace event format: open it with ui.perfetto.dev or chrome://tracing; a runtime is a process, a worker a thread
/// of it; times are of the steady clock, also under a virtual one. It is complete once stop() has returned.
/// Errors: std::system_error when the file cannot be written, RuntimeError when a trace is on. Threads: any.
/// Cost: off, one relaxed load a step; on, about 100 ns a step, and 4096 events of memory for each worker.
void start(std::string_view path);

/// Ends the trace and closes its file; nothing when none is on. Throws std::system_error when not everything could be written.
void stop();

}  // namespace weft::trace
