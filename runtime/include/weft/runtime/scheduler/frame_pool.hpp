// The pool that coroutine frames and control blocks come from.
//
// Process-global. Sizes are rounded up to classes of 64 bytes, up to 2048; what is larger goes to operator new. Each thread has
// a cache with a stack of free blocks per class: it allocates from it and frees to it, plain loads and stores, whatever thread a
// block came from; when it is full half of it goes to the central depot as a chain (a magazine), and when it is empty a magazine comes from
// there (algorithms/magazine_stack.hpp). So a thread that only frees feeds one that only allocates, a lock is taken once per
// magazine (at most 63 blocks or 32 KiB), and no cache holds more than two magazines of a class. New blocks are carved from
// 64 KiB chunks that belong to one class.
//
// A stack needs no count: it ends at a multiple of its size, so the address of its top says whether it is full, and it begins with a null pointer,
// which says that it is empty.
//
//    multiple of 8 * slots         multiple of 8 * slots
//    |      | null | block | block | ... | block |
//              ^ empty        ^ top         ^ full
//
// Alignment: a block starts at a multiple of the largest power of two that divides its class's size (at least 64). The size of
// g++'s frames is a multiple of their alignment, so over-aligned frames are right without being announced, which it does not do.
// The size of clang's need not be: it is rounded up so that 128 is right, and more with -fcoro-aligned-allocation, by which
// alignments are announced (PooledFrame).
//
// Counting is exact and free: the blocks of a class that are neither in a cache nor in the depot are live. The tops of
// the stacks are written by their owners only, as relaxed atomics, so that live_frames() may read them; its answer is exact
// when no frame is being allocated or freed meanwhile.
//
// Threads: a cache is flushed into the depot when its thread ends; frames freed after that (by later destructors of
// thread-locals or statics) go to the depot one by one. trim() gives chunks that are wholly free back to the system.
// fork(): the locks are held across it, so the child can free frames; what other threads had cached is lost to it.
//
// The hot path is inlined into coroutine ramps and reads a thread-local. That is safe: the thread does not change between
// entry and exit of an allocation, and both compilers recompute a thread-local's address after a suspension point.
//
// Sanitizers: a library built with AddressSanitizer takes every frame from operator new, so that its reports have the stacks of
// allocation and free, and leak detection sees what frames point to; the pool itself poisons free blocks and is tested under it all
// the same through the pooled_ functions. ThreadSanitizer builds run the pool as shipped.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <new>

#include <weft/runtime/platform/config.hpp>
#include <weft/runtime/platform/fault.hpp>
#include <weft/runtime/platform/sync.hpp>

#if WEFT_ASAN
#include <sanitizer/asan_interface.h>
#endif

