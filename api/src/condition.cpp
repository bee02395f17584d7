// Condition: how a wait gives its lock up and gets it back. The decisions are in algorithms/monitor.hpp.
#include <weft/condition.hpp>
#include <weft/errors.hpp>
#include <weft/runtime/runtime/runtime_core.hpp>
#include <weft/runtime/runtime/scope.hpp>

namespace weft {

void Condition::notify(std::size_t count) {
  if (!locked()) throw RuntimeError("notify on a Condition whose lock is not held");
  engine::ReadyBatch ready;
  monitor_.notify(count, ready);
  engine::wake_all(ready);
}

void Condition::pass_on() noexcept {
  engine::ReadyBatch ready;
  monitor_.notify(1, ready);
  engine::wake_all(ready);
}

bool Condition::Waiter::await_ready() const {
  if (!condition_.locked()) throw RuntimeError("wait on a Condition whose lock is not held");
  return false;
}

std::coroutine_handle<> Condition::Waiter::commit(engine::Worker& worker) noexcept {
  engine::ReadyBatch ready;
  std::coroutine_handle<> const now = arm(worker, [&] {
    gave_up_lock_ = true;
    if (condition_.monitor_.enlist(*this, ready)) return true;
    gave_up_lock_ = false;
    return false;
  });
  engine::wake_all(ready);
  return now;
}

void Condition::Waiter::on_ready(engine::Runnable& runnable, engine::Worker& worker) noexcept {
  auto& self = static_cast<Waiter&>(runnable);
  if (self.was_cancelled()) {
    self.cancelled_ = true;
    Monitor& monitor = self.condition_.monitor_;
    monitor.leave(self);
    // LIFETIME: while it waits, another worker may resume it.
    if (self.arm_again([&] { return monitor.reacquire(self); })) return;
  }
  wake(runnable, worker);
}

bool Condition::Waiter::ends_cancelled() {
  if (!gave_up_lock_) return was_cancelled();
  if (!cancelled_ && !engine::cancel_pending(engine::current_worker()->state)) return false;
  condition_.pass_on();
  return true;
}

void Condition::Waiter::take() const {
  if (!gave_up_lock_) throw RuntimeError("wait on a Condition whose lock is not held");
}

}  // namespace weft
