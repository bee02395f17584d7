// race: the first answer wins.
//
// A join of parts (gather/join.hpp) in a scope of its own, like gather(cancel_on_error), but what cancels the scope is the first end, whatever it is. Each arm is wrapped in a
// coroutine that captures how it ended and tries to become the winner: one exchange decides. The race ends when every arm has.
#pragma once

#include <array>
#include <atomic>
#include <coroutine>
#include <cstddef>
#include <exception>
#include <optional>
#include <tuple>
#include <type_traits>
#include <utility>
#include <variant>

#include <weft/cancel.hpp>
#include <weft/gather.hpp>

namespace weft {
namespace engine {

template <class... T>
class RaceJoin final : public JoinMode<OnError::abort> {
  static constexpr std::size_t arms = sizeof...(T);

 public:
  // Makes what needs memory; when it throws, nothing has started.
  explicit RaceJoin(std::tuple<Coro<T>...> coros) { wrap(coros, std::index_sequence_for<T...>()); }

  bool await_ready() {
    Worker& worker = *current_worker();
    begin(worker);
    return run_children(worker, children_.data(), std::integral_constant<std::size_t, arms>(), [](std::size_t) {});
  }
  void await_suspend(std::coroutine_handle<> coroutine) noexcept { finish_later(coroutine); }
  std::variant<element_t<T>...> await_resume() {
    Worker& worker = *current_worker();
    leave_block(worker);
    if (cancel_pending(worker.state)) [[unlikely]] throw_cancelled(worker);
    // No arm has ended by itself only if all were cancelled before they started, and that cancel was taken back.
    if (!decided_.load(std::memory_order_relaxed)) [[unlikely]] throw CancelledError();
    if (failure_) std::rethrow_exception(std::move(failure_));
    return take(std::index_sequence_for<T...>());
  }

 private:
  template <std::size_t I>
  using Value = std::tuple_element_t<I, std::tuple<T...>>;

  template <std::size_t I>
  static Coro<void> run_arm(RaceJoin& race, Coro<Value<I>> arm) {
    Result<Value<I>> result = co_await Capture<Value<I>>(std::move(arm));
    if (race.decided_.exchange(true, std::memory_order_relaxed)) co_return;
    // INVARIANT: written by the winner, read when all arms have arrived.
    race.failure_ = result.error();
    try {
      if (!race.failure_) std::get<I>(race.results_).emplace(std::move(result));
    } catch (...) {
      race.failure_ = std::current_exception();
    }
    race.abort_others();
  }

  template <std::size_t... I>
  void wrap(std::tuple<Coro<T>...>& coros, std::index_sequence<I...>) {
    (void)(std::get<I>(coros).promise(), ...);
    std::array<Coro<void>, arms> wrapped = {run_arm<I>(*this, std::move(std::get<I>(coros)))...};
    for (std::size_t i = 0; i < arms; ++i) {
      children_[i] = wrapped[i].release();
      promise_of(children_[i]).set_parent(static_cast<JoinBase&>(*this), nullptr);
    }
  }

  template <std::size_t... I>
  std::variant<element_t<T>...> take(std::index_sequence<I...>) {
    std::optional<std::variant<element_t<T>...>> winner;
    (void)((std::get<I>(results_).has_value() ? (put<I>(winner), true) : false) || ...);
    return std::move(*winner);
  }
  template <std::size_t I>
  void put(std::optional<std::variant<element_t<T>...>>& winner) {
    if constexpr (std::is_void_v<Value<I>>) winner.emplace(std::in_place_index<I>);
    else winner.emplace(std::in_place_index<I>, std::move(*std::get<I>(results_)).value());
  }

  std::array<std::coroutine_handle<>, arms> children_{};
  std::tuple<std::optional<Result<T>>...> results_;
  std::exception_ptr failure_;
  std::atomic<bool> decided_{false};
};

template <class... T>
class [[nodiscard]] Race {
 public:
  using weft_awaitable = void;
  explicit Race(Coro<T>... coros) noexcept : coros_(std::move(coros)...) {}
  RaceJoin<T...> operator co_await() && { return RaceJoin<T...>(std::move(coros_)); }

 private:
  std::tuple<Coro<T>...> coros_;
};

// The value of a handle is passed on: copied out of an lvalue, moved out of an rvalue.
template <class A>
auto to_arm(A&& awaitable) {
  if constexpr (Handle<A>) {
    using Taken = std::remove_cvref_t<A>;
    using Arm = std::conditional_t<gives_value_v<A>, Taken, LvalueHandle<Taken>>;
    return as_coro<Arm, handle_value_t<A>>(Arm(std::forward<A>(awaitable)));
  } else {
    return to_coro(std::forward<A>(awaitable));
  }
}

}  // namespace engine

/// Runs awaitables concurrently; the first to end wins, the others are cancelled and waited for. Gives a std::variant whose index() tells the winner; a
/// void result is std::monostate, a reference a std::reference_wrapper.
///
/// No counterpart in asyncio (wait(FIRST_COMPLETED), then cancel and await the rest). The arms are parts of the calling task, as the coroutines of a gather; a
/// Task or Future that loses is cancelled, too. A winner that fails throws, a cancellation of its own included.
/// Cancellation: a checkpoint. A cancel of the caller reaches every arm; when all have ended CancelledError is thrown, whatever they gave.
/// A loser that is an operation gives back an item or permit that it got before it was told. What a loser that has ended has got is dropped, and with several workers that may be an item, too:
/// `race(queue.get(), stop.wait())` can lose one that comes at the same moment. `timeout` and `wait_for` never do.
/// Errors: what the winner throws; what losers throw is dropped. RuntimeError for a moved-from Coro or an empty handle, before anything has started.
/// Lifetime: nothing starts before the co_await; none outlives it. Cost: one frame for each arm besides its own.
template <class... A>
  requires(sizeof...(A) > 0)
auto race(A&&... awaitables) { return engine::Race(engine::to_arm(std::forward<A>(awaitables))...); }

}  // namespace weft
