// What the tests of the workers' queues put into them.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <new>

namespace weft_test {

struct QueueItem {
  std::uint64_t payload = 0;  // plain memory: ThreadSanitizer sees whether the queue hands it over
  std::atomic<unsigned> taken{0};
};

// Memory that runs out when told to.
struct ScarceMemory {
  static inline bool out = false;
  static void* allocate(std::size_t bytes) noexcept { return out ? nullptr : ::operator new(bytes, std::nothrow); }
  static void release(void* block) noexcept { ::operator delete(block); }
};

}  // namespace weft_test
