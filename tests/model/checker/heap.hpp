// The heap of one execution.
//
// While a program is built and while its threads run, operator new takes memory from here (a bump pointer in one reserved region), so
// that
//   - an execution that is given up half-way leaks nothing: the whole heap is reset before the next one starts,
//   - an execution that ends must have freed everything: what is left is reported as a leak,
//   - freed memory is filled and not used again within the execution: a stale pointer finds a dead object, not a new one (and a
//     program that depends on an address coming back must say so with a free list of its own),
//   - addresses are the same in every execution and in a replay.
// Outside of executions, and while the checker itself works, operator new is malloc.
//
// The replaced operators are weak so that this header can be included in several files of one test. clang's sanitizer runtimes, which are
// linked first, win over them: under these the heap's own findings (leak, double free, freed memory) are the sanitizer's to make.
#pragma once

#include <sys/mman.h>

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <new>

namespace weft::model {

class ExecutionHeap {
 public:
  static constexpr std::size_t region_size = std::size_t{256} << 20;

  bool active() const noexcept { return active_; }
  bool set_active(bool on) noexcept {
    bool const before = active_;
    active_ = on;
    return before;
  }
  bool owns(void const* p) const noexcept {
    return static_cast<std::size_t>(static_cast<char const*>(p) - base_) < region_size && base_ != nullptr;
  }

  void reset() noexcept {
    top_ = base_;
    live_blocks_ = live_bytes_ = 0;
    double_free_ = false;
  }

  void* allocate(std::size_t size, std::size_t alignment) noexcept {
    if (base_ == nullptr) reserve();
    if (alignment < 16) alignment = 16;
    auto const at = (reinterpret_cast<std::uintptr_t>(top_) + sizeof(Header) + alignment - 1) & ~(alignment - 1);
    char* const block = reinterpret_cast<char*>(at);
    if (block + size > base_ + region_size) {
      std::fputs("weft model checker: one execution allocated more than 256 MiB\n", stderr);
      std::abort();
    }
    top_ = block + size;
    *header(block) = Header{size, live_mark};
    std::memset(block, 0xcd, size);
    ++live_blocks_;
    live_bytes_ += size;
    return block;
  }

  void deallocate(void* p) noexcept {
    Header* const h = header(p);
    if (h->mark != live_mark) {
      double_free_ = true;
      return;
    }
    h->mark = dead_mark;
    --live_blocks_;
    live_bytes_ -= h->size;
    std::memset(p, 0xdd, h->size);
  }

  std::size_t live_blocks() const noexcept { return live_blocks_; }
  std::size_t live_bytes() const noexcept { return live_bytes_; }
  bool double_free() const noexcept { return double_free_; }

 private:
  struct Header {
    std::size_t size;
    std::size_t mark;
  };
  static constexpr std::size_t live_mark = 0x11fe'b10c'11fe'b10c, dead_mark = 0xdead'b10c'dead'b10c;

  static Header* header(void* p) noexcept { return reinterpret_cast<Header*>(static_cast<char*>(p) - sizeof(Header)); }
  void reserve() noexcept {
    void* const region =
        mmap(nullptr, region_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (region == MAP_FAILED) {
      std::perror("weft model checker: no address space for the execution heap");
      std::abort();
    }
    base_ = top_ = static_cast<char*>(region);
  }

  bool active_ = false;
  bool double_free_ = false;
  char* base_ = nullptr;
  char* top_ = nullptr;
  std::size_t live_blocks_ = 0;
  std::size_t live_bytes_ = 0;
};

inline constinit ExecutionHeap execution_heap;

// The checker's own allocations inside an execution.
class OutsideHeap {
 public:
  OutsideHeap() noexcept : before_(execution_heap.set_active(false)) {}
  ~OutsideHeap() { execution_heap.set_active(before_); }
  OutsideHeap(OutsideHeap const&) = delete;
  OutsideHeap& operator=(OutsideHeap const&) = delete;

 private:
  bool before_;
};

inline void* replaced_new(std::size_t size, std::size_t alignment) {
  if (execution_heap.active()) return execution_heap.allocate(size, alignment);
  void* const p = alignment <= alignof(std::max_align_t)
                      ? std::malloc(size == 0 ? 1 : size)
                      : std::aligned_alloc(alignment, (size + alignment - 1) / alignment * alignment);
  if (p == nullptr) throw std::bad_alloc();
  return p;
}
inline void replaced_delete(void* p) noexcept {
  if (p == nullptr) return;
  if (execution_heap.owns(p)) execution_heap.deallocate(p);
  else std::free(p);
}

}  // namespace weft::model

[[gnu::weak]] void* operator new(std::size_t size) { return weft::model::replaced_new(size, 0); }
[[gnu::weak]] void* operator new[](std::size_t size) { return weft::model::replaced_new(size, 0); }
[[gnu::weak]] void* operator new(std::size_t size, std::align_val_t alignment) {
  return weft::model::replaced_new(size, static_cast<std::size_t>(alignment));
}
[[gnu::weak]] void* operator new[](std::size_t size, std::align_val_t alignment) {
  return weft::model::replaced_new(size, static_cast<std::size_t>(alignment));
}
[[gnu::weak]] void operator delete(void* p) noexcept { weft::model::replaced_delete(p); }
[[gnu::weak]] void operator delete[](void* p) noexcept { weft::model::replaced_delete(p); }
[[gnu::weak]] void operator delete(void* p, std::size_t) noexcept { weft::model::replaced_delete(p); }
[[gnu::weak]] void operator delete[](void* p, std::size_t) noexcept { weft::model::replaced_delete(p); }
[[gnu::weak]] void operator delete(void* p, std::align_val_t) noexcept { weft::model::replaced_delete(p); }
[[gnu::weak]] void operator delete[](void* p, std::align_val_t) noexcept { weft::model::replaced_delete(p); }
[[gnu::weak]] void operator delete(void* p, std::size_t, std::align_val_t) noexcept { weft::model::replaced_delete(p); }
[[gnu::weak]] void operator delete[](void* p, std::size_t, std::align_val_t) noexcept { weft::model::replaced_delete(p); }
