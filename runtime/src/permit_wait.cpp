// What happens when somebody must wait for a permit.
#include <weft/runtime/runtime/permit_wait.hpp>

namespace weft::engine {

std::coroutine_handle<> PermitAwaiter::commit(Worker& worker) noexcept {
  return arm(worker, [this] { return permits_.enlist(*this); });
}

}  // namespace weft::engine
