// What a run queue holds: one step that a worker can take. A wake-up of a suspended coroutine, the first step of a task, a callback.
//
// Intrusive: it lives in an awaiter's frame or in a task, so making something ready never allocates. A runnable is in one queue at
// a time, and belongs to the worker that took it out.
#pragma once

#include <weft/runtime/algorithms/injector.hpp>

namespace weft::engine {

class Worker;

struct Runnable : InjectorHook<real_sync> {
  using Step = void (*)(Runnable&, Worker&) noexcept;

  explicit Runnable(Step step_function) noexcept : step(step_function) {}

  Step step;
  // The strand in whose order it runs, itself a runnable; null: none. INVARIANT: set before it is made ready.
  Runnable* ordered_by = nullptr;
  // Links a batch of runnables that have been claimed and are not in a queue yet. INVARIANT: written by push().
  Runnable* next_ready;
};

// Runnables that were claimed under a lock and are made ready, in order, when it has been released: nothing is woken with a lock held, and
// the object whose waiters they were may be gone by then.
class ReadyBatch {
 public:
  ReadyBatch() noexcept = default;
  ReadyBatch(ReadyBatch const&) = delete;
  ReadyBatch& operator=(ReadyBatch const&) = delete;

  bool empty() const noexcept { return first_ == nullptr; }
  void push(Runnable& runnable) noexcept {
    runnable.next_ready = nullptr;
    *last_ = &runnable;
    last_ = &runnable.next_ready;
  }
  Runnable* pop() noexcept {
    Runnable* const runnable = first_;
    if (runnable != nullptr) {
      first_ = runnable->next_ready;
      if (first_ == nullptr) last_ = &first_;
    }
    return runnable;
  }

 private:
  Runnable* first_ = nullptr;
  Runnable** last_ = &first_;
};

}  // namespace weft::engine
