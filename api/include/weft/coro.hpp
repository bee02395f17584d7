// Coro<T>: what an `async def` returns.
//
// The hot path of the library starts here: awaiting a Coro resumes it as a plain call on the native stack of the awaiting coroutine
// (scheduler/worker.hpp tells the whole protocol). A child that ends without suspending has written its result into the awaiter's slot and
// has destroyed its own frame when resume() returns, and the parent goes on without having suspended. A child that suspended has left
// its leaf in the worker's `pending`; then the parent suspends too, and marks the child as detached: from now on it must tell its parent when it ends.
#pragma once

#include <concepts>
#include <coroutine>
#include <exception>
#include <functional>
#include <new>
#include <source_location>
#include <type_traits>
#include <utility>

#include <weft/errors.hpp>
#include <weft/runtime/runtime/promise.hpp>
#include <weft/runtime/runtime/scope.hpp>

namespace weft {

template <class T = void>
class Coro;

namespace engine {

// What this library can await natively names itself by a member type; everything else is foreign.
template <class A>
concept NativeAwaitable = requires { typename std::remove_cvref_t<A>::weft_awaitable; };

template <class A>
auto await_foreign(A&& awaitable);

// Whose awaiter tells without a throw that a cancel has ended it: ends_cancelled(), once, when it is resumed, and if that was false take().
template <class A>
concept QuietAwaitable = NativeAwaitable<A> && requires(decltype(std::declval<A>().operator co_await())& awaiter) {
  { awaiter.ends_cancelled() } -> std::same_as<bool>;
  awaiter.take();
};
// What runs other coroutines, or never waits, is no place at which a task is found waiting.
template <class Awaiter>
inline constexpr bool waits_nowhere = std::is_base_of_v<AwaitRecord, Awaiter> || std::is_base_of_v<JoinBase, Awaiter> || requires { typename Awaiter::weft_never_waits; };
template <class A>
concept WaitsNowhere = NativeAwaitable<A> && waits_nowhere<decltype(std::declval<A>().operator co_await())>;

// The first parameter of coroutines of the library's own that run one of the user's: a task that runs them is at the place of that.
struct Unplaced {};

class CoroPromiseBase : public PromiseBase {
 public:
  using PromiseBase::PromiseBase;

  // GCC12: must return a prvalue; an awaiter that cannot be moved does not compile otherwise.
  // Two overloads: a default argument is an object in the frame, written at each await.
  template <class A>
    requires WaitsNowhere<A>
  WEFT_INLINE auto await_transform(A&& awaitable) { return std::forward<A>(awaitable).operator co_await(); }
  template <class A>
    requires(!WaitsNowhere<A>)
  WEFT_INLINE auto await_transform(A&& awaitable, std::source_location place = std::source_location::current()) {
    current_worker()->place = place;
    if constexpr (NativeAwaitable<A>) return std::forward<A>(awaitable).operator co_await();
    else return await_foreign(std::forward<A>(awaitable));
  }
};

template <class T>
class CoroPromise final : public CoroPromiseBase {
 public:
  explicit CoroPromise(std::source_location place = std::source_location::current()) noexcept : CoroPromiseBase(place) {}
  template <std::same_as<Unplaced> Tag, class... Parameters>
  explicit CoroPromise(Tag const&, Parameters const&...) noexcept : CoroPromiseBase(std::source_location()) {}
  Coro<T> get_return_object() noexcept;
  template <class U = T>
    requires std::constructible_from<T, U&&>
  WEFT_INLINE void return_value(U&& value) noexcept(std::is_nothrow_constructible_v<T, U&&>) {
    Slot<T>::construct_at(slot(), std::forward<U>(value));
  }
};

template <class T>
class CoroPromise<T&> final : public CoroPromiseBase {
 public:
  explicit CoroPromise(std::source_location place = std::source_location::current()) noexcept : CoroPromiseBase(place) {}
  template <std::same_as<Unplaced> Tag, class... Parameters>
  explicit CoroPromise(Tag const&, Parameters const&...) noexcept : CoroPromiseBase(std::source_location()) {}
  Coro<T&> get_return_object() noexcept;
  WEFT_INLINE void return_value(T& value) noexcept { Slot<T&>::construct_at(slot(), value); }
};

template <>
class CoroPromise<void> final : public CoroPromiseBase {
 public:
  explicit CoroPromise(std::source_location place = std::source_location::current()) noexcept : CoroPromiseBase(place) {}
  template <std::same_as<Unplaced> Tag, class... Parameters>
  explicit CoroPromise(Tag const&, Parameters const&...) noexcept : CoroPromiseBase(std::source_location()) {}
  Coro<void> get_return_object() noexcept;
  WEFT_INLINE void return_void() noexcept {}
};

template <class T>
using CoroHandle = std::coroutine_handle<CoroPromise<T>>;

[[noreturn]] void throw_moved_from_coro();
// The running task is at this place, if it has none.
void give_place(std::source_location place) noexcept;

// Runs a child in place. INVARIANT: never destroyed while the child is alive, except before await_ready().
template <class T>
class CoroAwaiter : public AwaitRecord {
 public:
  WEFT_INLINE explicit CoroAwaiter(CoroHandle<T> child) noexcept : child_(child) {}
  CoroAwaiter(CoroAwaiter const&) = delete;
  CoroAwaiter& operator=(CoroAwaiter const&) = delete;

