// The engine: one execution of a program, as a sequence of choices.
//
// Threads are fibers. Before each visible operation (an access to an atomic, a fence, a futex call) the running thread asks whether
// another one should go first; a load asks which of the visible stores it returns. Each question with more than one answer is a
// choice; the list of choices determines the execution, and the explorer (explore.hpp) walks the tree of these lists. Plain
// variables are no scheduling points: an order that the program does not enforce is reported as a data race, whichever way it went.
//
// Memory is C++20's, seen operationally:
//   - a load may return any store not older than what the thread already knows of that location (coherence, happens-before);
//   - an acquire load obtains the view that the store carries; a release store carries its thread's view; a relaxed one that of the
//     last release fence; a read-modify-write continues the release sequence that it reads from, a plain store never does;
//   - seq_cst operations are totally ordered by execution: they share a global view. A fence adds what its thread has seen and obtains
//     all of it; an access adds its own store or the one that it saw, and a load sees at least what is there for its location;
//   - read-modify-writes read the last store.
// Not explored, because modification order and the order S are the order of execution: load buffering (a load that sees a store that
// its own later store causes), stores that overtake in modification order (the weak outcome of 2+2W), and the outcomes that need S to
// contradict happens-before where seq_cst and weaker accesses of one location mix. An order must never be weakened on this
// checker's word when only such an outcome would forbid it.
//
// A thread in pause() or yield() declares that it waits for another one: it is not scheduled until a value has changed or a
// thread has ended or blocked for good, and its next look from the same line does not return an outdated value again.
//
// One reduction. A thread that was preempted before an operation is not scheduled until another one has done something that conflicts
// with that operation: otherwise the thread could as well have done it before it was preempted, and that execution, with no more
// preemptions, is explored too. (So what one thread of a program writes to a variable that is not modelled, another one may read only
// where the algorithm's own operations order the two.) tests/model/reduction_test.cpp compares it with the plain search. Random mode goes without.
//
// Errors: a failed require(), a data race, use before construction happens-before, use after destruction, destruction while
// another thread's access is not ordered before it, deadlock (a lost wake-up is one), livelock, leak, double free, uncaught
// exception, abort() and, outside of AddressSanitizer, a segmentation fault. A failing execution is left where it stands.
#pragma once

#include <algorithm>
#include <atomic>
#include <bit>
#include <cstdint>
#include <exception>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "model/checker/fiber.hpp"
#include "model/checker/heap.hpp"
#include "model/checker/memory.hpp"
#include "model/checker/options.hpp"

namespace weft::model {

inline bool acquires(std::memory_order o) noexcept {
  return o == std::memory_order_acquire || o == std::memory_order_acq_rel || o == std::memory_order_seq_cst ||
         o == std::memory_order_consume;
}
inline bool releases(std::memory_order o) noexcept {
  return o == std::memory_order_release || o == std::memory_order_acq_rel || o == std::memory_order_seq_cst;
}

enum class Op : std::uint8_t {
  load, store, rmw, cas_ok, cas_failed, fence, wait, woken, wake, yield, lock, unlock, read, write, destroy, finish
};

// One line of a trace.
struct Event {
  std::uint8_t thread;
  Op op;
  bool stale;
  std::memory_order order;
  std::uint32_t object;
  std::uint64_t value, before;
  Site site;
};

// One access as the algorithm wrote it; what mutants are made of.
struct SiteUse {
  enum class Kind : std::uint8_t { load, store, rmw, cas, fence, wake };
  Site site;
  Kind kind;
  std::memory_order order, failure;
  bool operator==(SiteUse const& o) const noexcept {
    return site.line() == o.site.line() && site.column() == o.site.column() && kind == o.kind && order == o.order && failure == o.failure &&
           (site.file_name() == o.site.file_name() || std::string_view(site.file_name()) == o.site.file_name());
  }
};

struct Choice {
  std::uint16_t taken, of;
};

// What an operation touches, to tell whether it matters which of two comes first.
struct Touch {
  std::uint32_t object;  // Engine::none for a fence
  bool writes;
  bool seq_cst;
  bool conflicts(Touch const& o) const noexcept {
    if (seq_cst && o.seq_cst && (object == o.object || object == ~0u || o.object == ~0u)) return true;
    return object == o.object && (writes || o.writes);
  }
};

class Program;

// A reference to the function that builds a program: anything that can be called with a Program&.
class Maker {
 public:
  template <class F>
    requires(!std::is_same_v<std::remove_cvref_t<F>, Maker>)
  Maker(F&& make) {  // NOLINT: meant to convert
    if constexpr (std::is_function_v<std::remove_reference_t<F>>) {
      function_ = reinterpret_cast<void (*)()>(&make);
      call_ = [](Maker const& m, Program& p) { (*reinterpret_cast<std::remove_reference_t<F>*>(m.function_))(p); };
    } else {
      object_ = const_cast<void*>(static_cast<void const*>(&make));
      call_ = [](Maker const& m, Program& p) { (*static_cast<std::remove_reference_t<F>*>(m.object_))(p); };
    }
  }
  void operator()(Program& p) const { call_(*this, p); }

