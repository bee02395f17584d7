// The frame pool: alignment, counts, hand-over between threads, bounded growth, trim, thread ends, fork, memory running out.
//
// The counters are of the whole process, so tests compare with what they were at their start. Tests of the pool proper go through
// pooled_allocate and pooled_free, because under AddressSanitizer frame_allocate takes every frame from operator new.
#include <weft/runtime/scheduler/frame_pool.hpp>

#include <algorithm>
#include <array>
#include <atomic>
#include <coroutine>
#include <cstdint>
#include <cstring>
#include <fstream>
#include <memory>
#include <mutex>
#include <random>
#include <thread>
#include <vector>

#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <gtest/gtest.h>

namespace weft::engine {
namespace {

// Blocks of one size class, for tests that hold many.
class Blocks {
 public:
  explicit Blocks(std::size_t index) : index_(index) {}
  Blocks(Blocks const&) = delete;
  Blocks& operator=(Blocks const&) = delete;
  ~Blocks() { clear(); }

  void grow(std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) {
      void* const block = pooled_allocate(index_);
      std::memset(block, 0x5a, frame_class_bytes(index_));
      blocks_.push_back(block);
    }
  }
  void clear() {
    for (void* const block : blocks_) pooled_free(block, index_);
    blocks_.clear();
  }
  // Frees all but every n-th.
  void keep_every(std::size_t n) {
    std::vector<void*> kept;
    for (std::size_t i = 0; i < blocks_.size(); ++i) {
      if (i % n == 0) kept.push_back(blocks_[i]);
      else pooled_free(blocks_[i], index_);
    }
    blocks_ = std::move(kept);
  }
  bool intact() const {
    return std::all_of(blocks_.begin(), blocks_.end(), [this](void* block) {
      auto const* const bytes = static_cast<unsigned char const*>(block);
      return std::all_of(bytes, bytes + frame_class_bytes(index_), [](unsigned char byte) { return byte == 0x5a; });
    });
  }
  std::vector<void*> const& all() const { return blocks_; }

