// The join of coroutines and handles together: the coroutines are parts; each handle is watched by a part of its own, which lets go of it as
// soon as something has failed.
#pragma once

#include <coroutine>
#include <memory>
#include <utility>

#include <weft/gather/join.hpp>
#include <weft/task.hpp>

namespace weft::engine {

// The handles of a mixed gather, each awaited by a part of its own. The first failure makes all of them let go. LOCK ORDER: the task's
// scopes_lock, then lock_.
class Watchers {
 public:
  class Node;
  // By the part that failed: wakes every watcher, now and later, without a result.
  void let_go() noexcept;

 private:
  SpinLock lock_;
  bool failed_ = false;
  IntrusiveList<Node, struct WatcherTag> nodes_;
};

class Watchers::Node : public TaskWait, public ListHook<WatcherTag> {
 public:
  Node(Watchers& watchers, Ref<Completion> task) noexcept : TaskWait(std::move(task)), watchers_(watchers) {}
  std::coroutine_handle<> commit(Worker& worker) noexcept override;
  // let_go() claims as well.
  void on_done(Completion& done, ReadyBatch& ready, Scheduler* here) noexcept override {
    if (claim.try_fire()) claimed(done, ready, here);
  }

 protected:
  ~Node() = default;
  // False when the watcher was made to let go.
  bool end() noexcept;

 private:
  friend class Watchers;
  Watchers& watchers_;
  bool late_ = false;
};

// Thrown in a part whose handle is not waited for any more, when the gather has its failure already.
struct LetGo {};

template <class State, bool move>
class WatchAwaiter final : public Watchers::Node {
 public:
  using Node::Node;
  typename State::value_type await_resume() {
    if (!end()) throw LetGo();
    require_value();
    if constexpr (std::is_void_v<typename State::value_type>) return;
    else return static_cast<typename State::value_type>(value_of<State, move>(awaited()));
  }
};

template <class State, bool move>
class Watch {
 public:
  using weft_awaitable = void;
  Watch(Watchers& watchers, Ref<Completion> task) noexcept : watchers_(watchers), task_(std::move(task)) {}
  WatchAwaiter<State, move> operator co_await() && { return WatchAwaiter<State, move>(watchers_, std::move(task_)); }

 private:
  Watchers& watchers_;
  Ref<Completion> task_;
};

template <class State, bool move>
Coro<typename State::value_type> watch(std::shared_ptr<Watchers> watchers, Ref<Completion> task) {
  co_return co_await Watch<State, move>(*watchers, std::move(task));
}

template <OnError mode, class... T>
class [[nodiscard]] MixedJoin final : public TupleJoin<mode, T...> {
 public:
  MixedJoin(std::shared_ptr<Watchers> watchers, Coro<T>&&... coros)
      : TupleJoin<mode, T...>(std::move(coros)...), watchers_(std::move(watchers)) {}
  void child_failed(void* slot, std::exception_ptr error) noexcept override {
    TupleJoin<mode, T...>::child_failed(slot, std::move(error));
    if constexpr (mode != OnError::collect) watchers_->let_go();
  }

 private:
  std::shared_ptr<Watchers> watchers_;
};

}  // namespace weft::engine
