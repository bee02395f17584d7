// The owner's loop of a strand, and the way in. The protocol is at the head of strand.hpp.
#include <weft/runtime/runtime/strand.hpp>

#include <limits>

#include <weft/runtime/runtime/task.hpp>

namespace weft::engine {
namespace {

// Steps that a strand takes before other runnables of the worker get their turn.
constexpr int steps_per_turn = 16;

}  // namespace

void StrandState::execute(Runnable& runnable, Worker& worker) noexcept {
  if (!queue_.push(runnable)) return;
  // Ours. The runnable's task, which has not run yet, keeps us alive until here.
  acquire();
  drain(&runnable, worker);
}

Runnable* StrandState::enter(Runnable& runnable) noexcept {
  if (!queue_.push(runnable)) return nullptr;
  // As above.
  acquire();
  first_ = &runnable;
  return this;
}

void StrandState::step(Runnable& runnable, Worker& worker) noexcept {
  auto& strand = static_cast<StrandState&>(runnable);
  strand.drain(std::exchange(strand.first_, nullptr), worker);
}

// A turn is what was there when it began, and sixteen steps at most. What becomes ready during it, a task that yields for one, comes behind whatever else
// is ready on this worker, since the strand does.
void StrandState::drain(Runnable* first, Worker& worker) noexcept {
  StrandState* const outer = std::exchange(worker.strand, this);
  std::uintptr_t const outer_limit = std::exchange(worker.stack_limit, std::numeric_limits<std::uintptr_t>::max());
  queue_.collect();
  Runnable* runnable = first != nullptr ? first : queue_.next();
  bool cut = false;
  for (int steps = 1; runnable != nullptr; ++steps) {
    worker.unwind = false;
    worker.run_in_place(*runnable);
    cut = steps == steps_per_turn || worker.unwind || worker.poll_is_due();
    if (cut) break;
    runnable = queue_.next();
  }
  worker.strand = outer;
  worker.stack_limit = outer_limit;
  // LIFETIME: whoever takes it goes on with our reference.
  if (cut || !queue_.leave()) worker.make_ready_last(*this);
  else release();
}

bool enter_strand(Runnable& runnable, ExecutionState const& state, Worker& worker) noexcept {
  StrandState* const strand = state.scope->task().strand();
  if (strand == worker.strand) return false;
  strand->execute(runnable, worker);
  return true;
}

}  // namespace weft::engine
