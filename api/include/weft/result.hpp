// Result<T>: how one awaitable ended, as a value: with a T, with an exception, or cancelled.
//
// What `gather(return_exceptions, ...)` and `as_result(...)` give; asyncio returns the bare exception objects in their place. T may
// be void, a reference, move-only, not default-constructible, over-aligned. A Result is copyable exactly if T is. Reading a
// value that is not there throws the stored error, also through `*` and `->`: there is no unchecked access.
//
//   has_value(), explicit bool   whether there is a value.
//   value(), *r, r->member       the value (by reference; moved out of an rvalue Result), else throws the error.
//   error()                      the exception; null when there is a value. Holds CancelledError when cancelled.
//   cancelled()                  whether the error is a CancelledError. No throw happens inside.
//   value_or(fallback)           the value, or the fallback whatever the error is, cancellation included.
//   rethrow_if_error()           throws the error if there is one.
//
// Not synchronised: like any value, one thread writes it, then others may read it.
#pragma once

#include <exception>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>

#include <weft/errors.hpp>

namespace weft {
namespace engine {

[[noreturn, gnu::cold, gnu::noinline]] inline void throw_result_error(std::exception_ptr const& error) {
  if (!error) throw InvalidStateError("the Result was moved from");
  std::rethrow_exception(error);
}

// What every Result has, whatever its T.
class ResultError {
 public:
  std::exception_ptr error() const noexcept { return error_; }
  bool cancelled() const noexcept { return is_cancelled_error(error_); }

 protected:
  ResultError() noexcept = default;
  explicit ResultError(std::exception_ptr error) : error_(std::move(error)) {
    if (!error_) throw ValueError("a Result of an error needs an exception");
  }

 private:
  std::exception_ptr error_;
};

}  // namespace engine

template <class T>
class Result : public engine::ResultError {
  static_assert(std::is_object_v<T> && !std::is_array_v<T>, "Result<T>: T is an object type, a reference or void");

 public:
  using value_type = T;

  template <class... Args>
  explicit Result(std::in_place_t, Args&&... args) : value_(std::in_place, std::forward<Args>(args)...) {}
  explicit Result(std::exception_ptr error) : ResultError(std::move(error)) {}

  template <class... Args>
  static Result from_value(Args&&... args) { return Result(std::in_place, std::forward<Args>(args)...); }
  static Result from_error(std::exception_ptr error) { return Result(std::move(error)); }

  bool has_value() const noexcept { return value_.has_value(); }
  explicit operator bool() const noexcept { return has_value(); }

  T& value() & { return rethrow_if_error(), *value_; }
  T const& value() const& { return rethrow_if_error(), *value_; }
  T&& value() && { return rethrow_if_error(), *std::move(value_); }
  T const&& value() const&& { return rethrow_if_error(), *std::move(value_); }

  T& operator*() & { return value(); }
  T const& operator*() const& { return value(); }
  T&& operator*() && { return std::move(*this).value(); }
  T const&& operator*() const&& { return std::move(*this).value(); }

  T* operator->() { return std::addressof(value()); }
  T const* operator->() const { return std::addressof(value()); }

  template <class U>
  T value_or(U&& fallback) const& { return has_value() ? *value_ : static_cast<T>(std::forward<U>(fallback)); }
  template <class U>
  T value_or(U&& fallback) && { return has_value() ? *std::move(value_) : static_cast<T>(std::forward<U>(fallback)); }

  void rethrow_if_error() const {
    if (!has_value()) [[unlikely]] engine::throw_result_error(error());
  }

 private:
  std::optional<T> value_;
};

template <class T>
class Result<T&> : public engine::ResultError {
 public:
  using value_type = T&;

  explicit Result(std::in_place_t, T& value) noexcept : value_(std::addressof(value)) {}
  explicit Result(std::exception_ptr error) : ResultError(std::move(error)) {}

  static Result from_value(T& value) noexcept { return Result(std::in_place, value); }
  static Result from_error(std::exception_ptr error) { return Result(std::move(error)); }

  bool has_value() const noexcept { return value_ != nullptr; }
  explicit operator bool() const noexcept { return has_value(); }

  T& value() const { return rethrow_if_error(), *value_; }
  T& operator*() const { return value(); }
  T* operator->() const { return std::addressof(value()); }
  T& value_or(T& fallback) const noexcept { return has_value() ? *value_ : fallback; }

  void rethrow_if_error() const {
    if (!has_value()) [[unlikely]] engine::throw_result_error(error());
  }

 private:
  T* value_ = nullptr;
};

template <>
class Result<void> : public engine::ResultError {
 public:
  using value_type = void;

  explicit Result(std::in_place_t) noexcept : has_value_(true) {}
  explicit Result(std::exception_ptr error) : ResultError(std::move(error)) {}

  static Result from_value() noexcept { return Result(std::in_place); }
  static Result from_error(std::exception_ptr error) { return Result(std::move(error)); }

  bool has_value() const noexcept { return has_value_; }
  explicit operator bool() const noexcept { return has_value_; }

  void value() const { rethrow_if_error(); }
  void operator*() const { rethrow_if_error(); }

  void rethrow_if_error() const {
    if (!has_value_) [[unlikely]] engine::throw_result_error(error());
  }

 private:
  bool has_value_ = false;
};

}  // namespace weft