 private:
  void* object_ = nullptr;
  void (*function_)() = nullptr;
  void (*call_)(Maker const&, Program&) = nullptr;
};

class Engine {
 public:
  static constexpr std::uint32_t none = ~0u;

  // ---- objects
  std::uint32_t add_atomic(void const* address, std::uint64_t value, Site site) {
    Location& l = locations_.push(objects_);
    begin_life(l, address, site);
    Store& s = l.history.push(bump_);
    s.value = value;
    s.by = static_cast<std::uint8_t>(current_);
    return locations_.size() - 1;
  }
  std::uint32_t add_plain(void const* address, Site site) {
    Cell& c = cells_.push(objects_);
    begin_life(c, address, site);
    c.is_plain = true;
    c.written_by = c.created_by;
    c.write_clock = c.created_clock;
    c.write_site = site;
    return cells_.size() - 1;
  }
  void remove_atomic(std::uint32_t id, std::uint32_t generation) {
    if (generation != generation_) return;
    Location& l = locations_[id];
    if (current_ != root) destroyed(l, id);
    l.dead = true;
  }
  void remove_plain(std::uint32_t id, std::uint32_t generation) {
    if (generation != generation_) return;
    Cell& c = cells_[id];
    if (current_ != root) {
      if (c.write_clock > seen_clock(c.written_by)) race(c, "destroyed", c.written_by, c.write_site, c.created);
      destroyed(c, id);
    }
    c.dead = true;
  }
  std::uint32_t generation() const noexcept { return generation_; }
  void name(void const* address, char const* text) {
    for (std::uint32_t i = 0; i < locations_.size(); ++i)
      if (locations_[i].address == address) locations_[i].name = text;
    for (std::uint32_t i = 0; i < cells_.size(); ++i)
      if (cells_[i].address == address) cells_[i].name = text;
  }

  // ---- operations on memory
  std::uint64_t load(std::uint32_t id, std::memory_order order, Site site);
  void store(std::uint32_t id, std::uint64_t value, std::memory_order order, Site site);
  template <class F>
  std::uint64_t rmw(std::uint32_t id, std::memory_order order, Site site, F f) {
    note(SiteUse::Kind::rmw, site, order);
    order = mutate(order, site);
    point({id, true, order == std::memory_order_seq_cst});
    Location& l = access(id, site);
    std::uint64_t const old = read(l, id, l.history.size() - 1, order);
    std::uint64_t const now = f(old);
    append(l, id, now, order, true);
    record(Op::rmw, id, order, now, old, site);
    return old;
  }
  bool cas(std::uint32_t id, std::uint64_t& expected, std::uint64_t desired, std::memory_order success,
           std::memory_order failure, bool weak, Site site);
  void fence(Site site);
  void plain_access(std::uint32_t id, bool write, Site site);

  // ---- waiting
  bool futex_wait(std::uint32_t id, std::uint64_t expected, bool timed, Site site);
  void futex_wake(std::uint32_t id, int count, Site site);
  void yield(Site site);
  void mutex_lock(std::uint32_t id, Site site);
  void mutex_unlock(std::uint32_t id, Site site);

