// What the compiler and the machine are, and the few macros that this library allows itself.
//
// Assertions are for our own bugs, exceptions are for users'. WEFT_ASSERT aborts with a line on stderr; it is never an
// assumption handed to the optimiser. It is compiled in when WEFT_ASSERTIONS is 1 (by default in builds without NDEBUG
// and in every sanitizer build). WEFT_CHECK is for the places that are off the hot path: it is always compiled in.
#pragma once

#include <cstdio>
#include <cstdlib>

#if defined(__SANITIZE_ADDRESS__)
#define WEFT_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define WEFT_ASAN 1
#endif
#endif
#ifndef WEFT_ASAN
#define WEFT_ASAN 0
#endif

// -DWEFT_TSAN=0: instrumented as for ThreadSanitizer, but for another runtime (benchmarks/sharing), which wants the code as it is shipped.
#if defined(WEFT_TSAN)
#elif defined(__SANITIZE_THREAD__)
#define WEFT_TSAN 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define WEFT_TSAN 1
#endif
#endif
#ifndef WEFT_TSAN
#define WEFT_TSAN 0
#endif

#ifndef WEFT_ASSERTIONS
#if !defined(NDEBUG) || WEFT_ASAN || WEFT_TSAN
#define WEFT_ASSERTIONS 1
#else
#define WEFT_ASSERTIONS 0
#endif
#endif

// Without optimisation it would only take a debugger's steps away, and the compiler's time.
#ifdef __OPTIMIZE__
#define WEFT_INLINE [[gnu::always_inline]] inline
#else
#define WEFT_INLINE inline
#endif
#define WEFT_COLD [[gnu::noinline, gnu::cold]]
#define WEFT_NOINLINE [[gnu::noinline]]

namespace weft::engine {

// Two lines on x86: its adjacent-line prefetcher pulls them in pairs.
inline constexpr unsigned long cache_line = 128;

[[noreturn, gnu::cold, gnu::noinline]] inline void assertion_failed(char const* what, char const* file, int line) noexcept {
  std::fprintf(stderr, "weft: internal assertion failed: %s (%s:%d)\n", what, file, line);
  std::abort();
}

}  // namespace weft::engine

#define WEFT_CHECK(cond) (__builtin_expect(!!(cond), 1) ? void(0) : ::weft::engine::assertion_failed(#cond, __FILE__, __LINE__))
#if WEFT_ASSERTIONS
#define WEFT_ASSERT(cond) WEFT_CHECK(cond)
#else
#define WEFT_ASSERT(cond) void(0)
#endif
