// Awaitables of other libraries, awaited inside a Coro.
//
// The foreign awaiter is suspended with the handle of a small coroutine of ours, a proxy. Whoever resumes it, on whatever thread, makes the
// waiting coroutine ready on its own runtime and is done. The foreign await_suspend is called at the boundary (scheduler/worker.hpp), when
// our whole chain is suspended, so it may resume the proxy at once, or from another thread before it has returned.
//
// A cancel waits while a task is inside a foreign awaitable: it is delivered at the next suspension after it.
#pragma once

#include <atomic>
#include <coroutine>
#include <exception>
#include <type_traits>
#include <utility>

#include <weft/coro.hpp>
#include <weft/runtime/runtime/runtime_core.hpp>
#include <weft/runtime/runtime/scope.hpp>

namespace weft::engine {

class ForeignNode;

// Resumed once by the foreign side; destroys itself.
class ForeignProxy {
 public:
  class promise_type : public PooledFrame {
   public:
    explicit promise_type(ForeignNode& node) noexcept : node_(&node) {}
    ForeignProxy get_return_object() noexcept { return ForeignProxy(std::coroutine_handle<promise_type>::from_promise(*this)); }
    std::suspend_always initial_suspend() const noexcept { return {}; }
    struct Final {
      bool await_ready() const noexcept { return false; }
      // LIFETIME: the proxy is gone before the node is made ready, and the node may be gone afterwards.
      void await_suspend(std::coroutine_handle<promise_type> proxy) const noexcept;
      void await_resume() const noexcept {}
    };
    Final final_suspend() const noexcept { return {}; }
    void return_void() const noexcept {}
    void unhandled_exception() const noexcept {}

   private:
    ForeignNode* node_;
  };

  explicit ForeignProxy(std::coroutine_handle<promise_type> coroutine) noexcept : handle(coroutine) {}
  std::coroutine_handle<promise_type> handle;
};

class ForeignNode : public Suspension, public Runnable {
 public:
  ForeignNode() noexcept : Runnable(&ForeignNode::step) {}
  ForeignNode(ForeignNode const&) = delete;
  ForeignNode& operator=(ForeignNode const&) = delete;

  std::coroutine_handle<> commit(Worker& worker) noexcept override;
  // By the proxy, on any thread.
  void post() noexcept { scheduler_->make_ready(*this); }

 protected:
  ~ForeignNode() = default;
  void prepare(std::coroutine_handle<> coroutine, std::coroutine_handle<> proxy) noexcept {
    coroutine_ = coroutine;
    proxy_ = proxy;
    current_worker()->pending = this;
  }
  // Suspends the foreign awaiter with the proxy. True: it waits. False: the proxy will not be resumed.
  virtual bool suspend_foreign(std::coroutine_handle<> proxy) = 0;

  std::exception_ptr error_;

 private:
  static void step(Runnable& runnable, Worker& worker) noexcept;

  Scheduler* scheduler_ = nullptr;
  std::coroutine_handle<> coroutine_;
  std::coroutine_handle<> proxy_;
  ExecutionState state_{};
};

ForeignProxy make_proxy(ForeignNode& node);

template <class A>
concept HasMemberCoAwait = requires(A&& a) { std::forward<A>(a).operator co_await(); };
template <class A>
concept HasFreeCoAwait = requires(A&& a) { operator co_await(std::forward<A>(a)); };

template <class A>
decltype(auto) foreign_awaiter(A&& awaitable) {
  if constexpr (HasMemberCoAwait<A>) return std::forward<A>(awaitable).operator co_await();
  else if constexpr (HasFreeCoAwait<A>) return operator co_await(std::forward<A>(awaitable));
  else return std::forward<A>(awaitable);
}

template <class A>
class ForeignAwaiter final : public ForeignNode {
  using Awaiter = decltype(foreign_awaiter(std::declval<A>()));

 public:
  explicit ForeignAwaiter(A&& awaitable) : awaiter_(foreign_awaiter(std::forward<A>(awaitable))) {}

  bool await_ready() { return static_cast<bool>(awaiter_.await_ready()); }
  void await_suspend(std::coroutine_handle<> coroutine) { this->prepare(coroutine, make_proxy(*this).handle); }
  decltype(auto) await_resume() {
    if (this->error_) std::rethrow_exception(std::move(this->error_));
    return awaiter_.await_resume();
  }

 private:
  bool suspend_foreign(std::coroutine_handle<> proxy) override {
    using R = decltype(awaiter_.await_suspend(proxy));
    if constexpr (std::is_void_v<R>) {
      awaiter_.await_suspend(proxy);
      return true;
    } else if constexpr (std::is_same_v<R, bool>) {
      return awaiter_.await_suspend(proxy);
    } else {
      // Symmetric transfer, to us or to a coroutine of theirs.
      std::coroutine_handle<> const next = awaiter_.await_suspend(proxy);
      next.resume();
      return true;
    }
  }

  // An awaitable that is its own awaiter is referred to: it lives in the co_await expression as long as we do.
  std::conditional_t<std::is_reference_v<Awaiter>, Awaiter, std::remove_cv_t<Awaiter>> awaiter_;
};

template <class A>
auto await_foreign(A&& awaitable) { return ForeignAwaiter<A>(std::forward<A>(awaitable)); }

}  // namespace weft::engine