  WEFT_INLINE bool await_ready() {
    Worker& worker = *current_worker();
    child_.promise().set_parent(*this, &slot_);
    if (worker.must_leave_stack()) [[unlikely]] {
      start_later(worker);
      return false;
    }
    child_.resume();
    return worker.pending == nullptr;
  }
  void await_suspend(std::coroutine_handle<> coroutine) noexcept {
    parent = coroutine;
    child_.promise().detach();
  }
  WEFT_INLINE T await_resume() {
    if (error) [[unlikely]] std::rethrow_exception(std::move(error));
    return static_cast<T>(slot_.take());
  }

 protected:
  Slot<T> slot_;

 private:
  WEFT_COLD void start_later(Worker& worker) {
    try {
      defer_start(worker, child_);
    } catch (...) {
      child_.destroy();
      throw;
    }
  }

  CoroHandle<T> child_;
};

}  // namespace engine

/// A lazy coroutine: the body runs when it is awaited, as a part of the task that awaits it, or when it is made a task.
///
/// asyncio: a coroutine object. Differences: awaited once, as an rvalue (`co_await f()`, `co_await std::move(c)`).
/// Cancellation: awaiting is no checkpoint in itself; a cancel reaches the leaf that the body waits for.
/// Errors: what the body throws is thrown at the await. Awaiting a moved-from Coro throws RuntimeError. Calling the coroutine function throws
/// std::bad_alloc when there is no memory for the frame.
/// Lifetime: arguments that the function takes by value live in the frame; references must outlive the await. A Coro that is destroyed
/// unawaited destroys its frame; the body never ran.
/// Cost: one frame from a pool; no allocation, lock or atomic operation besides.
template <class T>
class [[nodiscard]] Coro {
 public:
  using promise_type = engine::CoroPromise<T>;
  using weft_awaitable = void;
  using value_type = T;

  Coro(Coro&& other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}
  Coro& operator=(Coro&& other) noexcept {
    if (this != &other) {
      if (handle_) drop();
      handle_ = std::exchange(other.handle_, nullptr);
    }
    return *this;
  }
  WEFT_INLINE ~Coro() {
    if (handle_) [[unlikely]] drop();
  }

  WEFT_INLINE engine::CoroAwaiter<T> operator co_await() && { return engine::CoroAwaiter<T>(release()); }

  /// For the engine: the frame, which is the caller's from then on. Throws RuntimeError when there is none.
  WEFT_INLINE engine::CoroHandle<T> release() {
    if (!handle_) [[unlikely]] engine::throw_moved_from_coro();
    return std::exchange(handle_, nullptr);
  }
  /// Whether there is a coroutine: false once it has been awaited or moved from.
  explicit operator bool() const noexcept { return static_cast<bool>(handle_); }

