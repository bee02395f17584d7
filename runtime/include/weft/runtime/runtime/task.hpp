// The control block of a task: identity, cancellation, outcome, and who waits for it.
//
// OWNERS. The runtime holds one reference from creation to the end of the task, each handle one. The coroutine's frame belongs to the task
// and is gone before anyone sees the task done.
//
// THE END (finish(), by the worker that ran the last step): the outcome is written, the word says done (task_word.hpp; a cancel that is
// pending then turns a returned value into a cancelled outcome), a failure aborts the task's group, the task leaves the registry, the waiters are told, the task
// leaves its group, and the runtime's reference goes. Telling a waiter means claiming it, under `waiters_lock`; making it ready happens after the
// unlock. A task that nobody else holds when it has left the registry cannot be found by anyone any more, and takes none of these locks.
//
// WAITERS, in the order in which they came: coroutines that await the task, gathers and waits that count it, done callbacks, foreign threads
// in get(). A waiter that goes away first takes itself out under the same lock.
#pragma once

#include <atomic>
#include <coroutine>
#include <cstdint>
#include <exception>
#include <memory>
#include <string>

#include <weft/runtime/algorithms/intrusive_list.hpp>
#include <weft/runtime/algorithms/slot_registry.hpp>
#include <weft/runtime/algorithms/spin_lock.hpp>
#include <weft/runtime/runtime/context.hpp>
#include <weft/runtime/runtime/scope.hpp>
#include <weft/runtime/runtime/slot.hpp>
#include <weft/runtime/runtime/strand.hpp>
#include <weft/runtime/scheduler/frame_pool.hpp>
#include <weft/runtime/scheduler/runnable.hpp>

namespace weft::engine {

class GroupState;
class TaskBase;
class PromiseBase;
class RuntimeCore;
struct FailedTag;
struct GroupTag;
struct WaiterTag;

using TaskRegistry = SlotRegistry<real_sync, TaskBase>;

// A counted reference.
template <class T>
class Ref {
 public:
  Ref() noexcept = default;
  enum class Adopt { reference };
  Ref(T* pointer, Adopt) noexcept : pointer_(pointer) {}
  explicit Ref(T* pointer) noexcept : pointer_(pointer) {
    if (pointer_ != nullptr) pointer_->acquire();
  }
  Ref(Ref const& other) noexcept : Ref(other.pointer_) {}
  Ref(Ref&& other) noexcept : pointer_(std::exchange(other.pointer_, nullptr)) {}
  template <class U>
  Ref(Ref<U> const& other) noexcept : Ref(static_cast<T*>(other.get())) {}
  template <class U>
  Ref(Ref<U>&& other) noexcept : pointer_(other.detach()) {}
  Ref& operator=(Ref other) noexcept {
    std::swap(pointer_, other.pointer_);
    return *this;
  }
  ~Ref() {
    if (pointer_ != nullptr) pointer_->release();
  }

  T* get() const noexcept { return pointer_; }
  T* operator->() const noexcept { return pointer_; }
  T& operator*() const noexcept { return *pointer_; }
  explicit operator bool() const noexcept { return pointer_ != nullptr; }
  T* detach() noexcept { return std::exchange(pointer_, nullptr); }

 private:
  T* pointer_ = nullptr;
};

class TaskWaiter : public ListHook<WaiterTag> {
 public:
  // Under the task's waiters lock, and the last that the task does with the waiter. What it claims, of this task's runtime, goes into the
  // batch; a node of another runtime is made ready there at once.
  virtual void on_done(TaskBase& task, ReadyBatch& ready) noexcept = 0;

 protected:
  ~TaskWaiter() = default;
};

enum class Outcome : std::uint8_t { running, value, error, cancelled };

class TaskBase : public Runnable, public ListHook<FailedTag>, public ListHook<GroupTag> {
 public:
  TaskBase(RuntimeCore& runtime, std::coroutine_handle<PromiseBase> coroutine) noexcept;
  TaskBase(TaskBase const&) = delete;
  TaskBase& operator=(TaskBase const&) = delete;
  virtual ~TaskBase();

  static void* operator new(std::size_t size) { return frame_allocate(size); }
  static void operator delete(void* block, std::size_t size) noexcept { frame_free(block, size); }

  void acquire() noexcept { references_.fetch_add(1, std::memory_order_relaxed); }
  void release() noexcept {
    // ORDER(task-refs): acq_rel; what every holder did with the task happens before its destruction.
    if (references_.fetch_sub(1, std::memory_order_acq_rel) == 1) destroy();
  }

