// to_thread: calls that block, on threads of their own.
//
// A call's state is shared between the waiting coroutine and the pool's thread, and counted: whoever is last frees it. The thread that has
// finished claims the waiting node under the state's lock; a coroutine that was cancelled first has taken its node away by then, and the result is dropped.
#pragma once

#include <atomic>
#include <coroutine>
#include <exception>
#include <functional>
#include <mutex>
#include <stop_token>
#include <tuple>
#include <type_traits>
#include <utility>

#include <weft/coro.hpp>
#include <weft/create_task.hpp>
#include <weft/runtime/runtime/slot.hpp>
#include <weft/runtime/runtime/wait_node.hpp>
#include <weft/runtime/scheduler/blocking_pool.hpp>

namespace weft {
namespace engine {

// What of a call does not depend on its types.
class ThreadCallBase : public BlockingJob {
 public:
  explicit ThreadCallBase(RuntimeCore& runtime) noexcept : scheduler_(runtime.scheduler()), pool_(runtime.blocking_pool()) {}
  ThreadCallBase(ThreadCallBase const&) = delete;
  ThreadCallBase& operator=(ThreadCallBase const&) = delete;
  virtual ~ThreadCallBase() = default;

  // Hands the call to the pool. Throws, and nothing has happened then.
  void start();
  // The coroutine waits: false when the call has ended already.
  bool wait(WaitNode& node) noexcept;
  // The coroutine was cancelled: the call is told to stop, and its result will be dropped.
  void abandon() noexcept;
  void release() noexcept {
    // ORDER(thread-call): acq_rel; both sides' uses happen before the destruction.
    if (references_.fetch_sub(1, std::memory_order_acq_rel) == 1) delete this;
  }

  std::exception_ptr error;

 protected:
  virtual void call() = 0;
  std::stop_source stop_;

 private:
  void run() noexcept final;

  Scheduler& scheduler_;
  BlockingPool& pool_;
  // The awaiting part's, from the await on.
  ContextRef context_;
  std::atomic<int> references_{1};
  SpinLock lock_;
  // INVARIANT: under lock_.
  bool ended_ = false;
  WaitNode* waiter_ = nullptr;
};

template <class F, class... Args>
struct thread_call_result {
  static constexpr bool takes_token = std::is_invocable_v<F, std::stop_token, Args...>;
  using type = typename std::conditional_t<takes_token, std::invoke_result<F, std::stop_token, Args...>, std::invoke_result<F, Args...>>::type;
};

template <class F, class... Args>
class ThreadCall final : public ThreadCallBase {
  using Traits = thread_call_result<F, Args...>;

 public:
  using R = typename Traits::type;
  ThreadCall(RuntimeCore& runtime, F fn, std::tuple<Args...> args)
      : ThreadCallBase(runtime), fn_(std::move(fn)), args_(std::move(args)) {}
  Slot<R> slot;

 private:
  void call() override {
    std::apply(
        [this](Args&... args) {
          auto const invoke = [&]() -> R {
            if constexpr (Traits::takes_token) return std::invoke(std::move(fn_), stop_.get_token(), std::move(args)...);
            else return std::invoke(std::move(fn_), std::move(args)...);
          };
          if constexpr (std::is_void_v<R>) invoke();
          else slot.construct(invoke());
        },
        args_);
  }
  F fn_;
  std::tuple<Args...> args_;
};

template <class Call>
class ThreadAwaiter final : public WaitNode {
 public:
  explicit ThreadAwaiter(Call* call) noexcept : WaitNode("to_thread"), call_(call) {}
  ~ThreadAwaiter() { call_->release(); }

  bool await_ready() {
    call_->start();
    return false;
  }
  void await_suspend(std::coroutine_handle<> coroutine) noexcept { suspend(coroutine, *current_worker()); }
  std::coroutine_handle<> commit(Worker& worker) noexcept override {
    return arm(worker, [this] { return call_->wait(*this); });
  }
  WEFT_INLINE bool ends_cancelled() noexcept {
    if (!was_cancelled()) [[likely]] return false;
    call_->abandon();
    return true;
  }
  WEFT_INLINE typename Call::R await_resume() { return end_of(*this); }
  WEFT_INLINE typename Call::R take() {
    // Taken out: the thread may be the last to let go of the call, and the exception is destroyed where it was seen.
    if (call_->error) std::rethrow_exception(std::move(call_->error));
    return static_cast<typename Call::R>(call_->slot.take());
  }

 private:
  Call* call_;
};

template <class F, class... Args>
class [[nodiscard]] ToThread {
 public:
  using weft_awaitable = void;
  ToThread(F fn, Args... args) : fn_(std::move(fn)), args_(std::move(args)...) {}
  ThreadAwaiter<ThreadCall<F, Args...>> operator co_await() && {
    RuntimeCore& runtime = runtime_of(*current_worker());
    return ThreadAwaiter<ThreadCall<F, Args...>>(new ThreadCall<F, Args...>(runtime, std::move(fn_), std::move(args_)));
  }

 private:
  F fn_;
  std::tuple<Args...> args_;
};

}  // namespace engine

/// Calls fn(args...), a plain function that may block, on a thread of the runtime's blocking pool, and gives what it returns.
///
/// asyncio: to_thread(). A function that takes a std::stop_token first gets one.
/// Cancellation: a checkpoint; a cancel abandons the call: the awaiter goes on at once, the token is stopped, the result is dropped. The
/// Runtime's destructor waits for calls that still run.
/// Errors: what fn throws; std::system_error when not one thread can be had. Threads: at most Options::blocking_threads run at once, the rest
/// waits; they are started on demand. Lifetime: fn and args are copied or moved in and live until the call has ended.
template <class F, class... Args>
auto to_thread(F fn, Args... args) { return engine::ToThread<F, Args...>(std::move(fn), std::move(args)...); }

}  // namespace weft
