// The runtimes that the weft kernels run on: one per worker count and clock, made once and used by many run() calls, as a
// service would use one. Between calls their workers are parked and cost nothing.
#pragma once

#include <weft/weft.hpp>

#include <map>
#include <memory>
#include <utility>

namespace bench {

inline weft::Runtime& runtime(unsigned workers, weft::ClockKind clock = weft::ClockKind::steady) {
  static std::map<std::pair<unsigned, weft::ClockKind>, std::unique_ptr<weft::Runtime>> runtimes;
  std::unique_ptr<weft::Runtime>& entry = runtimes[{workers, clock}];
  if (!entry) {
    weft::Options options;
    options.workers = workers;
    options.clock = clock;
    entry = std::make_unique<weft::Runtime>(options);
  }
  return *entry;
}

}  // namespace bench
