// AsyncGenerator<T>: a coroutine that gives values one after the other, and may await between them.
//
// next() resumes the generator as a plain call, as awaiting a Coro does (coro.hpp, scheduler/worker.hpp). It comes back in one of three ways:
//   - co_yield, or the end: the generator suspends, and the consumer goes on without having suspended;
//   - its leaf waits: the consumer suspends, too, and marks the generator as detached. A detached generator that yields or ends hands its consumer to the worker's
//     loop in `next`, in constant native stack;
//   - near the end of the native stack its resumption is put off, and it is detached from the beginning.
// What is yielded stays in the generator's frame, which is suspended at the co_yield, until the consumer has taken it. At the end the consumer destroys the frame before
// it goes on.
#pragma once

#include <atomic>
#include <concepts>
#include <coroutine>
#include <exception>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>

#include <weft/coro.hpp>
#include <weft/gather/join.hpp>

namespace weft {

template <class T>
class AsyncGenerator;

namespace engine {

// What the consumer keeps in its frame while it awaits next().
template <class T>
struct NextRecord : AwaitRecord {
  // What was yielded, in the generator's frame. Null at the end.
  std::remove_reference_t<T>* value = nullptr;
};

template <class T>
class GeneratorPromise final : public CoroPromiseBase {
  using Object = std::remove_reference_t<T>;

 public:
  AsyncGenerator<T> get_return_object() noexcept;
  void return_void() const noexcept {}

  // Hands the consumer back its turn; the coroutine stays suspended.
  struct HandBack {
    bool await_ready() const noexcept { return false; }
    void await_suspend(std::coroutine_handle<GeneratorPromise> generator) const noexcept { generator.promise().hand_back(nullptr); }
    void await_resume() const noexcept {}
  };
  HandBack final_suspend() const noexcept { return {}; }

  // A value that lives in the awaiter, that is, in the generator's frame.
  class YieldValue {
   public:
    template <class U>
    explicit YieldValue(std::in_place_t, U&& value) : value_(std::forward<U>(value)) {}
    bool await_ready() const noexcept { return false; }
    void await_suspend(std::coroutine_handle<GeneratorPromise> generator) noexcept { generator.promise().hand_back(std::addressof(value_)); }
    void await_resume() const noexcept {}

   private:
    std::remove_cv_t<Object> value_;
  };
  // One that lives elsewhere.
  class YieldReference {
   public:
    explicit YieldReference(Object& value) noexcept : value_(std::addressof(value)) {}
    bool await_ready() const noexcept { return false; }
    void await_suspend(std::coroutine_handle<GeneratorPromise> generator) const noexcept { generator.promise().hand_back(value_); }
    void await_resume() const noexcept {}

   private:
    Object* value_;
  };

  template <class U = T>
    requires(!std::is_reference_v<T> && std::constructible_from<T, U &&>)
  YieldValue yield_value(U&& value) noexcept(std::is_nothrow_constructible_v<T, U&&>) {
    return YieldValue(std::in_place, std::forward<U>(value));
  }
  YieldReference yield_value(Object& value) noexcept
    requires(std::is_reference_v<T>)
  {
    return YieldReference(value);
  }

  // One consumer at a time: false when there is one. Finds misuse, does not synchronise: consumers that take turns have their own order.
  bool begin_next() noexcept {
    if (has_consumer_.load(std::memory_order_relaxed)) return false;
    has_consumer_.store(true, std::memory_order_relaxed);
    return true;
  }
  void end_next() noexcept { has_consumer_.store(false, std::memory_order_relaxed); }

 private:
  void hand_back(Object* value) noexcept {
    // The slot of this coroutine is its consumer's record.
    auto& record = *static_cast<NextRecord<T>*>(slot());
    record.value = value;
    if (detached()) current_worker()->next = record.parent;
  }

  std::atomic<bool> has_consumer_{false};
};

[[noreturn]] void throw_generator_is_running();

template <class T>
class GeneratorNext final : public NextRecord<T> {
  using Frame = std::coroutine_handle<GeneratorPromise<T>>;
  using Value = std::optional<element_t<T>>;

 public:
  explicit GeneratorNext(Frame& frame) noexcept : frame_(frame) {}
  GeneratorNext(GeneratorNext const&) = delete;
  GeneratorNext& operator=(GeneratorNext const&) = delete;

