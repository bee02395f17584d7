// Children of the task groups in taskgroups_test.cpp and taskgroups_cancel_test.cpp.
#pragma once

#include <optional>

#include "unit/support.hpp"

namespace weft_test {

// Sleeps; when it is cancelled, it fails instead: `finally: raise`.
inline Coro<> fail_when_cancelled(std::string name) {
  try {
    co_await weft::sleep(10s);
  } catch (weft::CancelledError const&) {
    throw Failure(name);
  }
}

// Sleeps, and counts if it is cancelled.
inline Coro<> count_cancel(std::atomic<int>& cancels, int weight) {
  try {
    co_await weft::sleep(10s);
  } catch (weft::CancelledError const&) {
    cancels.fetch_add(weight);
    throw;
  }
}

// When it is cancelled it cleans up for a while, and goes on being cancelled.
inline Coro<> clean_up_when_cancelled(milliseconds cleanup) {
  std::optional<weft::CancelledError> cancelled;
  try {
    co_await weft::sleep(10s);
  } catch (weft::CancelledError const& e) {
    cancelled = e;
  }
  EXPECT_TRUE(cancelled.has_value());
  co_await weft::sleep(cleanup);
  throw weft::CancelledError(*cancelled);
}

inline Coro<> sleep_for(milliseconds delay) { co_await weft::sleep(delay); }

}  // namespace weft_test
