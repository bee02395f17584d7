// The slow paths of the frame pool: refill and hand-over, chunks, thread exit, fork, counters, trim.
//
// Locks, in the order in which they nest: trim, registry, then for each class depot and carve, then chunks. The spin locks (depot,
// carve) guard a few instructions; the mutexes are held across system calls or walks.
#include <weft/runtime/scheduler/frame_pool.hpp>

#include <algorithm>
#include <mutex>
#include <type_traits>
#include <utility>

#include <pthread.h>
#include <sys/mman.h>

#include <weft/runtime/algorithms/magazine_stack.hpp>

namespace weft::engine {

alignas(frame_largest_stack) constinit void* no_frame_stack[1] = {nullptr};
constinit thread_local FrameCache frame_cache{};

namespace {

using Depot = MagazineStack<real_sync>;
using Magazine = Depot::Magazine;
static_assert(sizeof(Magazine) <= free_block_header && free_block_header < frame_granule);

constexpr std::size_t chunk_bytes = 64 * 1024;
constexpr std::size_t region_bytes = 4 * 1024 * 1024;

// At the start of each chunk. Chunks are aligned to their size, so a block finds its chunk by masking.
struct Chunk {
  std::uint32_t index;   // class
  std::uint32_t carved;  // INVARIANT: written under the class's carve lock, or before the chunk is shared
  std::uint32_t free_seen = 0;  // INVARIANT: trim's own
  bool dying = false;           // INVARIANT: trim's own
  Chunk* next = nullptr;        // in the class's list of chunks with room, or in trim's list
};

constexpr std::size_t first_block_offset(std::size_t index) noexcept {
  return std::max(sizeof(Chunk) <= frame_granule ? frame_granule : 2 * frame_granule,
                  frame_natural_alignment(frame_class_bytes(index)));
}
constexpr std::uint32_t chunk_capacity(std::size_t index) noexcept {
  return static_cast<std::uint32_t>((chunk_bytes - first_block_offset(index)) / frame_class_bytes(index));
}
static_assert(first_block_offset(31) == 2048 && chunk_capacity(31) >= frame_magazine_blocks(31));

Chunk* chunk_of(void* block) noexcept {
  return reinterpret_cast<Chunk*>(reinterpret_cast<std::uintptr_t>(block) & ~(chunk_bytes - 1));
}
char* block_at(Chunk* chunk, std::size_t position) noexcept {
  std::size_t const index = chunk->index;
  return reinterpret_cast<char*>(chunk) + first_block_offset(index) + position * frame_class_bytes(index);
}

// The shared part of one class.
struct alignas(cache_line) Central {
  Depot depot;
  SpinLock carve;
  Chunk* roomy = nullptr;                   // chunks that are not carved up yet; guarded by `carve`
  real_sync::atomic<std::uint64_t> carved;  // blocks made and not returned to the system; written under `carve`
};

struct Pool {
  Central classes[frame_classes];

  std::mutex trimming;

  std::mutex registry;
  FrameCache* caches = nullptr;  // guarded by `registry`
  // Direct allocations minus frees by threads that are gone.
  real_sync::atomic<std::int64_t> direct_live{0};
  real_sync::atomic<std::int64_t> direct_bytes{0};

