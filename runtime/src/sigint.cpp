// The signal handler and its words.
#include <weft/runtime/runtime/sigint.hpp>

#include <atomic>
#include <cerrno>

#include <weft/runtime/platform/errors.hpp>

namespace weft::engine {
namespace {

constinit std::atomic<bool> watched{false};
constinit std::atomic<std::uint32_t> signals{0};
constinit real_sync::atomic<std::uint32_t> changes{0};

extern "C" void weft_on_sigint(int) {
  int const saved = errno;
  signals.fetch_add(1u, std::memory_order_relaxed);
  SigintWatch::bump();
  errno = saved;
}

}  // namespace

SigintWatch::SigintWatch() : previous_{} {
  if (watched.exchange(true, std::memory_order_acquire)) throw RuntimeError("another run of this process handles SIGINT already");
  signals.store(0, std::memory_order_relaxed);
  struct sigaction action {};
  action.sa_handler = &weft_on_sigint;
  action.sa_flags = static_cast<int>(SA_RESETHAND | SA_RESTART);
  sigemptyset(&action.sa_mask);
  sigaction(SIGINT, &action, &previous_);
}

SigintWatch::~SigintWatch() {
  sigaction(SIGINT, &previous_, nullptr);
  watched.store(false, std::memory_order_release);
}

real_sync::atomic<std::uint32_t>& SigintWatch::word() noexcept { return changes; }

void SigintWatch::bump() noexcept {
  // ORDER(sigint): release; pairs with the acquire of the thread in run().
  changes.fetch_add(1u, std::memory_order_release);
  real_sync::futex_wake(changes, 1);
}

bool SigintWatch::interrupted() noexcept { return signals.load(std::memory_order_relaxed) != 0; }

}  // namespace weft::engine
