// std::exception_ptr counts its references inside libstdc++, where ThreadSanitizer does not look: that a reader of an exception comes before the one who destroys
// it, on another thread, it has to be told. Nothing without ThreadSanitizer.
#pragma once

#include <exception>

#include <weft/runtime/platform/config.hpp>

#if WEFT_TSAN
#include <sanitizer/tsan_interface.h>

#include <cstring>
#endif

namespace weft::engine {

// Just before a reference goes that may be the last, or may leave the last to another thread.
inline void exception_drops([[maybe_unused]] std::exception_ptr const& error) noexcept {
#if WEFT_TSAN
  // It is one pointer, to the thrown object; null for none.
  void* object = nullptr;
  static_assert(sizeof(error) == sizeof(object));
  std::memcpy(&object, &error, sizeof(object));
  if (object == nullptr) return;
  __tsan_release(object);
  __tsan_acquire(object);
#endif
}

}  // namespace weft::engine
