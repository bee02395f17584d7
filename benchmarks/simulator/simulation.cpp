// See simulation.hpp. One event per worker is outstanding at any time: when it is done with what it does.
#include "simulation.hpp"

#include <algorithm>
#include <deque>
#include <numeric>
#include <queue>
#include <random>
#include <stdexcept>

namespace sim {

namespace {

constexpr std::uint32_t none = ~std::uint32_t{0};

struct Node {
  Task task{};
  std::uint32_t parent = none;
  std::uint32_t left = 0;   // children that have not ended, and one for the body
  std::uint32_t home = 0;   // who ran the body
  std::uint32_t root = 0;   // number of the request
};

struct Worker {
  enum class State { running, searching, parked, waking };
  State state = State::parked;
  std::deque<std::uint32_t> tasks{};
  std::uint32_t current = none;
  double deque_free = 0;    // when the deque's line is free for the next thief
  double since = 0;         // the start of the present state
  unsigned start = 0, stride = 1, probes = 0, round = 0;
};

struct Event {
  double time;
  std::uint64_t order;
  unsigned worker;          // == number of workers: a request arrives
  bool operator>(Event const& other) const { return time != other.time ? time > other.time : order > other.order; }
};

class Simulation {
 public:
  Simulation(Workload const& workload, unsigned workers, Policy const& policy, Costs const& costs)
      : workload_(workload), policy_(policy), costs_(costs), workers_(workers), parked_(), most_searchers_(std::max(1U, workers * policy.searchers_percent / 100)) {
    for (unsigned w = 0; w < workers; ++w) parked_.push_back(w);
    outcome_.latencies.resize(workload.roots.size());
  }

  Outcome run() {
    if (policy_.waking == Waking::never_sleep) {
      parked_.clear();
      for (unsigned w = 0; w < workers_.size(); ++w) begin_search(w, 0);
    }
    at(workload_.arrivals[0], arrival());
    while (ended_ < workload_.roots.size()) {
      if (events_.empty()) throw std::logic_error("everybody sleeps, and there is work");
      Event const event = events_.top();
      events_.pop();
      if (event.worker == arrival()) arrive(event.time);
      else step(event.worker, event.time);
    }
    return outcome_;
  }

 private:
  unsigned arrival() const { return unsigned(workers_.size()); }
  void at(double time, unsigned worker) { events_.push({time, order_++, worker}); }

  // A read-modify-write of the idle word; gives the time at which it is done.
  double change_word(double now) {
    ++outcome_.word_changes;
    word_free_ = std::max(now, word_free_) + costs_.word;
    return word_free_;
  }

  void arrive(double now) {
    std::uint32_t const node = make(workload_.roots[next_root_], none, next_root_);
    injector_.push_back(node);
    if (++next_root_ < workload_.roots.size()) at(workload_.arrivals[next_root_], arrival());
    (void)publish(now);
  }

  // Work is visible. Gives the time at which the publisher goes on.
  double publish(double now) {
    switch (policy_.waking) {
      case Waking::chain:
      case Waking::last_always:
      case Waking::more_left:
      case Waking::producers:
        if (searching_ == 0) return wake(now);
        if (parked_.empty() || missed_ || policy_.waking != Waking::chain) return now;
        missed_ = true;
        return change_word(now);
      case Waking::each_push:
        return wake(now);
      case Waking::all:
        if (searching_ != 0) return now;
        while (!parked_.empty()) now = wake(now);
        return now;
      case Waking::never_sleep:
        return now;
    }
    return now;
  }

  double wake(double now) {
    if (parked_.empty()) return now;
    unsigned const w = parked_.back();
    parked_.pop_back();
    ++searching_;
    ++outcome_.wake_ups;
    now = change_word(now) + costs_.wake_call;
    workers_[w].state = Worker::State::waking;
    at(now + costs_.wake_latency, w);
    return now;
  }

  std::uint32_t make(Task const& task, std::uint32_t parent, std::uint32_t root) {
    std::uint32_t index;
    if (free_.empty()) {
      index = std::uint32_t(nodes_.size());
      nodes_.emplace_back();
    } else {
      index = free_.back();
      free_.pop_back();
    }
    nodes_[index] = {task, parent, 0, 0, root};
    return index;
  }

  void start(unsigned w, std::uint32_t node, double now) {
    Worker& worker = workers_[w];
    worker.state = Worker::State::running;
    worker.current = node;
    worker.since = now;
    children_.clear();
    double const body = workload_.expand(nodes_[node].task, children_);
    double end = now + body + costs_.spawn * double(children_.size());
    nodes_[node].left = std::uint32_t(children_.size()) + 1;
    nodes_[node].home = w;
    // The first child is on top, as in a gather.
    for (std::size_t i = children_.size(); i-- > 0;) worker.tasks.push_back(make(children_[i], node, nodes_[node].root));
    // One child is run at once; only more than one is something to steal.
    if (children_.size() > 1) {
      std::size_t const pushes = policy_.waking == Waking::each_push ? children_.size() - 1 : 1;
      for (std::size_t i = 0; i < pushes; ++i) end = publish(end);
    }
    at(end, w);
  }

  // The body of the worker's task is done; when all children are as well, so is the task, and perhaps its parent.
  double finish(unsigned w, double now) {
    std::uint32_t node = workers_[w].current;
    while (--nodes_[node].left == 0) {
      ++outcome_.tasks;
      std::uint32_t const parent = nodes_[node].parent;
      if (parent == none) {
        std::uint32_t const root = nodes_[node].root;
        outcome_.latencies[root] = now - workload_.arrivals[root];
        outcome_.time = std::max(outcome_.time, now);
        ++ended_;
      }
      free_.push_back(node);
      if (parent == none) break;
      now += nodes_[parent].home == w ? costs_.join : costs_.remote_join;
      node = parent;
    }
    return now;
  }

