// The promise of every coroutine of this library, and how a coroutine hands its result on.
//
// A promise holds two words: `up_`, whom to tell, and `slot_`, where the result goes. Three kinds of parents stand behind `up_`:
//   await    a coroutine that awaits this one; its AwaitRecord is in its own frame
//   join     a gather; its JoinBase is in its own frame
//   task     the control block of the task whose body this is
// and one bit says *detached*: the parent is not below us on the native stack any more. An attached coroutine that ends simply returns, and
// its parent, who is in the middle of resume(), looks at what was written. A detached one destroys its frame first, so that its
// arguments die before anyone who waited goes on, and then tells its parent.
//
// The bit is written by whoever finds the coroutine suspended on its own native stack (the awaiting parent, the gather), or takes it
// from a queue; always before another thread can reach the coroutine, so it is plain memory.
//
// The two words of a parent link are all that a frame pays for being a coroutine of this library.
#pragma once

#include <atomic>
#include <bit>
#include <coroutine>
#include <cstdint>
#include <exception>
#include <source_location>
#include <utility>

#include <weft/runtime/algorithms/join_counter.hpp>
#include <weft/runtime/platform/config.hpp>
#include <weft/runtime/runtime/slot.hpp>
#include <weft/runtime/scheduler/execution_state.hpp>
#include <weft/runtime/scheduler/frame_pool.hpp>
#include <weft/runtime/scheduler/worker.hpp>

namespace weft::engine {

class TaskBase;

// What a coroutine that awaits another keeps for it, in its own frame.
struct AwaitRecord {
  std::coroutine_handle<> parent;
  std::exception_ptr error;
};

// What a gather keeps for its children, in its own frame.
class JoinBase : public Suspension {
 public:
  // Leaves uninitialised what is written before it is read. A state without a scope says that nothing has started.
  JoinBase() noexcept { state.scope = nullptr; }
  JoinBase(JoinBase const&) = delete;
  JoinBase& operator=(JoinBase const&) = delete;

  // A child that writes to `slot` has ended with an exception.
  virtual void child_failed(void* slot, std::exception_ptr error) noexcept = 0;
  // A child was destroyed unstarted because the part was cancelled.
  virtual void child_dropped(void* slot) noexcept = 0;

  std::coroutine_handle<> commit(Worker& worker) noexcept override;
  // By who goes on with the parent: gives the worker its state. When something went wrong the flags say that the part has changed (dirty), so that the
  // end of the gather looks closer.
  void put_back(Worker& worker) const noexcept;

  JoinCounter counter;
  // The parent's state: its children start with a copy, and it resumes with it. INVARIANT: written before the first child can be stolen.
  ExecutionState state;
  // INVARIANT: these two are written before the parent waits. Children that it has not seen end, and the parent itself: its frame's address,
  // since a handle would be written by every join.
  std::int64_t outstanding;
  void* parent_frame;

  std::coroutine_handle<> parent() const noexcept { return std::coroutine_handle<>::from_address(parent_frame); }

 protected:
  ~JoinBase() = default;
  // What went wrong with children. A child that was dropped before it started leaves its slot empty, whatever becomes of the cancel.
  enum Trouble : std::uint32_t { failed_bit = 1, dropped_bit = 2 };
  std::atomic<std::uint32_t> trouble_{0};
};

class PromiseBase : public PooledFrame {
  enum Tag : std::uintptr_t { detached_bit = 1, kind_await = 0, kind_join = 2, kind_task = 4, kind_mask = 6, tag_mask = 7 };

 public:
  PromiseBase() noexcept {}
  // Until the coroutine has a parent, the slot's word keeps where it was defined: a store that would be made anyway.
  explicit PromiseBase(std::source_location place) noexcept : slot_(std::bit_cast<void*>(place)) {}
  PromiseBase(PromiseBase const&) = delete;
  PromiseBase& operator=(PromiseBase const&) = delete;

  WEFT_INLINE void set_parent(AwaitRecord& record, void* slot) noexcept { set_up(&record, kind_await, slot); }
  WEFT_INLINE void set_parent(JoinBase& join, void* slot) noexcept { set_up(&join, kind_join, slot); }
  void set_parent(TaskBase& task, void* slot) noexcept { set_up(&task, kind_task | detached_bit, slot); }

  WEFT_INLINE bool detached() const noexcept { return (up_ & detached_bit) != 0; }
  WEFT_INLINE void detach() noexcept { up_ |= detached_bit; }
  WEFT_INLINE JoinBase& join() const noexcept { return *up<JoinBase>(); }
  WEFT_INLINE void* slot() const noexcept { return slot_; }

  // Where the coroutine is defined, while it has no parent.
  std::source_location place() const noexcept { return std::bit_cast<std::source_location>(slot_); }

  std::suspend_always initial_suspend() const noexcept { return {}; }

  struct FinalAwaiter {
    std::uintptr_t up;
    WEFT_INLINE bool await_ready() const noexcept { return (up & detached_bit) == 0; }
    template <class Promise>
    void await_suspend(std::coroutine_handle<Promise> coroutine) const noexcept {
      std::uintptr_t const parent = up;
      // LIFETIME: this awaiter and the frame are gone after the next line.
      coroutine.destroy();
      end_detached(parent);
    }
    void await_resume() const noexcept {}
  };
  WEFT_INLINE FinalAwaiter final_suspend() const noexcept { return FinalAwaiter{up_}; }

  WEFT_COLD void unhandled_exception() noexcept { store(std::current_exception()); }
  // By the coroutine itself, which is suspended for that: it ends cancelled, by the cancel that is delivered with this or, when none stands, by one that is
  // void. LIFETIME: the frame is gone afterwards.
  WEFT_COLD void end_cancelled(std::coroutine_handle<> coroutine, bool stands) noexcept;

 private:
  template <class P>
  WEFT_INLINE void set_up(P* parent, std::uintptr_t tag, void* slot) noexcept {
    up_ = reinterpret_cast<std::uintptr_t>(parent) | tag;
    slot_ = slot;
  }
  template <class P>
  WEFT_INLINE P* up() const noexcept { return reinterpret_cast<P*>(up_ & ~std::uintptr_t{tag_mask}); }
  static void end_detached(std::uintptr_t up) noexcept;
  // What the coroutine has ended with, for its parent.
  void store(std::exception_ptr error) noexcept;

  // Without an initialiser: nobody asks before there is a parent.
  std::uintptr_t up_;
  void* slot_ = nullptr;
};

// Puts the start of a coroutine off until the native stack has unwound: a suspension whose commit leaves it on the fork deque. Allocates;
// throws std::bad_alloc.
void defer_start(Worker& worker, std::coroutine_handle<> coroutine);

// The promise of any coroutine of this library.
WEFT_INLINE PromiseBase& promise_of(std::coroutine_handle<> coroutine) noexcept {
  return std::coroutine_handle<PromiseBase>::from_address(coroutine.address()).promise();
}

// A coroutine that was never started goes; under WEFT_DEBUG that is reported.
WEFT_COLD void drop_unawaited(PromiseBase& promise) noexcept;
// A runtime that was made with WEFT_DEBUG begins or ends.
void count_debug_runtime(int by) noexcept;

// A child of a gather of the strand that this worker runs starts later, in the strand's queue. False when there is no memory for that.
bool defer_child(Worker& worker, std::coroutine_handle<> child) noexcept;

// How a child becomes an entry of a fork deque.
WEFT_INLINE ForkItem* fork_item(std::coroutine_handle<> child) noexcept { return static_cast<ForkItem*>(child.address()); }

}  // namespace weft::engine
