// Event: what happens when somebody must wait. The decisions are in algorithms/flag.hpp.
#include <weft/event.hpp>
#include <weft/runtime/runtime/runtime_core.hpp>

namespace weft {

void Event::set() noexcept {
  engine::ReadyBatch ready;
  flag_.set(ready);
  engine::wake_all(ready);
}

std::coroutine_handle<> Event::Waiter::commit(engine::Worker& worker) noexcept {
  return arm(worker, [this] { return event_.flag_.enlist(*this); });
}

}  // namespace weft