  // ---- what handles ask, from any thread
  bool done() const noexcept { return root_.word.done(); }
  // Valid once done.
  Outcome outcome() const noexcept { return outcome_; }
  std::exception_ptr const& error() const noexcept { return error_; }
  // Of the CancelledError that ended the task.
  std::string cancel_message() const;
  bool cancel(CancelMessage message) noexcept;
  int cancelling() const noexcept;
  int uncancel() noexcept;
  std::string name() const;
  void set_name(std::string name);
  std::uint64_t id() const noexcept { return id_; }
  void mark_retrieved() noexcept { retrieved_.store(true, std::memory_order_relaxed); }
  bool retrieved() const noexcept { return retrieved_.load(std::memory_order_relaxed); }
  // Throws what a reader of the result must see: nothing for a value, InvalidStateError while running.
  void require_value() const;
  [[noreturn]] void throw_outcome() const;
  // Blocks a foreign thread until the task is done.
  void wait_blocking();

  // False, and not enlisted, when the task is done.
  bool add_waiter(TaskWaiter& waiter) noexcept;
  // LIFETIME: afterwards the waiter will not be called any more.
  void remove_waiter(TaskWaiter& waiter) noexcept;

  // ---- by the runtime
  Scope& root() noexcept { return root_; }
  Scope const& root() const noexcept { return root_; }
  SpinLock& scopes_lock() const noexcept { return scopes_lock_; }
  RuntimeCore& runtime() const noexcept { return *runtime_; }
  GroupState const* group() const noexcept { return group_; }
  std::uint64_t runtime_serial() const noexcept { return runtime_serial_; }
  bool failed() const noexcept { return outcome_ == Outcome::error; }
  // Before the start: counted on it already.
  void set_strand(Ref<StrandState> strand) noexcept {
    leave_strand();
    strand_ = std::move(strand);
  }
  StrandState* strand() const noexcept { return strand_.get(); }
  // Before the start: the context is not the creator's. `kept`: the task runs in it, not in a copy, and gives it to the runtime at the end.
  void set_context(ContextRef context, bool kept) noexcept {
    context_ = std::move(context);
    keeps_context_ = kept;
  }
  // The coroutine has thrown, or ended cancelled. By unhandled_exception().
  void store_exception() noexcept;
  // The coroutine's frame is gone; `state` is the worker's.
  void finish(Worker& worker) noexcept;
  // The last done callback that was told of the end. INVARIANT: under waiters_lock_.
  TaskWaiter* last_callback = nullptr;
  // What this task waits for, for the task tree.
  void describe(std::string& text) const;

  // The task that the body of this one awaits, if it does. Holds a reference, since it may be gone as soon as nobody waits for it.
  Ref<TaskBase> awaited_by_body() const noexcept;
  // A hint, without a lock: whether awaited_by_body() may find something.
  bool body_awaits() const noexcept { return body_awaits_.load(std::memory_order_relaxed); }

  // Before anybody else can see the task: one more reference, without an atomic operation.
  void acquire_unshared() noexcept { references_.store(references_.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed); }
  // By a waiter in on_done(), if it is of this task's runtime: a reference of its own; the first gets the one that the runtime would give up next.
  void take_reference() noexcept {
    if (!std::exchange(runtime_reference_taken_, true)) return;
    acquire();
  }

 protected:
  // A cancel came before the coroutine returned: its value is dropped.
  virtual void drop_value() noexcept = 0;

 private:
  friend class RuntimeCore;
  friend class CancelRequest;
  friend class WaitNode;
  friend CancelMessage deliver_cancel(Worker& worker) noexcept;

  static void start(Runnable& runnable, Worker& worker) noexcept;
  void destroy() noexcept;
  void finish_context(ExecutionState& state) noexcept;
  void leave_strand() noexcept {
    if (!strand_) [[likely]] return;
    strand_->task_ends();
    strand_ = {};
  }

  std::atomic<std::uint32_t> references_{1};
  std::atomic<bool> retrieved_{false};
  std::atomic<bool> body_awaits_{false};
  Outcome outcome_ = Outcome::running;
  bool in_failed_list_ = false;
  bool keeps_context_ = false;
  // INVARIANT: written before the task enters the registry. The round in which it was born, and whose slot it has.
  std::uint32_t birth_round_ = 0;
  std::uint32_t slot_owner_ = 0;
  TaskRegistry::Slot* slot_ = nullptr;
  mutable SpinLock scopes_lock_;
  Scope root_;
  // INVARIANT: under waiters_lock_ until done.
  mutable SpinLock waiters_lock_;
  bool closed_ = false;
  bool runtime_reference_taken_ = false;
  IntrusiveList<TaskWaiter, WaiterTag> waiters_;
  std::exception_ptr error_;
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
  GroupState* group_ = nullptr;
};

template <class T>
class TaskState final : public TaskBase {
 public:
  using TaskBase::TaskBase;
  Slot<T> slot;

 private:
  void drop_value() noexcept override { slot.clear(); }
};

}  // namespace weft::engine
