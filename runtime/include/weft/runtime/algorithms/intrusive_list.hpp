// A circular doubly linked list whose hooks live in its elements: O(1) removal of a known element, no allocation.
//
// Not synchronised: each list names the lock that guards it. An element derives from ListHook<Tag> once for each list that it can
// be in at the same time. A hook that is not linked has itself as the next, and nothing as the one before: making one is one store.
#pragma once

#include <weft/runtime/platform/config.hpp>

namespace weft::engine {

template <class Tag>
class ListHook {
 public:
  constexpr ListHook() noexcept : next_(this) {}
  ListHook(ListHook const&) = delete;
  ListHook& operator=(ListHook const&) = delete;

  bool linked() const noexcept { return next_ != this; }
  void unlink() noexcept {
    WEFT_ASSERT(linked());
    prev_->next_ = next_;
    next_->prev_ = prev_;
    next_ = this;
  }

 private:
  template <class, class>
  friend class IntrusiveList;

  ListHook* prev_;
  ListHook* next_;
};

template <class T, class Tag>
class IntrusiveList {
  using Hook = ListHook<Tag>;

 public:
  IntrusiveList() noexcept { head_.prev_ = &head_; }

  bool empty() const noexcept { return !head_.linked(); }

  void push_back(T& element) noexcept { insert_before(head_, element); }
  void push_front(T& element) noexcept { insert_before(*head_.next_, element); }

  T* front() const noexcept { return empty() ? nullptr : static_cast<T*>(head_.next_); }
  T* pop_front() noexcept {
    if (empty()) return nullptr;
    Hook* const first = head_.next_;
    first->unlink();
    return static_cast<T*>(first);
  }
  // The element after `element`, or nullptr at the end.
  T* next(T const& element) const noexcept {
    Hook* const hook = static_cast<Hook const&>(element).next_;
    return hook == &head_ ? nullptr : static_cast<T*>(hook);
  }
  static void erase(T& element) noexcept { static_cast<Hook&>(element).unlink(); }

  // Moves every element of `other` behind ours, in order; O(1).
  void splice_back(IntrusiveList& other) noexcept {
    if (other.empty()) return;
    Hook *const first = other.head_.next_, *const last = other.head_.prev_;
    other.head_.prev_ = other.head_.next_ = &other.head_;
    first->prev_ = head_.prev_;
    head_.prev_->next_ = first;
    last->next_ = &head_;
    head_.prev_ = last;
  }

 private:
  static void insert_before(Hook& at, Hook& hook) noexcept {
    WEFT_ASSERT(!hook.linked());
    hook.prev_ = at.prev_;
    hook.next_ = &at;
    at.prev_->next_ = &hook;
    at.prev_ = &hook;
  }

  mutable Hook head_;
};

}  // namespace weft::engine
