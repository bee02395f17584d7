// Mutants: does a program notice when an algorithm is made wrong?
//
// The accesses that a set of programs makes in given source files are collected while the programs run unchanged. Then each is
// changed in turn, at run time and without touching the source, and the programs must fail:
//   - an order is weakened by one step (seq_cst to acq_rel, acquire or release; acq_rel to acquire and to release; acquire and release
//     to relaxed),
//   - a fence or a futex wake is left out,
//   - a compare-exchange becomes a load and a store.
// A mutant that every program survives means that the order is stronger than it must be, that no program needs it, or that only an
// outcome which the checker does not explore (engine.hpp) would show it. A test lists its survivors, each with the reason.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <functional>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include "model/checker/expect.hpp"
#include "model/checker/explore.hpp"

namespace weft::model {

struct Case {
  Options options;
  std::function<void(Program&)> program;
};

struct Mutant {
  Mutation mutation{};
  Site site{};
  std::string change{};  // "acquire -> relaxed", "no fence", "no wake", "split"
  std::string order{};   // the name in the ORDER(name) comment at or above the access
  bool caught = false;
  std::string by{};      // the program that caught it and the error
  std::string replay{};

  // How a test names it: order name, change, the text of the line.
  std::string key() const { return order + " | " + change + " | " + source_line(site); }
};

struct MutationReport {
  std::string error{};  // a program fails even without a change
  std::vector<Result> unchanged{};  // one for each program
  std::vector<Mutant> mutants{};
  std::vector<std::string> unnamed{};  // accesses that are not relaxed and have no ORDER(name)
  std::size_t caught() const {
    return static_cast<std::size_t>(std::count_if(mutants.begin(), mutants.end(), [](Mutant const& m) { return m.caught; }));
  }
  std::vector<std::string> survivors() const {
    std::vector<std::string> keys;
    for (Mutant const& m : mutants)
      if (!m.caught) keys.push_back(m.key());
    std::sort(keys.begin(), keys.end());
    keys.erase(std::unique(keys.begin(), keys.end()), keys.end());
    return keys;
  }
};

// The comment that names an order stands on the line of the access or above it, with no empty line between.
inline std::string order_comment(Site site) {
  auto const& lines = source_lines(site.file_name());
  for (std::size_t i = site.line(), tries = 0; i != 0 && i <= lines.size() && tries < 12; --i, ++tries) {
    std::string const& line = lines[i - 1];
    if (line.find_first_not_of(" \t\r") == std::string::npos) break;
    std::size_t const at = line.find("ORDER(");
    if (at == std::string::npos) continue;
    std::size_t const begin = at + 6;
    return line.substr(begin, line.find(')', begin) - begin);
  }
  return "";
}

inline std::vector<std::memory_order> weaker(std::memory_order order, SiteUse::Kind kind) {
  switch (order) {
    case std::memory_order_seq_cst:
      if (kind == SiteUse::Kind::load) return {std::memory_order_acquire};
      if (kind == SiteUse::Kind::store) return {std::memory_order_release};
      return {std::memory_order_acq_rel};
    case std::memory_order_acq_rel: return {std::memory_order_acquire, std::memory_order_release};
    case std::memory_order_acquire:
    case std::memory_order_release: return {std::memory_order_relaxed};
    default: return {};
  }
}

inline std::vector<Mutant> mutants_of(SiteUse const& use) {
  std::vector<Mutant> list;
  auto const add = [&](Mutation::Kind kind, std::memory_order order, std::string change) {
    Mutation const m{kind, use.site.file_name(), use.site.line(), use.site.column(), order};
    list.push_back(Mutant{.mutation = m, .site = use.site, .change = std::move(change), .order = order_comment(use.site)});
  };
  auto const arrow = [](std::memory_order from, std::memory_order to) {
    return std::string(order_name(from)) + " -> " + order_name(to);
  };
  switch (use.kind) {
    case SiteUse::Kind::fence: add(Mutation::Kind::drop_fence, use.order, "no fence"); break;
    case SiteUse::Kind::wake: add(Mutation::Kind::drop_wake, use.order, "no wake"); break;
    case SiteUse::Kind::cas:
      add(Mutation::Kind::split_cas, use.order, "split");
      for (auto const o : weaker(use.failure, SiteUse::Kind::load))
        add(Mutation::Kind::failure_order, o, "on failure " + arrow(use.failure, o));
      [[fallthrough]];
    default:
      for (auto const o : weaker(use.order, use.kind)) add(Mutation::Kind::order, o, arrow(use.order, o));
  }
  return list;
}

// The programs unchanged, all of them within their bounds, and then every mutant of every access in `files` (path endings), until some program fails.
inline MutationReport mutation_report(std::vector<std::string> const& files, std::vector<Case> const& cases) {
  MutationReport report;
  std::vector<SiteUse> uses;
  for (Case const& c : cases) {
    report.unchanged.push_back(explore(c.options, c.program, &uses));
    Result const& r = report.unchanged.back();
    if (!r.ok) {
      report.error = std::string(c.options.name) + ": " + r.error + "\nreplay: " + r.replay + "\n" + r.trace;
      return report;
    }
  }
  std::sort(uses.begin(), uses.end(), [](SiteUse const& a, SiteUse const& b) {
    return std::pair(a.site.line(), a.site.column()) < std::pair(b.site.line(), b.site.column());
  });
  for (SiteUse const& use : uses) {
    std::string_view const file = use.site.file_name();
    if (std::none_of(files.begin(), files.end(), [&](std::string const& f) { return file.ends_with(f); })) continue;
    bool const ordered = use.order != std::memory_order_relaxed || use.failure != std::memory_order_relaxed;
    if (ordered && order_comment(use.site).empty()) report.unnamed.push_back(Engine::where(use.site) + " " + source_line(use.site));
    for (Mutant& m : mutants_of(use)) report.mutants.push_back(std::move(m));
  }

  // The searches that each mutant has to survive, cheapest first. Most are caught with one preemption, in a fraction of the search.
  struct Search {
    Case const* in;
    unsigned preemptions;
    std::uint64_t executions;  // that it took unchanged; not known, and few, with one preemption
  };
  std::vector<Search> searches;
  for (std::size_t i = 0; i < cases.size(); ++i) {
    unsigned const bound = cases[i].options.preemptions;
    if (bound > 1) searches.push_back({&cases[i], 1, 0});
    searches.push_back({&cases[i], bound, report.unchanged[i].executions});
  }
  std::sort(searches.begin(), searches.end(), [](Search const& a, Search const& b) {
    return std::tuple(a.executions, a.in, a.preemptions) < std::tuple(b.executions, b.in, b.preemptions);
  });

  for (Mutant& m : report.mutants) {
    for (Search const& search : searches) {
      Options options = search.in->options;
      options.preemptions = search.preemptions;
      options.mutation = &m.mutation;
      Result const r = explore(options, search.in->program, nullptr, false);
      if (r.ok || r.replay.empty()) continue;
      m.caught = true;
      m.by = std::string(options.name) + ": " + r.error;
      m.replay = r.replay;
      break;
    }
  }
  return report;
}

// Every program holds, and every mutant is caught except those whose keys are listed, and those survive.
inline void expect_mutants_caught(char const* name, std::vector<std::string> const& files, std::vector<Case> const& cases,
                                  std::vector<std::string> survivors = {}) {
  MutationReport const report = mutation_report(files, cases);
  for (std::size_t i = 0; i < report.unchanged.size(); ++i) print_figures(cases[i].options, report.unchanged[i]);
  ASSERT_EQ(report.error, "") << name << " fails without a change";
  std::printf("[model] %s: %zu of %zu mutants caught\n", name, report.caught(), report.mutants.size());
  for (Mutant const& m : report.mutants)
    std::printf("[model]   %s %s %s: %s\n", m.caught ? "caught  " : "survived", Engine::where(m.site).c_str(), m.change.c_str(),
                m.caught ? m.by.c_str() : m.key().c_str());
  std::sort(survivors.begin(), survivors.end());
  EXPECT_EQ(report.survivors(), survivors) << name;
  EXPECT_EQ(report.unnamed, std::vector<std::string>{}) << "orders without an ORDER(name) comment";
  EXPECT_FALSE(report.mutants.empty()) << name << ": the programs do not touch these files";
}

}  // namespace weft::model