namespace weft::engine {

inline constexpr std::size_t frame_granule = 64;
inline constexpr std::size_t frame_classes = 32;
inline constexpr std::size_t frame_largest_pooled = frame_granule * frame_classes;

constexpr std::size_t frame_class_bytes(std::size_t index) noexcept { return (index + 1) * frame_granule; }

// Slots of a stack, a power of two; the first holds the null pointer.
constexpr std::uint32_t frame_stack_slots(std::size_t index) noexcept {
  std::size_t const fitting = 64 * 1024 / frame_class_bytes(index);
  return static_cast<std::uint32_t>(fitting < 128 ? std::bit_floor(fitting) : 128);
}
// Blocks that move at once between a stack and the depot. Two fit into a stack, or who has used both up would give one away when the blocks come back.
constexpr std::uint32_t frame_magazine_blocks(std::size_t index) noexcept { return frame_stack_slots(index) / 2 - 1; }

// What a free block keeps readable under AddressSanitizer: the largest descriptor that is ever written into one.
inline constexpr std::size_t free_block_header = 32;

// The stack of whoever has none: full and empty at the same time.
inline constexpr std::size_t frame_largest_stack = frame_stack_slots(0) * sizeof(void*);
alignas(frame_largest_stack) extern constinit void* no_frame_stack[1];

// The top of a stack. INVARIANT: owner writes, live_frames() reads.
struct FrameStack : real_sync::atomic<void**> {
  constexpr FrameStack() noexcept : real_sync::atomic<void**>(no_frame_stack) {}
};

enum class CacheState : unsigned char { fresh, attached, gone };

// Constant, without destructor: usable from the first to the last instruction of a thread.
// While the thread is not attached no stack is its own, so that each operation takes the slow path.
struct FrameCache {
  FrameStack stacks[frame_classes];
  void* slots = nullptr;                         // the memory of the stacks. INVARIANT: written by the owner while it is not registered
  real_sync::atomic<std::int64_t> direct_live;   // allocations minus frees of this thread that went to operator new
  real_sync::atomic<std::int64_t> direct_bytes;  // owner writes, counters read
  FrameCache* next = nullptr;                    // INVARIANT: guarded by the registry's lock
  FrameCache* prev = nullptr;
  CacheState state = CacheState::fresh;  // INVARIANT: owner only
};

WEFT_INLINE bool frame_stack_is_full(void** top, std::size_t index) noexcept {
  return (reinterpret_cast<std::uintptr_t>(top) & (frame_stack_slots(index) * sizeof(void*) - 1)) == 0;
}

[[gnu::tls_model("initial-exec")]] extern constinit thread_local FrameCache frame_cache;

WEFT_NOINLINE void* pooled_allocate_slow(std::size_t index);
WEFT_NOINLINE void pooled_free_slow(void* block, std::size_t index) noexcept;
WEFT_NOINLINE void* direct_allocate(std::size_t size, std::size_t alignment);
WEFT_NOINLINE void direct_free(void* block, std::size_t size, std::size_t alignment) noexcept;

WEFT_INLINE void poison_free_block([[maybe_unused]] void* block, [[maybe_unused]] std::size_t index) noexcept {
#if WEFT_ASAN
  ASAN_POISON_MEMORY_REGION(static_cast<char*>(block) + free_block_header, frame_class_bytes(index) - free_block_header);
#endif
}
WEFT_INLINE void unpoison_block([[maybe_unused]] void* block, [[maybe_unused]] std::size_t index) noexcept {
#if WEFT_ASAN
  ASAN_UNPOISON_MEMORY_REGION(block, frame_class_bytes(index));
#endif
}

// GCC12: forced inlining without optimisation makes g++ warn about the branch that a constant size never takes
// (-Wstringop-overflow).
#if defined(__OPTIMIZE__)
#define WEFT_POOL_INLINE WEFT_INLINE
#else
#define WEFT_POOL_INLINE inline
#endif

WEFT_POOL_INLINE void* pooled_allocate(std::size_t index) {
  FrameStack& stack = frame_cache.stacks[index];
  void** const top = stack.load(std::memory_order_relaxed);
  void* const block = *top;
  if (block == nullptr) [[unlikely]] return pooled_allocate_slow(index);
  stack.store(top - 1, std::memory_order_relaxed);
  unpoison_block(block, index);
  return block;
}

WEFT_POOL_INLINE void pooled_free(void* block, std::size_t index) noexcept {
  FrameStack& stack = frame_cache.stacks[index];
  void** const top = stack.load(std::memory_order_relaxed);
  if (frame_stack_is_full(top, index)) [[unlikely]] return pooled_free_slow(block, index);
  top[1] = block;
  stack.store(top + 1, std::memory_order_relaxed);
  poison_free_block(block, index);
}

#undef WEFT_POOL_INLINE

// The alignment that a frame of this size may need: the largest power of two that divides it, from 64 to a page.
constexpr std::size_t frame_natural_alignment(std::size_t size) noexcept {
  std::size_t const rounded = (size + frame_granule - 1) & ~(frame_granule - 1);
  std::size_t const lowest = rounded & (~rounded + 1);
  return lowest == 0 ? frame_granule : lowest < 4096 ? lowest : 4096;
}

#if WEFT_ASAN
// Out of line: a program under AddressSanitizer may be linked with a library that was built without it, and then both have
// to take the library's way.
void* frame_allocate_as_built(std::size_t size);
void frame_free_as_built(void* block, std::size_t size) noexcept;
#endif

// Memory for one frame. Throws std::bad_alloc. A size of 0 is allowed.
WEFT_INLINE void* frame_allocate(std::size_t size) {
  fault::on_allocation();
#if WEFT_ASAN
  return frame_allocate_as_built(size);
#else
  std::size_t const index = (size - 1) / frame_granule;
  if (index >= frame_classes) [[unlikely]] return direct_allocate(size, frame_natural_alignment(size));
  return pooled_allocate(index);
#endif
}
// `size` as it was allocated. Any thread.
WEFT_INLINE void frame_free(void* block, std::size_t size) noexcept {
#if WEFT_ASAN
  frame_free_as_built(block, size);
#else
  std::size_t const index = (size - 1) / frame_granule;
  if (index >= frame_classes) [[unlikely]] return direct_free(block, size, frame_natural_alignment(size));
  pooled_free(block, index);
#endif
}

// For a frame or control block whose alignment is known and may not divide its size.
WEFT_INLINE void* frame_allocate(std::size_t size, std::align_val_t alignment) {
  std::size_t const align = static_cast<std::size_t>(alignment);
  std::size_t const rounded = (size + align - 1) & ~(align - 1);
  if (align <= frame_natural_alignment(rounded)) return frame_allocate(rounded);
  fault::on_allocation();
  return direct_allocate(rounded, align);
}
WEFT_INLINE void frame_free(void* block, std::size_t size, std::align_val_t alignment) noexcept {
  std::size_t const align = static_cast<std::size_t>(alignment);
  std::size_t const rounded = (size + align - 1) & ~(align - 1);
  if (align <= frame_natural_alignment(rounded)) return frame_free(block, rounded);
  direct_free(block, rounded, align);
}

// A base of promises: their frames come from the pool.
struct PooledFrame {
  WEFT_INLINE static void* operator new(std::size_t size) { return frame_allocate(spaced(size)); }
  WEFT_INLINE static void operator delete(void* frame, std::size_t size) noexcept { frame_free(frame, spaced(size)); }
#if defined(__clang__)
  WEFT_INLINE static void* operator new(std::size_t size, std::align_val_t alignment) { return frame_allocate(size, alignment); }
  WEFT_INLINE static void operator delete(void* frame, std::size_t size, std::align_val_t alignment) noexcept { frame_free(frame, size, alignment); }

 private:
  // Behind its first words a frame with something that is aligned to 128 has 256 bytes at least.
  static constexpr std::size_t spaced(std::size_t size) noexcept { return size < 256 ? size : (size + 127) & ~std::size_t{127}; }
#else

 private:
  static constexpr std::size_t spaced(std::size_t size) noexcept { return size; }
#endif
};

// Frames that are allocated and not freed, and the bytes of their blocks, in the whole process. Takes locks; exact when no
// frame is being allocated or freed meanwhile (and the caller knows so by some synchronisation).
std::uint64_t live_frames() noexcept;
std::uint64_t frame_bytes() noexcept;
// Bytes of address space in chunks, whether in use or free.
std::uint64_t frame_pool_reserved() noexcept;

// Hands everything that the calling thread has cached to the depot: for a worker that goes idle for long.
void frame_pool_flush() noexcept;
// Flushes the calling thread and returns every chunk whose blocks are all in the depot to the system; the bytes returned.
// Takes time in proportion to the free blocks (10 to 20 ns each), so call it when idle. What other threads have cached stays.
std::size_t frame_pool_trim() noexcept;

}  // namespace weft::engine
