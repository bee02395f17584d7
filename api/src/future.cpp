// How a future ends. The protocol is at the head of future.hpp.
#include <weft/future.hpp>

#include <weft/create_task.hpp>
#include <weft/runtime/runtime/runtime_core.hpp>

namespace weft::engine {

void throw_empty_promise() { throw RuntimeError("use of a Promise that was moved from"); }

FutureBase::~FutureBase() {
  if (!failed() || retrieved() || abandoned_) return;
  // Off the workers there is no runtime to report to.
  if (Worker* const worker = current_worker()) runtime_of(*worker).report_unhandled(error_, nullptr);
}

bool FutureBase::begin_set() {
  if (word_.begin()) return true;
  if (outcome() == Outcome::cancelled) return false;
  throw InvalidStateError("the Promise has set its result already");
}

bool FutureBase::set_exception(std::exception_ptr error) {
  if (!error) throw ValueError("set_exception() needs an exception");
  if (!begin_set()) return false;
  error_ = std::move(error);
  complete(Outcome::error);
  return true;
}

bool FutureBase::cancel(CancelMessage message) noexcept {
  if (!word_.begin()) return false;
  message_ = std::move(message);
  complete(Outcome::cancelled);
  return true;
}

void FutureBase::abandon() noexcept {
  if (!word_.begin()) return;
  try {
    error_ = std::make_exception_ptr(RuntimeError("the Promise was dropped without a result"));
  } catch (...) {
    error_ = std::current_exception();
  }
  abandoned_ = true;
  complete(Outcome::error);
}

void FutureBase::complete(Outcome outcome) noexcept {
  outcome_ = outcome;
  word_.finish();
  Worker* const worker = current_worker();
  ReadyBatch ready;
  tell_waiters(ready, worker != nullptr ? &worker->scheduler() : nullptr);
  // On a foreign thread waiting nodes are ready in their runtimes already, and what is left is the first of the done callbacks.
  while (Runnable* const runnable = ready.pop()) {
    if (worker != nullptr) worker->make_ready(*runnable);
    else DoneCallback::schedule_from_foreign_thread(static_cast<DoneCallback*>(runnable));
  }
}

}  // namespace weft::engine