  [[noreturn, gnu::cold]] void fail(std::string message);
  [[noreturn, gnu::cold]] void lifeless(void const* address, std::uint32_t generation, Site site);
  bool alive(std::uint32_t id, std::uint32_t generation) const noexcept {
    return generation == generation_ && id < locations_.size();
  }
  bool alive_plain(std::uint32_t id, std::uint32_t generation) const noexcept {
    return generation == generation_ && id < cells_.size();
  }
  bool inside() const noexcept { return inside_; }
  unsigned current() const noexcept { return current_; }

  // ---- one execution (explore.hpp)
  using Body = void (*)(void*);
  Options const* options = nullptr;
  std::vector<Choice> path;
  bool recording = false;
  std::vector<Event> events;
  std::vector<SiteUse>* uses = nullptr;
  SiteUse noted[256] = {};  // of which some are here, by their places: most accesses are the same ones again
  std::string error;
  bool pruned = false;

  void run_once(Maker const& make, std::uint64_t random_seed);
  bool next_path() {
    while (!path.empty() && path.back().taken + 1 == path.back().of) path.pop_back();
    if (path.empty()) return false;
    ++path.back().taken;
    return true;
  }
  unsigned steps() const noexcept { return steps_; }
  unsigned thread_count() const noexcept { return thread_count_; }
  char const* thread_name(unsigned t) const { return t == root ? "main" : threads_[t].name; }
  Location const& location(std::uint32_t id) const { return locations_[id]; }
  Cell const& cell(std::uint32_t id) const { return cells_[id]; }
  std::string describe(Object const& o, std::uint32_t id) const;
  static std::string where(Site site);
  bool random() const noexcept { return options->pct_runs != 0; }

 private:
  friend class Program;

  struct Thread {
    Fiber fiber;
    Body body = nullptr;
    void* argument = nullptr;
    char const* name = "";
    bool dirty = true;  // its fiber does not stand at the top of its loop
    bool fresh = false;  // it was just chosen: its next operation is no scheduling point
    bool timed_out = false;
    Touch next{};  // of a preempted thread: the operation before which it stands
    View now, acquirable, released;  // what it knows; what an acquire fence would add; what a release fence covered
    std::uint32_t period = 0;        // count of its yields
    std::uint32_t waits_on = none;
    Site wait_site{};
    std::uint64_t priority = 0;
    // Fairness between threads that yield (Musuvathi and Qadeer, PLDI 2008): not scheduled while one of `behind` can run.
    unsigned behind = 0, seen_running = 0, enabled_since = 0;
  };

  static constexpr unsigned bit(unsigned t) noexcept { return 1u << t; }
  Thread& me() noexcept { return threads_[current_]; }
  std::uint32_t seen_clock(unsigned by) noexcept { return by == root ? 0 : me().now.clock[by]; }

  void begin_life(Object& o, void const* address, Site site) {
    o.address = address;
    o.created = site;
    o.created_by = static_cast<std::uint8_t>(current_);
    if (current_ != root) o.created_clock = me().now.clock[current_];
  }

  Location& access(std::uint32_t id, Site site) {
    Location& l = locations_[id];
    if (l.dead) [[unlikely]] dead_access(l, id, site);
    if (current_ != root) {
      if (l.created_clock > seen_clock(l.created_by)) [[unlikely]] race(l, "used", l.created_by, l.created, site);
      l.last_access[current_] = me().now.clock[current_];
      l.last_site[current_] = site;
    }
    return l;
  }

