// The engine's memory: what each operation reads, writes, knows and passes on.
#pragma once

#include "model/checker/engine.hpp"
#include "model/checker/schedule.hpp"

namespace weft::model {

inline std::uint32_t Engine::lowest_visible(Location& l, std::uint32_t id, std::memory_order order, Site site) {
  std::uint32_t const newest = l.history.size() - 1;
  if (current_ == root || outdated_ >= options->outdated) return newest;
  Thread& t = me();
  std::uint32_t low = t.now.at(id);
  if (order == std::memory_order_seq_cst) low = std::max(low, sc_.at(id));
  if (low < newest) {
    Location::Stale const& s = l.stale[current_];
    // The same look again after a yield, or the same value too often: fair memory shows something newer at last.
    bool const same_look = s.line == site.line() && s.column == site.column() && s.period != t.period;
    if (s.count != 0 && s.index >= low && (same_look || s.count > options->stale_repeats)) low = s.index + 1;
  }
  return low;
}

inline void Engine::note_stale(Location& l, std::uint32_t index, Site site) {
  ++outdated_;
  Location::Stale& s = l.stale[current_];
  bool const again = s.index == index && s.count != 0;
  s = Location::Stale{index, again ? s.count + 1 : 1, me().period, site.line(), site.column()};
}

// The effect of reading the store `index`.
inline std::uint64_t Engine::read(Location& l, std::uint32_t id, std::uint32_t index, std::memory_order order) {
  Store const& s = l.history[index];
  if (current_ == root) return s.value;
  Thread& t = me();
  t.now.raise(id, index, bump_);
  if (acquires(order)) t.now.join(s.view, bump_);
  else t.acquirable.join(s.view, bump_);
  if (order == std::memory_order_seq_cst) sc_.raise(id, index, bump_);
  return s.value;
}

inline void Engine::append(Location& l, std::uint32_t id, std::uint64_t value, std::memory_order order, bool is_rmw) {
  std::uint32_t const index = l.history.size();
  View carried;
  if (current_ != root) {
    Thread& t = me();
    t.now.raise(id, index, bump_);
    View const sequence = is_rmw ? l.history[index - 1].view : View{};
    View const& own = releases(order) ? t.now : t.released;
    if (sequence.empty) {
      if (!own.empty) carried = own.copy(bump_);
    } else if (own.empty) {
      carried = sequence;
    } else {
      carried = own.copy(bump_);
      carried.join(sequence, bump_);
    }
    if (releases(order)) ++t.now.clock[current_];
  }
  if (l.history.back().value != value) progress();
  Store& s = l.history.push(bump_);
  s.value = value;
  s.view = carried;
  s.by = static_cast<std::uint8_t>(current_);
  if (order == std::memory_order_seq_cst) sc_.raise(id, index, bump_);
}

inline std::uint64_t Engine::load(std::uint32_t id, std::memory_order order, Site site) {
  note(SiteUse::Kind::load, site, order);
  order = mutate(order, site);
  point({id, false, order == std::memory_order_seq_cst});
  Location& l = access(id, site);
  std::uint32_t const newest = l.history.size() - 1;
  std::uint32_t const low = lowest_visible(l, id, order, site);
  std::uint32_t const index = newest - choose_value(newest - low + 1);
  if (index != newest) note_stale(l, index, site);
  std::uint64_t const value = read(l, id, index, order);
  record(Op::load, id, order, value, l.history.back().value, site, index != newest);
  return value;
}

inline void Engine::store(std::uint32_t id, std::uint64_t value, std::memory_order order, Site site) {
  note(SiteUse::Kind::store, site, order);
  order = mutate(order, site);
  point({id, true, order == std::memory_order_seq_cst});
  Location& l = access(id, site);
  std::uint64_t const before = l.history.back().value;
  append(l, id, value, order, false);
  record(Op::store, id, order, value, before, site);
}

inline bool Engine::cas(std::uint32_t id, std::uint64_t& expected, std::uint64_t desired, std::memory_order success,
                        std::memory_order failure, bool weak, Site site) {
  note(SiteUse::Kind::cas, site, success, failure);
  success = mutate(success, site);
  failure = mutate(failure, site, Mutation::Kind::failure_order);
  Touch const touch{id, true, success == std::memory_order_seq_cst || failure == std::memory_order_seq_cst};
  point(touch);
  bool const split = mutated(Mutation::Kind::split_cas, site);
  Location& l = access(id, site);
  std::uint32_t const newest = l.history.size() - 1;
  std::uint32_t const low = lowest_visible(l, id, failure, site);

  // The answers, newest first: the last store (with success if it matches), older ones that differ, a spurious failure. Each older
  // one counts once, so the list is made by counting, then by walking to the chosen one.
  bool const matches = l.history[newest].value == expected;
  std::uint32_t answers = 1;
  for (std::uint32_t i = newest; i-- > low;)
    if (l.history[i].value != expected) ++answers;
  bool const may_fail = weak && matches && current_ != root && spurious_cas_ < options->spurious_cas;
  std::uint32_t taken = choose_value(answers + (may_fail ? 1 : 0));

  std::uint32_t index = newest;
  if (taken == answers) {
    ++spurious_cas_;
    index = low;
    while (l.history[index].value != expected) ++index;
    read(l, id, index, failure);
    record(Op::cas_failed, id, failure, expected, l.history.back().value, site, index != newest);
    return false;
  }
  while (taken != 0)
    if (l.history[--index].value != expected) --taken;
  if (index != newest || !matches) {
    if (index != newest) note_stale(l, index, site);
    expected = read(l, id, index, failure);
    record(Op::cas_failed, id, failure, expected, l.history.back().value, site, index != newest);
    return false;
  }
  if (split) {
    read(l, id, newest, success);
    record(Op::load, id, success, expected, expected, site);
    point(touch);
    Location& again = access(id, site);
    std::uint64_t const before = again.history.back().value;
    append(again, id, desired, success, false);
    record(Op::store, id, success, desired, before, site);
    return true;
  }
  read(l, id, newest, success);
  append(l, id, desired, success, true);
  record(Op::cas_ok, id, success, desired, expected, site);
  return true;
}

// A C++20 seq_cst fence. Fences order what is seen; they make nothing happen before anything by themselves, so the clocks stay
// out of the global view.
inline void Engine::fence(Site site) {
  note(SiteUse::Kind::fence, site, std::memory_order_seq_cst);
  if (current_ == root || mutated(Mutation::Kind::drop_fence, site)) return;
  point({none, false, true});
  Thread& t = me();
  t.now.join(t.acquirable, bump_);
  sc_.join_seen(t.now, bump_);
  t.now.join_seen(sc_, bump_);
  t.released = t.now.copy(bump_);
  ++t.now.clock[current_];
  record(Op::fence, none, std::memory_order_seq_cst, 0, 0, site);
}

inline void Engine::plain_access(std::uint32_t id, bool write, Site site) {
  Cell& c = cells_[id];
  if (c.dead) [[unlikely]] dead_access(c, id, site);
  if (current_ != root) {
    if (++steps_ > options->max_steps) [[unlikely]] fail("step limit: an endless loop");
    Thread& t = me();
    if (c.write_clock > seen_clock(c.written_by)) [[unlikely]]
      race(c, write ? "written" : "read", c.written_by, c.write_site, site);
    if (write) {
      for (unsigned i = 0; i < thread_count_; ++i)
        if (c.last_access[i] > t.now.clock[i]) [[unlikely]] race(c, "written", i, c.last_site[i], site);
      c.written_by = static_cast<std::uint8_t>(current_);
      c.write_clock = t.now.clock[current_];
      c.write_site = site;
    } else {
      c.last_access[current_] = t.now.clock[current_];
      c.last_site[current_] = site;
    }
  }
  record(write ? Op::write : Op::read, id, std::memory_order_relaxed, 0, 0, site);
}

// Sleeps if the word holds `expected`. The value that the kernel compares is one that the thread may see, at least as new as what the last waker
// of this word knew; no order is implied beyond that.
inline bool Engine::futex_wait(std::uint32_t id, std::uint64_t expected, bool timed, Site site) {
  point({id, false, false});
  Location& l = access(id, site);
  if (current_ == root) fail("futex_wait outside of a thread");
  std::uint32_t const newest = l.history.size() - 1;
  std::uint32_t const low = std::max(lowest_visible(l, id, std::memory_order_relaxed, site), l.futex_floor);
  std::uint32_t const index = newest - choose_value(newest - low + 1);
  if (index != newest) note_stale(l, index, site);
  me().now.raise(id, index, bump_);
  std::uint64_t const value = l.history[index].value;
  record(Op::wait, id, std::memory_order_relaxed, value, expected, site, index != newest);
  if (value != expected) return true;
  Thread& t = me();
  if (spurious_wakes_ < options->spurious_wakes && choose_value(2) == 1) {
    ++spurious_wakes_;
    return true;
  }
  t.timed_out = false;
  t.waits_on = id;
  t.wait_site = site;
  blocked_ |= bit(current_);
  if (timed) timed_ |= bit(current_);
  leave();
  // Chosen by leave() itself, without go(), when it was the only one that could continue.
  if ((blocked_ & bit(current_)) != 0) {
    ++timeouts_;
    blocked_ &= ~bit(current_);
    timed_ &= ~bit(current_);
    t.timed_out = true;
    conflict({id, true, false});
  }
  t.waits_on = none;
  record(Op::woken, id, std::memory_order_relaxed, t.timed_out ? 1 : 0, 0, site);
  return !t.timed_out;
}

inline void Engine::futex_wake(std::uint32_t id, int count, Site site) {
  note(SiteUse::Kind::wake, site, std::memory_order_relaxed);
  if (current_ == root || mutated(Mutation::Kind::drop_wake, site)) return;
  point({id, true, false});
  Location& l = access(id, site);
  l.futex_floor = std::max(l.futex_floor, me().now.at(id));
  unsigned woken = 0;
  for (; count > 0; --count) {
    unsigned sleepers = 0;
    for (unsigned m = blocked_; m != 0; m &= m - 1)
      if (threads_[std::countr_zero(m)].waits_on == id) sleepers |= m & (~m + 1);
    if (sleepers == 0) break;
    // The kernel promises no order among the sleepers of a word; a wake of all needs no choice.
    unsigned which = 0;
    if (count < std::popcount(sleepers)) which = choose_value(static_cast<std::uint32_t>(std::popcount(sleepers)));
    for (; which != 0; --which) sleepers &= sleepers - 1;
    unsigned const t = static_cast<unsigned>(std::countr_zero(sleepers));
    blocked_ &= ~bit(t);
    timed_ &= ~bit(t);
    threads_[t].waits_on = none;
    ++woken;
  }
  if (woken != 0) progress();
  record(Op::wake, id, std::memory_order_relaxed, woken, 0, site);
}

// A mutex of the program: blocks instead of spinning, and its unlock is no scheduling point, since nothing that another thread does could
// tell whether it came before or after.
inline void Engine::mutex_lock(std::uint32_t id, Site site) {
  if (current_ == root) return;
  point({id, true, false});
  while (access(id, site).history.back().value != 0) {
    me().waits_on = id;
    me().wait_site = site;
    blocked_ |= bit(current_);
    asleep_ = 0;  // the step of a preempted thread may end with the unlock; that this one has blocked makes a difference to it
    leave();
  }
  me().waits_on = none;
  Location& l = locations_[id];
  read(l, id, l.history.size() - 1, std::memory_order_acquire);
  append(l, id, 1, std::memory_order_relaxed, false);
  record(Op::lock, id, std::memory_order_acquire, 1, 0, site);
}

inline void Engine::mutex_unlock(std::uint32_t id, Site site) {
  if (current_ == root) return;
  Location& l = access(id, site);
  conflict({id, true, false});
  if (l.history.back().value == 0) fail("unlock of a mutex that is not locked");
  append(l, id, 0, std::memory_order_release, false);
  record(Op::unlock, id, std::memory_order_release, 0, 1, site);
  for (unsigned m = blocked_; m != 0; m &= m - 1) {
    unsigned const t = static_cast<unsigned>(std::countr_zero(m));
    if (threads_[t].waits_on == id) blocked_ &= ~bit(t);
  }
}

// Called by a thread's destructor call: everybody's last access must happen before it.
inline void Engine::destroyed(Object& o, std::uint32_t id) {
  if (o.dead) dead_access(o, id, o.created);
  for (unsigned i = 0; i < thread_count_; ++i)
    if (o.last_access[i] > me().now.clock[i]) race(o, "destroyed", i, o.last_site[i], o.created);
  record(Op::destroy, id, std::memory_order_relaxed, o.is_plain ? 1 : 0, 0, o.created);
}

inline void Engine::dead_access(Object& o, std::uint32_t id, Site site) {
  std::string text;
  {
    OutsideHeap const outside;
    text = "use after destruction of ";
    text += describe(o, id);
    (text += " by ") += thread_name(current_);
    (text += " at ") += where(site);
  }
  fail(std::move(text));
}

inline void Engine::race(Object& o, char const* what, unsigned other, Site other_site, Site site) {
  std::uint32_t id = 0;
  if (o.is_plain) {
    while (&cells_[id] != &o) ++id;
  } else {
    while (&locations_[id] != &o) ++id;
  }
  std::string text;
  {
    OutsideHeap const outside;
    text = "data race on ";
    text += describe(o, id);
    ((text += ": ") += what) += " by ";
    (text += thread_name(current_)) += " at ";
    (text += where(site)) += ", not ordered after ";
    (text += thread_name(other)) += " at ";
    text += where(other_site);
  }
  fail(std::move(text));
}

inline void Engine::lifeless(void const* address, std::uint32_t generation, Site site) {
  OutsideHeap const outside;  // fail() turns the heap off anyway
  std::string text = "use of an object that does not live in this execution, by ";
  text += thread_name(current_);
  (text += " at ") += where(site);
  if (generation == 0xddddddddu) text += " (its memory was freed)";
  auto const consider = [&](Object const& o, std::uint32_t id) {
    if (o.address == address) (text += ": ") += describe(o, id);
  };
  for (std::uint32_t i = 0; i < locations_.size(); ++i) consider(locations_[i], i);
  for (std::uint32_t i = 0; i < cells_.size(); ++i) consider(cells_[i], i);
  fail(std::move(text));
}

inline void Engine::note_use(SiteUse const& use) {
  SiteUse& last = noted[(use.site.line() * 16 + use.site.column()) % std::size(noted)];
  if (last == use) return;
  last = use;
  if (std::find(uses->begin(), uses->end(), use) != uses->end()) return;
  OutsideHeap const outside;
  uses->push_back(use);
}

}  // namespace weft::model
