// SIGINT during a run: the handler only counts and wakes; the thread that called run() does the rest.
//
// The words that the handler touches are static, so it may run on any thread at any moment. One watch at a time in a process. The first signal
// takes the handler away (SA_RESETHAND), so a second one has its default effect; the destructor puts back what was there before.
#pragma once

#include <csignal>
#include <cstdint>

#include <weft/runtime/platform/sync.hpp>

namespace weft::engine {

class SigintWatch {
 public:
  // Throws RuntimeError when another run of this process watches already.
  SigintWatch();
  SigintWatch(SigintWatch const&) = delete;
  SigintWatch& operator=(SigintWatch const&) = delete;
  ~SigintWatch();

  // The word that changes with a signal, and with bump().
  static real_sync::atomic<std::uint32_t>& word() noexcept;
  static void bump() noexcept;
  // Whether a signal has come since the watch began.
  static bool interrupted() noexcept;

 private:
  struct sigaction previous_;
};

}  // namespace weft::engine