  void step(unsigned w, double now) {
    Worker& worker = workers_[w];
    switch (worker.state) {
      case Worker::State::running: {
        now = finish(w, now);
        outcome_.busy += now - worker.since;
        if (!worker.tasks.empty()) {
          std::uint32_t const node = worker.tasks.back();
          worker.tasks.pop_back();
          return start(w, node, now);
        }
        if (policy_.waking != Waking::never_sleep) {
          if (searching_ >= most_searchers_) return park(w, now);
          ++searching_;
          now = change_word(now);
        }
        return begin_search(w, now);
      }
      case Worker::State::waking:
        return begin_search(w, now);
      case Worker::State::searching:
        return probe(w, now);
      case Worker::State::parked:
        return;
    }
  }

  void begin_search(unsigned w, double now) {
    Worker& worker = workers_[w];
    worker.state = Worker::State::searching;
    worker.since = now;
    worker.probes = worker.round = 0;
    choose_order(worker);
    at(now + costs_.probe, w);
  }

  void choose_order(Worker& worker) {
    unsigned const count = unsigned(workers_.size());
    worker.start = unsigned(random_() % count);
    worker.stride = 1;
    if (policy_.victims == Victims::stride) {
      do worker.stride = 1 + unsigned(random_() % count);
      while (std::gcd(worker.stride, count) != 1);
    }
  }

  void probe(unsigned w, double now) {
    Worker& worker = workers_[w];
    if (worker.probes == 0 && !injector_.empty()) {
      std::uint32_t const node = injector_.front();
      injector_.pop_front();
      return found(w, node, now + costs_.steal, !injector_.empty());
    }
    unsigned const count = unsigned(workers_.size());
    unsigned const victim = policy_.victims == Victims::random ? unsigned(random_() % count) : (worker.start + worker.probes * worker.stride) % count;
    if (victim != w && !workers_[victim].tasks.empty()) return steal(w, victim, now);
    bool const asleep = workers_[victim].state == Worker::State::parked || workers_[victim].state == Worker::State::waking;
    if (++worker.probes < count) return at(now + (asleep ? costs_.probe_parked : costs_.probe), w);
    worker.probes = 0;
    choose_order(worker);
    if (policy_.waking == Waking::never_sleep || ++worker.round < unsigned(costs_.rounds)) return at(now + costs_.pause, w);
    outcome_.searching += now - worker.since;
    --searching_;
    park(w, now);
  }

  void steal(unsigned w, unsigned victim, double now) {
    Worker& from = workers_[victim];
    now = std::max(now, from.deque_free) + costs_.steal;
    from.deque_free = now;
    ++outcome_.steals;
    std::size_t const amount = policy_.amount == Amount::one ? 1 : (from.tasks.size() + 1) / 2;
    std::uint32_t const node = from.tasks.front();
    from.tasks.pop_front();
    for (std::size_t i = 1; i < amount; ++i) {
      workers_[w].tasks.push_front(from.tasks.front());
      from.tasks.pop_front();
      now += costs_.spawn;
    }
    found(w, node, now, !from.tasks.empty());
  }

  void found(unsigned w, std::uint32_t node, double now, bool more) {
    outcome_.searching += now - workers_[w].since;
    if (policy_.waking != Waking::never_sleep) {
      now = change_word(now);
      bool const last = --searching_ == 0;
      if (wakes_the_next(last, more)) now = wake(now);
    }
    start(w, node, now);
  }

  bool wakes_the_next(bool last, bool more) {
    switch (policy_.waking) {
      case Waking::chain:
        return last && (missed_ || more);
      case Waking::last_always:
        return last;
      case Waking::more_left:
        return last || (more && searching_ < most_searchers_);
      default:
        return false;
    }
  }

  void park(unsigned w, double now) {
    // The look at everything after the announcement: nobody sleeps while there is work.
    now = change_word(now) + costs_.park;
    missed_ = false;
    bool const visible = !injector_.empty() || std::any_of(workers_.begin(), workers_.end(), [](Worker const& other) { return !other.tasks.empty(); });
    if (visible) {
      ++searching_;
      missed_ = !parked_.empty();
      return begin_search(w, change_word(now));
    }
    workers_[w].state = Worker::State::parked;
    parked_.push_back(w);
  }

  Workload const& workload_;
  Policy const& policy_;
  Costs const& costs_;
  std::vector<Worker> workers_;
  std::vector<unsigned> parked_;
  unsigned most_searchers_, searching_ = 0;
  // A producer has relied on a searcher, and nobody has looked at everything since.
  bool missed_ = false;
  double word_free_ = 0;
  std::deque<std::uint32_t> injector_{};
  std::vector<Node> nodes_{};
  std::vector<std::uint32_t> free_{};
  std::vector<Task> children_{};
  std::priority_queue<Event, std::vector<Event>, std::greater<>> events_{};
  std::uint64_t order_ = 0;
  std::uint32_t next_root_ = 0;
  std::size_t ended_ = 0;
  std::mt19937 random_{1};
  Outcome outcome_{};
};

}  // namespace

Outcome simulate(Workload const& workload, unsigned workers, Policy const& policy, Costs const& costs) {
  return Simulation(workload, workers, policy, costs).run();
}

}  // namespace sim