  /// For the engine: the frame, which stays ours. Throws RuntimeError when there is none.
  WEFT_INLINE engine::CoroHandle<T> handle() const {
    if (!handle_) [[unlikely]] engine::throw_moved_from_coro();
    return handle_;
  }
  /// For the engine: its promise.
  WEFT_INLINE promise_type& promise() const { return handle().promise(); }

 private:
  friend promise_type;
  explicit Coro(engine::CoroHandle<T> handle) noexcept : handle_(handle) {}
  WEFT_COLD void drop() noexcept { engine::drop_unawaited(handle_.promise()); }

  engine::CoroHandle<T> handle_;
};

namespace engine {

template <class T>
Coro<T> CoroPromise<T>::get_return_object() noexcept { return Coro<T>(CoroHandle<T>::from_promise(*this)); }
template <class T>
Coro<T&> CoroPromise<T&>::get_return_object() noexcept { return Coro<T&>(CoroHandle<T&>::from_promise(*this)); }
inline Coro<void> CoroPromise<void>::get_return_object() noexcept {
  return Coro<void>(CoroHandle<void>::from_promise(*this));
}

// What `co_await std::declval<A>()` gives.
template <class A>
using await_result_t = decltype(std::declval<CoroPromiseBase&>().await_transform(std::declval<A>()).await_resume());

// The T of a Coro<T> that a call gives.
template <class C>
struct coro_value;
template <class T>
struct coro_value<Coro<T>> {
  using type = T;
};
template <class F, class... Args>
using coro_result_t = typename coro_value<std::remove_cvref_t<std::invoke_result_t<F, Args...>>>::type;

template <class F, class... Args>
concept CoroFunction = requires { typename coro_result_t<std::decay_t<F>, std::decay_t<Args>...>; };

template <class F, class... Args>
Coro<coro_result_t<F, Args...>> run_call(Unplaced, F fn, Args... args) {
  Coro<coro_result_t<F, Args...>> coro = std::invoke(std::move(fn), std::move(args)...);
  give_place(coro.promise().place());
  co_return co_await std::move(coro);
}
// Calls fn(args...) inside a coroutine: callable and arguments live in its frame until the call's coroutine has ended, and what the call
// itself throws is the coroutine's exception. A task that runs it is at the place of what was called.
template <class F, class... Args>
auto call(F&& fn, Args&&... args) {
  return run_call<std::decay_t<F>, std::decay_t<Args>...>(Unplaced(), std::forward<F>(fn), std::forward<Args>(args)...);
}

// The awaiter of an operation of ours that is quiet: awaited once, it gives true when a cancel has ended it, and nothing is thrown for that; otherwise take()
// gives its value. The operation lives at least as long.
template <class A>
class Leaf {
 public:
  using Awaiter = decltype(std::declval<A>().operator co_await());

  explicit Leaf(A& operation) noexcept : operation_(operation) {}
  Leaf(Leaf const&) = delete;
  Leaf& operator=(Leaf const&) = delete;
  ~Leaf() {
    if (begun_) awaiter_.Awaiter::~Awaiter();
  }

  bool await_ready() {
    ::new (static_cast<void*>(&awaiter_)) Awaiter(std::move(operation_).operator co_await());
    begun_ = true;
    return awaiter_.await_ready();
  }
  void await_suspend(std::coroutine_handle<> coroutine) noexcept { awaiter_.await_suspend(coroutine); }
  bool await_resume() { return awaiter_.ends_cancelled(); }
  decltype(auto) take() { return awaiter_.take(); }
  // Instead of take().
  void give_back()
    requires requires(A const& operation) { operation.give_back(); }
  {
    auto give_back = operation_.give_back();
    if constexpr (std::is_void_v<decltype(awaiter_.take())>) {
      awaiter_.take();
      give_back();
    } else {
      auto value = awaiter_.take();
      give_back(value);
    }
  }

