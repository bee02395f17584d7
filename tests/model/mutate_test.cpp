// The mutants themselves: on small algorithms written here, each kind of mutant is made where it belongs, the needed orders are caught, and
// orders that are stronger than need be, or that no program uses, are reported as survivors.
#include "model/checker/model.hpp"

#include <algorithm>

namespace weft::model {
namespace {

// ---- algorithms with known faults to be

template <class Sync>
class Mailbox {
 public:
  void put(int value) {
    value_.set(value);
    // ORDER(mailbox): release; pairs with the acquire in get().
    full_.store(1, std::memory_order_release);
    Sync::futex_wake(full_, 1);
  }
  int get() {
    // ORDER(mailbox): acquire; pairs with put().
    while (full_.load(std::memory_order_acquire) == 0) Sync::futex_wait(full_, 0);
    return value_.get();
  }
  // ORDER(too-strong): nobody needs it.
  std::uint32_t peek() const { return full_.load(std::memory_order_acquire); }

 private:
  typename Sync::template var<int> value_{0};
  typename Sync::template atomic<std::uint32_t> full_{0};
};

// Two threads announce themselves and look for the other; at least one sees the other.
template <class Sync>
class Meeting {
 public:
  bool first() { return meet(here_[0], here_[1]); }
  bool second() { return meet(here_[1], here_[0]); }
  bool claim() {
    std::uint32_t nobody = 0;
    // ORDER(claim): acq_rel on success, acquire on failure: the loser sees what the winner did before.
    return owner_.compare_exchange_strong(nobody, 1, std::memory_order_acq_rel, std::memory_order_acquire);
  }

 private:
  using Word = typename Sync::template atomic<std::uint32_t>;
  static bool meet(Word& mine, Word& other) {
    mine.store(1, std::memory_order_relaxed);
    Sync::fence_full();  // ORDER(meeting): between the store and the load, in both threads.
    return other.load(std::memory_order_relaxed) == 1;
  }

  Word here_[2];
  Word owner_{0};
};

template <class Sync>
class Unnamed {
 public:
  void set() { word_.store(1, std::memory_order_release); }

 private:
  typename Sync::template atomic<int> word_{0};
};

// ---- their programs

void one_letter(Program& p) {
  auto& s = p.state<Mailbox<model_sync>>();
  p.thread([&s] { s.put(7); });
  p.thread([&s] { require(s.get() == 7, "the letter"); });
}

void one_letter_and_a_peek(Program& p) {
  one_letter(p);
  auto& s = p.state<Mailbox<model_sync>>();
  p.thread([&s] { (void)s.peek(); });
}

struct Met {
  Meeting<model_sync> meeting;
  model_sync::var<int> before[2];
  bool saw[2] = {}, won[2] = {};
};

void meeting(Program& p) {
  auto& s = p.state<Met>();
  p.thread([&s] { s.saw[0] = s.meeting.first(); });
  p.thread([&s] { s.saw[1] = s.meeting.second(); });
  p.check([&s] { require(s.saw[0] || s.saw[1], "missed each other"); });
}

void claim(Program& p) {
  auto& s = p.state<Met>();
  for (int i = 0; i < 2; ++i)
    p.thread([&s, i] {
      s.before[i].set(1);
      s.won[i] = s.meeting.claim();
      if (!s.won[i]) require(s.before[1 - i].get() == 1, "what the winner did");
    });
  p.check([&s] { require(s.won[0] != s.won[1], "not one winner"); });
}

Case exhaustive(char const* name, void (*program)(Program&)) { return {{.name = name, .preemptions = unbounded}, program}; }

std::vector<std::string> changes(MutationReport const& report) {
  std::vector<std::string> list;
  for (Mutant const& m : report.mutants) list.push_back(m.order + ": " + m.change + (m.caught ? "" : " survives"));
  std::sort(list.begin(), list.end());
  return list;
}

std::vector<std::string> const here{"model/mutate_test.cpp"};

// ---- what is made and what is caught

TEST(Mutants, OrdersAreWeakenedAndWakesLeftOut) {
  MutationReport const r = mutation_report(here, {exhaustive("mailbox", one_letter)});
  EXPECT_EQ(r.error, "");
  EXPECT_EQ(changes(r), (std::vector<std::string>{"mailbox: acquire -> relaxed", "mailbox: no wake", "mailbox: release -> relaxed"}));
  EXPECT_EQ(r.caught(), 3u);
}

TEST(Mutants, AnOrderThatNobodyNeedsSurvives) {
  MutationReport const r = mutation_report(here, {exhaustive("mailbox and peek", one_letter_and_a_peek)});
  EXPECT_EQ(r.survivors(),
            std::vector<std::string>{
                "too-strong | acquire -> relaxed | std::uint32_t peek() const { return full_.load(std::memory_order_acquire); }"});
}

TEST(Mutants, FencesAreLeftOut) {
  MutationReport const r = mutation_report(here, {exhaustive("meeting", meeting)});
  EXPECT_EQ(changes(r), std::vector<std::string>{"meeting: no fence"});
}

// The success order's acquire half is one that the program cannot tell from relaxed: the winner looks at nothing.
TEST(Mutants, CompareExchangesAreSplitAndBothTheirOrdersWeakened) {
  MutationReport const r = mutation_report(here, {exhaustive("claim", claim)});
  EXPECT_EQ(changes(r), (std::vector<std::string>{"claim: acq_rel -> acquire", "claim: acq_rel -> release survives",
                                                  "claim: on failure acquire -> relaxed", "claim: split"}));
}

TEST(Mutants, ReplayedWithTheMutationTheyFailAgain) {
  MutationReport const r = mutation_report(here, {exhaustive("meeting", meeting)});
  ASSERT_EQ(r.mutants.size(), 1u);
  Options options{.name = "meeting", .mutation = &r.mutants[0].mutation};
  EXPECT_EQ(replay(options, r.mutants[0].replay, meeting).error, "missed each other");
  options.mutation = nullptr;
  EXPECT_TRUE(explore(options, meeting).ok);
}

// ---- what is no report

TEST(Mutants, AnOrderWithoutAnOrderCommentIsListed) {
  MutationReport const r = mutation_report(here, {exhaustive("unnamed", [](Program& p) {
                                             auto& s = p.state<Unnamed<model_sync>>();
                                             p.thread([&s] { s.set(); });
                                           })});
  ASSERT_EQ(r.unnamed.size(), 1u);
  EXPECT_NE(r.unnamed[0].find("word_.store(1, std::memory_order_release)"), std::string::npos) << r.unnamed[0];
}

TEST(Mutants, ProgramsThatFailUnchangedGiveNoReport) {
  MutationReport const r = mutation_report(here, {exhaustive("fails", [](Program& p) {
                                             p.thread([] { require(false, "fails anyway"); });
                                           })});
  EXPECT_NE(r.error.find("fails anyway"), std::string::npos);
  EXPECT_TRUE(r.mutants.empty());
}

TEST(Mutants, OnlyTheGivenFilesAreChanged) {
  EXPECT_TRUE(mutation_report({"algorithms/spin_lock.hpp"}, {exhaustive("mailbox", one_letter)}).mutants.empty());
}

}  // namespace
}  // namespace weft::model
