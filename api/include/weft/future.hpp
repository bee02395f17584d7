// Promise<T> and Future<T>: a result that somebody, somewhere, will set: the bridge from callbacks and other threads to tasks.
//
// THE STATE is shared and counted: the promise and each future hold it, so do those who wait. Its word goes PENDING -> SETTING -> DONE. Whoever takes it out of
// PENDING alone writes the outcome; a value that throws when it is moved in puts it back, and nothing has happened. Others that want to
// complete it meanwhile wait until that is decided. Then the waiters are told as those of a task are (runtime/completion.hpp).
//
// It belongs to no runtime: it may be made and completed where there is none, and awaited from several.
#pragma once

#include <atomic>
#include <concepts>
#include <cstdint>
#include <exception>
#include <string>
#include <type_traits>
#include <utility>

#include <weft/errors.hpp>
#include <weft/runtime/algorithms/future_word.hpp>
#include <weft/task.hpp>

namespace weft {

template <class T>
class Future;

namespace engine {

class FutureBase : public Completion {
 public:
  ~FutureBase() override;

  bool done() const noexcept final { return word_.done(); }
  bool hand_down(CancelRequest& request) noexcept final { return cancel(request.message()); }
  std::string cancel_message() const final { return message_ ? *message_ : std::string(); }
  std::string designation() const final { return "the future"; }

  // False when it is done.
  bool cancel(CancelMessage message) noexcept;
  // False when it is cancelled; throws InvalidStateError when it is done otherwise. The caller holds a reference.
  bool set_exception(std::exception_ptr error);
  // The promise has gone: whoever waits gets RuntimeError.
  void abandon() noexcept;

 protected:
  // True: the outcome is the caller's to write, and complete() or undo() must follow. Otherwise as set_exception().
  bool begin_set();
  void undo() noexcept { word_.undo(); }
  // LIFETIME: the waiters go on, and may drop every handle; the caller's reference keeps the state.
  void complete(Outcome outcome) noexcept;

 private:
  FutureWord word_;
  // Nobody has to look at the error: the promise was dropped.
  bool abandoned_ = false;
  // INVARIANT: written before done() is true.
  CancelMessage message_;
};

template <class T>
class FutureState final : public FutureBase {
 public:
  using value_type = T;
  Slot<T> slot;

  template <class... Args>
  bool set_value(Args&&... args) {
    if (!begin_set()) return false;
    if constexpr (!std::is_void_v<T>) {
      try {
        if constexpr (sizeof...(Args) == 1) slot.construct(std::forward<Args>(args)...);
        else slot.construct(T(std::forward<Args>(args)...));
      } catch (...) {
        undo();
        throw;
      }
    }
    complete(Outcome::value);
    return true;
  }
};

[[noreturn]] void throw_empty_promise();

// In the place of a T that cannot be a parameter.
class NoValue {
  NoValue() = delete;
};

template <class T, class... Args>
concept SetsResult = (std::is_void_v<T> && sizeof...(Args) == 0) || (std::is_object_v<T> && std::constructible_from<T, Args...>) ||
                     (std::is_lvalue_reference_v<T> && sizeof...(Args) == 1 && (std::is_convertible_v<std::remove_reference_t<Args>*, std::remove_reference_t<T>*> && ...));

}  // namespace engine

/// A copyable handle of a result that a Promise will set. Any number of tasks, of any runtime, may await it.
///
/// asyncio: Future, the half that is waited for. Differences: `co_await future` on an lvalue gives `T const&`; `co_await std::move(future)` (and
/// `co_await promise.future()`) moves the value out, and other holders then see a moved-from T.
/// Cancellation: awaiting is a checkpoint only if it is not done; cancelling an awaiter cancels the future, and with it everybody who awaits it (`shield(future)`
/// stops that).
/// Errors: awaiting throws what was set, CancelledError when it was cancelled, RuntimeError when the promise was dropped. Every use of an empty handle throws RuntimeError.
/// An exception that was set and never looked at is reported when the last handle goes on a worker.
/// Threads: every member may be called from any thread, with or without a runtime. The virtual clock does not wait for it: hold a Runtime::external_work() while
/// another thread is going to complete it. Cost: one allocation, with the promise; awaiting one that is done suspends nothing.
template <class T>
class Future : public engine::CompletionHandle<engine::FutureBase> {
 public:
  using weft_awaitable = void;
  using value_type = T;

