// A shared stack of magazines: how the per-thread caches of the frame pool even out.
//
// A magazine is a chain of free blocks that moves as a whole (Bonwick and Adams, "Magazines and Vmem", USENIX 2001), so that
// the lock here is taken once per several dozen frees. The descriptor lives in the magazine's first block. Whoever
// pops a magazine owns its blocks: the lock's release and acquire are the edge between the last use of a block on the thread
// that freed it and its first use on the thread that gets it.
//
// Model-checked by tests/model/frame_depot_test.cpp.
#pragma once

#include <cstddef>
#include <cstdint>
#include <mutex>

#include <weft/runtime/algorithms/spin_lock.hpp>
#include <weft/runtime/platform/sync.hpp>

namespace weft::engine {

template <class Sync>
class MagazineStack {
 public:
  struct Magazine {
    typename Sync::template var<void*> rest;       // the chain behind the block that holds this
    typename Sync::template var<Magazine*> below;  // guarded by the stack's lock
    typename Sync::template var<std::uint32_t> count{0};
  };

  constexpr MagazineStack() noexcept = default;

  void push(Magazine* magazine) noexcept {
    std::lock_guard const guard(lock_);
    magazine->below.set(top_.get());
    top_.set(magazine);
    blocks_.store(blocks_.load(std::memory_order_relaxed) + magazine->count.get(), std::memory_order_relaxed);
  }

  Magazine* pop() noexcept {
    std::lock_guard const guard(lock_);
    Magazine* const magazine = top_.get();
    if (magazine == nullptr) return nullptr;
    top_.set(magazine->below.get());
    blocks_.store(blocks_.load(std::memory_order_relaxed) - magazine->count.get(), std::memory_order_relaxed);
    return magazine;
  }

  // Takes all magazines, chained by `below`.
  Magazine* pop_all() noexcept {
    std::lock_guard const guard(lock_);
    Magazine* const magazine = top_.get();
    top_.set(nullptr);
    blocks_.store(0, std::memory_order_relaxed);
    return magazine;
  }

  // Blocks in all magazines; exact while nobody pushes or pops.
  std::size_t blocks() const noexcept { return blocks_.load(std::memory_order_relaxed); }

  // For fork(): held across it, so that the child does not inherit a lock that nobody will open.
  BasicSpinLock<Sync>& lock() noexcept { return lock_; }

 private:
  BasicSpinLock<Sync> lock_;
  typename Sync::template var<Magazine*> top_{nullptr};
  typename Sync::template atomic<std::size_t> blocks_{0};  // INVARIANT: written under the lock, read by anyone
};

}  // namespace weft::engine
