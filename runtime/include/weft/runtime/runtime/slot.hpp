// Where the result of a coroutine is written: in the parent's awaiter, in gather's join, or in a task's control block.
//
// A slot whose T needs no destructor is bare storage, and whether it holds a value is known from the course of events; for any other T
// it says so itself, since an error elsewhere may leave some slots filled and others not. References are kept as pointers, void as nothing.
#pragma once

#include <memory>
#include <new>
#include <type_traits>
#include <utility>

#include <weft/runtime/platform/config.hpp>

namespace weft::engine {

template <class T>
class Slot {
  static constexpr bool tracked = !std::is_trivially_destructible_v<T>;

 public:
  // Not defaulted: a tuple would write zeros first.
  Slot() noexcept {}
  Slot(Slot const&) = delete;
  Slot& operator=(Slot const&) = delete;
  ~Slot() {
    if constexpr (tracked) clear();
  }

  // `place` is a slot; where T needs no destructor it may be any storage for a T, an element of a vector for example.
  template <class U>
  WEFT_INLINE static void construct_at(void* place, U&& value) noexcept(std::is_nothrow_constructible_v<T, U>) {
    if constexpr (tracked) static_cast<Slot*>(place)->construct(std::forward<U>(value));
    else ::new (place) T(static_cast<T>(std::forward<U>(value)));
  }
  template <class U>
  WEFT_INLINE void construct(U&& value) noexcept(std::is_nothrow_constructible_v<T, U>) {
    ::new (static_cast<void*>(storage_.bytes)) T(static_cast<T>(std::forward<U>(value)));
    if constexpr (tracked) storage_.full = true;
  }
  WEFT_INLINE T& get() noexcept { return *std::launder(reinterpret_cast<T*>(storage_.bytes)); }
  WEFT_INLINE T const& get() const noexcept { return *std::launder(reinterpret_cast<T const*>(storage_.bytes)); }
  WEFT_INLINE T&& take() noexcept { return std::move(get()); }
  void clear() noexcept {
    if constexpr (tracked) {
      if (std::exchange(storage_.full, false)) std::destroy_at(std::addressof(get()));
    }
  }

 private:
  struct Bare {
    alignas(T) unsigned char bytes[sizeof(T)];
  };
  struct Tracked {
    alignas(T) unsigned char bytes[sizeof(T)];
    bool full = false;
  };
  std::conditional_t<tracked, Tracked, Bare> storage_;
};

template <class T>
class Slot<T&> {
 public:
  WEFT_INLINE void construct(T& value) noexcept { pointer_ = std::addressof(value); }
  WEFT_INLINE static void construct_at(void* place, T& value) noexcept { static_cast<Slot*>(place)->construct(value); }
  WEFT_INLINE T& get() const noexcept { return *pointer_; }
  WEFT_INLINE T& take() const noexcept { return *pointer_; }
  void clear() noexcept {}

 private:
  T* pointer_;
};

template <>
class Slot<void> {
 public:
  WEFT_INLINE void get() const noexcept {}
  WEFT_INLINE void take() const noexcept {}
  void clear() noexcept {}
};

}  // namespace weft::engine
