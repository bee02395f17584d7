// What every test of the suite shares: the fixture that runs a test at 1, 2 and 8 workers on the virtual clock, a log
// that tasks on several workers may write, objects that count how many of them live, and words for outcomes.
//
// The virtual clock stands still while anything can run and then jumps to the next timer, so that
//   - a difference of Clock::now() is exact: tests compare it with ==, at any number of workers, on any machine;
//   - what happens at different ticks is ordered, and what happens at one tick is not (with more than one worker). Tests
//     therefore give different ticks to things whose order they assert on;
//   - a test that would hang ends with weft::Deadlock instead.
// The fixture records each report of a failure that nobody retrieved, and a test that does not ask for them
// (`take_unhandled`) fails when there is one: no test may leave a failure unnoticed, no library may invent one.
//
// g++ 12 rules that shape these sources: a co_await never stands in a condition (so never inside EXPECT_*, which expand
// to `switch` and `if`), its result is named first, and a lambda that captures something with a destructor is named
// before it is used in an expression with co_await. ASSERT_* returns and is not used in coroutines.
#pragma once

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <exception>
#include <mutex>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include <weft/weft.hpp>

namespace weft_test {

using namespace std::chrono_literals;
using weft::Clock;
using weft::Coro;
using weft::Task;
using std::chrono::milliseconds;

// The failure that tests throw; what() is its name.
struct Failure : std::runtime_error {
  using std::runtime_error::runtime_error;
};

// A second kind, to tell types apart in split and subgroup.
struct OtherFailure : std::runtime_error {
  using std::runtime_error::runtime_error;
};

inline weft::TaskOptions named(std::string_view name) {
  weft::TaskOptions options;
  options.name = name;
  return options;
}

// "Failure(a)", "CancelledError(msg)", "ExceptionGroup[Failure(a), Failure(b)]": an exception in one word.
inline std::string describe(std::exception_ptr const& error) {
  if (!error) return "none";
  try {
    std::rethrow_exception(error);
  } catch (weft::CancelledError const& e) {
    return e.message().empty() ? "CancelledError" : "CancelledError(" + e.message() + ")";
  } catch (weft::ExceptionGroup const& e) {
    std::string text = "ExceptionGroup[";
    char const* separator = "";
    for (std::exception_ptr const& member : e.exceptions()) {
      text += separator + describe(member);
      separator = ", ";
    }
    return text + "]";
  } catch (Failure const& e) {
    return std::string("Failure(") + e.what() + ")";
  } catch (OtherFailure const& e) {
    return std::string("OtherFailure(") + e.what() + ")";
  } catch (weft::TimeoutError const&) {
    return "TimeoutError";
  } catch (weft::QueueFull const&) {
    return "QueueFull";
  } catch (weft::QueueEmpty const&) {
    return "QueueEmpty";
  } catch (weft::QueueShutDown const&) {
    return "QueueShutDown";
  } catch (weft::ValueError const&) {
    return "ValueError";
  } catch (weft::Deadlock const&) {
    return "Deadlock";
  } catch (weft::InvalidStateError const&) {
    return "InvalidStateError";
  } catch (weft::BrokenBarrierError const&) {
    return "BrokenBarrierError";
  } catch (weft::RuntimeError const&) {
    return "RuntimeError";
  } catch (std::bad_alloc const&) {
    return "bad_alloc";
  } catch (std::exception const& e) {
    return std::string("exception(") + e.what() + ")";
  } catch (...) {
    return "unknown";
  }
}

// What calling fn() ends with: "ok" or describe() of what it throws.
template <class F>
std::string outcome_of_call(F&& fn) {
  try {
    std::forward<F>(fn)();
  } catch (...) {
    return describe(std::current_exception());
  }
  return "ok";
}

// What awaiting ends with: "ok" or describe() of what it throws. It swallows a cancellation of the caller, too.
template <class T>
Coro<std::string> outcome(Coro<T> work) {
  std::exception_ptr error;
  try {
    (void)co_await std::move(work);
  } catch (...) {
    error = std::current_exception();
  }
  co_return error ? describe(error) : "ok";
}

template <class T>
Coro<std::string> outcome(Task<T> task) {
  std::exception_ptr error;
  try {
    (void)co_await task;
  } catch (...) {
    error = std::current_exception();
  }
  co_return error ? describe(error) : "ok";
}

// What tasks on any worker write down, in the order in which they did.
class Log {
 public:
  void add(std::string word) {
    std::lock_guard const lock(mutex_);
    words_.push_back(std::move(word));
  }
  std::vector<std::string> words() const {
    std::lock_guard const lock(mutex_);
    return words_;
  }
  std::string text() const {
    std::lock_guard const lock(mutex_);
    std::string text;
    for (std::string const& word : words_) text += (text.empty() ? "" : " ") + word;
    return text;
  }
  std::size_t count(std::string const& word) const {
    std::lock_guard const lock(mutex_);
    std::size_t n = 0;
    for (std::string const& w : words_) n += w == word ? 1U : 0U;
    return n;
  }

