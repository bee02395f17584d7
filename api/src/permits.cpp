// Lock, Semaphore and CapacityLimiter: how permits are given back. The decisions are in algorithms/permits.hpp.
#include <algorithm>

#include <weft/errors.hpp>
#include <weft/limiter.hpp>
#include <weft/lock.hpp>
#include <weft/runtime/runtime/runtime_core.hpp>
#include <weft/semaphore.hpp>

namespace weft {
namespace {

std::ptrdiff_t checked(std::ptrdiff_t value, char const* complaint) {
  if (value < 0) throw ValueError(complaint);
  return std::min<std::ptrdiff_t>(value, engine::Permits::no_limit);
}

}  // namespace

void Lock::release() {
  engine::ReadyBatch ready;
  if (!free_.release(1, ready)) throw RuntimeError("release of a Lock that is not held");
  engine::wake_all(ready);
}

Semaphore::Semaphore(std::ptrdiff_t value) : Semaphore(value, engine::Permits::no_limit) {}

Semaphore::Semaphore(std::ptrdiff_t value, std::ptrdiff_t limit)
    : limit_(limit), permits_(checked(value, "the value of a Semaphore must not be negative")) {}

void Semaphore::release() {
  engine::ReadyBatch ready;
  if (!permits_.release(limit_, ready)) throw ValueError("release of a Semaphore that has all its permits");
  engine::wake_all(ready);
}

BoundedSemaphore::BoundedSemaphore(std::ptrdiff_t value)
    : Semaphore(value, std::min<std::ptrdiff_t>(value, engine::Permits::no_limit)) {}

CapacityLimiter::CapacityLimiter(std::ptrdiff_t total)
    : total_(checked(total, "the total of a CapacityLimiter must not be negative")), tokens_(total_) {}

void CapacityLimiter::release() {
  engine::ReadyBatch ready;
  if (!tokens_.change([this](std::ptrdiff_t available) { return std::pair(available < total_, available + 1); }, ready))
    throw RuntimeError("release of a token of a CapacityLimiter that nobody has");
  engine::wake_all(ready);
}

void CapacityLimiter::set_total(std::ptrdiff_t total) {
  total = checked(total, "the total of a CapacityLimiter must not be negative");
  engine::ReadyBatch ready;
  tokens_.change(
      [this, total](std::ptrdiff_t available) {
        std::ptrdiff_t const more = total - std::exchange(total_, total);
        return std::pair(true, available + more);
      },
      ready);
  engine::wake_all(ready);
}

std::ptrdiff_t CapacityLimiter::borrowed() const noexcept {
  return tokens_.under_lock([this](std::ptrdiff_t available) { return total_ - available; });
}

std::ptrdiff_t CapacityLimiter::total() const noexcept {
  return tokens_.under_lock([this](std::ptrdiff_t) { return total_; });
}

}  // namespace weft
