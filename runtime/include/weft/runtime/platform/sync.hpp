// The synchronisation seam: the only door through which the algorithms reach the hardware.
//
// Every lock-free algorithm of the engine is a template over a `Sync` that has the members of `real_sync` below. The
// library ships `Algorithm<real_sync>`; the model checker (tests/model) compiles the same lines as
// `Algorithm<model_sync>` and runs them under every interleaving within a preemption bound, with every stale value that
// C++20 lets a load return. Hence three rules:
//   - no default memory orders: an order is a statement about another thread, so it is always written down;
//   - no acquire or release fences: ThreadSanitizer cannot see them. Orders sit on the accesses;
//   - seq_cst fences only in the two store-load (Dekker) protocols, the fork deque and parking, and only in these forms:
//       fence_light() / fence_heavy()  an asymmetric pair. The light side is on a hot path and costs nothing but a
//                                      compiler barrier, because the heavy side makes every running thread of the process
//                                      execute a full barrier (Linux membarrier(2), PRIVATE_EXPEDITED). Two light sides
//                                      do not order each other. Where the kernel has no membarrier both are full fences.
//       fence_light_free()             the light side for one who knows that it costs nothing, light_fence_is_free(): an algorithm
//                                      whose hot path leads to a slow one can ask once, and where it costs send everything there, to
//                                      a full fence.
//       fence_full()                   a symmetric full fence. A locked operation on the stack, since `mfence` costs twice
//                                      as much on x86 and clang emits it for atomic_thread_fence.
//     The model maps all three to a C++20 seq_cst fence.
// `var<T>` is plain memory that is handed over by the protocol; the model checker watches it for data races.
//
// Futexes: futex_wait sleeps while the word still holds `expected` and may return at any time; futex_wake wakes up to
// `count` sleepers. They imply no ordering.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <type_traits>
#include <utility>

#include <weft/runtime/platform/config.hpp>

namespace weft::engine {

// True when membarrier(2) works; set once before main by the initialiser in sync.cpp, constant afterwards.
extern bool const asymmetric_fences;

// Makes every running thread of this process pass a full barrier. Falls back to a full fence of the caller.
void membarrier_all() noexcept;
void futex_wait_word(std::uint32_t const* word, std::uint32_t expected) noexcept;
// False when `timeout` passed.
bool futex_wait_word_for(std::uint32_t const* word, std::uint32_t expected, std::chrono::nanoseconds timeout) noexcept;
void futex_wake_word(std::uint32_t const* word, int count) noexcept;

struct real_sync {
  static constexpr bool modelled = false;

  template <class T>
  class atomic {
   public:
    constexpr atomic() noexcept : value_(T{}) {}
    constexpr explicit atomic(T value) noexcept : value_(value) {}
    atomic(atomic const&) = delete;
    atomic& operator=(atomic const&) = delete;

    WEFT_INLINE T load(std::memory_order order) const noexcept { return value_.load(order); }
    WEFT_INLINE void store(T value, std::memory_order order) noexcept { value_.store(value, order); }
    WEFT_INLINE T exchange(T value, std::memory_order order) noexcept { return value_.exchange(value, order); }
    WEFT_INLINE bool compare_exchange_strong(T& expected, T desired, std::memory_order success,
                                             std::memory_order failure) noexcept {
      return value_.compare_exchange_strong(expected, desired, success, failure);
    }
    WEFT_INLINE bool compare_exchange_weak(T& expected, T desired, std::memory_order success,
                                           std::memory_order failure) noexcept {
      return value_.compare_exchange_weak(expected, desired, success, failure);
    }
    template <class D>
    WEFT_INLINE T fetch_add(D delta, std::memory_order order) noexcept { return value_.fetch_add(delta, order); }
    template <class D>
    WEFT_INLINE T fetch_sub(D delta, std::memory_order order) noexcept { return value_.fetch_sub(delta, order); }
    WEFT_INLINE T fetch_or(T bits, std::memory_order order) noexcept { return value_.fetch_or(bits, order); }
    WEFT_INLINE T fetch_and(T bits, std::memory_order order) noexcept { return value_.fetch_and(bits, order); }

    // The word that a futex sleeps on.
    std::uint32_t const* word() const noexcept {
      static_assert(sizeof(value_) == sizeof(std::uint32_t));
      return reinterpret_cast<std::uint32_t const*>(&value_);
    }

   private:
    std::atomic<T> value_;
  };

  template <class T>
  class var {
   public:
    constexpr var() noexcept = default;
    constexpr explicit var(T value) noexcept : value_(std::move(value)) {}
    WEFT_INLINE T const& get() const noexcept { return value_; }
    WEFT_INLINE void set(T value) noexcept { value_ = std::move(value); }

   private:
    T value_{};
  };

  WEFT_INLINE static void fence_full() noexcept {
#if defined(__x86_64__)
    asm volatile("lock orl $0, (%%rsp)" ::: "memory", "cc");
#else
    std::atomic_thread_fence(std::memory_order_seq_cst);
#endif
  }
  WEFT_INLINE static void fence_light() noexcept {
    if (__builtin_expect(asymmetric_fences, true)) std::atomic_signal_fence(std::memory_order_seq_cst);
    else fence_full();
  }
  WEFT_INLINE static void fence_light_free() noexcept { std::atomic_signal_fence(std::memory_order_seq_cst); }
  static bool light_fence_is_free() noexcept { return asymmetric_fences; }
  static void fence_heavy() noexcept { membarrier_all(); }

  static void futex_wait(atomic<std::uint32_t> const& word, std::uint32_t expected) noexcept {
    futex_wait_word(word.word(), expected);
  }
  static bool futex_wait_for(atomic<std::uint32_t> const& word, std::uint32_t expected,
                             std::chrono::nanoseconds timeout) noexcept {
    return futex_wait_word_for(word.word(), expected, timeout);
  }
  static void futex_wake(atomic<std::uint32_t> const& word, int count) noexcept { futex_wake_word(word.word(), count); }

  // Between two looks at a word that another running thread is about to change.
  WEFT_INLINE static void pause() noexcept {
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    asm volatile("yield" ::: "memory");
#endif
  }
  // Gives the core away; the model checker lets another thread run first.
  static void yield() noexcept;
};

}  // namespace weft::engine
