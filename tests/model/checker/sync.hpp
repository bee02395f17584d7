// model_sync: the synchronisation seam (weft/runtime/platform/sync.hpp) as the model checker provides it.
//
// The same interface as real_sync. The source location that each operation takes by default is how the checker tells one access of
// an algorithm from another: traces quote it and mutants are addressed by it. An object stands for a location of the engine and
// belongs to the execution in which it was constructed; its memory may be reused or freed only after its destructor, as in C++.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstring>
#include <type_traits>
#include <utility>

#include <weft/runtime/platform/sync.hpp>

#include "model/checker/operations.hpp"

namespace weft::model {

template <class T>
std::uint64_t encode(T const& value) noexcept {
  static_assert(sizeof(T) <= 8 && std::is_trivially_copyable_v<T>);
  std::uint64_t bits = 0;
  std::memcpy(&bits, &value, sizeof value);
  return bits;
}
template <class T>
T decode(std::uint64_t bits) noexcept {
  T value;
  std::memcpy(&value, &bits, sizeof value);
  return value;
}

[[noreturn, gnu::cold]] inline void used_outside() noexcept {
  std::fputs("weft model checker: a modelled object is used outside of explore()\n", stderr);
  std::abort();
}

struct model_sync {
  static constexpr bool modelled = true;

  template <class T>
  class atomic {
   public:
    constexpr atomic(Site at = Site::current()) noexcept : atomic(T{}, at) {}
    constexpr explicit atomic(T value, Site at = Site::current()) noexcept {
      if (!std::is_constant_evaluated() && active_engine != nullptr && active_engine->inside()) {
        id_ = engine().add_atomic(this, encode(value), at);
        generation_ = engine().generation();
      }
    }
    constexpr ~atomic() {
      if (!std::is_constant_evaluated() && active_engine != nullptr && active_engine->inside())
        engine().remove_atomic(id_, generation_);
    }
    atomic(atomic const&) = delete;
    atomic& operator=(atomic const&) = delete;

    T load(std::memory_order order, Site at = Site::current()) const noexcept {
      return decode<T>(alive(at).load(id_, order, at));
    }
    void store(T value, std::memory_order order, Site at = Site::current()) noexcept {
      alive(at).store(id_, encode(value), order, at);
    }
    T exchange(T value, std::memory_order order, Site at = Site::current()) noexcept {
      return decode<T>(alive(at).rmw(id_, order, at, [&](std::uint64_t) { return encode(value); }));
    }
    bool compare_exchange_strong(T& expected, T desired, std::memory_order success, std::memory_order failure,
                                 Site at = Site::current()) noexcept {
      return compare_exchange(expected, desired, success, failure, false, at);
    }
    bool compare_exchange_weak(T& expected, T desired, std::memory_order success, std::memory_order failure,
                               Site at = Site::current()) noexcept {
      return compare_exchange(expected, desired, success, failure, true, at);
    }
    template <class D>
    T fetch_add(D delta, std::memory_order order, Site at = Site::current()) noexcept {
      return update(order, at, [&](T old) { return plus(old, delta); });
    }
    template <class D>
    T fetch_sub(D delta, std::memory_order order, Site at = Site::current()) noexcept {
      return update(order, at, [&](T old) { return minus(old, delta); });
    }
    T fetch_or(T bits, std::memory_order order, Site at = Site::current()) noexcept {
      return update(order, at, [&](T old) { return static_cast<T>(old | bits); });
    }
    T fetch_and(T bits, std::memory_order order, Site at = Site::current()) noexcept {
      return update(order, at, [&](T old) { return static_cast<T>(old & bits); });
    }

   private:
    friend struct model_sync;

    // std::atomic converts the operand to T, or to ptrdiff_t for a pointer, and wraps around.
    template <class D>
    static T plus(T old, D delta) noexcept {
      if constexpr (std::is_pointer_v<T>) return old + delta;
      else return decode<T>(encode(old) + encode(static_cast<T>(delta)));
    }
    template <class D>
    static T minus(T old, D delta) noexcept {
      if constexpr (std::is_pointer_v<T>) return old - delta;
      else return decode<T>(encode(old) - encode(static_cast<T>(delta)));
    }