  bool await_ready() {
    // It has ended.
    if (!frame_) return true;
    if (!frame_.promise().begin_next()) throw_generator_is_running();
    mine_ = true;
    Worker& worker = *current_worker();
    frame_.promise().set_parent(*this, static_cast<NextRecord<T>*>(this));
    // A strand has the limit at the top, and asks again.
    if (worker.near_stack_limit() && (worker.strand == nullptr || worker.near_stack_end())) [[unlikely]] {
      resume_later(worker);
      return false;
    }
    frame_.resume();
    return worker.pending == nullptr;
  }
  void await_suspend(std::coroutine_handle<> consumer) noexcept {
    this->parent = consumer;
    frame_.promise().detach();
  }
  Value await_resume() {
    if (!mine_) return std::nullopt;
    if (this->value == nullptr) [[unlikely]] return end();
    frame_.promise().end_next();
    if constexpr (std::is_reference_v<T>) return Value(std::ref(*this->value));
    else return Value(std::move(*this->value));
  }

 private:
  WEFT_COLD void resume_later(Worker& worker) {
    try {
      defer_start(worker, frame_);
    } catch (...) {
      // It stands where it stood.
      frame_.promise().end_next();
      throw;
    }
  }
  Value end() {
    // LIFETIME: the generator's parameters die here, before the consumer goes on.
    std::exchange(frame_, nullptr).destroy();
    if (this->error) std::rethrow_exception(std::move(this->error));
    return std::nullopt;
  }

  Frame& frame_;
  bool mine_ = false;
};

template <class T>
class [[nodiscard]] NextValue {
 public:
  using weft_awaitable = void;
  explicit NextValue(std::coroutine_handle<GeneratorPromise<T>>& frame) noexcept : frame_(frame) {}
  GeneratorNext<T> operator co_await() && noexcept { return GeneratorNext<T>(frame_); }

 private:
  std::coroutine_handle<GeneratorPromise<T>>& frame_;
};

}  // namespace engine

/// A coroutine that gives values by `co_yield` and may `co_await` in between: `while (auto x = co_await gen.next())`.
///
/// asyncio: an async generator. Differences: next() gives a std::optional (of std::reference_wrapper for a T&), nullopt at the end, instead of StopAsyncIteration. Dropping the generator
/// destroys its frame where it stands, so its cleanup is that of destructors (no aclose(), asend() or athrow()).
/// The body runs in the task of whoever calls next(), lazily: nothing runs before the first call, nor between calls.
/// Cancellation: next() is no checkpoint in itself. A cancel of the consumer is thrown at the await inside the body; if the body lets it through, the generator has ended.
/// Errors: what the body throws is thrown by next(), and after that next() gives nullopt. RuntimeError for a second consumer at the same time (asyncio's, too).
/// Lifetime: the generator must not be moved or destroyed while next() is awaited; arguments as for Coro.
/// Threads: one consumer at a time; it may be another each time, on another worker. Cost: one frame from a pool for its whole life; next() takes no lock, no allocation, and no trip
/// through the scheduler.
template <class T>
class [[nodiscard]] AsyncGenerator {
  static_assert(!std::is_void_v<T> && !std::is_rvalue_reference_v<T>, "AsyncGenerator<T>: T is an object type or an lvalue reference");

 public:
  using promise_type = engine::GeneratorPromise<T>;
  using value_type = T;

  AsyncGenerator(AsyncGenerator&& other) noexcept : frame_(std::exchange(other.frame_, nullptr)) {}
  AsyncGenerator& operator=(AsyncGenerator&& other) noexcept {
    if (this != &other) {
      if (frame_) frame_.destroy();
      frame_ = std::exchange(other.frame_, nullptr);
    }
    return *this;
  }
  ~AsyncGenerator() {
    if (frame_) frame_.destroy();
  }

  /// The next value; nullopt when the generator has ended.
  engine::NextValue<T> next() noexcept { return engine::NextValue<T>(frame_); }

 private:
  friend promise_type;
  explicit AsyncGenerator(std::coroutine_handle<promise_type> frame) noexcept : frame_(frame) {}

  // Null when it has ended.
  std::coroutine_handle<promise_type> frame_;
};

namespace engine {

template <class T>
AsyncGenerator<T> GeneratorPromise<T>::get_return_object() noexcept {
  return AsyncGenerator<T>(std::coroutine_handle<GeneratorPromise>::from_promise(*this));
}

}  // namespace engine
}  // namespace weft
