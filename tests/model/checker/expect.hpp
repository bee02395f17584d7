// Explorations as gtest assertions, with the line of figures that the logs keep.
#pragma once

#include <gtest/gtest.h>

#include <cstdio>
#include <string>

#include "model/checker/explore.hpp"

namespace weft::model {

inline std::string bound_text(Options const& options) {
  if (options.pct_runs != 0) return "random runs of depth " + std::to_string(options.pct_depth);
  return options.preemptions == unbounded ? "unbounded" : "bound " + std::to_string(options.preemptions);
}

// What the logs keep of a search that must find nothing.
inline void print_figures(Options const& options, Result const& r) {
  std::printf("[model] %s: %llu executions, %s, %s\n", options.name, static_cast<unsigned long long>(r.executions),
              bound_text(options).c_str(), r.ok ? "holds" : r.error.c_str());
}

// Every execution within the bounds (or each random run) is free of errors.
inline Result expect_holds(Options const& options, Maker const& make) {
  Result r = explore(options, make);
  print_figures(options, r);
  if (!r.ok) ADD_FAILURE() << options.name << ": " << r.error << "\nreplay: " << r.replay << "\n" << r.trace;
  return r;
}

// Some execution fails, with an error that contains `error`, and replaying its choices fails in the same way.
inline Result expect_fails(Options const& options, char const* error, Maker const& make) {
  Result r = explore(options, make);
  std::printf("[model] %s: %llu executions, %s, fails as it must: %s\n", options.name,
              static_cast<unsigned long long>(r.executions), bound_text(options).c_str(), r.error.c_str());
  EXPECT_FALSE(r.ok) << options.name << " holds, but must fail";
  EXPECT_NE(r.error.find(error), std::string::npos) << options.name << " fails otherwise: " << r.error << "\n" << r.trace;
  if (!r.replay.empty()) {
    EXPECT_EQ(replay(options, r.replay, make).error, r.error);
  }
  return r;
}

}  // namespace weft::model
