// ContextVar<T>: a value that belongs to the running task, and that the tasks which it makes inherit.
#pragma once

#include <atomic>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include <weft/errors.hpp>
#include <weft/runtime/runtime/context.hpp>
#include <weft/runtime/runtime/task.hpp>

namespace weft {
namespace engine {

template <class T>
class ContextValueOf final : public ContextValue {
 public:
  template <class U>
  explicit ContextValueOf(U&& initial) : value(std::forward<U>(initial)) {}
  T const value;
};

// What all copies of a token share.
class TokenState {
 public:
  TokenState(std::uint64_t made_for, Ref<ContextValue> before) noexcept : variable(made_for), old_value(std::move(before)) {}
  void acquire() noexcept { references_.fetch_add(1, std::memory_order_relaxed); }
  void release() noexcept {
    // ORDER(context-refs): acq_rel; every reader's use happens before the destruction.
    if (references_.fetch_sub(1, std::memory_order_acq_rel) == 1) delete this;
  }

  std::uint64_t const variable;
  // Null: the variable had no value.
  Ref<ContextValue> const old_value;
  // INVARIANT: written by set(), before anyone has the token.
  std::uint64_t context = 0;
  std::atomic<bool> used{false};

 private:
  std::atomic<std::uint32_t> references_{1};
};

// The part of ContextVar that does not know T.
class ContextVariable {
 public:
  explicit ContextVariable(std::string_view name) : name_(name), id_(next_context_variable()) {}
  ContextVariable(ContextVariable const&) = delete;
  ContextVariable& operator=(ContextVariable const&) = delete;

  /// Python: ContextVar.name.
  std::string const& name() const noexcept { return name_; }

 protected:
  ~ContextVariable() = default;
  // Valid until the caller suspends or sets a variable.
  ContextValue* find() const noexcept;
  Ref<TokenState> set(Ref<ContextValue> value) const;
  void reset(TokenState* token) const;
  [[noreturn]] void throw_no_value() const;

 private:
  std::string const name_;
  // Never used again: contexts may hold values of variables that are gone.
  std::uint64_t const id_;
};

}  // namespace engine

/// What ContextVar<T>::set() gives: the value that the variable had before. Copyable; all copies are one token. A default-constructed one is of no variable.
template <class T>
class Token {
 public:
  Token() noexcept = default;
  /// Python: Token.old_value; nullopt where Python has Token.MISSING.
  std::optional<T> old_value() const {
    if (!state_ || state_->old_value.get() == nullptr) return std::nullopt;
    return static_cast<engine::ContextValueOf<T> const&>(*state_->old_value).value;
  }

 private:
  template <class>
  friend class ContextVar;
  explicit Token(engine::Ref<engine::TokenState> state) noexcept : state_(std::move(state)) {}
  engine::Ref<engine::TokenState> state_;
};

/// A variable whose value belongs to the running task.
///
/// Python: contextvars.ContextVar. A new task starts with a copy of its creator's context; `co_await f()` and blocks (timeouts, groups, wait_for) share the
/// caller's; each coroutine that a bare gather runs has a copy of its own, as the tasks that asyncio's gather makes; to_thread and done callbacks get a
/// copy, of the moment of the await and of the registration. What `submit`, and `create_task` on a foreign thread, make starts with an empty one. Main starts with a
/// copy of the calling thread's, and the next run of the same Runtime goes on with what main has left. Outside of tasks and such calls each thread has a
/// context of its own.
/// Threads: a variable is usually static, and may be used from any thread; values are shared between contexts, so copying a T const must be safe from several
/// threads at once. Lifetime: values stay as long as a context or a token has them, and may outlive their variable. T must be copyable.
/// Cost: get is a search among the variables that have a value, O(log n), and a copy of T; set is O(n) and allocates; a new task costs one atomic
/// increment if any variable has a value.
template <class T>
class ContextVar : public engine::ContextVariable {
  static_assert(std::is_object_v<T> && !std::is_const_v<T> && !std::is_volatile_v<T>, "a ContextVar holds plain values");

 public:
  using Token = weft::Token<T>;

  /// Without a default.
  explicit ContextVar(std::string_view name) : ContextVariable(name) {}
  ContextVar(std::string_view name, T default_value) : ContextVariable(name), default_(std::move(default_value)) {}

  /// The value here; else the default. Throws RuntimeError when there is neither (Python: LookupError).
  T get() const {
    if (engine::ContextValue* const value = this->find()) return value_of(*value);
    if (!default_) this->throw_no_value();
    return *default_;
  }
  /// The value here; else `fallback`, whether the variable has a default or not.
  template <class U>
  T get(U&& fallback) const {
    if (engine::ContextValue* const value = this->find()) return value_of(*value);
    return static_cast<T>(std::forward<U>(fallback));
  }
  /// Gives the variable a value in the current context. Throws std::bad_alloc and what T's move throws, and nothing has changed.
  Token set(T value) {
    engine::Ref<engine::ContextValue> boxed(new engine::ContextValueOf<T>(std::move(value)), engine::Ref<engine::ContextValue>::Adopt::reference);
    return Token(ContextVariable::set(std::move(boxed)));
  }
  /// The value is again what it was before the set() that gave the token. Throws RuntimeError when the token was used before, ValueError when it is of another
  /// variable, or of another context: a task or part cannot use what its creator has set.
  void reset(Token token) { ContextVariable::reset(token.state_.get()); }

 private:
  static T const& value_of(engine::ContextValue& value) noexcept { return static_cast<engine::ContextValueOf<T> const&>(value).value; }

  std::optional<T> const default_{};
};

}  // namespace weft
