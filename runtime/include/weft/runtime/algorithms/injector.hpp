// Where work enters from outside: any thread pushes, any worker takes everything.
//
// A stack of intrusive nodes in one word (Treiber), with a closed bit in it. Taking swaps the whole list out and turns it round, so
// what one take gets is in order of arrival, and batches are in order among themselves. There is no pop of a single node, hence no ABA: a push
// whose head has been away and come back links to a node that is the head again, which is all it claims.
//
// Shutdown: close() sets the bit and returns what was in. A push that comes later fails and leaves the node to the caller, who thus
// knows that it lost: every node is either returned by exactly one take_all() or close(), or refused. Once closed the word
// never changes again.
//
// Wake-ups: a pusher notifies the idle set after its push (idle_set.hpp); a worker that is about to park asks empty() after
// its heavy fence.
#pragma once

#include <cstdint>

#include <weft/runtime/platform/config.hpp>
#include <weft/runtime/platform/sync.hpp>

namespace weft::engine {

// A node derives from this. It may be in one injector or strand queue (strand_queue.hpp) at a time.
template <class Sync>
class InjectorHook {
 public:
  constexpr InjectorHook() noexcept = default;
  InjectorHook(InjectorHook const&) = delete;
  InjectorHook& operator=(InjectorHook const&) = delete;

 private:
  template <class, class>
  friend class Injector;
  template <class, class>
  friend class StrandQueue;

  // INVARIANT: written by the pusher before the node is in, by the taker afterwards.
  typename Sync::template var<InjectorHook*> next_injected_{nullptr};
};

enum class Injected : std::uint8_t { ok_was_empty, ok, closed };

template <class Sync, class Node>
class Injector {
  using Hook = InjectorHook<Sync>;

 public:
  // What a take got, oldest first. Owned by the taking thread.
  class Batch {
   public:
    Batch() noexcept = default;
    bool empty() const noexcept { return first_ == nullptr; }
    // The oldest node, which is the caller's from then on, or nullptr.
    Node* pop() noexcept {
      Hook* const hook = first_;
      if (hook == nullptr) return nullptr;
      first_ = hook->next_injected_.get();
      return static_cast<Node*>(hook);
    }

   private:
    friend Injector;
    explicit Batch(Hook* first) noexcept : first_(first) {}
    Hook* first_ = nullptr;
  };

  Injector() noexcept = default;
  Injector(Injector const&) = delete;
  Injector& operator=(Injector const&) = delete;
  ~Injector() { WEFT_ASSERT(empty()); }

  // Any thread. LIFETIME: unless the answer is `closed`, the node belongs to the taker before this returns.
  Injected push(Node& node) noexcept {
    Hook& hook = node;
    std::uintptr_t head = head_.load(std::memory_order_relaxed);
    for (;;) {
      if (head == closed_bit) return Injected::closed;
      hook.next_injected_.set(reinterpret_cast<Hook*>(head));
      // ORDER(injector): release; pairs with the acquires in take_all() and close(). Without it the taker reads an unwritten node.
      if (head_.compare_exchange_weak(head, reinterpret_cast<std::uintptr_t>(&hook), std::memory_order_release,
                                      std::memory_order_relaxed)) {
        return head == 0 ? Injected::ok_was_empty : Injected::ok;
      }
    }
  }

  // Any worker.
  Batch take_all() noexcept {
    std::uintptr_t head = head_.load(std::memory_order_relaxed);
    while (head != 0 && head != closed_bit) {
      // ORDER(injector): acquire; pairs with the release in push(). Without it nodes are read unwritten. One acquire serves for
      // all nodes, since each push continues the release sequences of those below it.
      if (head_.compare_exchange_weak(head, 0, std::memory_order_acquire, std::memory_order_relaxed)) return reversed(head);
    }
    return Batch{};
  }

  // Once or more often: the first call gets what was in.
  Batch close() noexcept {
    // ORDER(injector): acquire; as in take_all().
    std::uintptr_t const head = head_.exchange(closed_bit, std::memory_order_acquire);
    return head == closed_bit ? Batch{} : reversed(head);
  }

  // Hints. After a heavy fence empty() sees all that was pushed before the pusher's last light or full fence.
  WEFT_INLINE bool empty() const noexcept { return (head_.load(std::memory_order_relaxed) & ~closed_bit) == 0; }
  bool closed() const noexcept { return head_.load(std::memory_order_relaxed) == closed_bit; }

 private:
  static constexpr std::uintptr_t closed_bit = 1;
  static_assert(alignof(Hook) > 1);

  static Batch reversed(std::uintptr_t head) noexcept {
    Hook* youngest = reinterpret_cast<Hook*>(head);
    Hook* first = nullptr;
    while (youngest != nullptr) {
      Hook* const older = youngest->next_injected_.get();
      youngest->next_injected_.set(first);
      first = youngest;
      youngest = older;
    }
    return Batch(first);
  }

  // 0: open and empty; closed_bit: closed; else the youngest node.
  alignas(cache_line) typename Sync::template atomic<std::uintptr_t> head_{0};
};

}  // namespace weft::engine
