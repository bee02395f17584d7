// BasicTaskWord: a request that was accepted is seen, or makes the task end cancelled, or is annulled; the count is right; the outcome is
// there for whoever sees the task done.
#include "model/checker/model.hpp"

#include <weft/runtime/algorithms/task_word.hpp>

namespace weft::model {
namespace {

struct State {
  engine::BasicTaskWord<model_sync> word;
  model_sync::var<int> messages[2];  // what each canceller wrote before its request
  model_sync::var<int> outcome{0};
  bool accepted[2] = {};
  int delivered = 0;
  bool ended_cancelled = false;
  std::uint32_t lowered = 0;
};

void cancel(State& s, int i) {
  s.messages[i].set(i + 1);
  s.accepted[i] = s.word.cancel();
}

// The end of a task that has seen `seen`: by returning, or cancelled when a request came in between.
void end(State& s, std::uint32_t seen) {
  s.outcome.set(1);
  if (s.word.try_finish(seen)) return;
  s.ended_cancelled = true;
  s.outcome.set(2);
  s.word.finish();
}

// One request against a task that looks once, by pending() or by epoch(), and ends.
auto one_request(bool by_epoch) {
  return [by_epoch](Program& p) {
    auto& s = p.state<State>();
    p.thread("canceller", [&s] { cancel(s, 0); });
    p.thread("task", [&s, by_epoch] {
      std::uint32_t seen = 0;
      if (by_epoch ? s.word.epoch() != seen : s.word.pending(seen)) {
        require(s.messages[0].get() == 1, "the message is missing");
        ++s.delivered;
        seen = 1;
      }
      end(s, seen);
    });
    p.check([&s] {
      require(s.accepted[0] == (s.delivered == 1 || s.ended_cancelled), "a request was lost or made up");
      require(s.delivered == 0 || !s.ended_cancelled, "one request had two effects");
      require(s.word.cancelling() == (s.accepted[0] ? 1u : 0u), "the count");
      require(s.word.done(), "not done");
    });
  };
}

// The cheap check at an await, followed by the full one only when the epoch has moved.
void checks_as_an_await_does(Program& p) {
  auto& s = p.state<State>();
  p.thread("canceller", [&s] { cancel(s, 0); });
  p.thread("task", [&s] {
    std::uint32_t seen = 0;
    for (int await = 0; await < 2; ++await)
      if (s.word.changed_since(seen) && s.word.pending(seen)) {
        require(s.messages[0].get() == 1, "the message is missing");
        seen = s.word.epoch();
        ++s.delivered;
      }
    end(s, seen);
  });
  p.check([&s] {
    require(s.accepted[0] == (s.delivered == 1 || s.ended_cancelled), "a request was lost or made up");
    require(s.delivered <= 1, "delivered twice");
  });
}

// The check at a gather: what differs is looked at closely, and whatever is pending shows as a difference.
void checks_as_a_gather_does(Program& p) {
  auto& s = p.state<State>();
  p.thread("canceller", [&s] { cancel(s, 0); });
  p.thread("task", [&s] {
    std::uint32_t seen = 0;
    for (int child = 0; child < 2; ++child) {
      std::uint64_t const mark = std::uint64_t{engine::BasicTaskWord<model_sync>::quiet_half} << 32 | seen;
      if (!s.word.undisturbed(mark) && s.word.pending(seen)) {
        require(s.messages[0].get() == 1, "the message is missing");
        seen = s.word.epoch();
        ++s.delivered;
      }
    }
    end(s, seen);
  });
  p.check([&s] {
    require(s.accepted[0] == (s.delivered == 1 || s.ended_cancelled), "a request was lost or made up");
    require(s.delivered <= 1, "delivered twice");
    require(!s.word.undisturbed(std::uint64_t{engine::BasicTaskWord<model_sync>::quiet_half} << 32), "done, and nothing shows");
  });
}

// Two requests, and a task that takes one back when it sees any, as a timeout block does.
void two_requests_and_an_uncancel(Program& p) {
  auto& s = p.state<State>();
  for (int i = 0; i < 2; ++i) p.thread("canceller", [&s, i] { cancel(s, i); });
  p.thread("task", [&s] {
    std::uint32_t seen = 0;
    if (s.word.cancelling() != 0) {
      s.word.uncancel();
      s.lowered = 1;
    }
    if (s.word.pending(seen)) {
      seen = s.word.epoch();
      ++s.delivered;
    }
    end(s, seen);
  });
  p.check([&s] {
    std::uint32_t const accepted = (s.accepted[0] ? 1u : 0u) + (s.accepted[1] ? 1u : 0u);
    require(s.word.cancelling() == accepted - s.lowered, "the count");
    if (accepted == 0) require(s.delivered == 0 && !s.ended_cancelled, "an effect without a request");
    // What was annulled is void; any request beyond the one taken back must have shown.
    if (accepted > s.lowered) require(s.delivered != 0 || s.ended_cancelled, "a request was lost");
  });
}

// A request from an outer scope passes through without counting; annul() voids it, and the next one clears that.
void annulled_between_two_requests(Program& p) {
  auto& s = p.state<State>();
  p.thread("outer", [&s] { s.accepted[0] = s.word.cancel(false); });
  p.thread("task", [&s] {
    bool const saw = s.word.pending(0);
    s.word.annul();
    bool const after = s.word.pending(0);
    if (saw) require(!after, "pending in spite of annul()");
    s.delivered = after ? 1 : 0;
    if (!s.word.try_finish(0)) {
      s.ended_cancelled = true;
      s.word.finish();
    }
  });
  p.check([&s] {
    require(s.word.cancelling() == 0, "counted");
    if (s.delivered == 1) require(s.ended_cancelled, "a pending request was dropped at the end");
    if (!s.accepted[0]) require(!s.ended_cancelled, "an effect without a request");
  });
}

// Uncancel in one block of the task while another thread asks: neither is lost.
void uncancel_against_cancel(Program& p) {
  auto& s = p.state<State>();
  require(s.word.cancel(), "cancel");
  p.thread("canceller", [&s] { s.accepted[1] = s.word.cancel(); });
  p.thread("block", [&s] { s.lowered = s.word.uncancel(); });
  p.check([&s] {
    require(s.accepted[1], "refused");
    require(s.word.cancelling() == 1, "the count");
    require(s.word.epoch() == 2, "the epoch");
    require(s.word.pending(1), "the second request was annulled with the first");
  });
}

// Whoever sees the task done sees its outcome, whichever way it ended.
void outcome_behind_done(Program& p) {
  auto& s = p.state<State>();
  p.thread("canceller", [&s] { cancel(s, 0); });
  p.thread("task", [&s] { end(s, 0); });
  p.thread("observer", [&s] {
    if (s.word.done()) require(s.outcome.get() == (s.ended_cancelled ? 2 : 1), "done without its outcome");
  });
}

std::vector<Case> const& cases() {
  static std::vector<Case> const all{
      {{.name = "task word, one request, pending()", .preemptions = unbounded}, one_request(false)},
      {{.name = "task word, one request, epoch()", .preemptions = unbounded}, one_request(true)},
      {{.name = "task word, checks as an await does", .preemptions = unbounded}, checks_as_an_await_does},
      {{.name = "task word, checks as a gather does", .preemptions = unbounded}, checks_as_a_gather_does},
      {{.name = "task word, two requests and an uncancel"}, two_requests_and_an_uncancel},
      {{.name = "task word, annul()", .preemptions = unbounded}, annulled_between_two_requests},
      {{.name = "task word, uncancel against cancel", .preemptions = unbounded}, uncancel_against_cancel},
      {{.name = "task word, outcome behind done()"}, outcome_behind_done},
  };
  return all;
}

TEST(TaskWordModel, NoRequestIsLostAndTheOutcomeIsThere) {
  for (Case const& c : cases()) expect_holds(c.options, c.program);
}

TEST(TaskWordModel, EveryWeakerOrderIsCaught) {
  expect_mutants_caught("task word", {"algorithms/task_word.hpp"}, cases());
}

}  // namespace
}  // namespace weft::model