  Future() noexcept = default;
  explicit Future(engine::Ref<engine::FutureState<T>> state) noexcept : CompletionHandle(std::move(state)) {}

  /// asyncio: Future.result(). Throws InvalidStateError while it is pending, else as awaiting does.
  engine::const_result_t<T> result() const {
    if (done()) base().mark_retrieved();
    base().require_value();
    return engine::value_of<engine::FutureState<T>, false>(base());
  }
  /// asyncio: Future.cancel(msg). False when it is done; an exception that nobody has looked at is not reported then. Whoever awaits it gets CancelledError;
  /// a set that comes later returns false.
  bool cancel(std::string message = {}) const {
    engine::Ref<engine::FutureBase> const state = reference();
    if (!state->done() && state->cancel(message.empty() ? nullptr : std::make_shared<std::string const>(std::move(message)))) return true;
    // Who cancels a future that has failed wants it gone, and not to hear of it (CPython).
    state->mark_retrieved();
    return false;
  }
  /// asyncio: Future.add_done_callback(). `callback(Future<T> const&)` is scheduled, never called inside, in the order of registration: on the
  /// runtime whose worker completes the future, else on one where a callback was registered. Where there is no runtime at all it is called by the thread that
  /// completes the future, or at once if that is done. What it throws goes to Options::on_unhandled_exception.
  template <class F>
  void add_done_callback(F callback) const {
    engine::Ref<engine::FutureBase> const state = reference();
    engine::add_future_callback(*state, new engine::DoneCallbackOf<Future, F>(*this, std::move(callback)));
  }

  auto operator co_await() const& { return engine::HandleAwaiter<engine::FutureState<T>, false>(reference()); }
  auto operator co_await() && {
    (void)base();
    return engine::HandleAwaiter<engine::FutureState<T>, true>(std::move(reference_));
  }
  friend bool operator==(Future const& a, Future const& b) noexcept { return a.same(b); }
};

/// The writing half: sets the result of its futures, once.
///
/// asyncio: Future, the half that is completed (loop.create_future()). Differences: it may be made anywhere, and completed from any thread
/// without call_soon_threadsafe; dropping it unset gives those who await RuntimeError instead of leaving them for ever.
/// The sets return false when the future was cancelled meanwhile, and throw InvalidStateError when it is completed already. They do not touch
/// the promise after the last waiter was made ready: a woken waiter may destroy it.
/// Errors: ValueError for a null exception; RuntimeError after it was moved from. What moving the value in throws is thrown here, and the promise is as before.
/// Threads: the sets and cancel() may race with each other and with everything that futures do; moving and destroying may not. Cost: O(waiters).
template <class T>
class [[nodiscard]] Promise {
 public:
  Promise() : state_(new engine::FutureState<T>(), engine::Ref<engine::FutureState<T>>::Adopt::reference) {}
  Promise(Promise&& other) noexcept : state_(std::move(other.state_)) {}
  Promise& operator=(Promise&& other) noexcept {
    if (this != &other) {
      if (state_) state_->abandon();
      state_ = std::move(other.state_);
    }
    return *this;
  }
  ~Promise() {
    if (state_) state_->abandon();
  }

  /// A handle of the result. Any number of times.
  Future<T> future() const { return Future<T>(state()); }
  /// asyncio: Future.set_result(). Constructs the value from the arguments; none for void.
  template <class... Args>
    requires engine::SetsResult<T, Args...>
  bool set_result(Args&&... args) {
    return state()->set_value(std::forward<Args>(args)...);
  }
  /// The same for braces: set_result({1, 2}).
  bool set_result(std::conditional_t<std::is_object_v<T>, T, engine::NoValue> value)
    requires std::is_object_v<T>
  {
    return state()->set_value(std::move(value));
  }
  /// asyncio: Future.set_exception().
  bool set_exception(std::exception_ptr error) { return state()->set_exception(std::move(error)); }
  /// asyncio: Future.cancel(msg). False when it is done.
  bool cancel(std::string message = {}) { return future().cancel(std::move(message)); }

 private:
  // A reference of the caller's: the promise itself may go while its waiters are told.
  engine::Ref<engine::FutureState<T>> state() const {
    if (!state_) [[unlikely]] engine::throw_empty_promise();
    return state_;
  }

  engine::Ref<engine::FutureState<T>> state_;
};

namespace engine {

template <class T>
struct handle_traits<Future<T>> {
  static constexpr bool is_handle = true;
  using value = T;
  using state = FutureState<T>;
};

}  // namespace engine
}  // namespace weft
