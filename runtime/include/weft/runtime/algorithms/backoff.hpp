// How to wait for somebody who is a few instructions away: for a while by looking again, then by giving up the core, which may be what the other waits for.
#pragma once

#include <atomic>

namespace weft::engine {

template <class Sync>
class Backoff {
 public:
  void wait() noexcept {
    if (Sync::modelled || ++spins_ > 64) Sync::yield();
    else Sync::pause();
  }

 private:
  unsigned spins_ = 0;
};

// The value of a word that is its own lock, at a moment when it is not locked. Only a guess: what is done about it is decided by a compare-exchange or
// under the lock.
template <class Sync, class Word>
Word settled(typename Sync::template atomic<Word> const& word, Word locked_bit) noexcept {
  for (Backoff<Sync> backoff;; backoff.wait()) {
    Word const now = word.load(std::memory_order_relaxed);
    if ((now & locked_bit) == 0) [[likely]] return now;
  }
}

}  // namespace weft::engine
