// The trace's file: Chrome's trace event format, an array of events in JSON.
#include <weft/runtime/runtime/trace.hpp>

#include <cerrno>
#include <cstdio>
#include <mutex>
#include <system_error>

#include <weft/runtime/platform/errors.hpp>
#include <weft/runtime/platform/json.hpp>
#include <weft/runtime/runtime/runtime_core.hpp>

namespace weft::engine {
namespace {

struct TraceFile {
  // Of start and stop, one at a time.
  std::mutex control;
  std::mutex mutex;
  // INVARIANT: these under mutex.
  std::FILE* file = nullptr;
  std::int64_t began = 0;
  bool first = true;
  bool failed = false;
  // INVARIANT: under the lock of the list of live runtimes.
  bool active = false;

  static TraceFile& instance() {
    // Never destroyed: workers may come late.
    static auto* const file = new TraceFile;
    return *file;
  }
  // Under mutex.
  void put(std::string const& events) noexcept {
    if (file == nullptr || events.empty()) return;
    if (std::fwrite(events.data(), 1, events.size(), file) != events.size()) failed = true;
  }
};

void append_microseconds(std::string& json, std::int64_t nanoseconds) {
  char text[40];
  std::snprintf(text, sizeof text, "%lld.%03d", static_cast<long long>(nanoseconds / 1000), static_cast<int>(nanoseconds % 1000));
  json += text;
}

void append_event(std::string& json, bool& first, TraceEvent const& event, std::uint64_t process, unsigned worker, std::int64_t began) {
  // What began before the trace is cut off there.
  std::int64_t const at = event.at > began ? event.at - began : 0;
  std::int64_t const cut = event.at < began ? began - event.at : 0;
  json += first ? "\n{\"name\":" : ",\n{\"name\":";
  first = false;
  switch (event.kind) {
    case TraceEvent::Kind::step: append_json_string(json, event.name); break;
    case TraceEvent::Kind::wake: json += "\"wake\""; break;
    case TraceEvent::Kind::steal: json += "\"steal\""; break;
    case TraceEvent::Kind::park: json += "\"park\""; break;
  }
  json += ",\"cat\":\"weft\",\"pid\":" + std::to_string(process) + ",\"tid\":" + std::to_string(worker) + ",\"ts\":";
  append_microseconds(json, at);
  if (event.kind == TraceEvent::Kind::step) {
    json += ",\"ph\":\"X\",\"dur\":";
    append_microseconds(json, event.took > cut ? event.took - cut : 0);
    json += ",\"args\":{\"task\":" + (event.number != 0 ? std::to_string(event.number) : "null") + "}}";
  } else {
    json += ",\"ph\":\"i\",\"s\":\"t\"";
    if (event.kind == TraceEvent::Kind::steal) json += ",\"args\":{\"from\":" + std::to_string(event.number) + "}";
    json += '}';
  }
}

}  // namespace

bool Trace::active() noexcept { return TraceFile::instance().active; }

void Trace::start(std::string const& path) {
  TraceFile& trace = TraceFile::instance();
  std::lock_guard const control(trace.control);
  {
    std::lock_guard const hold(trace.mutex);
    if (trace.file != nullptr) throw RuntimeError("trace::start() while a trace is on");
    std::FILE* const file = std::fopen(path.c_str(), "w");
    if (file == nullptr) throw std::system_error(errno, std::generic_category(), "weft: trace::start() cannot write to " + path);
    trace.file = file;
    trace.began = Scheduler::steady_now();
    trace.first = true;
    trace.failed = false;
    trace.put("{\"displayTimeUnit\":\"ns\",\"traceEvents\":[");
  }
  RuntimeCore::with_all_runtimes([&trace](RuntimeCore* core) {
    if (core == nullptr) {
      trace.active = true;
      return;
    }
    // What a worker added after the last trace had ended.
    for (unsigned i = 0; i < core->scheduler().size(); ++i) (void)core->scheduler().worker(i).trace.take();
    introduce(*core);
  });
}

void Trace::introduce(RuntimeCore& core) noexcept {
  TraceFile& trace = TraceFile::instance();
  try {
    std::string json;
    std::lock_guard const hold(trace.mutex);
    std::string const process = std::to_string(core.serial());
    json += trace.first ? "\n" : ",\n";
    trace.first = false;
    json += "{\"name\":\"process_name\",\"ph\":\"M\",\"pid\":" + process + ",\"args\":{\"name\":";
    append_json_string(json, "weft runtime " + process);
    json += "}}";
    for (unsigned i = 0; i < core.scheduler().size(); ++i) {
      json += ",\n{\"name\":\"thread_name\",\"ph\":\"M\",\"pid\":" + process + ",\"tid\":" + std::to_string(i) + ",\"args\":{\"name\":";
      append_json_string(json, core.scheduler().config().thread_name + "-" + std::to_string(i));
      json += "}}";
    }
    trace.put(json);
  } catch (...) {
    // Without memory its threads have no names.
  }
  for (unsigned i = 0; i < core.scheduler().size(); ++i) core.scheduler().worker(i).watch.fetch_or(watch_for_trace, std::memory_order_relaxed);
}

void Trace::write(RuntimeCore const& core, unsigned worker, std::vector<TraceEvent> const& events) noexcept {
  TraceFile& trace = TraceFile::instance();
  std::lock_guard const hold(trace.mutex);
  if (trace.file == nullptr) return;
  try {
    std::string json;
    bool first = trace.first;
    for (TraceEvent const& event : events) append_event(json, first, event, core.serial(), worker, trace.began);
    trace.put(json);
    trace.first = first;
  } catch (...) {
    trace.failed = true;
  }
}

void Trace::stop() {
  TraceFile& trace = TraceFile::instance();
  std::lock_guard const control(trace.control);
  RuntimeCore::with_all_runtimes([&trace](RuntimeCore* core) {
    if (core == nullptr) {
      trace.active = false;
      return;
    }
    for (unsigned i = 0; i < core->scheduler().size(); ++i) {
      Worker& worker = core->scheduler().worker(i);
      worker.watch.fetch_and(static_cast<std::uint8_t>(~watch_for_trace), std::memory_order_relaxed);
      write(*core, i, worker.trace.take());
    }
  });
  std::lock_guard const hold(trace.mutex);
  if (trace.file == nullptr) return;
  trace.put("\n]}\n");
  std::FILE* const file = std::exchange(trace.file, nullptr);
  bool const complete = std::fclose(file) == 0 && !trace.failed;
  if (!complete) throw std::system_error(errno != 0 ? errno : EIO, std::generic_category(), "weft: trace::stop() could not write the whole trace");
}

}  // namespace weft::engine
