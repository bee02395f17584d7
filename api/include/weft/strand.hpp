// Strand: tasks of which one at a time runs.
#pragma once

#include <cstdint>
#include <mutex>
#include <type_traits>
#include <utility>

#include <weft/create_task.hpp>
#include <weft/runtime/runtime/strand.hpp>

namespace weft {

/// A set of tasks that never run at the same moment, on however many workers: between two awaits none of the others runs.
///
/// asyncio: what every event loop gives (`Options::workers = 1` gives it for a whole runtime). Code that relies on "no one else runs between two awaits" can be
/// kept as it is when all tasks that share the data are on one strand. An await that suspends lets the others run.
/// Order: tasks start in the order in which they were created, and go on in the order in which they became ready, as on asyncio's loop.
/// Handed on: tasks that a strand's task creates, by whatever function, parts that it gathers, and done callbacks that it registers run on the strand too, one at a
/// time; parts run in argument order, each until it suspends. Another Strand's create_task moves the new task there. Functions in to_thread do not.
/// Fairness: after a few steps of it the worker turns to other tasks.
/// Cancellation, errors: as weft::create_task. Threads: create_task from any task of one runtime; RuntimeError from another runtime while tasks of the first
/// are left. Lifetime: the tasks keep what they need, so a Strand may be destroyed before they have ended.
/// Cost: a step of a strand's task is one atomic operation more, two when the strand is idle; its gathers are not spread over the workers.
class Strand {
 public:
  Strand() noexcept = default;
  Strand(Strand const&) = delete;
  Strand& operator=(Strand const&) = delete;
  ~Strand() = default;

  /// Runs a coroutine in the background, on this strand. Also from tasks that are not on it.
  template <class T>
  Task<T> create_task(Coro<T> coro, TaskOptions options = {}) {
    return start(std::move(coro), options, engine::GivesNothingBack());
  }
  template <class F, class... Args>
    requires engine::CoroFunction<F, Args...>
  auto create_task(F&& fn, Args&&... args) {
    return create_task(engine::call(std::forward<F>(fn), std::forward<Args>(args)...));
  }
  template <class F, class... Args>
    requires engine::CoroFunction<F, Args...>
  auto create_task(TaskOptions options, F&& fn, Args&&... args) {
    return create_task(engine::call(std::forward<F>(fn), std::forward<Args>(args)...), options);
  }
  template <engine::Operation A>
  auto create_task(A operation, TaskOptions options = {}) {
    auto const give_back = engine::give_back_of(operation);
    return start(engine::as_coro(std::move(operation)), options, give_back);
  }

 private:
  template <class T, class GiveBack>
  Task<T> start(Coro<T> coro, TaskOptions options, GiveBack give_back) {
    engine::RuntimeCore& runtime = engine::runtime_of(engine::require_task("Strand::create_task()"));
    auto state = engine::make_task(runtime, coro, options, give_back);
    state->set_strand(enter(runtime.serial()));
    return engine::start_task(runtime, std::move(state));
  }
  // Counts a task that is on its way.
  engine::Ref<engine::StrandState> enter(std::uint64_t runtime_serial);

  std::mutex mutex_;
  // Of the runtime that used it last. INVARIANT: under mutex_.
  engine::Ref<engine::StrandState> state_;
};

}  // namespace weft
