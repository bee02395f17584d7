// IdleSet: no wake-up is lost (a lost one is a deadlock here), whoever relies on a searcher is served, wake-ups and cancellations of a
// park agree, and exactly one worker is the last to park.
#include "model/checker/model.hpp"

#include <chrono>
#include <vector>

#include <weft/runtime/algorithms/idle_set.hpp>

namespace weft::model {
namespace {

using engine::Parked;
using std::memory_order_acq_rel;
using std::memory_order_acquire;
using std::memory_order_relaxed;
using std::memory_order_release;

// Items are a number; the worker loop is the protocol of the file head.
struct Shop {
  explicit Shop(unsigned workers, int items) : idle(workers), left(items) {}

  engine::IdleSet<model_sync> idle;
  model_sync::atomic<int> available{0};
  model_sync::atomic<int> left;
  model_sync::atomic<std::uint32_t> stop{0};

  bool take() {
    int n = available.load(memory_order_relaxed);
    while (n > 0) {
      if (available.compare_exchange_strong(n, n - 1, memory_order_acquire, memory_order_relaxed)) return true;
    }
    return false;
  }
  void done() {
    if (left.fetch_sub(1, memory_order_acq_rel) != 1) return;
    stop.store(1, memory_order_release);
    idle.notify_all();
  }
  void work(unsigned w) {
    for (;;) {
      bool got = take();
      if (!got && (idle.is_searching(w) || idle.try_start_search(w))) got = take();
      if (got) {
        if (idle.stop_search(w)) idle.notify_one();
        done();
        continue;
      }
      if (stop.load(memory_order_acquire) != 0) {
        (void)idle.stop_search(w);
        return;
      }
      park_until_something(w);
    }
  }
  void park_until_something(unsigned w) {
    (void)idle.prepare_park(w);
    look_and_sleep(w);
  }
  void look_and_sleep(unsigned w) {
    if (available.load(memory_order_relaxed) > 0 || stop.load(memory_order_relaxed) != 0) {
      if (!idle.cancel_park(w)) (void)idle.try_start_search(w);
      idle.notify_one();
    } else {
      idle.commit_park(w);
    }
  }
  void produce_here() {
    available.fetch_add(1, memory_order_release);
    idle.notify_one();
  }
  void produce_from_outside() {
    available.fetch_add(1, memory_order_release);
    idle.notify_one_from_foreign_thread();
  }
};

void one_parker(Program& p) {
  auto& s = p.state<Shop>(1u, 1);
  p.thread("worker", [&s] { s.work(0); });
  p.thread("producer", [&s] { s.produce_here(); });
}

void one_parker_foreign(Program& p) {
  auto& s = p.state<Shop>(1u, 2);
  p.thread("worker", [&s] { s.work(0); });
  p.thread("producer", [&s] {
    for (int i = 0; i < 2; ++i) s.produce_from_outside();
  });
}

// A worker goes home with its first item. It was counted as searching since its wake-up, so the producer may have kept silent about
// the second item: the worker wakes the other one. Both have announced themselves before.
void two_parkers(Program& p) {
  auto& s = p.state<Shop>(2u, 2);
  for (unsigned w = 0; w < 2; ++w) {
    (void)s.idle.prepare_park(w);
    p.thread("worker", [&s, w] {
      s.look_and_sleep(w);
      while (!s.take()) s.park_until_something(w);
      if (s.idle.stop_search(w)) s.idle.notify_one();
    });
  }
  p.thread("producer", [&s] {
    for (int i = 0; i < 2; ++i) s.produce_here();
  });
}

// A searcher has found an item that ends only when the producer's item has run, and the producer may have seen the searcher and kept silent.
void searcher_wakes_the_next(Program& p) {
  struct Pair : Shop {
    Pair() : Shop(2, 1) {}
    model_sync::atomic<std::uint32_t> second_ran{0};
  };
  auto& s = p.state<Pair>();
  (void)s.idle.try_start_search(0);
  (void)s.idle.prepare_park(1);
  p.thread("searcher", [&s] {
    if (s.idle.stop_search(0)) s.idle.notify_one();
    while (s.second_ran.load(memory_order_relaxed) == 0) model_sync::futex_wait(s.second_ran, 0);
  });
  p.thread("worker", [&s] {
    s.look_and_sleep(1);
    while (!s.take()) s.park_until_something(1);
    s.second_ran.store(1, memory_order_relaxed);
    model_sync::futex_wake(s.second_ran, 1);
  });
  p.thread("producer", [&s] { s.produce_here(); });
}

// Two items are published silently, behind one mark, and neither ends before both have been taken: who is woken for the mark wakes the next.
void one_mark_for_two_items(Program& p) {
  struct Trio : Shop {
    Trio() : Shop(3, 2) {}
    model_sync::atomic<std::uint32_t> ran{0};
  };
  auto& s = p.state<Trio>();
  (void)s.idle.try_start_search(0);
  for (unsigned w = 1; w < 3; ++w) (void)s.idle.prepare_park(w);
  p.thread("searcher", [&s] {
    for (int i = 0; i < 2; ++i) s.produce_here();
    if (s.idle.stop_search(0)) s.idle.notify_one();
    for (std::uint32_t n = s.ran.load(memory_order_relaxed); n != 2; n = s.ran.load(memory_order_relaxed)) model_sync::futex_wait(s.ran, n);
  });
  for (unsigned w = 1; w < 3; ++w) {
    p.thread("worker", [&s, w] {
      s.look_and_sleep(w);
      while (!s.take()) s.park_until_something(w);
      if (s.idle.stop_search(w)) s.idle.notify_one();
      s.ran.fetch_add(1, memory_order_relaxed);
      model_sync::futex_wake(s.ran, 1);
      for (std::uint32_t n = s.ran.load(memory_order_relaxed); n != 2; n = s.ran.load(memory_order_relaxed)) model_sync::futex_wait(s.ran, n);
      model_sync::futex_wake(s.ran, 3);
    });
  }
}

// Of two workers one may search.
void bounded_search(Program& p) {
  struct State {
    engine::IdleSet<model_sync> idle{2};
    int searching = 0;
  };
  auto& s = p.state<State>();
  for (unsigned w = 0; w < 2; ++w) {
    p.thread("worker", [&s, w] {
      if (!s.idle.try_start_search(w)) return;
      require(++s.searching == 1, "two of two search");
      require(s.idle.any_idle(), "the searcher is not counted");
      --s.searching;
      require(!s.idle.stop_search(w), "nobody has relied on it");
    });
  }
  p.check([&s] { require(!s.idle.any_idle(), "somebody is counted as idle"); });
}

// A flag for one certain worker, and wake().
void wake_one_worker(Program& p) {
  struct State {
    engine::IdleSet<model_sync> idle{2};
    model_sync::atomic<int> flag{0};
    model_sync::var<int> message{0};
  };
  auto& s = p.state<State>();
  p.thread("worker", [&s] {
    while (s.flag.load(memory_order_acquire) == 0) {
      (void)s.idle.prepare_park(0);
      if (s.flag.load(memory_order_relaxed) != 0) (void)s.idle.cancel_park(0);
      else s.idle.commit_park(0);
      (void)s.idle.stop_search(0);
    }
    require(s.message.get() == 1, "the message is missing");
  });
  p.thread("waker", [&s] {
    s.message.set(1);
    s.flag.store(1, memory_order_release);
    (void)s.idle.wake(0);
  });
  p.check([&s] { require(!s.idle.any_idle(), "somebody is counted as idle"); });
}

// What a waker has written is visible to the woken worker by the wake-up alone.
void wake_carries(Program& p) {
  struct State {
    engine::IdleSet<model_sync> idle{1};
    model_sync::var<int> message{0};
  };
  auto& s = p.state<State>();
  p.thread("worker", [&s] {
    (void)s.idle.prepare_park(0);
    s.idle.commit_park(0);
    require(s.idle.is_searching(0) && s.message.get() == 1, "woken without the message");
  });
  p.thread("waker", [&s] {
    s.message.set(1);
    while (!s.idle.wake(0)) model_sync::yield();
  });
}

void cancel_against_wake(Program& p) {
  struct State {
    engine::IdleSet<model_sync> idle{2};
    bool cancelled_late = false, woke[2] = {false, false};
  };
  auto& s = p.state<State>();
  p.thread("worker", [&s] {
    (void)s.idle.prepare_park(0);
    s.cancelled_late = s.idle.cancel_park(0);
    require(s.idle.is_searching(0) == s.cancelled_late, "searching without a wake-up, or the reverse");
  });
  for (int i = 0; i < 2; ++i) p.thread("waker", [&s, i] { s.woke[i] = s.idle.wake(0); });
  p.check([&s] {
    require(!(s.woke[0] && s.woke[1]), "woken twice");
    require((s.woke[0] || s.woke[1]) == s.cancelled_late, "a wake-up was lost");
    require(s.idle.parked_count() == 0 && s.idle.searching_count() == (s.cancelled_late ? 1u : 0u), "wrong counts");
  });
}

void timeout_against_wake(Program& p) {
  struct State {
    engine::IdleSet<model_sync> idle{2};
    Parked how{};
    bool woke = false;
  };
  auto& s = p.state<State>();
  p.thread("worker", [&s] {
    (void)s.idle.prepare_park(0);
    s.how = s.idle.commit_park(0, std::chrono::nanoseconds(1));
    require(s.idle.is_searching(0) == (s.how == Parked::woken), "searching without a wake-up, or the reverse");
  });
  p.thread("waker", [&s] { s.woke = s.idle.wake(0); });
  p.check([&s] {
    require(s.woke == (s.how == Parked::woken), "a wake-up was lost");
    require(s.idle.parked_count() == 0, "wrong counts");
  });
}

// Three on the list, which leave it in every order; then it is whole: the last to come is the first to be woken.
void list_of_parked(Program& p) {
  auto& idle = p.state<engine::IdleSet<model_sync>>(3u);
  for (unsigned w = 0; w < 3; ++w) {
    p.thread("worker", [&idle, w] {
      (void)idle.prepare_park(w);
      require(!idle.cancel_park(w), "nobody woke it");
    });
  }
  p.check([&idle] {
    require(!idle.any_idle(), "somebody is counted as idle");
    for (unsigned w = 0; w < 3; ++w) require(idle.prepare_park(w).last == (w == 2), "the last is not the last");
    for (unsigned w = 3; w-- > 0;) {
      idle.notify_one();
      require(idle.is_searching(w), "the list is not whole");
      idle.commit_park(w);
      require(idle.searching_count() == 1, "somebody else searches");
      require(!idle.stop_search(w), "nobody has relied on it");
    }
  });
}

// Two producers at once and two sleepers: the first wakes one, who counts as searching from then on, so the second wakes nobody.
void one_wake_up_for_two_notifications(Program& p) {
  auto& idle = p.state<engine::IdleSet<model_sync>>(2u);
  for (unsigned w = 0; w < 2; ++w) {
    (void)idle.prepare_park(w);
    p.thread("producer", [&idle] { idle.notify_one(); });
  }
  p.check([&idle] { require(idle.parked_count() == 1 && idle.searching_count() == 1, "not exactly one was woken"); });
}

// The clock is plain memory: two workers that both are the last would race for it, none would be a deadlock. Worker 0 may go away once
// between its announcement and its sleep, and work; the last one has looked after that.
void last_to_park(Program& p, bool one_comes_back) {
  struct State {
    engine::IdleSet<model_sync> idle{2};
    model_sync::var<int> clock{0};
    model_sync::atomic<int> moved{0};
    model_sync::atomic<int> worked{0};
    int really_worked = 0;
  };
  auto& s = p.state<State>();
  for (unsigned w = 0; w < 2; ++w) {
    p.thread("worker", [&s, w, one_comes_back] {
      if (one_comes_back && w == 0) {
        (void)s.idle.prepare_park(w);
        if (s.idle.cancel_park(w)) (void)s.idle.stop_search(w);
        if (s.moved.load(memory_order_relaxed) == 0) {
          s.worked.store(1, memory_order_relaxed);
          s.really_worked = 1;
        }
      }
      bool const last = s.idle.prepare_park(w).last;
      int const seen = s.worked.load(memory_order_relaxed);
      if (s.moved.load(memory_order_acquire) != 0) {
        (void)s.idle.cancel_park(w);
      } else if (last && s.idle.try_leave_as_last(w)) {
        require(seen == s.really_worked, "somebody has worked since the last one looked");
        s.clock.set(s.clock.get() + 1);
        s.moved.store(1, memory_order_release);
        s.idle.notify_all();
        return;
      } else {
        s.idle.commit_park(w);
      }
      require(s.clock.get() == 1, "awake before the clock moved");
    });
  }
  p.check([&s] { require(s.clock.get() == 1, "nobody was the last, or two were"); });
}

// Work that its producer would take itself, and other work, for two workers, who go home with one item each: who relied on the lookout is served although that
// one leaves with something else.
struct Lookout : Shop {
  Lookout() : Shop(2, 2) {}
  model_sync::atomic<int> lone{0};

