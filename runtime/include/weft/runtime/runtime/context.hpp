// Values of context variables: what a task hands on to the tasks and parts that it makes.
//
// A Context is immutable and counted: a sorted array of (variable, value), shared by everybody who has the same values. A copy is a reference, so
// spawning with a context costs one increment, and without any variable set nothing at all. Setting a variable makes a new context: O(n) in the variables
// that have a value here, which are few.
//
// WHOSE. Inside a task the context is in the worker's state, borrowed until the part sets a variable (execution_state.hpp). Plain functions that the library
// calls (done callbacks, to_thread, call_soon_threadsafe) and foreign threads have one for each thread; a ContextGuard puts another in its place for the
// duration of a call.
//
// IDENTITY. A part that sets a variable for the first time gets a number, which its later contexts keep: it tells a token that is used in the context
// in which it was made from one that a child, with its copy, tries to use.
//
// Threads: contexts and values are shared between workers and never change; counts are atomic.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <utility>

#include <weft/runtime/platform/config.hpp>
#include <weft/runtime/scheduler/execution_state.hpp>

namespace weft::engine {

// A value, whatever its type.
class ContextValue {
 public:
  ContextValue(ContextValue const&) = delete;
  ContextValue& operator=(ContextValue const&) = delete;
  virtual ~ContextValue() = default;

  void acquire() noexcept { references_.fetch_add(1, std::memory_order_relaxed); }
  void release() noexcept {
    // ORDER(context-refs): acq_rel; every reader's use happens before the destruction.
    if (references_.fetch_sub(1, std::memory_order_acq_rel) == 1) delete this;
  }

 protected:
  ContextValue() noexcept = default;

 private:
  std::atomic<std::uint32_t> references_{1};
};

class Context {
 public:
  Context(Context const&) = delete;
  Context& operator=(Context const&) = delete;

  void acquire() noexcept { references_.fetch_add(1, std::memory_order_relaxed); }
  void release() noexcept {
    // ORDER(context-refs): acq_rel; every reader's use happens before the destruction.
    if (references_.fetch_sub(1, std::memory_order_acq_rel) == 1) destroy();
  }

  // Null when the variable has no value here.
  ContextValue* find(std::uint64_t variable) const noexcept;
  std::uint64_t identity() const noexcept { return identity_; }

  // `base` (may be null) with the variable set to `value`, whose reference it shares; a null value takes the variable out. Throws std::bad_alloc.
  static Context* with(Context const* base, std::uint64_t identity, std::uint64_t variable, ContextValue* value);

 private:
  struct Binding {
    std::uint64_t variable;
    ContextValue* value;
  };
  explicit Context(std::uint64_t identity) noexcept : identity_(identity) {}
  ~Context() = default;
  void destroy() noexcept;
  Binding* bindings() noexcept { return reinterpret_cast<Binding*>(this + 1); }
  Binding const* bindings() const noexcept { return reinterpret_cast<Binding const*>(this + 1); }
  void push(std::uint64_t variable, ContextValue* value) noexcept;

  std::atomic<std::uint32_t> references_{1};
  std::uint32_t count_ = 0;
  std::uint64_t const identity_;
};

// A counted reference that may be null.
class ContextRef {
 public:
  ContextRef() noexcept = default;
  explicit ContextRef(Context* context) noexcept : context_(context) {
    if (context != nullptr) context->acquire();
  }
  ContextRef(ContextRef&& other) noexcept : context_(std::exchange(other.context_, nullptr)) {}
  ContextRef& operator=(ContextRef&& other) noexcept {
    std::swap(context_, other.context_);
    return *this;
  }
  ~ContextRef() {
    if (context_ != nullptr) context_->release();
  }
  static ContextRef adopt(Context* context) noexcept {
    ContextRef reference;
    reference.context_ = context;
    return reference;
  }
  Context* get() const noexcept { return context_; }
  Context* detach() noexcept { return std::exchange(context_, nullptr); }

 private:
  Context* context_ = nullptr;
};

// The context of the calling code: of its part, or, outside of tasks, of the thread. Borrowed until the caller suspends or sets a variable.
Context* current_context() noexcept;
// Sets or, by a null value, takes out. Returns the identity of the context in which that was done. Throws std::bad_alloc, and nothing has changed.
std::uint64_t set_in_current_context(std::uint64_t variable, ContextValue* value);
// Zero when the calling code has not set anything, and so no token can be of its context.
std::uint64_t current_context_identity() noexcept;
std::uint64_t next_context_variable() noexcept;

// While it lives, plain code on this thread has the given context; what it sets is dropped at the end.
class ContextGuard {
 public:
  explicit ContextGuard(ContextRef context) noexcept;
  ContextGuard(ContextGuard const&) = delete;
  ContextGuard& operator=(ContextGuard const&) = delete;
  ~ContextGuard();

 private:
  Context* outer_;
  bool outer_owned_;
};

// The part ends: its own context goes, if it has one. Runs destructors of users' values.
WEFT_COLD void release_own_context(ExecutionState& state) noexcept;
WEFT_INLINE void end_context(ExecutionState& state) noexcept {
  if ((state.flags & ExecutionState::owns_context) != 0) [[unlikely]] release_own_context(state);
}

}  // namespace weft::engine
