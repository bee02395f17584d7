// The switches themselves: the n-th allocation and the k-th thread fail, no other does, and nothing leaks.
#include <weft/runtime/platform/fault.hpp>
#include <weft/runtime/scheduler/frame_pool.hpp>

#include <new>
#include <system_error>
#include <vector>

#include <gtest/gtest.h>

namespace weft::engine {
namespace {

static_assert(fault::enabled, "these tests are for a build with WEFT_FAULT_INJECTION=1");

TEST(FaultInjection, TheNthAllocationFailsAndNoOther) {
  std::uint64_t const frames = live_frames();
  for (std::uint64_t n = 1; n <= 10; ++n) {
    fault::fail_allocation_after(n);
    std::vector<std::size_t> failed;
    for (std::size_t i = 1; i <= 10; ++i) {
      std::size_t const size = i * 500;  // pooled and not
      try {
        frame_free(frame_allocate(size), size);
      } catch (std::bad_alloc const&) {
        failed.push_back(i);
      }
    }
    EXPECT_EQ(failed, std::vector<std::size_t>{static_cast<std::size_t>(n)});
    EXPECT_EQ(fault::count(), 10u);
  }
  fault::reset();
  EXPECT_EQ(live_frames(), frames);
}

TEST(FaultInjection, AnnouncedAlignmentCountsOnce) {
  fault::reset();
  frame_free(frame_allocate(100, std::align_val_t(64)), 100, std::align_val_t(64));
  frame_free(frame_allocate(100, std::align_val_t(8192)), 100, std::align_val_t(8192));
  EXPECT_EQ(fault::count(), 2u);
  fault::fail_allocation_after(1);
  EXPECT_THROW(frame_allocate(100, std::align_val_t(8192)), std::bad_alloc);
  fault::reset();
}

TEST(FaultInjection, ResetDisarms) {
  fault::fail_allocation_after(1);
  fault::fail_thread_creation_at(1);
  fault::reset();
  EXPECT_EQ(fault::count(), 0u);
  EXPECT_EQ(fault::thread_count(), 0u);
  frame_free(frame_allocate(64), 64);
  fault::on_thread_creation();
  EXPECT_EQ(fault::count(), 1u);
  EXPECT_EQ(fault::thread_count(), 1u);
  fault::reset();
}

TEST(FaultInjection, TheKthThreadFails) {
  fault::fail_thread_creation_at(3);
  fault::on_thread_creation();
  fault::on_thread_creation();
  EXPECT_THROW(fault::on_thread_creation(), std::system_error);
  fault::on_thread_creation();
  EXPECT_EQ(fault::thread_count(), 4u);
  fault::reset();
}

}  // namespace
}  // namespace weft::engine
