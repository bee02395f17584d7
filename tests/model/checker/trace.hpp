// Traces for people: one line for each visible operation, with the line of source that made it.
#pragma once

#include <cstdio>
#include <fstream>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "model/checker/operations.hpp"

#ifndef WEFT_SOURCE_DIR
#define WEFT_SOURCE_DIR "."
#endif

namespace weft::model {

// The lines of a source file; empty when it cannot be found. A path that does not open as the compiler spelt it is looked for under
// the source tree.
inline std::vector<std::string> const& source_lines(std::string const& file) {
  static std::map<std::string, std::vector<std::string>> cache;
  auto const [at, is_new] = cache.try_emplace(file);
  if (is_new) {
    std::ifstream in(file);
    for (std::string_view rest = file; !in.is_open();) {
      in.clear();
      in.open(std::string(WEFT_SOURCE_DIR "/").append(rest));
      std::size_t const slash = rest.find('/');
      if (slash == std::string_view::npos) break;
      rest.remove_prefix(slash + 1);
    }
    for (std::string line; std::getline(in, line);) at->second.push_back(line);
  }
  return at->second;
}

inline std::string source_line(Site site) {
  auto const& lines = source_lines(site.file_name());
  if (site.line() == 0 || site.line() > lines.size()) return "";
  std::string line = lines[site.line() - 1];
  std::size_t const begin = line.find_first_not_of(" \t");
  return begin == std::string::npos ? "" : line.substr(begin, 160);
}

inline char const* order_name(std::memory_order order) {
  switch (order) {
    case std::memory_order_relaxed: return "relaxed";
    case std::memory_order_consume: return "consume";
    case std::memory_order_acquire: return "acquire";
    case std::memory_order_release: return "release";
    case std::memory_order_acq_rel: return "acq_rel";
    case std::memory_order_seq_cst: return "seq_cst";
  }
  return "?";
}

inline std::string Engine::where(Site site) {
  std::string_view file = site.file_name();
  file.remove_prefix(file.rfind('/') + 1);
  return std::string(file) + ":" + std::to_string(site.line());
}

inline std::string Engine::describe(Object const& o, std::uint32_t id) const {
  if (o.name != nullptr) return o.name;
  return (o.is_plain ? "var#" : "atomic#") + std::to_string(id) + "(" + where(o.created) + ")";
}

inline std::string value_text(std::uint64_t value) {
  char text[32];
  auto const s = static_cast<std::int64_t>(value);
  if (s > -1'000'000 && s < 1'000'000) std::snprintf(text, sizeof text, "%lld", static_cast<long long>(s));
  else std::snprintf(text, sizeof text, "0x%llx", static_cast<unsigned long long>(value));
  return text;
}

inline std::string trace_text(Engine const& e) {
  std::string out;
  int n = 0;
  for (Event const& v : e.events) {
    std::string object, what;
    bool const plain = v.op == Op::read || v.op == Op::write || (v.op == Op::destroy && v.value == 1);
    if (v.object != Engine::none) {
      object = plain ? e.describe(e.cell(v.object), v.object) : e.describe(e.location(v.object), v.object);
    }
    switch (v.op) {
      case Op::load: what = "load " + object + " -> " + value_text(v.value); break;
      case Op::store: what = "store " + object + " = " + value_text(v.value); break;
      case Op::rmw: what = "update " + object + ": " + value_text(v.before) + " -> " + value_text(v.value); break;
      case Op::cas_ok: what = "cas " + object + ": " + value_text(v.before) + " -> " + value_text(v.value); break;
      case Op::cas_failed: what = "cas " + object + " fails, sees " + value_text(v.value); break;
      case Op::fence: what = "fence"; break;
      case Op::wait:
        what = "futex_wait " + object + (v.value == v.before ? " sleeps on " : " returns, sees ") + value_text(v.value);
        break;
      case Op::woken: what = std::string(v.value != 0 ? "times out on " : "wakes up on ") + object; break;
      case Op::wake: what = "futex_wake " + object + ", wakes " + value_text(v.value); break;
      case Op::yield: what = "yield"; break;
      case Op::lock: what = "lock " + object; break;
      case Op::unlock: what = "unlock " + object; break;
      case Op::read: what = "read " + object; break;
      case Op::write: what = "write " + object; break;
      case Op::destroy: what = "destroy " + object; break;
      case Op::finish: what = "ends"; break;
    }
    bool const ordered = v.op <= Op::fence;
    if (v.stale) what += v.op == Op::load || v.op == Op::cas_failed ? " (newest: " + value_text(v.before) + ")" : " (outdated)";
    char head[160];
    std::snprintf(head, sizeof head, "%4d  %-10s %-8s %-44s  ", ++n, e.thread_name(v.thread),
                  ordered ? order_name(v.order) : "", what.c_str());
    out += head;
    if (v.op != Op::finish) out += Engine::where(v.site) + "  " + source_line(v.site);
    out += '\n';
  }
  return out;
}

}  // namespace weft::model
