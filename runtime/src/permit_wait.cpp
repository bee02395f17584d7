// What happens when somebody must wait for a permit.
#include <weft/runtime/runtime/permit_wait.hpp>
#include <weft/runtime/runtime/scope.hpp>

namespace weft::engine {

std::coroutine_handle<> PermitAwaiter::commit(Worker& worker) noexcept {
  return arm(worker, [this] { return permits_.enlist(*this); });
}

void PermitAwaiter::await_resume() {
  if (!was_cancelled()) return;
  permits_.leave(*this);
  throw_cancelled(*current_worker());
}

}  // namespace weft::engine
