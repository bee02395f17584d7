// Every exception class of the library, and the few questions that the engine asks about a stored exception.
//
// The classes are part of the public interface (<weft/errors.hpp> documents them for users); they are defined on the lowest
// floor because the engine throws and recognises them. The engine's questions are:
//   - is this std::exception_ptr a CancelledError (or any other E)? exception_cast<E>() answers without a rethrow, which would
//     cost most of a microsecond: on libstdc++ it asks the type_info that the unwinder itself would ask. Elsewhere it rethrows.
//   - is the exception that I am handling (in `catch (...)`) a CancelledError? current_exception_is_cancelled().
//
// An ExceptionGroup is immutable: its copies share one state by reference count, so copying one never throws. The text of
// what() is made at the first call and then published in the state by a compare-exchange, so that any number of threads may
// call what() on the same exception object.
#pragma once

#include <cstring>
#include <exception>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <typeinfo>
#include <utility>
#include <vector>

#include <weft/runtime/platform/config.hpp>

namespace weft {

class RuntimeError : public std::runtime_error {
 public:
  RuntimeError() : std::runtime_error("runtime error") {}
  explicit RuntimeError(std::string const& what) : std::runtime_error(what) {}
};

class InvalidStateError : public RuntimeError {
 public:
  InvalidStateError() : RuntimeError("invalid state") {}
  explicit InvalidStateError(std::string const& what) : RuntimeError(what) {}
};

class Deadlock : public RuntimeError {
 public:
  Deadlock() : RuntimeError("deadlock: every task waits and nothing can wake one") {}
  explicit Deadlock(std::string const& what) : RuntimeError(what) {}
};

class BrokenBarrierError : public RuntimeError {
 public:
  BrokenBarrierError() : RuntimeError("barrier is broken") {}
  explicit BrokenBarrierError(std::string const& what) : RuntimeError(what) {}
};

class ValueError : public std::invalid_argument {
 public:
  ValueError() : std::invalid_argument("bad value") {}
  explicit ValueError(std::string const& what) : std::invalid_argument(what) {}
};

class TimeoutError : public std::runtime_error {
 public:
  TimeoutError() : std::runtime_error("timed out") {}
  explicit TimeoutError(std::string const& what) : std::runtime_error(what) {}
};

class QueueFull : public std::runtime_error {
 public:
  QueueFull() : std::runtime_error("queue is full") {}
  explicit QueueFull(std::string const& what) : std::runtime_error(what) {}
};

class QueueEmpty : public std::runtime_error {
 public:
  QueueEmpty() : std::runtime_error("queue is empty") {}
  explicit QueueEmpty(std::string const& what) : std::runtime_error(what) {}
};

class QueueShutDown : public std::runtime_error {
 public:
  QueueShutDown() : std::runtime_error("queue is shut down") {}
  explicit QueueShutDown(std::string const& what) : std::runtime_error(what) {}
};

class CancelledError {
 public:
  CancelledError() = default;
  explicit CancelledError(std::string message) noexcept : message_(std::move(message)) {}
  std::string const& message() const noexcept { return message_; }

 private:
  std::string message_;
};

class KeyboardInterrupt {
 public:
  char const* what() const noexcept { return "interrupted by SIGINT"; }
};

// Demangled type and message of the exception, "type: message"; a group is printed as its tree. "no exception" for null.
std::string describe_exception(std::exception_ptr const& error);

namespace engine {

// libstdc++ lets us ask the run-time type information what the unwinder would decide.
#if defined(__GLIBCXX__)
#define WEFT_EXCEPTION_RTTI 1
#else
#define WEFT_EXCEPTION_RTTI 0
#endif

#if WEFT_EXCEPTION_RTTI
// The address of the object held by `error` seen as a `wanted`, or null when `catch (wanted const&)` would not catch it.
void const* caught_as(std::exception_ptr const& error, std::type_info const& wanted) noexcept;
#endif

// The exception object inside `error` if `catch (E const&)` would catch it, else null. Valid as long as `error` holds it.
template <class E>
E const* exception_cast(std::exception_ptr const& error) noexcept {
  static_assert(std::is_object_v<E> && !std::is_pointer_v<E> && !std::is_array_v<E>);
  if (!error) return nullptr;
#if WEFT_EXCEPTION_RTTI
  return static_cast<E const*>(caught_as(error, typeid(E)));
#else
  try {
    std::rethrow_exception(error);
  } catch (E const& caught) {
    return std::addressof(caught);
  } catch (...) {
    return nullptr;
  }
#endif
}

// Whether `catch (E const&)` would catch it. Any E, pointers included.
template <class E>
bool exception_is(std::exception_ptr const& error) noexcept {
  if constexpr (std::is_pointer_v<E> || std::is_member_pointer_v<E>) {
    if (!error) return false;
    try {
      std::rethrow_exception(error);
    } catch (E const&) {
      return true;
    } catch (...) {
      return false;
    }
  } else {
    return exception_cast<E>(error) != nullptr;
  }
}

inline bool is_cancelled_error(std::exception_ptr const& error) noexcept { return exception_is<CancelledError>(error); }

// Inside a catch block: whether the exception being handled is a CancelledError.
bool current_exception_is_cancelled() noexcept;

// The readable name of a type.
std::string demangle(std::type_info const& type);

}  // namespace engine

class ExceptionGroup : public std::exception {
 public:
  ExceptionGroup(std::string message, std::vector<std::exception_ptr> exceptions);

  std::string const& message() const noexcept;
  std::vector<std::exception_ptr> const& exceptions() const noexcept;

  template <class E>
  std::pair<std::optional<ExceptionGroup>, std::optional<ExceptionGroup>> split() const {
    if (is_a<E>()) return {*this, std::nullopt};
    return split_members(&engine::exception_is<std::remove_cv_t<E>>, true);
  }
  template <class E>
  std::optional<ExceptionGroup> subgroup() const {
    if (is_a<E>()) return *this;
    return split_members(&engine::exception_is<std::remove_cv_t<E>>, false).first;
  }
  template <class E>
  bool contains() const {
    return is_a<E>() || any_member(&engine::exception_is<std::remove_cv_t<E>>);
  }
  std::vector<std::exception_ptr> flatten() const;

  char const* what() const noexcept override;

 private:
  struct State;
  using Match = bool (*)(std::exception_ptr const&) noexcept;

  // Python tests the group itself before it looks inside.
  template <class E>
  bool is_a() const noexcept {
    static_assert(std::is_object_v<E>, "name the exception's type, without a reference");
    if constexpr (std::is_base_of_v<E, ExceptionGroup>) return true;
    else if constexpr (std::is_base_of_v<ExceptionGroup, E>) return dynamic_cast<E const*>(this) != nullptr;
    else return false;
  }
  std::pair<std::optional<ExceptionGroup>, std::optional<ExceptionGroup>> split_members(Match match, bool want_rest) const;
  bool any_member(Match match) const noexcept;
  void append_leaves(std::vector<std::exception_ptr>& leaves) const;

  std::shared_ptr<State const> state_;
};

}  // namespace weft
