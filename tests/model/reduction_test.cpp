// The checker's reduction (engine.hpp) against the plain search: on random small programs both must give the same set of outcomes at every
// preemption bound, and the reduced one must be the smaller search.
#include "model/checker/model.hpp"

#include <set>

namespace weft::model {
namespace {

enum class Kind { load, store, add, exchange, cas, fence, locked, wait, wake };
struct Step {
  Kind kind;
  unsigned word;
  std::memory_order order;
  std::uint32_t operand;
};
using Script = std::vector<std::vector<Step>>;  // the steps of each thread
using Outcome = std::vector<std::uint32_t>;     // what each step saw, then the final values

// splitmix64: the same programs on every machine.
struct Random {
  std::uint64_t state;
  std::uint64_t operator()() {
    std::uint64_t z = state += 0x9e3779b97f4a7c15;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
  }
  unsigned below(unsigned n) { return static_cast<unsigned>((*this)() % n); }
};

Step random_step(Random& random, std::uint32_t operand) {
  static constexpr std::memory_order loads[] = {std::memory_order_relaxed, std::memory_order_acquire, std::memory_order_seq_cst};
  static constexpr std::memory_order stores[] = {std::memory_order_relaxed, std::memory_order_release, std::memory_order_seq_cst};
  static constexpr std::memory_order updates[] = {std::memory_order_relaxed, std::memory_order_acquire, std::memory_order_release,
                                                  std::memory_order_acq_rel, std::memory_order_seq_cst};
  static constexpr Kind kinds[] = {Kind::load, Kind::load, Kind::load,  Kind::store,  Kind::store,
                                   Kind::add,  Kind::cas,  Kind::fence, Kind::locked, Kind::exchange,
                                   Kind::wait, Kind::wake};
  Kind const kind = kinds[random.below(12)];
  std::memory_order const order = kind == Kind::load    ? loads[random.below(3)]
                                  : kind == Kind::store ? stores[random.below(3)]
                                                        : updates[random.below(5)];
  return Step{kind, random.below(2), order, operand};
}

Script random_script(std::uint64_t seed) {
  Random random{seed};
  Script script(2 + random.below(2));
  unsigned const steps = script.size() == 2 ? 4 : 3;
  std::uint32_t operand = 1;
  for (auto& thread : script)
    for (unsigned i = 0; i < steps; ++i) thread.push_back(random_step(random, operand++));
  return script;
}

struct Words {
  model_sync::atomic<std::uint32_t> word[2];
  Mutex mutex;
  Outcome seen;
};

std::uint32_t perform(Words& w, Step const& step) {
  auto& word = w.word[step.word];
  switch (step.kind) {
    case Kind::load: return word.load(step.order);
    case Kind::store: word.store(step.operand, step.order); return 0;
    case Kind::add: return word.fetch_add(step.operand, step.order);
    case Kind::exchange: return word.exchange(step.operand, step.order);
    case Kind::fence: model_sync::fence_full(); return 0;
    case Kind::cas: {
      std::uint32_t expected = 0;
      auto const failure = step.order == std::memory_order_seq_cst ? step.order : std::memory_order_relaxed;
      return word.compare_exchange_strong(expected, step.operand, step.order, failure) ? 1000 : expected;
    }
    case Kind::wait: return model_sync::futex_wait_for(word, 0, std::chrono::seconds(1)) ? 1 : 2;
    case Kind::wake: model_sync::futex_wake(word, 1); return 0;
    case Kind::locked: {
      w.mutex.lock();
      std::uint32_t const seen = word.load(std::memory_order_relaxed);
      w.mutex.unlock();
      return seen;
    }
  }
  return 0;
}

struct Search {
  std::set<Outcome> outcomes;
  std::uint64_t executions = 0;
};

Search search(Script const& script, unsigned bound, bool reduce) {
  Search found;
  Result const r = explore({.name = "random program", .preemptions = bound, .timeouts_rescue = true, .reduce = reduce}, [&](Program& p) {
    auto& w = p.state<Words>();
    std::size_t total = 0;
    for (auto const& thread : script) total += thread.size();
    w.seen.assign(total + 2, 0);
    std::size_t at = 0;
    for (auto const& thread : script) {
      p.thread([&w, &thread, at] {
        for (std::size_t i = 0; i < thread.size(); ++i) w.seen[at + i] = perform(w, thread[i]);
      });
      at += thread.size();
    }
    p.check([&w, &found, total] {
      w.seen[total] = w.word[0].load(std::memory_order_relaxed);
      w.seen[total + 1] = w.word[1].load(std::memory_order_relaxed);
      found.outcomes.insert(w.seen);
    });
  });
  EXPECT_TRUE(r.ok) << r.error;
  found.executions = r.executions + r.pruned;
  return found;
}

TEST(Reduction, LosesNoOutcomeAtAnyBound) {
  std::uint64_t plain_total = 0, reduced_total = 0, outcomes = 0;
  for (std::uint64_t seed = 1; seed <= 400; ++seed) {
    Script const script = random_script(seed);
    for (unsigned const bound : {0u, 1u, 2u, 3u}) {
      Search const plain = search(script, bound, false), reduced = search(script, bound, true);
      ASSERT_EQ(plain.outcomes, reduced.outcomes) << "seed " << seed << ", bound " << bound;
      plain_total += plain.executions;
      reduced_total += reduced.executions;
      outcomes += plain.outcomes.size();
    }
  }
  EXPECT_LT(reduced_total, plain_total);
  std::printf("[model] reduction: %llu executions instead of %llu, the same %llu outcomes\n",
              static_cast<unsigned long long>(reduced_total), static_cast<unsigned long long>(plain_total),
              static_cast<unsigned long long>(outcomes));
}

}  // namespace
}  // namespace weft::model
