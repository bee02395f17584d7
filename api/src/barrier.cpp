// Barrier: what happens when somebody must wait. The decisions are in algorithms/rendezvous.hpp.
#include <weft/barrier.hpp>
#include <weft/errors.hpp>
#include <weft/runtime/runtime/runtime_core.hpp>

namespace weft {
namespace {

std::size_t checked(std::ptrdiff_t parties) {
  if (parties < 1) throw ValueError("a Barrier needs at least one party");
  return static_cast<std::size_t>(parties);
}

}  // namespace

Barrier::Barrier(std::ptrdiff_t parties) : meeting_(checked(parties)) {}

void Barrier::send_away(bool broken) noexcept {
  engine::ReadyBatch ready;
  meeting_.send_away(broken, ready);
  engine::wake_all(ready);
}

bool Barrier::Waiter::await_ready() {
  engine::ReadyBatch ready;
  engine::Arrival const arrival = barrier_.meeting_.try_arrive(index_, ready);
  engine::wake_all(ready);
  broken_ = arrival == engine::Arrival::broken;
  return arrival != engine::Arrival::waits;
}

std::coroutine_handle<> Barrier::Waiter::commit(engine::Worker& worker) noexcept {
  engine::ReadyBatch ready;
  std::coroutine_handle<> const now = arm(worker, [&] {
    engine::Arrival const arrival = barrier_.meeting_.enlist(*this, index_, ready);
    if (arrival == engine::Arrival::broken) broken_ = true;
    return arrival == engine::Arrival::waits;
  });
  engine::wake_all(ready);
  return now;
}

bool Barrier::Waiter::ends_cancelled() noexcept {
  if (!was_cancelled()) return false;
  barrier_.meeting_.leave(*this);
  return true;
}

std::size_t Barrier::Waiter::take() const {
  if (broken_) throw BrokenBarrierError("the barrier is broken, or was reset");
  return index_;
}

}  // namespace weft
