// Faults on demand, for the tests: the n-th frame allocation or thread creation fails.
//
// Compiled in when WEFT_FAULT_INJECTION is 1 (the whole program must agree on it); otherwise every function here is empty and
// the calls vanish. Counts are process-global and relaxed: a test arms a fault while the runtime is quiet, and with several
// workers "the n-th" is one in the order in which they happened to count.
#pragma once

#include <cstdint>
#include <new>
#include <system_error>

#include <weft/runtime/platform/sync.hpp>

#ifndef WEFT_FAULT_INJECTION
#define WEFT_FAULT_INJECTION 0
#endif

namespace weft::engine::fault {

inline constexpr bool enabled = WEFT_FAULT_INJECTION != 0;

#if WEFT_FAULT_INJECTION

struct Counter {
  real_sync::atomic<std::uint64_t> seen{0};
  real_sync::atomic<std::uint64_t> fail_at{0};  // 0: never

  void arm(std::uint64_t n) noexcept {
    seen.store(0, std::memory_order_relaxed);
    fail_at.store(n, std::memory_order_relaxed);
  }
  // True for the one call that has to fail.
  bool hit() noexcept {
    return seen.fetch_add(std::uint64_t{1}, std::memory_order_relaxed) + 1 == fail_at.load(std::memory_order_relaxed);
  }
};

inline constinit Counter allocations;
inline constinit Counter threads;

// From now on the n-th frame allocation (1 is the next) throws bad_alloc; those before and after it succeed.
inline void fail_allocation_after(std::uint64_t n) noexcept { allocations.arm(n); }
// From now on the k-th creation of a thread (1 is the next) throws system_error; those before and after it succeed.
inline void fail_thread_creation_at(std::uint64_t k) noexcept { threads.arm(k); }
// Disarms both and sets both counts to zero.
inline void reset() noexcept {
  allocations.arm(0);
  threads.arm(0);
}
// Frame allocations tried since the last reset() or fail_allocation_after().
inline std::uint64_t count() noexcept { return allocations.seen.load(std::memory_order_relaxed); }
inline std::uint64_t thread_count() noexcept { return threads.seen.load(std::memory_order_relaxed); }

// The hooks: called where a frame is about to be allocated, where a thread is about to be started.
inline void on_allocation() {
  if (allocations.hit()) throw std::bad_alloc();
}
inline void on_thread_creation() {
  if (threads.hit()) throw std::system_error(std::make_error_code(std::errc::resource_unavailable_try_again), "fault injected");
}

#else

inline void fail_allocation_after(std::uint64_t) noexcept {}
inline void fail_thread_creation_at(std::uint64_t) noexcept {}
inline void reset() noexcept {}
inline std::uint64_t count() noexcept { return 0; }
inline std::uint64_t thread_count() noexcept { return 0; }
WEFT_INLINE void on_allocation() noexcept {}
WEFT_INLINE void on_thread_creation() noexcept {}

#endif

}  // namespace weft::engine::fault
