// The control block of a task: identity, cancellation, outcome, and who waits for it.
//
// OWNERS. The runtime holds one reference from creation to the end of the task, each handle one. The coroutine's frame belongs to the task
// and is gone before anyone sees the task done.
//
// THE END (finish(), by the worker that ran the last step): the outcome is written, the word says done (task_word.hpp; a cancel that is
// pending then turns a returned value into a cancelled outcome), a failure aborts the task's group, the task leaves the registry, the waiters are told, the task
// leaves its group, and the runtime's reference goes. Who waits, and how they are told: completion.hpp. A task that nobody else holds when it has left the
// registry cannot be found by anyone any more, and tells nobody.
#pragma once

#include <atomic>
#include <bit>
#include <coroutine>
#include <cstdint>
#include <exception>
#include <memory>
#include <source_location>
#include <string>
#include <vector>

#include <weft/runtime/algorithms/intrusive_list.hpp>
#include <weft/runtime/algorithms/slot_registry.hpp>
#include <weft/runtime/algorithms/spin_lock.hpp>
#include <weft/runtime/runtime/completion.hpp>
#include <weft/runtime/runtime/context.hpp>
#include <weft/runtime/runtime/scope.hpp>
#include <weft/runtime/runtime/slot.hpp>
#include <weft/runtime/runtime/strand.hpp>
#include <weft/runtime/scheduler/runnable.hpp>

namespace weft::engine {

class GroupState;
class PromiseBase;
class RuntimeCore;
struct FailedTag;
struct GroupTag;

using TaskRegistry = SlotRegistry<real_sync, TaskBase>;

class TaskBase : public Runnable, public Completion, public ListHook<FailedTag>, public ListHook<GroupTag> {
 public:
  // With a slot of the registry. Throws std::bad_alloc.
  explicit TaskBase(RuntimeCore& runtime);
  ~TaskBase() override;

  // ---- what handles ask, from any thread
  bool done() const noexcept final { return root_.word.done(); }
  bool hand_down(CancelRequest& request) noexcept final { return request.reach(root_); }
  TaskBase* as_task() noexcept final { return this; }
  std::string cancel_message() const final;
  std::string designation() const final { return "the task " + name(); }
  bool cancel(CancelMessage message) noexcept;
  int cancelling() const noexcept;
  int uncancel() noexcept;
  std::string name() const;
  void set_name(std::string name);
  std::uint64_t id() const noexcept { return id_; }

  // ---- by the runtime
  Scope& root() noexcept { return root_; }
  Scope const& root() const noexcept { return root_; }
  SpinLock& scopes_lock() const noexcept { return scopes_lock_; }
  RuntimeCore& runtime() const noexcept { return *runtime_; }
  GroupState const* group() const noexcept { return group_; }
  std::uint64_t runtime_serial() const noexcept { return runtime_serial_; }
  // Before the start: the coroutine is the task's from now on. `place` is where it is defined.
  void own(std::coroutine_handle<PromiseBase> coroutine, std::source_location place) noexcept {
    coroutine_ = coroutine;
    set_place(place);
  }
  // Before the start, by the group that has taken it in.
  void set_group(GroupState& group) noexcept { group_ = &group; }
  // Before the start: counted on it already.
  void set_strand(Ref<StrandState> strand) noexcept {
    leave_strand();
    strand_ = std::move(strand);
    ordered_by = strand_.get();
    on_strand_ = true;
  }
  // Until the end. By the task's steps; others may ask on_strand().
  StrandState* strand() const noexcept { return strand_.get(); }
  bool on_strand() const noexcept { return on_strand_; }
  // Before the start: the context is not the creator's. `kept`: the task runs in it, not in a copy, and gives it to the runtime at the end.
  void set_context(ContextRef context, bool kept) noexcept {
    context_ = std::move(context);
    keeps_context_ = kept;
  }
  // The coroutine has ended with an exception, or cancelled. By its promise.
  void store_exception(std::exception_ptr error) noexcept;
  void store_cancelled(CancelMessage message) noexcept;
  // The coroutine's frame is gone; `state` is the worker's.
  void finish(Worker& worker) noexcept;
  // ---- for the task tree
  struct Wait {
    char const* what;
    // Zero: no task.
    std::uint64_t task;
    std::uint32_t since;
    std::source_location place;
  };
  // What it waits for, all its parts. A wait that is over but has not been resumed is none.
  std::vector<Wait> waits() const;
  bool started() const noexcept { return started_.load(std::memory_order_relaxed); }
  std::uint32_t born() const noexcept { return born_; }
  // Zero: none.
  std::uint64_t creator() const noexcept { return creator_; }
  std::source_location place() const noexcept { return std::bit_cast<std::source_location>(place_.load(std::memory_order_relaxed)); }
  // By the task's own steps.
  void set_place(std::source_location place) noexcept { place_.store(std::bit_cast<void const*>(place), std::memory_order_relaxed); }
  // Parts inside awaitables of other libraries. INVARIANT: written by the parts.
  std::atomic<std::uint32_t> foreign_waits{0};