    Engine& alive(Site at) const noexcept {
      if (active_engine == nullptr) [[unlikely]] used_outside();
      if (!engine().alive(id_, generation_)) [[unlikely]] engine().lifeless(this, generation_, at);
      return engine();
    }
    bool compare_exchange(T& expected, T desired, std::memory_order success, std::memory_order failure, bool weak,
                          Site at) noexcept {
      std::uint64_t bits = encode(expected);
      bool const done = alive(at).cas(id_, bits, encode(desired), success, failure, weak, at);
      if (!done) expected = decode<T>(bits);
      return done;
    }
    template <class F>
    T update(std::memory_order order, Site at, F f) noexcept {
      return decode<T>(alive(at).rmw(id_, order, at, [&](std::uint64_t bits) { return encode(f(decode<T>(bits))); }));
    }

    std::uint32_t id_ = 0;
    std::uint32_t generation_ = 0;  // of the engine; never 0 for a live object
  };

  template <class T>
  class var {
   public:
    constexpr var(Site at = Site::current()) noexcept { begin(at); }
    constexpr explicit var(T value, Site at = Site::current()) noexcept : value_(std::move(value)) { begin(at); }
    constexpr var(var const& other, Site at = Site::current()) noexcept : value_(other.get(at)) { begin(at); }
    constexpr var(var&& other, Site at = Site::current()) noexcept : value_(std::move(other.written(at))) { begin(at); }
    var& operator=(var const& other) noexcept {
      set(other.get());
      return *this;
    }
    constexpr ~var() {
      if (!std::is_constant_evaluated() && active_engine != nullptr && active_engine->inside())
        engine().remove_plain(id_, generation_);
    }

    T const& get(Site at = Site::current()) const noexcept {
      touch(false, at);
      return value_;
    }
    void set(T value, Site at = Site::current()) noexcept { written(at) = std::move(value); }

   private:
    constexpr void begin(Site at) noexcept {
      if (!std::is_constant_evaluated() && active_engine != nullptr && active_engine->inside()) {
        id_ = engine().add_plain(this, at);
        generation_ = engine().generation();
      }
    }
    T& written(Site at) noexcept {
      touch(true, at);
      return value_;
    }
    void touch(bool write, Site at) const noexcept {
      if (active_engine == nullptr) [[unlikely]] used_outside();
      if (!engine().alive_plain(id_, generation_)) [[unlikely]] engine().lifeless(this, generation_, at);
      engine().plain_access(id_, write, at);
    }

    T value_{};
    std::uint32_t id_ = 0;
    std::uint32_t generation_ = 0;
  };

  static void fence_full(Site at = Site::current()) noexcept { engine().fence(at); }
  static void fence_light(Site at = Site::current()) noexcept { engine().fence(at); }
  static void fence_light_free(Site at = Site::current()) noexcept { engine().fence(at); }
  static constexpr bool light_fence_is_free() noexcept { return true; }
  static void fence_heavy(Site at = Site::current()) noexcept { engine().fence(at); }

  static void futex_wait(atomic<std::uint32_t> const& word, std::uint32_t expected, Site at = Site::current()) noexcept {
    word.alive(at).futex_wait(word.id_, expected, false, at);
  }
  // Times out, or is woken, whatever the duration: the model has no clock.
  static bool futex_wait_for(atomic<std::uint32_t> const& word, std::uint32_t expected, std::chrono::nanoseconds,
                             Site at = Site::current()) noexcept {
    return word.alive(at).futex_wait(word.id_, expected, true, at);
  }
  static void futex_wake(atomic<std::uint32_t> const& word, int count, Site at = Site::current()) noexcept {
    word.alive(at).futex_wake(word.id_, count, at);
  }

  static void pause(Site at = Site::current()) noexcept { engine().yield(at); }
  static void yield(Site at = Site::current()) noexcept { engine().yield(at); }
};

}  // namespace weft::model
