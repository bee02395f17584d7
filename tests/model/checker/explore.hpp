// explore(): all executions of a program within the bounds; replay(): one of them again, told in full.
#pragma once

#include <signal.h>

#include <cstdio>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "model/checker/program.hpp"
#include "model/checker/sync.hpp"
#include "model/checker/trace.hpp"

namespace weft::model {

// abort() in the code under test (an assertion that a mutant breaks, an exception that meets noexcept) and wild pointers are findings about
// an execution, not the end of the test.
class CrashGuard {
 public:
  CrashGuard() {
    alternate_ = std::make_unique<char[]>(alternate_size);
    stack_t stack{};
    stack.ss_sp = alternate_.get();
    stack.ss_size = alternate_size;
    sigaltstack(&stack, &old_stack_);
    struct sigaction action{};
    action.sa_handler = &handle;
    action.sa_flags = SA_NODEFER | SA_ONSTACK;
    sigaction(SIGABRT, &action, &old_[0]);
    if (catches_segv) {
      sigaction(SIGSEGV, &action, &old_[1]);
      sigaction(SIGBUS, &action, &old_[2]);
    }
  }
  ~CrashGuard() {
    sigaction(SIGABRT, &old_[0], nullptr);
    if (catches_segv) {
      sigaction(SIGSEGV, &old_[1], nullptr);
      sigaction(SIGBUS, &old_[2], nullptr);
    }
    old_stack_.ss_flags &= SS_DISABLE;
    sigaltstack(&old_stack_, nullptr);
  }
  CrashGuard(CrashGuard const&) = delete;
  CrashGuard& operator=(CrashGuard const&) = delete;

 private:
  static constexpr bool catches_segv = !WEFT_ASAN && !WEFT_TSAN;
  static constexpr std::size_t alternate_size = 1u << 16;

  static void handle(int signal) {
    if (active_engine == nullptr || !active_engine->inside()) {
      ::signal(signal, SIG_DFL);
      raise(signal);
      return;
    }
    engine().fail(signal == SIGABRT ? "abort() was called (see stderr)" : "segmentation fault");
  }

  std::unique_ptr<char[]> alternate_;
  stack_t old_stack_{};
  struct sigaction old_[3] = {};
};

// The one engine of the process: its stacks and arenas are reused by all explorations.
inline Engine& shared_engine() {
  static Engine e;
  return e;
}

class Session {
 public:
  Session() {
    if (active_engine != nullptr) std::abort();  // explore() inside of explore()
    active_engine = &shared_engine();
  }
  ~Session() {
    active_engine->recording = false;
    active_engine->uses = nullptr;
    active_engine->path.clear();
    active_engine = nullptr;
  }
  Session(Session const&) = delete;
  Session& operator=(Session const&) = delete;

 private:
  CrashGuard guard_;
};

// Choice strings: "b<bound>:" ("u:" unbounded; "n<bound>:" and "r:" the same without reduction), then one character for each choice, 0-9
// and a-z, longer numbers in parentheses; zeros at the end are left out.
inline std::string path_text(std::vector<Choice> const& path, unsigned bound, bool reduced) {
  std::string text = reduced ? "u" : "r";
  if (bound != unbounded) (text = reduced ? "b" : "n") += std::to_string(bound);
  text += ':';
  std::size_t n = path.size();
  while (n != 0 && path[n - 1].taken == 0) --n;
  for (std::size_t i = 0; i < n; ++i) {
    unsigned const k = path[i].taken;
    if (k < 10) text += static_cast<char>('0' + k);
    else if (k < 36) text += static_cast<char>('a' + (k - 10));
    else (text += "(").append(std::to_string(k)) += ")";
  }
  return text;
}
// False when the text is no choice string.
inline bool parse_path(std::string_view text, std::vector<Choice>& path, unsigned& bound, bool& reduced) {
  std::size_t const colon = text.find(':');
  if (colon == std::string_view::npos || colon == 0) return false;
  reduced = text[0] == 'b' || text[0] == 'u';
  bound = unbounded;
  if (text[0] == 'b' || text[0] == 'n') {
    bound = 0;
    for (char const c : text.substr(1, colon - 1)) {
      if (c < '0' || c > '9') return false;
      bound = bound * 10 + static_cast<unsigned>(c - '0');
    }
  } else if (text[0] != 'u' && text[0] != 'r') {
    return false;
  }
  for (std::size_t i = colon + 1; i < text.size(); ++i) {
    char const c = text[i];
    unsigned k = 0;
    if (c >= '0' && c <= '9') k = static_cast<unsigned>(c - '0');
    else if (c >= 'a' && c <= 'z') k = static_cast<unsigned>(c - 'a') + 10;
    else if (c == '(') while (++i < text.size() && text[i] != ')') k = k * 10 + static_cast<unsigned>(text[i] - '0');
    else return false;
    path.push_back(Choice{static_cast<std::uint16_t>(k), 0});
  }
  return true;
}

// Runs the execution that `choices` (a Result::replay) determines and describes it operation by operation.
inline Result replay(Options options, std::string_view choices, Maker const& make) {
  Session const session;
  Engine& e = engine();
  Result r;
  if (!parse_path(choices, e.path, options.preemptions, options.reduce)) {
    r.error = "not a replay string";
    return r;
  }
  options.pct_runs = 0;
  e.options = &options;
  e.recording = true;
  e.run_once(make, options.seed);
  r.executions = 1;
  r.bound = options.preemptions;
  r.error = e.error;
  r.ok = e.error.empty();
  r.replay = std::string(choices);
  r.trace = trace_text(e);
  return r;
}

// `uses`, if given, collects each atomic access of the program.
inline Result explore(Options const& options, Maker const& make, std::vector<SiteUse>* uses = nullptr, bool want_trace = true) {
  Result r;
  r.bound = options.pct_runs != 0 ? unbounded : options.preemptions;
  {
    Session const session;
    Engine& e = engine();
    e.options = &options;
    e.uses = uses;
    std::fill(std::begin(e.noted), std::end(e.noted), SiteUse{});
    std::uint64_t const limit = options.pct_runs != 0 ? options.pct_runs : options.max_executions;
    do {
      if (r.executions + r.pruned == limit) {
        if (options.pct_runs != 0) break;
        r.error = "not exhaustive: the budget of " + std::to_string(limit) + " executions is used up";
        return r;
      }
      if (options.pct_runs != 0) e.path.clear();
      e.run_once(make, options.seed * 0x9e3779b97f4a7c15 + r.executions * 0xd1b54a32d192ed03);
      ++(e.pruned ? r.pruned : r.executions);
      if (!e.error.empty()) {
        r.error = e.error;
        r.replay = path_text(e.path, r.bound, options.reduce && options.pct_runs == 0);
        break;
      }
    } while (options.pct_runs != 0 || e.next_path());
    r.exhausted = r.error.empty() && options.pct_runs == 0;
  }
  r.ok = r.error.empty();
  if (!r.ok && want_trace) r.trace = replay(options, r.replay, make).trace;
  return r;
}

}  // namespace weft::model
