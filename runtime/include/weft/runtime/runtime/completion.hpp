// Something that ends once, with a value, with an error or cancelled, and tells those who wait for it: a task (task.hpp), or a future, which
// ends by its promise (api: future.hpp).
//
// WAITERS, in the order in which they came: coroutines that await it, gathers and waits that count it, done callbacks, foreign threads in
// get(). Telling a waiter means claiming it, under `waiters_lock_`; making it ready happens after the unlock. A waiter that goes away first takes
// itself out under the same lock.
//
// OWNERS are counted. Whoever tells the waiters holds a reference, so a woken waiter may drop every handle.
#pragma once

#include <atomic>
#include <cstdint>
#include <exception>
#include <string>
#include <utility>

#include <weft/runtime/algorithms/intrusive_list.hpp>
#include <weft/runtime/algorithms/spin_lock.hpp>
#include <weft/runtime/scheduler/frame_pool.hpp>
#include <weft/runtime/scheduler/runnable.hpp>

namespace weft::engine {

class CancelRequest;
class Completion;
class Scheduler;
class TaskBase;
struct WaiterTag;

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
  // Under the waiters' lock, and the last that is done with the waiter. What it claims goes into the batch if it belongs to `here`, the
  // scheduler of the worker that tells (null on a foreign thread); a node of another runtime is made ready there at once. Done callbacks
  // always go into the batch.
  virtual void on_done(Completion& done, ReadyBatch& ready, Scheduler* here) noexcept = 0;

 protected:
  ~TaskWaiter() = default;
};

enum class Outcome : std::uint8_t { running, value, error, cancelled };

class Completion {
 public:
  Completion() noexcept = default;
  Completion(Completion const&) = delete;
  Completion& operator=(Completion const&) = delete;
  virtual ~Completion() = default;

  static void* operator new(std::size_t size) { return frame_allocate(size); }
  static void operator delete(void* block, std::size_t size) noexcept { frame_free(block, size); }

  void acquire() noexcept { references_.fetch_add(1, std::memory_order_relaxed); }
  void release() noexcept {
    if (held_by_caller_alone() || leave_reference()) destroy();
  }

  // Before anybody else can see it: one more reference, without an atomic operation.
  void acquire_unshared() noexcept { references_.store(references_.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed); }
  // By a waiter in on_done() that will be woken on the runtime of whoever tells: a reference of its own; the first gets the teller's.
  void take_reference() noexcept {
    if (std::exchange(tellers_reference_taken_, true)) acquire();
  }

  // From any thread. Once it is true, everything that led to the end has happened before.
  virtual bool done() const noexcept = 0;
  // A cancel of somebody who waits for this; false when it has ended.
  virtual bool hand_down(CancelRequest& request) noexcept = 0;
  // The task, if it is one.
  virtual TaskBase* as_task() noexcept { return nullptr; }
  // Of the CancelledError that was the end.
  virtual std::string cancel_message() const = 0;
  // "the task Task-1", "the future".
  virtual std::string designation() const = 0;

  // These are valid once done.
  Outcome outcome() const noexcept { return outcome_; }
  bool failed() const noexcept { return outcome_ == Outcome::error; }
  std::exception_ptr const& error() const noexcept { return error_; }
  void mark_retrieved() noexcept { retrieved_.store(true, std::memory_order_relaxed); }
  bool retrieved() const noexcept { return retrieved_.load(std::memory_order_relaxed); }
  // Throws what a reader of the result must see: nothing for a value, InvalidStateError before the end.
  void require_value() const;
  // What a reader of the exception gets: null for a value. It counts as retrieved.
  std::exception_ptr exception();
  [[noreturn]] void throw_outcome() const;
  // Blocks a foreign thread until the end.
  void wait_blocking();

  // False, and not enlisted, when the end has been told.
  bool add_waiter(TaskWaiter& waiter) noexcept;
  // LIFETIME: afterwards the waiter will not be called any more.
  void remove_waiter(TaskWaiter& waiter) noexcept;

  // The last done callback that was told of the end. INVARIANT: under waiters_lock_.
  TaskWaiter* last_callback = nullptr;

 protected:
  virtual void destroy() noexcept { delete this; }
  // True when a waiter has taken the caller's reference. LIFETIME: then, once the batch has been made ready, this may be gone.
  bool tell_waiters(ReadyBatch& ready, Scheduler* here) noexcept;
  // The caller's reference is the only one, and nobody waits: nor will anybody, if there is no other way to find this.
  bool unobserved() const noexcept {
    // ORDER(task-refs): acquire; pairs with release(): what the last handle did, enlisting a waiter for one, is visible.
    return references_.load(std::memory_order_acquire) == 1 && waiters_.empty();
  }

  // Then nobody can come to hold it: a reference is made from a reference, or by a visitor while the runtime has one. A failed task is another matter, the
  // runtime's report finds it without having one.
  WEFT_INLINE bool held_by_caller_alone() const noexcept {
    // ORDER(task-refs): acquire; pairs with leave_reference(): what the others did with it happens before its destruction.
    return references_.load(std::memory_order_acquire) == 1 && outcome_ != Outcome::error;
  }
  // True for the last.
  WEFT_INLINE bool leave_reference() noexcept {
    // ORDER(task-refs): acq_rel; what every holder did with the task happens before its destruction.
    return references_.fetch_sub(1, std::memory_order_acq_rel) == 1;
  }

  std::atomic<std::uint32_t> references_{1};
  std::atomic<bool> retrieved_{false};
  // INVARIANT: written before done() is true.
  Outcome outcome_ = Outcome::running;

 private:
  bool closed_ = false;
  // INVARIANT: under waiters_lock_.
  bool tellers_reference_taken_ = false;

 protected:
  std::exception_ptr error_;

 private:
  // INVARIANT: guards closed_, waiters_ and last_callback.
  mutable SpinLock waiters_lock_;
  IntrusiveList<TaskWaiter, WaiterTag> waiters_;
};

}  // namespace weft::engine