  // Whether the cancel that ended it is still to be delivered.
  static bool cancel_stands(Worker& worker) noexcept {
    if constexpr (requires { typename Awaiter::weft_cancel_may_be_void; }) return cancel_pending(worker.state);
    else return true;
  }

 private:
  A& operation_;
  bool begun_ = false;
  union {
    Awaiter awaiter_;
  };
};

// A wait for a leaf is one exactly where the leaf's own awaiter is.
struct MayWait {};
struct NeverWaits {
  using weft_never_waits = void;
};
template <class A>
using WaitsLike = std::conditional_t<waits_nowhere<typename Leaf<A>::Awaiter>, NeverWaits, MayWait>;

// Awaits a leaf that stays where it is.
template <class A>
class [[nodiscard]] WaitForLeaf {
 public:
  using weft_awaitable = void;
  explicit WaitForLeaf(Leaf<A>& leaf) noexcept : leaf_(leaf) {}
  struct Awaiter : WaitsLike<A> {
    explicit Awaiter(Leaf<A>& awaited) noexcept : leaf(awaited) {}
    bool await_ready() { return leaf.await_ready(); }
    void await_suspend(std::coroutine_handle<> coroutine) noexcept { leaf.await_suspend(coroutine); }
    bool await_resume() { return leaf.await_resume(); }
    Leaf<A>& leaf;
  };
  Awaiter operator co_await() && noexcept { return Awaiter(leaf_); }

 private:
  Leaf<A>& leaf_;
};

// Ends the coroutine as the throw of its cancellation would, without the throw. What lives in the frame is destroyed.
class [[nodiscard]] EndCancelled {
 public:
  using weft_awaitable = void;
  // Whether there is a cancel to deliver.
  explicit EndCancelled(bool stands) noexcept : stands_(stands) {}
  struct Awaiter {
    using weft_never_waits = void;
    bool stands;
    bool await_ready() const noexcept { return false; }
    template <class Promise>
    void await_suspend(std::coroutine_handle<Promise> coroutine) const noexcept {
      coroutine.promise().end_cancelled(coroutine, stands);
    }
    void await_resume() const noexcept {}
  };
  Awaiter operator co_await() && noexcept { return {stands_}; }

 private:
  bool stands_;
};

// Any awaitable as a coroutine.
template <class A, class T>
Coro<T> run_awaitable(Unplaced, A awaitable) {
  co_return co_await std::move(awaitable);
}
template <QuietAwaitable A, class T>
Coro<T> run_awaitable(Unplaced, A awaitable) {
  Leaf<A> leaf(awaitable);
  bool const cancelled = co_await WaitForLeaf<A>(leaf);
  if (cancelled) co_await EndCancelled(Leaf<A>::cancel_stands(*current_worker()));
  co_return leaf.take();
}
template <class A, class T = await_result_t<A>>
Coro<T> as_coro(A awaitable) {
  return run_awaitable<A, T>(Unplaced(), std::move(awaitable));
}

template <class A>
concept GivesBack = QuietAwaitable<A> && requires(A const& operation) { operation.give_back(); };

// An operation as a part, whose result goes with the others' when a cancel is pending: what it has got by then goes back first.
template <GivesBack A, class T>
Coro<T> run_part(Unplaced, A operation) {
  Leaf<A> leaf(operation);
  bool cancelled = co_await WaitForLeaf<A>(leaf);
  if (!cancelled && cancel_pending(current_worker()->state)) {
    leaf.give_back();
    cancelled = true;
  }
  if (cancelled) co_await EndCancelled(true);
  co_return leaf.take();
}
template <class A, class T = await_result_t<A>>
Coro<T> as_part(A awaitable) {
  if constexpr (GivesBack<A>) return run_part<A, T>(Unplaced(), std::move(awaitable));
  else return as_coro<A, T>(std::move(awaitable));
}

}  // namespace engine
}  // namespace weft