 private:
  std::size_t index_;
  std::vector<void*> blocks_;
};

TEST(FramePool, EverySizeIsAlignedToWhatDividesItAndNothingOverlaps) {
  struct Block {
    char* address;
    std::size_t size;
  };
  std::vector<Block> blocks;
  for (std::size_t size = 1; size <= 9000; size += size < 300 ? 1 : 61) {
    for (int copy = 0; copy < 3; ++copy) {
      char* const address = static_cast<char*>(frame_allocate(size));
      std::memset(address, static_cast<int>(size & 0xff), size);
      blocks.push_back({address, size});
      EXPECT_EQ(reinterpret_cast<std::uintptr_t>(address) % 64, 0u);
      for (std::size_t align = 64; align <= 4096; align *= 2) {
        if (size % align != 0) break;
        EXPECT_EQ(reinterpret_cast<std::uintptr_t>(address) % align, 0u) << size;
      }
    }
  }
  std::sort(blocks.begin(), blocks.end(), [](Block const& a, Block const& b) { return a.address < b.address; });
  for (std::size_t i = 1; i < blocks.size(); ++i) EXPECT_LE(blocks[i - 1].address + blocks[i - 1].size, blocks[i].address);
  for (Block const& block : blocks) {
    EXPECT_EQ(static_cast<unsigned char>(block.address[block.size - 1]), block.size & 0xff);
    frame_free(block.address, block.size);
  }
}

TEST(FramePool, PooledBlocksAreAlignedInEveryClass) {
  for (std::size_t index = 0; index < frame_classes; ++index) {
    Blocks blocks(index);
    blocks.grow(200);
    for (void* const block : blocks.all())
      ASSERT_EQ(reinterpret_cast<std::uintptr_t>(block) % frame_natural_alignment(frame_class_bytes(index)), 0u) << index;
  }
}

TEST(FramePool, AnnouncedAlignmentIsKept) {
  for (std::size_t align = 8; align <= 65536; align *= 2) {
    for (std::size_t size : {1u, 100u, 300u, 5000u}) {
      void* const block = frame_allocate(size, std::align_val_t(align));
      std::memset(block, 1, size);
      EXPECT_EQ(reinterpret_cast<std::uintptr_t>(block) % align, 0u);
      frame_free(block, size, std::align_val_t(align));
    }
  }
}

TEST(FramePool, ABlockJustFreedIsTheNextOneOut) {
  void* const first = pooled_allocate(4);
  void* const second = pooled_allocate(4);
  pooled_free(first, 4);
  EXPECT_EQ(pooled_allocate(4), first);
  pooled_free(second, 4);
  pooled_free(first, 4);
  EXPECT_EQ(pooled_allocate(4), first);
  EXPECT_EQ(pooled_allocate(4), second);
  pooled_free(second, 4);
  pooled_free(first, 4);
}

TEST(FramePool, CountsWhatIsLive) {
  std::uint64_t const frames = live_frames(), bytes = frame_bytes();
  void* const small = frame_allocate(100);
  void* const large = frame_allocate(5000);
  void* const wide = frame_allocate(100, std::align_val_t(8192));
  void* const pooled = pooled_allocate(31);
  EXPECT_EQ(live_frames(), frames + 4);
  EXPECT_GE(frame_bytes(), bytes + 100 + 5000 + 100 + 2048);
  EXPECT_LE(frame_bytes(), bytes + 128 + 5000 + 8192 + 2048);
  frame_free(small, 100);
  pooled_free(pooled, 31);
  EXPECT_EQ(live_frames(), frames + 2);
  std::thread([&] {
    frame_free(large, 5000);
    frame_free(wide, 100, std::align_val_t(8192));
    EXPECT_EQ(live_frames(), frames);
  }).join();
  EXPECT_EQ(live_frames(), frames);
  EXPECT_EQ(frame_bytes(), bytes);
}

TEST(FramePool, CountsThroughCachesDepotAndThreadEnds) {
  std::uint64_t const frames = live_frames(), bytes = frame_bytes();
  Blocks blocks(2);
  blocks.grow(1000);
  EXPECT_EQ(live_frames(), frames + 1000);
  EXPECT_EQ(frame_bytes(), bytes + 1000 * 192);
  std::thread([&] { blocks.clear(); }).join();
  EXPECT_EQ(live_frames(), frames);
  std::thread([&] {
    blocks.grow(777);
    EXPECT_EQ(live_frames(), frames + 777);
  }).join();
  EXPECT_EQ(live_frames(), frames + 777);
  EXPECT_TRUE(blocks.intact());
  frame_pool_flush();
  EXPECT_EQ(live_frames(), frames + 777);
  blocks.clear();
  EXPECT_EQ(live_frames(), frames);
  EXPECT_EQ(frame_bytes(), bytes);
}

// One thread allocates, another frees: blocks go round through the depot.
TEST(FramePool, AProducerAndAConsumerDoNotGrowThePool) {
  constexpr std::size_t index = 3, batch = 100, batches = 5000;
  std::uint64_t const frames = live_frames(), reserved = frame_pool_reserved();
  std::atomic<std::vector<void*>*> handed{nullptr};
  std::thread consumer([&] {
    for (std::size_t i = 0; i < batches; ++i) {
      std::vector<void*>* got = nullptr;
      while ((got = handed.exchange(nullptr)) == nullptr) std::this_thread::yield();
      for (void* const block : *got) pooled_free(block, index);
      delete got;
    }
  });
  for (std::size_t i = 0; i < batches; ++i) {
    auto made = std::make_unique<std::vector<void*>>();
    for (std::size_t k = 0; k < batch; ++k) {
      made->push_back(pooled_allocate(index));
      std::memset(made->back(), 1, frame_class_bytes(index));
    }
    std::vector<void*>* expected = nullptr;
    while (!handed.compare_exchange_strong(expected, made.get())) {
      expected = nullptr;
      std::this_thread::yield();
    }
    static_cast<void>(made.release());
  }
  consumer.join();
  EXPECT_EQ(live_frames(), frames);
  // Half a million blocks of 256 bytes passed; what was out at any time is a few hundred.
  EXPECT_LE(frame_pool_reserved() - reserved, 4u * 64 * 1024);
}

// Threads allocate and free at random and swap blocks through shared slots; each block carries a stamp that nobody else
// may write while it is live.
void storm(unsigned threads, std::size_t rounds, bool with_trim) {
  struct Stamp {
    std::size_t index;
    std::uint64_t value;
  };
  constexpr std::size_t shared_slots = 64;
  std::array<std::atomic<Stamp*>, shared_slots> slots{};
  std::atomic<std::uint64_t> damaged{0};
  std::uint64_t const frames = live_frames();
  auto const release = [&](Stamp* stamp) {
    std::size_t const index = stamp->index;
    auto const* const tail = reinterpret_cast<std::uint64_t const*>(stamp) + frame_class_bytes(index) / 8 - 1;
    if (*tail != stamp->value) damaged.fetch_add(1);
    pooled_free(stamp, index);
  };
  std::vector<std::thread> team;
  for (unsigned t = 0; t < threads; ++t)
    team.emplace_back([&, t] {
      std::mt19937_64 random(t);
      std::vector<Stamp*> mine;
      for (std::size_t round = 0; round < rounds; ++round) {
        std::uint64_t const dice = random();
        if (dice % 5 < 2 || mine.empty()) {
          std::size_t const index = dice % 3 == 0 ? (dice >> 8) % frame_classes : (dice >> 8) % 4;
          void* const memory = pooled_allocate(index);
          Stamp* const stamp = ::new (memory) Stamp{index, dice};
          reinterpret_cast<std::uint64_t*>(memory)[frame_class_bytes(index) / 8 - 1] = dice;
          if (frame_class_bytes(index) == 64) stamp->value = reinterpret_cast<std::uint64_t*>(memory)[7];
          mine.push_back(stamp);
        } else if (dice % 5 < 4) {
          std::swap(mine[(dice >> 8) % mine.size()], mine.back());
          mine.back() = slots[(dice >> 40) % shared_slots].exchange(mine.back());
          if (mine.back() == nullptr) mine.pop_back();
        } else {
          release(mine.back());
          mine.pop_back();
        }
        if (mine.size() > 500) {
          for (Stamp* const stamp : mine) release(stamp);
          mine.clear();
        }
        if (with_trim && round % 2000 == 1999) frame_pool_trim();
        if (round % 5000 == 4999) frame_pool_flush();
      }
      for (Stamp* const stamp : mine) release(stamp);
    });
  for (std::thread& thread : team) thread.join();
  for (auto& slot : slots)
    if (Stamp* const stamp = slot.load()) release(stamp);
  EXPECT_EQ(damaged.load(), 0u);
  EXPECT_EQ(live_frames(), frames);
}

TEST(FramePool, SurvivesAStorm) { storm(4, 100'000, false); }
TEST(FramePool, SurvivesAStormWithTrims) { storm(4, 100'000, true); }

TEST(FramePool, TrimReturnsWhatIsWhollyFree) {
  frame_pool_trim();
  std::uint64_t const reserved = frame_pool_reserved(), frames = live_frames();
  for (std::size_t const index : {std::size_t{0}, std::size_t{4}, std::size_t{31}}) {
    Blocks blocks(index);
    blocks.grow(20'000);
    std::uint64_t const full = frame_pool_reserved();
    EXPECT_GE(full, reserved + 20'000 * frame_class_bytes(index));
    EXPECT_LE(full, reserved + 20'000 * frame_class_bytes(index) * 11 / 10 + 2 * 64 * 1024);
    frame_pool_trim();
    EXPECT_GE(frame_pool_reserved() + 64 * 1024, full);  // all but the rest of the last magazine is in use
    blocks.clear();
    EXPECT_GT(frame_pool_trim(), 0u);
    EXPECT_EQ(frame_pool_reserved(), reserved);
    EXPECT_EQ(live_frames(), frames);
  }
  EXPECT_EQ(frame_pool_trim(), 0u);
}

TEST(FramePool, TrimKeepsChunksInUseAndTheirFreeBlocks) {
  frame_pool_trim();
  std::uint64_t const reserved = frame_pool_reserved(), frames = live_frames();
  Blocks blocks(0);
  blocks.grow(50'000);
  std::uint64_t const full = frame_pool_reserved();
  blocks.keep_every(200);  // each chunk has about 1,000, so all are in use
  frame_pool_trim();
  EXPECT_EQ(frame_pool_reserved(), full);
  EXPECT_TRUE(blocks.intact());
  EXPECT_EQ(live_frames(), frames + 250);
  blocks.grow(49'000);  // from the free blocks of those chunks
  EXPECT_EQ(frame_pool_reserved(), full);
  EXPECT_TRUE(blocks.intact());
  blocks.keep_every(5000);  // most chunks are free now
  EXPECT_GT(frame_pool_trim(), 0u);
  EXPECT_LE(frame_pool_reserved(), reserved + 11 * 64 * 1024);
  EXPECT_TRUE(blocks.intact());
  blocks.clear();
  frame_pool_trim();
  EXPECT_EQ(frame_pool_reserved(), reserved);
}

TEST(FramePool, AThreadThatEndsLeavesNothingBehind) {
  frame_pool_trim();
  std::uint64_t const reserved = frame_pool_reserved();
  for (int i = 0; i < 20; ++i)
    std::thread([] {
      for (std::size_t index = 0; index < frame_classes; ++index) Blocks(index).grow(10);
    }).join();
  EXPECT_LE(frame_pool_reserved(), reserved + frame_classes * 64 * 1024);
  frame_pool_trim();
  EXPECT_EQ(frame_pool_reserved(), reserved);
}

// Destroyed after the pool's own thread-local, since it was made before: its frees and allocations find no cache.
struct LateUser {
  LateUser() = default;
  LateUser(LateUser const&) = delete;
  LateUser& operator=(LateUser const&) = delete;
  ~LateUser() {
    for (void* const block : blocks) pooled_free(block, 1);
    for (int i = 0; i < 100; ++i) {
      void* const block = pooled_allocate(1);
      std::memset(block, 2, 128);
      pooled_free(block, 1);
    }
    void* const large = frame_allocate(10'000);
    frame_free(large, 10'000);
    frame_free(direct, 10'000);
  }
  std::vector<void*> blocks;
  void* direct = nullptr;
};

TEST(FramePool, WorksInDestructorsOfThreadLocals) {
  frame_pool_trim();
  std::uint64_t const frames = live_frames(), bytes = frame_bytes(), reserved = frame_pool_reserved();
  std::thread([] {
    thread_local LateUser late;
    for (int i = 0; i < 300; ++i) late.blocks.push_back(pooled_allocate(1));
    late.direct = frame_allocate(10'000);
  }).join();
  EXPECT_EQ(live_frames(), frames);
  EXPECT_EQ(frame_bytes(), bytes);
  frame_pool_trim();
  EXPECT_EQ(frame_pool_reserved(), reserved);
}

TEST(FramePool, AForkedChildCanFreeWhileOthersWereBusy) {
  std::atomic<bool> stop{false};
  std::vector<std::thread> busy;
  for (int t = 0; t < 2; ++t)
    busy.emplace_back([&stop] {
      while (!stop.load()) Blocks(5).grow(300);
    });
  Blocks mine(5);
  mine.grow(500);
  for (int round = 0; round < 30; ++round) {
    pid_t const child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      bool const good = mine.intact();
      mine.clear();
      mine.grow(1000);
      frame_pool_trim();
      mine.clear();
      frame_pool_trim();
      ::_exit(good ? 0 : 1);
    }
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << status;
  }
  stop.store(true);
  for (std::thread& thread : busy) thread.join();
  EXPECT_TRUE(mine.intact());
}

TEST(FramePool, AForkedChildCountsItsOwn) {
  std::uint64_t const frames = live_frames();
  Blocks mine(5);
  mine.grow(100);
  std::atomic<int> phase{0};
  std::thread other([&phase] {
    Blocks cached(5);
    cached.grow(150);
    cached.clear();  // stays in this thread's cache
    phase.store(1);
    while (phase.load() != 2) std::this_thread::yield();
  });
  while (phase.load() != 1) std::this_thread::yield();
  pid_t const child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    bool good = live_frames() == frames + 100;
    mine.clear();
    good = good && live_frames() == frames;
    ::_exit(good ? 0 : 1);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0);
  phase.store(2);
  other.join();
}

#if !WEFT_ASAN && !WEFT_TSAN  // they need the address space themselves
TEST(FramePool, ThrowsWhenTheAddressSpaceIsUsedUpAndGoesOnAfterwards) {
  pid_t const child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    // 200 MB more than the process has.
    unsigned long pages = 0;
    std::ifstream("/proc/self/statm") >> pages;
    rlimit limit{};
    limit.rlim_cur = limit.rlim_max = pages * static_cast<unsigned long>(::sysconf(_SC_PAGESIZE)) + (200u << 20);
    if (::setrlimit(RLIMIT_AS, &limit) != 0) ::_exit(2);
    static std::array<void*, 1'000'000> blocks;
    std::size_t count = 0;
    try {
      while (count < blocks.size()) {
        blocks[count] = pooled_allocate(31);
        ++count;
      }
      ::_exit(3);
    } catch (std::bad_alloc const&) {
    }
    std::uint64_t const live = live_frames();
    for (std::size_t i = 0; i < count; ++i) pooled_free(blocks[i], 31);
    if (live_frames() != live - count) ::_exit(4);
    frame_pool_trim();
    pooled_free(pooled_allocate(31), 31);
    ::_exit(count > 50'000 ? 0 : 5);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << status;
}
#endif

#if WEFT_ASAN
TEST(FramePoolDeathTest, AUseAfterFreeIsReported) {
  void* const block = pooled_allocate(2);
  pooled_free(block, 2);
  EXPECT_DEATH(static_cast<volatile char*>(block)[100] = 1, "use-after-poison");
  void* const frame = frame_allocate(192);
  frame_free(frame, 192);
  EXPECT_DEATH(static_cast<volatile char*>(frame)[100] = 1, "heap-use-after-free");
}
#endif

// ---- frames of real coroutines

template <std::size_t Align>
struct alignas(Align) Wide {
  std::array<unsigned char, Align> bytes{};
  bool aligned() const { return reinterpret_cast<std::uintptr_t>(this) % Align == 0; }
};

struct Routine {
  struct promise_type {
    static void* operator new(std::size_t size) { return frame_allocate(size); }
    static void operator delete(void* frame, std::size_t size) noexcept { frame_free(frame, size); }
    Routine get_return_object() { return Routine{std::coroutine_handle<promise_type>::from_promise(*this)}; }
    std::suspend_always initial_suspend() noexcept { return {}; }
    std::suspend_always final_suspend() noexcept { return {}; }
    void return_void() {}
    void unhandled_exception() { std::terminate(); }
  };
  std::coroutine_handle<promise_type> handle;
};

template <class T>
Routine hold(bool& good) {
  T first;
  char between = 1;
  T second;
  first.bytes[0] = second.bytes[0] = 1;
  co_await std::suspend_always{};
  good = first.aligned() && second.aligned() && first.bytes[0] == between && second.bytes[0] == between;
}

template <std::size_t Align>
void run_holding() {
  bool good = false;
  Routine const routine = hold<Wide<Align>>(good);
  routine.handle.resume();
  routine.handle.resume();
  routine.handle.destroy();
  EXPECT_TRUE(good) << Align;
}

TEST(FramePool, FramesOfOverAlignedLocalsAreAligned) {
  std::uint64_t const frames = live_frames();
  for (int copy = 0; copy < 5; ++copy) {
    run_holding<16>();
    run_holding<32>();
    run_holding<64>();
    run_holding<128>();
    run_holding<256>();
    run_holding<512>();
  }
  EXPECT_EQ(live_frames(), frames);
}

#if defined(__clang__)
// 320 is no multiple of 128, as a frame of clang's with something in it that is aligned to 128 may be.
TEST(FramePool, FramesOfClangAreRightFor128Bytes) {
  constexpr std::size_t size = 320;
  std::vector<void*> frames;
  for (int i = 0; i < 8; ++i) frames.push_back(PooledFrame::operator new(size));
  for (void* const frame : frames) EXPECT_EQ(reinterpret_cast<std::uintptr_t>(frame) % 128, 0U);
  for (void* const frame : frames) PooledFrame::operator delete(frame, size);
}
#endif

}  // namespace
}  // namespace weft::engine