  std::mutex chunks;            // guards the rest
  char* region = nullptr;       // what is left of the region that chunks are cut from
  char* region_end = nullptr;
  Chunk* hollow = nullptr;      // chunks that the system did not want back
  real_sync::atomic<std::uint64_t> reserved{0};
};

// Never destroyed: frames may be freed by destructors of statics.
static_assert(std::is_trivially_destructible_v<Pool> && std::is_trivially_destructible_v<FrameCache>);
constinit Pool pool;

// ---- chunks

// Address space of `bytes`, aligned to a chunk; null when there is none.
char* map_aligned(std::size_t bytes) noexcept {
  std::size_t const padded = bytes + chunk_bytes;
  void* const mapped = ::mmap(nullptr, padded, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (mapped == MAP_FAILED) return nullptr;
  auto const address = reinterpret_cast<std::uintptr_t>(mapped);
  std::uintptr_t const aligned = (address + chunk_bytes - 1) & ~(chunk_bytes - 1);
  if (aligned != address) ::munmap(mapped, aligned - address);
  std::size_t const behind = padded - bytes - (aligned - address);
  if (behind != 0) ::munmap(reinterpret_cast<void*>(aligned + bytes), behind);
  return reinterpret_cast<char*>(aligned);
}

void* new_chunk_memory() {
  std::lock_guard const guard(pool.chunks);
  void* memory = nullptr;
  if (pool.hollow != nullptr) {
    memory = pool.hollow;
    pool.hollow = pool.hollow->next;
  } else {
    if (pool.region == pool.region_end) {
      std::size_t bytes = region_bytes;
      char* mapped = map_aligned(bytes);
      if (mapped == nullptr) mapped = map_aligned(bytes = chunk_bytes);
      if (mapped == nullptr) throw std::bad_alloc();
      pool.region = mapped;
      pool.region_end = mapped + bytes;
    }
    memory = pool.region;
    pool.region += chunk_bytes;
  }
  pool.reserved.store(pool.reserved.load(std::memory_order_relaxed) + chunk_bytes, std::memory_order_relaxed);
  return memory;
}

void return_chunk(Chunk* chunk) noexcept {
#if WEFT_ASAN
  ASAN_UNPOISON_MEMORY_REGION(chunk, chunk_bytes);
#endif
  std::lock_guard const guard(pool.chunks);
  pool.reserved.store(pool.reserved.load(std::memory_order_relaxed) - chunk_bytes, std::memory_order_relaxed);
  if (::munmap(chunk, chunk_bytes) == 0) return;
  // A hole in a mapping makes two of it, and the system limits their number: keep the addresses, give the pages back.
  ::madvise(chunk, chunk_bytes, MADV_DONTNEED);
  chunk->next = pool.hollow;
  pool.hollow = chunk;
}

// ---- magazines

struct FreeBlock {
  FreeBlock* next;
};

struct Chain {
  FreeBlock* head;
  std::uint32_t count;
};

// The last block is the first of the chain.
Chain link(void* const* blocks, std::uint32_t count) noexcept {
  FreeBlock* head = nullptr;
  for (std::uint32_t i = 0; i < count; ++i) head = ::new (blocks[i]) FreeBlock{head};
  return {head, count};
}

void push_to_depot(std::size_t index, Chain chain) noexcept {
  if (chain.count == 0) return;
  FreeBlock* const rest = chain.head->next;
  auto* const magazine = ::new (chain.head) Magazine;
  magazine->rest.set(rest);
  magazine->count.set(chain.count);
  pool.classes[index].depot.push(magazine);
}

Chain unpack(Magazine* magazine) noexcept {
  auto* const rest = static_cast<FreeBlock*>(magazine->rest.get());
  std::uint32_t const count = magazine->count.get();
  return {::new (static_cast<void*>(magazine)) FreeBlock{rest}, count};
}

// Makes up to a magazine of new blocks, and says how many. Throws bad_alloc.
std::uint32_t carve(std::size_t index, void** blocks) {
  Central& central = pool.classes[index];
  Chunk* chunk = nullptr;
  std::uint32_t from = 0, count = 0;
  auto const take = [&] {
    from = chunk->carved;
    count = std::min(frame_magazine_blocks(index), chunk_capacity(index) - from);
    chunk->carved += count;
    central.carved.store(central.carved.load(std::memory_order_relaxed) + count, std::memory_order_relaxed);
  };
  central.carve.lock();
  chunk = central.roomy;
  if (chunk != nullptr) {
    take();
    if (chunk->carved == chunk_capacity(index)) central.roomy = chunk->next;
    central.carve.unlock();
  } else {
    central.carve.unlock();
    chunk = ::new (new_chunk_memory()) Chunk{static_cast<std::uint32_t>(index), 0};
    std::lock_guard const guard(central.carve);
    take();
    if (chunk->carved < chunk_capacity(index)) {
      chunk->next = central.roomy;
      central.roomy = chunk;
    }
  }
  // The lowest is used first.
  for (std::uint32_t i = 0; i < count; ++i) {
    blocks[i] = block_at(chunk, from + count - 1 - i);
    poison_free_block(blocks[i], index);
  }
  return count;
}

// Free blocks in the order in which they come back from a stack, the last one first; how many, at least one and fewer than a stack has slots.
std::uint32_t refill(std::size_t index, void** blocks) {
  Magazine* const magazine = pool.classes[index].depot.pop();
  if (magazine == nullptr) return carve(index, blocks);
  Chain const chain = unpack(magazine);
  FreeBlock* block = chain.head;
  for (std::uint32_t i = chain.count; i-- > 0; block = block->next) blocks[i] = block;
  return chain.count;
}

// ---- caches

constexpr std::size_t slots_bytes() noexcept {
  std::size_t slots = 1;  // a stack begins in the second slot of its share
  for (std::size_t index = 0; index < frame_classes; ++index) slots += frame_stack_slots(index);
  return slots * sizeof(void*);
}
constexpr std::align_val_t slots_alignment{frame_largest_stack};

void set_top(FrameCache& cache, std::size_t index, void** top) noexcept { cache.stacks[index].store(top, std::memory_order_relaxed); }

// False when there is no memory.
bool make_stacks(FrameCache& cache) noexcept {
  cache.slots = ::operator new(slots_bytes(), slots_alignment, std::nothrow);
  if (cache.slots == nullptr) return false;
  // The larger stacks come first, so that each is aligned to its size.
  auto* share = static_cast<void**>(cache.slots);
  for (std::size_t index = 0; index < frame_classes; ++index) {
    share[1] = nullptr;
    set_top(cache, index, share + 1);
    share += frame_stack_slots(index);
  }
  return true;
}

void drop_stacks(FrameCache& cache) noexcept {
  for (std::size_t index = 0; index < frame_classes; ++index) set_top(cache, index, no_frame_stack);
  ::operator delete(std::exchange(cache.slots, nullptr), slots_alignment);
}

// Of a cache that has stacks.
std::uint32_t blocks_in(FrameCache const& cache, std::size_t index) noexcept {
  auto const top = reinterpret_cast<std::uintptr_t>(cache.stacks[index].load(std::memory_order_relaxed)) / sizeof(void*);
  return static_cast<std::uint32_t>((top - 1) & (frame_stack_slots(index) - 1));
}

// The upper blocks of a stack go to the depot.
void push_to_depot(FrameCache& cache, std::size_t index, std::uint32_t count) noexcept {
  void** const top = cache.stacks[index].load(std::memory_order_relaxed) - count;
  push_to_depot(index, link(top + 1, count));
  set_top(cache, index, top);
}

void flush(FrameCache& cache) noexcept {
  for (std::size_t index = 0; index < frame_classes; ++index) push_to_depot(cache, index, blocks_in(cache, index));
}

template <class Counter>
void add(Counter& counter, std::int64_t delta) noexcept {
  counter.store(counter.load(std::memory_order_relaxed) + delta, std::memory_order_relaxed);
}

void unlink(FrameCache& cache) noexcept {
  (cache.prev != nullptr ? cache.prev->next : pool.caches) = cache.next;
  if (cache.next != nullptr) cache.next->prev = cache.prev;
}

struct ThreadExit {
  ThreadExit() noexcept = default;
  ThreadExit(ThreadExit const&) = delete;
  ThreadExit& operator=(ThreadExit const&) = delete;
  ~ThreadExit() {
    FrameCache& cache = frame_cache;
    flush(cache);
    std::lock_guard const guard(pool.registry);
    unlink(cache);
    add(pool.direct_live, cache.direct_live.load(std::memory_order_relaxed));
    add(pool.direct_bytes, cache.direct_bytes.load(std::memory_order_relaxed));
    drop_stacks(cache);
    cache.state = CacheState::gone;
  }
};

// The calling thread's cache in working order, or null when the thread is past its end, or there is no memory for the stacks.
FrameCache* attached_cache() noexcept {
  FrameCache& cache = frame_cache;
  if (cache.state == CacheState::attached) [[likely]] return &cache;
  if (cache.state == CacheState::gone) return nullptr;
  if (!make_stacks(cache)) return nullptr;
  thread_local ThreadExit exit;
  static_cast<void>(exit);
  std::lock_guard const guard(pool.registry);
  cache.next = pool.caches;
  if (cache.next != nullptr) cache.next->prev = &cache;
  pool.caches = &cache;
  cache.state = CacheState::attached;
  return &cache;
}

void count_direct(std::int64_t live, std::int64_t bytes) noexcept {
  if (FrameCache* const cache = attached_cache()) {
    add(cache->direct_live, live);
    add(cache->direct_bytes, bytes);
    return;
  }
  std::lock_guard const guard(pool.registry);
  add(pool.direct_live, live);
  add(pool.direct_bytes, bytes);
}

// ---- fork

void before_fork() noexcept {
  pool.trimming.lock();
  pool.registry.lock();
  for (Central& central : pool.classes) {
    central.depot.lock().lock();
    central.carve.lock();
  }
  pool.chunks.lock();
}
void after_fork() noexcept {
  pool.chunks.unlock();
  for (Central& central : pool.classes) {
    central.carve.unlock();
    central.depot.lock().unlock();
  }
  pool.registry.unlock();
  pool.trimming.unlock();
}
void after_fork_in_child() noexcept {
  // The other threads are gone. Their caches' memory will be reused for new threads, so forget it now; what they held
  // stops to count. (One that was inside an allocation may leave the counts off by that one block.)
  for (FrameCache* cache = pool.caches; cache != nullptr;) {
    FrameCache* const next = cache->next;
    if (cache != &frame_cache) {
      for (std::size_t index = 0; index < frame_classes; ++index) {
        auto& carved = pool.classes[index].carved;
        carved.store(carved.load(std::memory_order_relaxed) - blocks_in(*cache, index), std::memory_order_relaxed);
      }
      add(pool.direct_live, cache->direct_live.load(std::memory_order_relaxed));
      add(pool.direct_bytes, cache->direct_bytes.load(std::memory_order_relaxed));
      unlink(*cache);
      drop_stacks(*cache);
    }
    cache = next;
  }
  after_fork();
}

[[maybe_unused]] int const fork_handlers = ::pthread_atfork(before_fork, after_fork, after_fork_in_child);

}  // namespace

// ---- the slow paths

void* pooled_allocate_slow(std::size_t index) {
  FrameCache* const cache = attached_cache();
  void* block = nullptr;
  if (cache == nullptr) {
    void* blocks[frame_stack_slots(0)];
    std::uint32_t const others = refill(index, blocks) - 1;
    block = blocks[others];
    push_to_depot(index, link(blocks, others));
  } else {
    void** const bottom = cache->stacks[index].load(std::memory_order_relaxed);
    std::uint32_t const count = refill(index, bottom + 1);
    block = bottom[count];
    set_top(*cache, index, bottom + count - 1);
  }
  unpoison_block(block, index);
  return block;
}

void pooled_free_slow(void* memory, std::size_t index) noexcept {
  FrameCache* const cache = attached_cache();
  if (cache == nullptr) {
    push_to_depot(index, {::new (memory) FreeBlock{nullptr}, 1});
    poison_free_block(memory, index);
    return;
  }
  // Else the thread has just been attached.
  if (frame_stack_is_full(cache->stacks[index].load(std::memory_order_relaxed), index)) push_to_depot(*cache, index, frame_magazine_blocks(index));
  pooled_free(memory, index);
}

void* direct_allocate(std::size_t size, std::size_t alignment) {
  void* const block = ::operator new(size, std::align_val_t(alignment));
  count_direct(1, static_cast<std::int64_t>(size));
  return block;
}

void direct_free(void* block, std::size_t size, std::size_t alignment) noexcept {
  count_direct(-1, -static_cast<std::int64_t>(size));
  ::operator delete(block, size, std::align_val_t(alignment));
}

#if WEFT_ASAN
void* frame_allocate_as_built(std::size_t size) { return direct_allocate(size, frame_natural_alignment(size)); }
void frame_free_as_built(void* block, std::size_t size) noexcept { direct_free(block, size, frame_natural_alignment(size)); }
#else
// For programs under AddressSanitizer that are linked with this library, whose header declares them.
void* frame_allocate_as_built(std::size_t size);
void frame_free_as_built(void* block, std::size_t size) noexcept;

void* frame_allocate_as_built(std::size_t size) {
  std::size_t const index = (size - 1) / frame_granule;
  return index < frame_classes ? pooled_allocate(index) : direct_allocate(size, frame_natural_alignment(size));
}
void frame_free_as_built(void* block, std::size_t size) noexcept {
  std::size_t const index = (size - 1) / frame_granule;
  if (index < frame_classes) pooled_free(block, index);
  else direct_free(block, size, frame_natural_alignment(size));
}
#endif

// ---- counters

namespace {

// Sums `weight(class)` per live pooled block, and adds the direct counter given.
template <class Weight>
std::uint64_t sum_live(Weight weight, real_sync::atomic<std::int64_t> FrameCache::*mine,
                       real_sync::atomic<std::int64_t> const& retired) noexcept {
  std::lock_guard const guard(pool.registry);
  std::int64_t sum = retired.load(std::memory_order_relaxed);
  for (FrameCache const* cache = pool.caches; cache != nullptr; cache = cache->next)
    sum += (cache->*mine).load(std::memory_order_relaxed);
  for (std::size_t index = 0; index < frame_classes; ++index) {
    Central const& central = pool.classes[index];
    std::uint64_t idle = central.depot.blocks();
    for (FrameCache const* cache = pool.caches; cache != nullptr; cache = cache->next) idle += blocks_in(*cache, index);
    sum += static_cast<std::int64_t>(central.carved.load(std::memory_order_relaxed) - idle) * weight(index);
  }
  return sum < 0 ? 0 : static_cast<std::uint64_t>(sum);
}

}  // namespace

std::uint64_t live_frames() noexcept {
  return sum_live([](std::size_t) { return std::int64_t{1}; }, &FrameCache::direct_live, pool.direct_live);
}

std::uint64_t frame_bytes() noexcept {
  return sum_live([](std::size_t index) { return static_cast<std::int64_t>(frame_class_bytes(index)); },
                  &FrameCache::direct_bytes, pool.direct_bytes);
}

std::uint64_t frame_pool_reserved() noexcept { return pool.reserved.load(std::memory_order_relaxed); }

// ---- flush and trim

void frame_pool_flush() noexcept {
  if (frame_cache.state == CacheState::attached) flush(frame_cache);
}

namespace {

// INVARIANT: called by one thread at a time.
std::size_t trim_class(std::size_t index) noexcept {
  Central& central = pool.classes[index];
  // First the free blocks, then the chunks with room: a chunk that owns one of these blocks is then either carved up, and
  // so never changes again, or in the list that we take, so that nobody carves from it until we put it back.
  Magazine* const magazines = central.depot.pop_all();
  if (magazines == nullptr) return 0;
  central.carve.lock();
  Chunk* roomy = central.roomy;
  central.roomy = nullptr;
  central.carve.unlock();

  for (Magazine* magazine = magazines; magazine != nullptr; magazine = magazine->below.get()) {
    ++chunk_of(magazine)->free_seen;
    for (auto* block = static_cast<FreeBlock*>(magazine->rest.get()); block != nullptr; block = block->next)
      ++chunk_of(block)->free_seen;
  }

  // Wholly free chunks leave the list for good.
  Chunk *surviving = nullptr, *last = nullptr;
  while (roomy != nullptr) {
    Chunk* const chunk = roomy;
    roomy = chunk->next;
    if (chunk->free_seen == chunk->carved) continue;
    chunk->next = surviving;
    surviving = chunk;
    if (last == nullptr) last = chunk;
  }

  Chunk* dying = nullptr;
  Chain kept{nullptr, 0};
  for (Magazine* magazine = magazines; magazine != nullptr;) {
    Magazine* const below = magazine->below.get();
    for (FreeBlock* block = unpack(magazine).head; block != nullptr;) {
      FreeBlock* const next = block->next;
      Chunk* const chunk = chunk_of(block);
      if (chunk->free_seen != chunk->carved) {
        chunk->free_seen = 0;  // a survivor, and it stays one: `carved` is never 0
        block->next = kept.head;
        kept = {block, kept.count + 1};
        if (kept.count == frame_magazine_blocks(index)) {
          push_to_depot(index, kept);
          kept = {nullptr, 0};
        }
      } else if (!chunk->dying) {
        chunk->dying = true;
        chunk->next = dying;
        dying = chunk;
      }
      block = next;
    }
    magazine = below;
  }
  push_to_depot(index, kept);

  std::size_t returned = 0;
  std::uint64_t blocks = 0;
  while (dying != nullptr) {
    Chunk* const chunk = dying;
    dying = chunk->next;
    blocks += chunk->carved;
    return_chunk(chunk);
    returned += chunk_bytes;
  }
  std::lock_guard const guard(central.carve);
  central.carved.store(central.carved.load(std::memory_order_relaxed) - blocks, std::memory_order_relaxed);
  if (surviving != nullptr) {
    last->next = central.roomy;
    central.roomy = surviving;
  }
  return returned;
}

}  // namespace

std::size_t frame_pool_trim() noexcept {
  frame_pool_flush();
  std::unique_lock const one_at_a_time(pool.trimming, std::try_to_lock);
  if (!one_at_a_time.owns_lock()) return 0;
  std::size_t returned = 0;
  for (std::size_t index = 0; index < frame_classes; ++index) returned += trim_class(index);
  return returned;
}

}  // namespace weft::engine
