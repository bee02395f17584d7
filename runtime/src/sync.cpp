// The system calls behind the synchronisation seam.
#include <cerrno>
#include <climits>
#include <ctime>

#include <linux/futex.h>
#include <linux/membarrier.h>
#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <weft/runtime/platform/sync.hpp>

namespace weft::engine {
namespace {

long membarrier(int command) noexcept { return ::syscall(SYS_membarrier, command, 0, 0); }

bool register_membarrier() noexcept {
  // ThreadSanitizer and AddressSanitizer do not mind membarrier; old kernels and some seccomp filters do.
  long const supported = membarrier(MEMBARRIER_CMD_QUERY);
  return supported > 0 && (supported & MEMBARRIER_CMD_PRIVATE_EXPEDITED) != 0 &&
         membarrier(MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED) == 0;
}

}  // namespace

bool const asymmetric_fences = register_membarrier();

void membarrier_all() noexcept {
  real_sync::fence_full();
  if (!asymmetric_fences) return;
  // The registration is inherited over fork, so the only failure left is a bug of ours.
  WEFT_CHECK(membarrier(MEMBARRIER_CMD_PRIVATE_EXPEDITED) == 0);
}

void futex_wait_word(std::uint32_t const* word, std::uint32_t expected) noexcept {
  ::syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, expected, nullptr, nullptr, 0);
}

bool futex_wait_word_for(std::uint32_t const* word, std::uint32_t expected, std::chrono::nanoseconds timeout) noexcept {
  if (timeout <= std::chrono::nanoseconds::zero()) return false;
  timespec ts{};
  ts.tv_sec = static_cast<time_t>(timeout.count() / 1'000'000'000);
  ts.tv_nsec = static_cast<long>(timeout.count() % 1'000'000'000);
  long const r = ::syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, expected, &ts, nullptr, 0);
  return !(r == -1 && errno == ETIMEDOUT);
}

void futex_wake_word(std::uint32_t const* word, int count) noexcept {
  ::syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, count, nullptr, nullptr, 0);
}

void real_sync::yield() noexcept { ::sched_yield(); }

}  // namespace weft::engine