  bool take_any() {
    int one = 1;
    return take() || lone.compare_exchange_strong(one, 0, memory_order_acquire, memory_order_relaxed);
  }
  void produce_lone() {
    lone.store(1, memory_order_release);
    if (idle.would_notify() && !idle.has_lookout()) idle.notify_one();
  }
  // Announced already. The lookout leaves the lone item alone at its first look, and stays announced; it is one only once.
  void serve(unsigned w, bool lookout) {
    for (;;) {
      bool const there = available.load(memory_order_relaxed) > 0 || (lone.load(memory_order_relaxed) > 0 && !idle.has_lookout());
      if (!there && lookout) {
        (void)idle.doze(w, std::chrono::nanoseconds(1));
      } else if (!there) {
        idle.commit_park(w);
      }
      if (there || lookout) {
        if (!idle.cancel_park(w)) (void)idle.try_start_search(w);
        idle.notify_one();
      }
      if (take_any()) break;
      lookout = idle.prepare_park(w).lookout;
    }
    if (idle.stop_search(w)) idle.notify_one();
  }
};

void lookout_leaves(Program& p) {
  auto& s = p.state<Lookout>();
  // The last to announce itself is the first to be woken.
  (void)s.idle.prepare_park(1);
  require(s.idle.prepare_park(0, true).lookout, "no lookout");
  s.produce_lone();
  for (unsigned w = 0; w < 2; ++w) p.thread("worker", [&s, w] { s.serve(w, w == 0); });
  p.thread("producer", [&s] { s.produce_here(); });
}

// One that parks leaves the work to the lookout, which is leaving at that moment.
void parker_relies_on_lookout(Program& p) {
  auto& s = p.state<Lookout>();
  require(s.idle.prepare_park(0, true).lookout, "no lookout");
  s.produce_lone();
  p.thread("lookout", [&s] { s.serve(0, true); });
  p.thread("worker", [&s] {
    (void)s.idle.prepare_park(1);
    s.serve(1, false);
  });
  p.thread("producer", [&s] { s.produce_here(); });
}

std::vector<Case> const& cases() {
  static std::vector<Case> const all{
      {{.name = "idle set, bounded search"}, bounded_search},
      {{.name = "idle set, one parker"}, one_parker},
      {{.name = "idle set, one parker, foreign producer"}, one_parker_foreign},
      {{.name = "idle set, wake of one worker"}, wake_one_worker},
      {{.name = "idle set, wake carries"}, wake_carries},
      {{.name = "idle set, cancel against wake"}, cancel_against_wake},
      {{.name = "idle set, timeout against wake"}, timeout_against_wake},
      {{.name = "idle set, last to park"}, [](Program& p) { last_to_park(p, false); }},
      {{.name = "idle set, last to park, one comes back"}, [](Program& p) { last_to_park(p, true); }},
      {{.name = "idle set, one wake-up for two notifications"}, one_wake_up_for_two_notifications},
      {{.name = "idle set, list of parked"}, list_of_parked},
      {{.name = "idle set, searcher wakes the next"}, searcher_wakes_the_next},
      {{.name = "idle set, one mark for two items", .preemptions = 1}, one_mark_for_two_items},
      {{.name = "idle set, the lookout leaves", .preemptions = 1}, lookout_leaves},
      {{.name = "idle set, a parker relies on the lookout", .preemptions = 1}, parker_relies_on_lookout},
      // Holds at bound 3, too, in 12.8 million executions.
      {{.name = "idle set, two parkers", .preemptions = 2}, two_parkers},
  };
  return all;
}

// One test: the programs take most of a minute, and the mutants begin with them.
TEST(IdleSetModel, NoWakeUpIsLostAndEveryWeakerOrderIsCaught) { expect_mutants_caught("idle set", {"algorithms/idle_set.hpp"}, cases()); }

}  // namespace
}  // namespace weft::model
