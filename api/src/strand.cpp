// Which runtime a strand belongs to.
#include <weft/strand.hpp>

namespace weft {

engine::Ref<engine::StrandState> Strand::enter(std::uint64_t runtime_serial) {
  std::lock_guard const lock(mutex_);
  if (!state_ || state_->runtime_serial() != runtime_serial) {
    if (state_ && state_->has_tasks()) throw RuntimeError("Strand::create_task() in one Runtime while tasks of another are on the strand");
    // A fresh one: a worker of the other runtime may still be about to find that the old one is empty.
    state_ = engine::Ref<engine::StrandState>(new engine::StrandState(runtime_serial), engine::Ref<engine::StrandState>::Adopt::reference);
  }
  // Counted before the lock goes: the next caller must not find the strand free while this task is on its way.
  state_->task_begins();
  return state_;
}

}  // namespace weft