  // The task that the body of this one awaits, if it does. Holds a reference, since it may be gone as soon as nobody waits for it.
  Ref<TaskBase> awaited_by_body() const noexcept;
  // A hint, without a lock: whether awaited_by_body() may find something.
  bool body_awaits() const noexcept { return body_awaits_.load(std::memory_order_relaxed); }

 protected:
  // A cancel came before the coroutine returned: its value is dropped.
  virtual void drop_value() noexcept = 0;

 private:
  friend class RuntimeCore;
  friend class CancelRequest;
  friend class WaitNode;
  friend CancelMessage deliver_cancel(Worker& worker) noexcept;

  static void start(Runnable& runnable, Worker& worker) noexcept;
  void destroy() noexcept final;
  void finish_context(ExecutionState& state) noexcept;
  void leave_strand() noexcept {
    if (!strand_) [[likely]] return;
    strand_->task_ends();
    strand_ = {};
  }

  std::atomic<bool> body_awaits_{false};
  std::atomic<bool> started_{false};
  bool in_failed_list_ = false;
  bool keeps_context_ = false;
  bool on_strand_ = false;
  // INVARIANT: written before the task enters the registry. The round in which it was born, and whose slot it has.
  std::uint32_t birth_round_ = 0;
  std::uint32_t slot_owner_ = 0;
  std::uint32_t born_ = 0;
  TaskRegistry::Slot* slot_ = nullptr;
  mutable SpinLock scopes_lock_;
  Scope root_;
  // The message of the last cancel, and later of the CancelledError that ended the task. INVARIANT: under scopes_lock_.
  CancelMessage message_;
  std::shared_ptr<std::string const> name_;
  std::coroutine_handle<PromiseBase> coroutine_;
  // The creator's, until the end.
  ContextRef context_;
  // Null: none. INVARIANT: written before the start and by finish().
  Ref<StrandState> strand_;
  RuntimeCore* runtime_;
  std::uint64_t runtime_serial_;
  std::uint64_t id_ = 0;
  // INVARIANT: written before the task enters the registry.
  std::uint64_t creator_ = 0;
  // What a source_location holds: where its coroutine is defined.
  std::atomic<void const*> place_{nullptr};
  GroupState* group_ = nullptr;
};

template <class T>
class TaskState : public TaskBase {
 public:
  using value_type = T;
  using TaskBase::TaskBase;
  Slot<T> slot;

 private:
  void drop_value() noexcept override { slot.clear(); }
};

// The task of an operation that gets something: when the task must drop its value, that is given back. The coroutine of a program that has got it could
// have done so itself; this one has nobody else.
template <class T, class GiveBack>
class OperationState final : public TaskState<T> {
 public:
  OperationState(RuntimeCore& runtime, GiveBack give_back) : TaskState<T>(runtime), give_back_(give_back) {}

 private:
  void drop_value() noexcept override {
    if constexpr (std::is_void_v<T>) give_back_();
    else give_back_(this->slot.get());
    this->slot.clear();
  }

  GiveBack give_back_;
};

}  // namespace weft::engine
