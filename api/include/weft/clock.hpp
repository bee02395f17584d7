// Clock: the time by which timers run, and durations of any kind turned into deadlines.
#pragma once

#include <chrono>
#include <cmath>
#include <cstdint>
#include <limits>
#include <optional>
#include <ratio>
#include <type_traits>

#include <weft/errors.hpp>

namespace weft {

/// The running runtime's clock, in nanoseconds: virtual or steady. Outside a worker it is the steady one.
///
/// asyncio: loop.time(). Never goes back. The virtual clock starts at zero. Threads: any.
struct Clock {
  using rep = std::int64_t;
  using period = std::nano;
  using duration = std::chrono::nanoseconds;
  using time_point = std::chrono::time_point<Clock>;
  static constexpr bool is_steady = true;
  static time_point now() noexcept;
};

namespace engine {

[[noreturn]] void throw_bad_delay();

// A delay in nanoseconds: zero for what is not positive; `Clock::duration::max()` for what cannot be represented, which means for ever. Throws
// ValueError for NaN and negative infinity.
template <class Rep, class Period>
Clock::duration to_delay(std::chrono::duration<Rep, Period> delay) {
  if constexpr (std::chrono::treat_as_floating_point_v<Rep>) {
    auto const ns = std::chrono::duration<long double, std::nano>(delay).count();
    if (std::isnan(ns) || ns == -std::numeric_limits<long double>::infinity()) throw_bad_delay();
    if (ns <= 0) return Clock::duration::zero();
    if (ns >= static_cast<long double>(Clock::duration::max().count())) return Clock::duration::max();
    return Clock::duration(static_cast<std::int64_t>(ns));
  } else {
    if (delay <= std::chrono::duration<Rep, Period>::zero()) return Clock::duration::zero();
    auto const ns = std::chrono::duration<long double, std::nano>(delay).count();
    if (ns >= static_cast<long double>(Clock::duration::max().count())) return Clock::duration::max();
    return std::chrono::duration_cast<Clock::duration>(delay);
  }
}

// now + delay, without overflow: what lies beyond the clock is `time_point::max()`, for ever.
inline Clock::time_point deadline_after(Clock::duration delay) noexcept {
  Clock::time_point const now = Clock::now();
  if (delay > Clock::time_point::max() - now) return Clock::time_point::max();
  return now + delay;
}

}  // namespace engine
}  // namespace weft