 private:
  mutable std::mutex mutex_;
  std::vector<std::string> words_;
};

// Counts its living instances in the counter that it was made with.
class Live {
 public:
  explicit Live(std::atomic<int>& counter) : counter_(&counter) { counter_->fetch_add(1, std::memory_order_seq_cst); }
  Live(Live const& other) : counter_(other.counter_) { counter_->fetch_add(1, std::memory_order_seq_cst); }
  Live& operator=(Live const&) = delete;
  ~Live() { counter_->fetch_sub(1, std::memory_order_seq_cst); }

 private:
  std::atomic<int>* counter_;
};

// Writes its name to a log when it is destroyed, unless it was moved from.
class OnExit {
 public:
  OnExit(Log& log, std::string word) : log_(&log), word_(std::move(word)) {}
  OnExit(OnExit&& other) noexcept : log_(std::exchange(other.log_, nullptr)), word_(std::move(other.word_)) {}
  OnExit& operator=(OnExit&&) = delete;
  ~OnExit() {
    if (log_ != nullptr) log_->add(word_);
  }

 private:
  Log* log_;
  std::string word_;
};

// Time since it was made, on the running runtime's clock.
class Elapsed {
 public:
  milliseconds ms() const { return std::chrono::duration_cast<milliseconds>(Clock::now() - start_); }

 private:
  Clock::time_point start_ = Clock::now();
};

// Parameters are copies throughout: a coroutine's reference parameters would dangle when it runs later.
inline Coro<int> value_after(milliseconds delay, int value) {
  co_await weft::sleep(delay);
  co_return value;
}

inline Coro<int> fail_after(milliseconds delay, std::string name) {
  co_await weft::sleep(delay);
  throw Failure(name);
}

// Sleeps for ever and writes what ended it.
inline Coro<> sleep_for_ever(Log& log, std::string name) {
  try {
    co_await weft::sleep(1h);
  } catch (weft::CancelledError const&) {
    log.add(name + ":cancelled");
    throw;
  }
  log.add(name + ":woke");
}

// ./test.sh sets it for its default set: what takes long by its numbers, and not by its cases, takes smaller ones.
inline bool short_tests() { return std::getenv("WEFT_SHORT_TESTS") != nullptr; }

// How long a stress test runs: about a second, half of one with WEFT_SHORT_TESTS, or WEFT_SOAK_SECONDS.
inline milliseconds soak_time() {
  char const* const text = std::getenv("WEFT_SOAK_SECONDS");
  int const seconds = text != nullptr ? std::atoi(text) : 0;
  if (seconds > 0) return std::chrono::seconds(seconds);
  return short_tests() ? 500ms : 1000ms;
}

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
inline constexpr bool sanitized = true;
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
inline constexpr bool sanitized = true;
#else
inline constexpr bool sanitized = false;
#endif
#else
inline constexpr bool sanitized = false;
#endif

// Records reports of failures that nobody retrieved.
class UnhandledLog {
 public:
  auto hook() {
    return [this](std::exception_ptr error, weft::AnyTask const&) { log_.add(describe(error)); };
  }
  std::vector<std::string> take() {
    std::vector<std::string> all = log_.words();
    std::vector<std::string> fresh(all.begin() + static_cast<std::ptrdiff_t>(taken_), all.end());
    taken_ = all.size();
    return fresh;
  }

 private:
  Log log_;
  std::size_t taken_ = 0;
};

// A test at a number of workers (its parameter) on the virtual clock.
class AtWorkers : public ::testing::TestWithParam<unsigned> {
 protected:
  weft::Options options() {
    weft::Options o;
    o.workers = GetParam();
    o.clock = weft::ClockKind::virtual_time;
    o.on_unhandled_exception = unhandled_.hook();
    return o;
  }

  // Runs fn(args...) as the main coroutine of a runtime of its own and returns what it returns.
  template <class F, class... Args>
  auto run(F fn, Args... args) {
    weft::Runtime runtime(options());
    return runtime.run(std::move(fn), std::move(args)...);
  }

  // The reports since the last call, in order.
  std::vector<std::string> take_unhandled() { return unhandled_.take(); }

  void TearDown() override {
    EXPECT_EQ(take_unhandled(), std::vector<std::string>{}) << "failures were reported as never retrieved";
  }

 private:
  UnhandledLog unhandled_;
};

inline std::string worker_name(::testing::TestParamInfo<unsigned> const& info) {
  return "workers_" + std::to_string(info.param);
}

}  // namespace weft_test

#define WEFT_TEST_AT_1_2_8_WORKERS(Suite) \
  INSTANTIATE_TEST_SUITE_P(At, Suite, ::testing::Values(1U, 2U, 8U), ::weft_test::worker_name)
