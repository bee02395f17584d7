// The engine's scheduling: which thread goes next, fibers, the life of one execution.
#pragma once

#include "model/checker/engine.hpp"
#include "model/checker/program.hpp"

namespace weft::model {

inline std::uint32_t Engine::choose(std::uint32_t of, std::uint32_t suggestion) {
  if (of <= 1) return 0;
  if (position_ < path.size()) {
    Choice& c = path[position_++];
    if (c.of == 0) c.of = static_cast<std::uint16_t>(of);  // from a replay string
    if (c.of != of || c.taken >= of)
      fail("the choices do not fit: the program is not deterministic, or the replay string is another program's");
    return c.taken;
  }
  if (path.size() == path.capacity()) {
    OutsideHeap const outside;
    path.reserve(path.capacity() * 2 + 64);
  }
  path.push_back(Choice{static_cast<std::uint16_t>(suggestion), static_cast<std::uint16_t>(of)});
  ++position_;
  return suggestion;
}

// A choice that is not about threads: the first answer is the ordinary one, and in random mode half of the answers.
inline std::uint32_t Engine::choose_value(std::uint32_t of) {
  if (!random()) return choose(of, 0);
  std::uint64_t const r = draw();
  return choose(of, (r & 1) != 0 ? 0 : static_cast<std::uint32_t>((r >> 1) % of));
}

// Takes one of the set, by priority in random mode; the lowest number first otherwise.
inline unsigned Engine::pick(unsigned mask, bool self_first) {
  unsigned order[max_threads];
  unsigned n = 0;
  if (self_first) order[n++] = current_;
  for (unsigned m = mask & ~(self_first ? bit(current_) : 0u); m != 0; m &= m - 1)
    order[n++] = static_cast<unsigned>(std::countr_zero(m));
  std::uint32_t best = 0;
  if (random())
    for (std::uint32_t i = 1; i < n; ++i)
      if (threads_[order[i]].priority > threads_[order[best]].priority) best = i;
  return order[choose(n, best)];
}

// Who may be chosen now: not blocked, not in a yield, not asleep (by the reduction), not behind (by fairness) a thread that can run.
inline unsigned Engine::eligible() noexcept {
  unsigned const enabled = alive_ & ~blocked_ & ~yielded_;
  unsigned result = 0;
  for (unsigned m = enabled & ~asleep_; m != 0; m &= m - 1) {
    unsigned const t = static_cast<unsigned>(std::countr_zero(m));
    if ((threads_[t].behind & enabled) == 0) result |= bit(t);
  }
  // A wait that may time out can go on at any moment.
  if (timeouts_ < options->timeouts) result |= timed_;
  return result;
}

inline void Engine::change_priority() {
  for (unsigned const at : change_points_)
    if (at == steps_) me().priority = --lowest_priority_;
}

// Before a visible operation of a thread that can go on.
inline void Engine::maybe_switch(Touch touch) {
  if (random()) change_priority();
  if (!random() && preemptions_ >= options->preemptions) return;
  unsigned const others = eligible() & ~bit(current_);
  if (others == 0) return;
  unsigned const next = pick(others, true);
  if (next == current_) return;
  ++preemptions_;
  if (options->reduce && !random()) {
    me().next = touch;
    asleep_ |= bit(current_);
  }
  go(next);
  me().fresh = false;  // chosen again: the operation follows at once
}

// The running thread stops: it blocks, yields or has ended. Returns when it is chosen again.
inline void Engine::leave() {
  unsigned candidates = eligible();
  if (candidates == 0 && asleep_ != 0) prune();
  if (candidates == 0 && yielded_ != 0) {
    // Everybody who could run waits for somebody else. They look once more, since outdated values may have been the reason.
    if (++idle_rounds_ > 4 * max_threads) fail("livelock: every thread that can run waits in pause() or yield()");
    yielded_ = 0;
    candidates = eligible();
  }
  if (candidates == 0 && options->timeouts_rescue) candidates = timed_;
  if (candidates == 0) {
    if (alive_ != 0) {
      std::string text;
      {
        OutsideHeap const outside;
        text = "deadlock:";
        for (unsigned t = 0; t < thread_count_; ++t)
          if ((blocked_ & bit(t)) != 0) {
            ((text += " ") += threads_[t].name) += " sleeps on ";
            (text += describe(locations_[threads_[t].waits_on], threads_[t].waits_on)) += " at ";
            (text += where(threads_[t].wait_site)) += ";";
          }
        text += " nobody is left to wake";
      }
      fail(std::move(text));
    }
    switch_to(root);
    return;
  }
  unsigned const next = pick(candidates, false);
  if (next == current_) me().fresh = true;
  else go(next);
}

// Gives the processor to another thread and returns when this one is chosen again.
inline void Engine::go(unsigned next) {
  if ((timed_ & blocked_ & bit(next)) != 0) {
    ++timeouts_;
    timed_ &= ~bit(next);
    blocked_ &= ~bit(next);
    threads_[next].timed_out = true;
    conflict({threads_[next].waits_on, true, false});  // a wake no longer finds it
  }
  unsigned const enabled = alive_ & ~blocked_;
  for (unsigned t = 0; t < thread_count_; ++t) {
    threads_[t].behind &= ~bit(next);
    threads_[t].seen_running |= bit(next);
    threads_[t].enabled_since &= enabled;
  }
  threads_[next].fresh = true;
  switch_to(next);
}

inline void Engine::switch_to(unsigned next) {
  unsigned const self = current_;
  current_ = next;
  Fiber::swap(threads_[self].fiber, threads_[next].fiber);
}

inline void Engine::yield(Site site) {
  if (current_ == root) return;
  if (++steps_ > options->max_steps) [[unlikely]] fail("step limit: the threads keep each other from getting on");
  Thread& t = me();
  ++t.period;
  record(Op::yield, none, std::memory_order_relaxed, 0, 0, site);
  if (random()) t.priority = --lowest_priority_;
  unsigned const enabled = alive_ & ~blocked_ & ~bit(current_);
  t.behind |= t.enabled_since & enabled & ~t.seen_running;
  t.enabled_since = enabled;
  t.seen_running = 0;
  yielded_ |= bit(current_);
  leave();
  yielded_ &= ~bit(current_);
}

inline void Engine::thread_main(void* self) {
  // The engine is the static one; the argument is the thread.
  Engine& e = *active_engine;
  Thread& t = *static_cast<Thread*>(self);
  for (;;) {
    t.dirty = true;
    execution_heap.set_active(true);
    std::string uncaught;
    try {
      t.body(t.argument);
    } catch (std::exception const& x) {
      OutsideHeap const outside;
      (uncaught = "uncaught exception: ") += x.what();
    } catch (...) {
      uncaught = "uncaught exception";
    }
    if (!uncaught.empty()) e.fail(std::move(uncaught));
    e.record(Op::finish, none, std::memory_order_relaxed, 0, 0, Site{});
    e.alive_ &= ~bit(e.current_);
    e.progress();
    t.dirty = false;
    e.leave();
  }
}

inline void Engine::root_main(void* self) {
  Engine& e = *static_cast<Engine*>(self);
  for (;;) {
    e.threads_[root].dirty = true;
    Program program(e);
    execution_heap.set_active(true);
    std::string uncaught;
    try {
      (*e.make_)(program);
      e.start_threads();
      execution_heap.set_active(false);
      program.run_checks();
    } catch (std::exception const& x) {
      OutsideHeap const outside;
      (uncaught = "uncaught exception: ") += x.what();
    } catch (...) {
      uncaught = "uncaught exception";
    }
    if (!uncaught.empty()) e.fail(std::move(uncaught));
    program.destroy();
    if (execution_heap.double_free()) e.fail("double free");
    if (e.options->leak_check && execution_heap.live_blocks() != 0)
      e.fail("leak: " + std::to_string(execution_heap.live_blocks()) + " blocks, " +
             std::to_string(execution_heap.live_bytes()) + " bytes");
    e.threads_[root].dirty = false;
    Fiber::swap(e.threads_[root].fiber, e.native_);
  }
}

inline void Engine::start_threads() {
  if (thread_count_ == 0) return;
  alive_ = bit(thread_count_) - 1;
  for (unsigned i = 0; i < thread_count_; ++i) {
    Thread& t = threads_[i];
    t.now = t.acquirable = t.released = View{};
    t.now.clock[i] = 1;
    t.now.empty = false;
    // Whatever the program did before its threads happens before them.
    for (std::uint32_t l = 0; l < locations_.size(); ++l) t.now.raise(l, locations_[l].history.size() - 1, bump_);
    t.fresh = true;
    t.timed_out = false;
    t.period = 0;
    t.behind = t.seen_running = 0;
    t.enabled_since = alive_;
    t.waits_on = none;
    if (t.dirty) t.fiber.start(&Engine::thread_main, &t);
  }
  if (random()) {
    lowest_priority_ = std::uint64_t{1} << 32;
    for (unsigned i = 0; i < thread_count_; ++i) threads_[i].priority = (draw() | std::uint64_t{1} << 40) & ~(std::uint64_t{1} << 63);
    change_points_.clear();
    OutsideHeap const outside;
    for (unsigned i = 1; i < options->pct_depth; ++i)
      change_points_.push_back(1 + static_cast<unsigned>(draw() % expected_steps_));
  }
  go(pick(alive_, false));
}

inline void Engine::fail(std::string message) {
  execution_heap.set_active(false);
  // The message may lie in the execution heap, and this frame is never left: copy it and free it by hand.
  error.assign(message.data(), message.size());
  message.clear();
  message.shrink_to_fit();
  inside_ = false;
  threads_[current_].dirty = true;
  Fiber::leave_for_good(threads_[current_].fiber, native_);
}

// This execution is another one's equal.
inline void Engine::prune() {
  execution_heap.set_active(false);
  pruned = true;
  inside_ = false;
  threads_[current_].dirty = true;
  Fiber::leave_for_good(threads_[current_].fiber, native_);
}

inline void Engine::run_once(Maker const& make, std::uint64_t random_seed) {
  ++generation_;
  bump_.reset();
  locations_.clear();
  cells_.clear();
  sc_ = View{};
  execution_heap.reset();
  events.clear();
  error.clear();
  pruned = false;
  thread_count_ = 0;
  position_ = 0;
  steps_ = preemptions_ = outdated_ = spurious_cas_ = spurious_wakes_ = timeouts_ = idle_rounds_ = 0;
  alive_ = blocked_ = timed_ = yielded_ = asleep_ = 0;
  rng_ = random_seed;
  make_ = &make;
  current_ = root;
  inside_ = true;
  if (threads_[root].dirty) threads_[root].fiber.start(&Engine::root_main, this);
  Fiber::swap(native_, threads_[root].fiber);
  inside_ = false;
  if (steps_ > expected_steps_) expected_steps_ = steps_;
}

}  // namespace weft::model
