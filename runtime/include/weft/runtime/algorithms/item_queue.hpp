// Items, those who wait for one, those who wait for room, and those who wait for the end of the work: what the queues are made of.
//
// All under one lock. A put that finds somebody waiting hands its item over; a get that makes room lets the first waiting put in. Claimed first,
// granted second, so an item that a put has accepted is got exactly once, or is still in the queue, whoever is cancelled. If moving an item
// throws, the one for whom it was moved gets the exception.
//
// An item that was got for somebody who is not there any more can be given back: to the first who waits, or to where it came from.
//
// `Store` holds the items in its order: Item, Items (a container), push(Item&&), pop() -> Item, restore(Item&&) to be popped first where the order leaves a choice,
// size(), swap(Items&). The lists of waiters: as in permits.hpp; a getter has
// grant(Item&) noexcept, a putter has admit(Store&) noexcept -> whether its item is in, and refuse(): the queue was shut down under it.
// INVARIANT: getters wait only while there is no item, putters only while there is no room. Model-checked in tests/model/item_queue_test.cpp.
#pragma once

#include <algorithm>
#include <cstddef>
#include <mutex>
#include <optional>
#include <utility>

#include <weft/runtime/algorithms/spin_lock.hpp>

namespace weft::engine {

enum class PutOutcome { accepted, full, shut_down };
enum class GetOutcome { got, empty, shut_down };

template <class Lock, class Store, class Getters, class Putters, class Joiners>
class BasicItemQueue {
  using Item = typename Store::Item;

 public:
  // `maxsize` 0: no bound.
  BasicItemQueue(std::size_t maxsize, Store store) : maxsize_(maxsize), items_(std::move(store)) {}

  // Unless accepted, the item is untouched.
  template <class Ready>
  PutOutcome put(Item& item, Ready& ready) {
    std::lock_guard const hold(lock_);
    return try_put(item, ready);
  }
  template <class Putter, class Ready>
  PutOutcome put_or_enlist(Item& item, Putter& node, Ready& ready) {
    std::lock_guard const hold(lock_);
    PutOutcome const outcome = try_put(item, ready);
    if (outcome == PutOutcome::full) putters_.push(node);
    return outcome;
  }
  template <class Ready>
  GetOutcome get(std::optional<Item>& item, Ready& ready) {
    std::lock_guard const hold(lock_);
    return try_get(item, ready);
  }
  template <class Getter, class Ready>
  GetOutcome get_or_enlist(std::optional<Item>& item, Getter& node, Ready& ready) {
    std::lock_guard const hold(lock_);
    GetOutcome const outcome = try_get(item, ready);
    if (outcome == GetOutcome::empty) getters_.push(node);
    return outcome;
  }
  // It may stand beyond `maxsize` then. What was dropped meanwhile counts as done, and so does this.
  template <class Ready>
  void give_back(Item& item, Ready& ready) {
    std::lock_guard const hold(lock_);
    if (auto* const getter = getters_.claim_first()) {
      getter->grant(item);
      ready.push(*getter);
    } else if (!dropped_) {
      items_.restore(std::move(item));
    } else if (unfinished_ != 0 && --unfinished_ == 0) {
      end_joins(ready);
    }
  }
  // False when there was nothing unfinished.
  template <class Ready>
  bool task_done(Ready& ready) noexcept {
    std::lock_guard const hold(lock_);
    if (unfinished_ == 0) return false;
    if (--unfinished_ == 0) end_joins(ready);
    return true;
  }
  bool finished() const noexcept {
    std::lock_guard const hold(lock_);
    return unfinished_ == 0;
  }
  template <class Joiner>
  bool enlist_joiner(Joiner& node) noexcept {
    std::lock_guard const hold(lock_);
    if (unfinished_ == 0) return false;
    joiners_.push(node);
    return true;
  }
  // Nodes that were cancelled.
  template <class Node>
  void leave_putters(Node& node) noexcept {
    std::lock_guard const hold(lock_);
    putters_.leave(node);
  }
  template <class Node>
  void leave_getters(Node& node) noexcept {
    std::lock_guard const hold(lock_);
    getters_.leave(node);
  }
  template <class Node>
  void leave_joiners(Node& node) noexcept {
    std::lock_guard const hold(lock_);
    joiners_.leave(node);
  }
  // `dropped`: an empty container, which takes the items if they are to go; each counts as done.
  template <class Ready>
  void shut_down(typename Store::Items* dropped, Ready& ready) {
    std::lock_guard const hold(lock_);
    shut_down_ = true;
    if (dropped != nullptr) {
      dropped_ = true;
      unfinished_ -= std::min(unfinished_, items_.size());
      items_.swap(*dropped);
      if (unfinished_ == 0) end_joins(ready);
    }
    // Whoever waits to get finds the queue empty, whoever waits to put is too late.
    while (auto* const getter = getters_.claim_first()) ready.push(*getter);
    while (auto* const putter = putters_.claim_first()) {
      putter->refuse();
      ready.push(*putter);
    }
  }

  std::size_t size() const noexcept {
    std::lock_guard const hold(lock_);
    return items_.size();
  }
  bool full() const noexcept {
    std::lock_guard const hold(lock_);
    return is_full();
  }
  std::size_t maxsize() const noexcept { return maxsize_; }

 private:
  bool is_full() const noexcept { return maxsize_ != 0 && items_.size() >= maxsize_; }

  template <class Ready>
  PutOutcome try_put(Item& item, Ready& ready) {
    if (shut_down_) return PutOutcome::shut_down;
    if (auto* const getter = getters_.claim_first()) {
      getter->grant(item);
      ready.push(*getter);
    } else if (is_full()) {
      return PutOutcome::full;
    } else {
      items_.push(std::move(item));
    }
    ++unfinished_;
    return PutOutcome::accepted;
  }
  template <class Ready>
  GetOutcome try_get(std::optional<Item>& item, Ready& ready) {
    if (items_.size() == 0) return shut_down_ ? GetOutcome::shut_down : GetOutcome::empty;
    item.emplace(items_.pop());
    while (!is_full()) {
      auto* const putter = putters_.claim_first();
      if (putter == nullptr) break;
      if (putter->admit(items_)) ++unfinished_;
      ready.push(*putter);
    }
    return GetOutcome::got;
  }
  template <class Ready>
  void end_joins(Ready& ready) noexcept {
    while (auto* const joiner = joiners_.claim_first()) ready.push(*joiner);
  }

  std::size_t const maxsize_;
  mutable Lock lock_;
  // INVARIANT: all under lock_.
  bool shut_down_ = false, dropped_ = false;
  std::size_t unfinished_ = 0;
  Store items_;
  Getters getters_;
  Putters putters_;
  Joiners joiners_;
};

}  // namespace weft::engine
