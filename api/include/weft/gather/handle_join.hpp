// The join of handles, of tasks and futures: asyncio's gather. Nothing is started and nobody is owned; the gather only waits.
#pragma once

#include <array>
#include <atomic>
#include <coroutine>
#include <cstddef>
#include <exception>
#include <memory>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include <weft/cancel.hpp>
#include <weft/gather/join.hpp>
#include <weft/task.hpp>

namespace weft::engine {

// asyncio's gather of tasks, to the letter: the first failure in time, or the first child that ends cancelled, ends the wait at once and the
// others run on; a cancel of the caller is handed down to every child that has not ended. With return_exceptions the wait ends when all have
// ended, and a cancel that was handed down is thrown then. Failures count as retrieved, also those that come after the wait has ended.
class HandleJoin : public WaitNode {
 public:
  class Entry final : public TaskWaiter {
   public:
    void on_done(Completion& done, ReadyBatch& ready, Scheduler* here) noexcept override { join->child_done(done, ready, here); }
    HandleJoin* join = nullptr;
    Ref<Completion> task;
  };

  bool await_ready();
  void await_suspend(std::coroutine_handle<> coroutine) noexcept { suspend(coroutine, *current_worker()); }
  std::coroutine_handle<> commit(Worker& worker) noexcept override;
  bool hand_down(CancelRequest& request) noexcept override;

 protected:
  HandleJoin(OnError mode) noexcept : WaitNode("gather of tasks"), collect_(mode == OnError::collect) { hands_down(); }
  ~HandleJoin() = default;
  void set_entries(Entry* entries, std::size_t count) noexcept {
    entries_ = entries;
    count_ = count;
  }
  // Takes the entries off their tasks and throws what must be thrown.
  void end();

  template <class State, bool move>
  static slot_t<typename State::value_type> slot_of(Completion& ended) {
    using T = typename State::value_type;
    if constexpr (std::is_void_v<T>) return {};
    else return static_cast<T>(value_of<State, move>(ended));
  }

 private:
  void child_done(Completion& task, ReadyBatch& ready, Scheduler* here) noexcept;
  bool decides(Completion const& task) const noexcept { return !collect_ && task.outcome() != Outcome::value; }

  Entry* entries_ = nullptr;
  std::size_t count_ = 0;
  bool const collect_;
  bool enlisted_ = false;
  std::atomic<std::size_t> remaining_{0};
  // The child that ended the wait by its failure.
  std::atomic<Completion*> decided_{nullptr};
};

// `moves` tells for each child whether it was given as an rvalue, so that its value is moved out. `State` is a TaskState or a FutureState.
template <OnError mode, class Moves, class... State>
class HandleTupleJoin;
template <OnError mode, bool... moves, class... State>
class HandleTupleJoin<mode, std::integer_sequence<bool, moves...>, State...> final : public HandleJoin {
  using Results = std::tuple<child_result_t<typename State::value_type, mode>...>;

 public:
  explicit HandleTupleJoin(std::array<Ref<Completion>, sizeof...(State)> tasks) noexcept : HandleJoin(mode) {
    for (std::size_t i = 0; i < sizeof...(State); ++i) {
      entries_[i].join = this;
      entries_[i].task = std::move(tasks[i]);
    }
    set_entries(entries_.data(), entries_.size());
  }
  Results await_resume() {
    end();
    return take(std::index_sequence_for<State...>());
  }

 private:
  template <std::size_t... I>
  Results take(std::index_sequence<I...>) {
    if constexpr (mode == OnError::collect) return {result_of<State, moves>(*entries_[I].task)...};
    else return Results(slot_of<State, moves>(*entries_[I].task)...);
  }
  std::array<Entry, sizeof...(State)> entries_;
};

template <OnError mode, bool move, class State>
class HandleVectorJoin final : public HandleJoin {
 public:
  using Element = child_element_t<typename State::value_type, mode>;
  explicit HandleVectorJoin(std::vector<Ref<Completion>> tasks)
      : HandleJoin(mode), entries_(std::make_unique<Entry[]>(tasks.size())), count_(tasks.size()) {
    results_.reserve(count_);
    for (std::size_t i = 0; i < count_; ++i) {
      entries_[i].join = this;
      entries_[i].task = std::move(tasks[i]);
    }
    set_entries(entries_.get(), count_);
  }
  std::vector<Element> await_resume() {
    end();
    for (std::size_t i = 0; i < count_; ++i) {
      if constexpr (mode == OnError::collect) results_.push_back(result_of<State, move>(*entries_[i].task));
      else results_.push_back(slot_of<State, move>(*entries_[i].task));
    }
    return std::move(results_);
  }

 private:
  std::unique_ptr<Entry[]> entries_;
  std::size_t count_;
  std::vector<Element> results_;
};

}  // namespace weft::engine