  // ---- choices and scheduling (schedule.hpp)
  std::uint32_t choose(std::uint32_t of, std::uint32_t suggestion);
  std::uint32_t choose_value(std::uint32_t of);
  std::uint64_t draw() noexcept {
    rng_ += 0x9e3779b97f4a7c15;
    std::uint64_t z = rng_;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
  }
  // Before each visible operation.
  void point(Touch touch) {
    if (current_ == root) return;
    if (++steps_ > options->max_steps) [[unlikely]]
      fail("step limit: an endless loop, or a wait without pause() or yield()");
    Thread& t = me();
    if (t.fresh) t.fresh = false;
    else maybe_switch(touch);
    conflict(touch);
  }
  // Wakes the preempted threads to whose next operation this one makes a difference.
  void conflict(Touch touch) noexcept {
    for (unsigned m = asleep_; m != 0; m &= m - 1) {
      unsigned const other = static_cast<unsigned>(std::countr_zero(m));
      if (threads_[other].next.conflicts(touch)) asleep_ &= ~bit(other);
    }
  }
  void maybe_switch(Touch touch);
  [[noreturn]] void prune();
  void leave();
  unsigned eligible() noexcept;
  void go(unsigned next);
  unsigned pick(unsigned mask, bool self_first);
  void change_priority();
  void progress() noexcept {
    yielded_ = 0;
    idle_rounds_ = 0;
  }
  void start_threads();
  void switch_to(unsigned next);
  static void thread_main(void* self);
  static void root_main(void* self);

  // ---- memory (operations.hpp)
  std::uint32_t lowest_visible(Location& l, std::uint32_t id, std::memory_order order, Site site);
  void note_stale(Location& l, std::uint32_t index, Site site);
  std::uint64_t read(Location& l, std::uint32_t id, std::uint32_t index, std::memory_order order);
  void append(Location& l, std::uint32_t id, std::uint64_t value, std::memory_order order, bool is_rmw);
  void destroyed(Object& o, std::uint32_t id);
  [[noreturn, gnu::cold]] void dead_access(Object& o, std::uint32_t id, Site site);
  [[noreturn, gnu::cold]] void race(Object& o, char const* what, unsigned other, Site other_site, Site site);

  bool mutated(Mutation::Kind kind, Site site) const noexcept {
    Mutation const* const m = options->mutation;
    return m != nullptr && m->kind == kind && m->line == site.line() && m->column == site.column() &&
           m->file == site.file_name();
  }
  std::memory_order mutate(std::memory_order order, Site site, Mutation::Kind kind = Mutation::Kind::order) const noexcept {
    return mutated(kind, site) ? options->mutation->order : order;
  }
  void note(SiteUse::Kind kind, Site site, std::memory_order order, std::memory_order failure = std::memory_order_relaxed) {
    if (uses != nullptr) [[unlikely]] note_use(SiteUse{site, kind, order, failure});
  }
  void note_use(SiteUse const& use);
  void record(Op op, std::uint32_t object, std::memory_order order, std::uint64_t value, std::uint64_t before, Site site,
              bool stale = false) {
    if (recording) [[unlikely]] {
      OutsideHeap const outside;
      events.push_back(Event{static_cast<std::uint8_t>(current_), op, stale, order, object, value, before, site});
    }
  }

  Thread threads_[max_threads + 1];
  Fiber native_;
  Bump bump_;
  Bump objects_;  // of these two, which keep their room from one execution to the next
  BumpVector<Location> locations_;
  BumpVector<Cell> cells_;
  View sc_;
  std::uint32_t generation_ = 0;
  unsigned thread_count_ = 0;
  unsigned current_ = root;
  bool inside_ = false;
  std::size_t position_ = 0;
  unsigned steps_ = 0;
  unsigned preemptions_ = 0;
  unsigned outdated_ = 0, spurious_cas_ = 0, spurious_wakes_ = 0, timeouts_ = 0;
  unsigned idle_rounds_ = 0;
  unsigned alive_ = 0, blocked_ = 0, timed_ = 0, yielded_ = 0, asleep_ = 0;  // sets of threads
  std::uint64_t rng_ = 1;
  std::vector<unsigned> change_points_;
  std::uint64_t lowest_priority_ = 0;
  unsigned expected_steps_ = 64;
  Maker const* make_ = nullptr;
};

// The engine of the exploration that runs, if any.
inline Engine* active_engine = nullptr;
inline Engine& engine() noexcept { return *active_engine; }

}  // namespace weft::model
