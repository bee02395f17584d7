// ContextVar: what a task inherits, what it shares, and who may use a token.
#include "support.hpp"

#include <memory>
#include <optional>
#include <thread>

namespace weft_test {
namespace {

using weft::ContextVar;
using weft::Token;

class Context : public AtWorkers {};

weft::ContextVar<int> number_var("number_var");
weft::ContextVar<std::string> word_var("word_var", "default");

TEST_P(Context, AVariableHasItsDefaultItsFallbackOrAnError) {
  run([]() -> Coro<> {
    EXPECT_EQ(word_var.get(), "default");
    EXPECT_EQ(word_var.get("fallback"), "fallback");
    EXPECT_EQ(number_var.get(7), 7);
    EXPECT_EQ(outcome_of_call([] { (void)number_var.get(); }), "RuntimeError");
    number_var.set(1);
    EXPECT_EQ(number_var.get(), 1);
    EXPECT_EQ(number_var.get(7), 1);
    EXPECT_EQ(number_var.name(), "number_var");
    co_return;
  });
}

TEST_P(Context, ATaskStartsWithACopyOfItsCreatorsContext) {
  run([]() -> Coro<> {
    number_var.set(1);
    Task<int> task = weft::create_task([]() -> Coro<int> {
      int const inherited = number_var.get();
      number_var.set(10);
      co_await weft::sleep(1ms);
      EXPECT_EQ(number_var.get(), 10);
      co_return inherited;
    });
    number_var.set(2);
    int const inherited = co_await task;
    EXPECT_EQ(inherited, 1);
    EXPECT_EQ(number_var.get(), 2);
  });
}

TEST_P(Context, TasksOfTasksInheritWhatTheirMakersHaveSet) {
  run([]() -> Coro<> {
    number_var.set(1);
    Task<void> outer = weft::create_task([]() -> Coro<> {
      number_var.set(2);
      word_var.set("outer");
      Task<void> inner = weft::create_task([]() -> Coro<> {
        co_await weft::yield_now();
        EXPECT_EQ(number_var.get(), 2);
        EXPECT_EQ(word_var.get(), "outer");
      });
      word_var.set("later");
      co_await inner;
    });
    co_await outer;
    EXPECT_EQ(number_var.get(), 1);
    EXPECT_EQ(word_var.get(), "default");
  });
}

Coro<> set_number(int value, bool suspend) {
  if (suspend) co_await weft::sleep(1ms);
  number_var.set(value);
  if (suspend) co_await weft::sleep(1ms);
  EXPECT_EQ(number_var.get(), value);
}

TEST_P(Context, AwaitedCoroutinesAndBlocksShareTheContext) {
  run([]() -> Coro<> {
    co_await set_number(1, false);
    EXPECT_EQ(number_var.get(), 1);
    co_await set_number(2, true);
    EXPECT_EQ(number_var.get(), 2);
    co_await weft::wait_for(set_number(3, true), 1s);
    EXPECT_EQ(number_var.get(), 3);
    co_await weft::timeout(1s, [](weft::Timeout&) { return set_number(4, true); });
    EXPECT_EQ(number_var.get(), 4);
    co_await weft::task_group([](weft::TaskGroup& tg) -> Coro<> {
      tg.start_soon(set_number(-1, true));
      co_await set_number(5, true);
    });
    EXPECT_EQ(number_var.get(), 5);
    co_await weft::shielded(set_number(6, true));
    EXPECT_EQ(number_var.get(), 6);
  });
}

Coro<int> set_and_count(int value, bool suspend) {
  int const inherited = number_var.get();
  number_var.set(value);
  if (suspend) co_await weft::sleep(std::chrono::milliseconds(value));
  EXPECT_EQ(number_var.get(), value);
  co_return inherited;
}

TEST_P(Context, EachPartOfAGatherHasACopy) {
  for (bool const suspend : {false, true}) {
    run([suspend]() -> Coro<> {
      number_var.set(1);
      auto [a, b, c] = co_await weft::gather(set_and_count(2, suspend), set_and_count(3, false), set_and_count(4, suspend));
      EXPECT_EQ(a, 1);
      EXPECT_EQ(b, 1);
      EXPECT_EQ(c, 1);
      EXPECT_EQ(number_var.get(), 1);
      std::vector<Coro<int>> many;
      for (int i = 0; i < 50; ++i) many.push_back(set_and_count(i + 2, suspend && i % 3 == 0));
      std::vector<int> const inherited = co_await weft::gather(std::move(many));
      EXPECT_EQ(inherited, std::vector<int>(50, 1));
      EXPECT_EQ(number_var.get(), 1);
    });
  }
}

// A tree of gathers in which every node sets a variable before it forks.
Coro<int> context_tree(int depth, int expected) {
  EXPECT_EQ(number_var.get(), expected);
  if (depth == 0) {
    if (expected % 5 == 0) co_await weft::yield_now();
    EXPECT_EQ(number_var.get(), expected);
    co_return 1;
  }
  number_var.set(2 * expected);
  auto [a, b] = co_await weft::gather(context_tree(depth - 1, 2 * expected), context_tree(depth - 1, 2 * expected));
  EXPECT_EQ(number_var.get(), 2 * expected);
  number_var.set(2 * expected + 1);
  int const c = co_await context_tree(depth - 1, 2 * expected + 1);
  co_return a + b + c;
}

TEST_P(Context, HoldsInATreeOfGathersThatIsStolenAndSuspends) {
  int const leaves = run([]() -> Coro<int> {
    number_var.set(1);
    co_return co_await context_tree(7, 1);
  });
  EXPECT_EQ(leaves, 3 * 3 * 3 * 3 * 3 * 3 * 3);
}

TEST_P(Context, IsKeptThroughDeepRecursion) {
  run([]() -> Coro<> {
    struct Deep {
      static Coro<int> down(int depth) {
        if (depth % 1000 == 0) number_var.set(depth);
        if (depth == 0) co_return number_var.get();
        auto [below] = co_await weft::gather(down(depth - 1));
        EXPECT_EQ(number_var.get(), (depth + 999) / 1000 * 1000);
        co_return below;
      }
    };
    number_var.set(30'000);
    int const bottom = co_await Deep::down(29'999);
    EXPECT_EQ(bottom, 0);
    EXPECT_EQ(number_var.get(), 30'000);
  });
}

TEST_P(Context, IsCopiedIntoAThread) {
  run([]() -> Coro<> {
    number_var.set(1);
    int const seen = co_await weft::to_thread([] {
      int const inherited = number_var.get();
      number_var.set(2);
      EXPECT_EQ(number_var.get(), 2);
      return inherited;
    });
    EXPECT_EQ(seen, 1);
    EXPECT_EQ(number_var.get(), 1);
    int const again = co_await weft::to_thread([] { return number_var.get(); });
    EXPECT_EQ(again, 1);
  });
}

TEST_P(Context, OfACallbackIsThatOfItsRegistration) {
  Log log;
  run([&]() -> Coro<> {
    number_var.set(1);
    Task<int> task = weft::create_task(set_and_count(9, true));
    task.add_done_callback([&](Task<int> const&) {
      log.add(std::to_string(number_var.get()));
      number_var.set(77);
    });
    number_var.set(2);
    task.add_done_callback([&](Task<int> const&) { log.add(std::to_string(number_var.get())); });
    number_var.set(3);
    co_await task;
    co_await weft::sleep(1ms);
    task.add_done_callback([&](Task<int> const&) { log.add(std::to_string(number_var.get())); });
    co_await weft::sleep(1ms);
    EXPECT_EQ(number_var.get(), 3);
  });
  EXPECT_EQ(log.text(), "1 2 3");
}

TEST_P(Context, OfWhatForeignThreadsMakeIsEmpty) {
  weft::Runtime runtime(options());
  std::thread([&] {
    number_var.set(5);
    auto const ask = []() -> Coro<int> { co_return number_var.get(0); };
    EXPECT_EQ(runtime.submit(ask).get(), 0);
    EXPECT_EQ(runtime.create_task(ask).get(), 0);
    std::promise<int> seen;
    runtime.call_soon_threadsafe([&] { seen.set_value(number_var.get(0)); });
    EXPECT_EQ(seen.get_future().get(), 0);
    EXPECT_EQ(number_var.get(), 5);
  }).join();
}

TEST_P(Context, OfMainIsACopyOfTheCallersAndIsKeptBetweenRuns) {
  std::thread([&] {
    number_var.set(5);
    weft::Runtime runtime(options());
    std::optional<Token<int>> token;
    runtime.run([&]() -> Coro<> {
      EXPECT_EQ(number_var.get(), 5);
      token = number_var.set(6);
      co_await weft::sleep(1ms);
    });
    EXPECT_EQ(number_var.get(), 5);
    runtime.run([&]() -> Coro<> {
      EXPECT_EQ(number_var.get(), 6);
      number_var.reset(*token);
      EXPECT_EQ(number_var.get(), 5);
      co_return;
    });
    runtime.run([&]() -> Coro<> {
      EXPECT_EQ(number_var.get(), 5);
      co_return;
    });
    weft::Runtime fresh(options());
    number_var.set(8);
    fresh.run([]() -> Coro<> {
      EXPECT_EQ(number_var.get(), 8);
      co_return;
    });
  }).join();
}

TEST_P(Context, ThreadsHaveTheirOwn) {
  EXPECT_EQ(number_var.get(0), 0);
  std::thread([] {
    Token<int> const token = number_var.set(1);
    EXPECT_EQ(number_var.get(0), 1);
    number_var.reset(token);
    EXPECT_EQ(number_var.get(0), 0);
  }).join();
  EXPECT_EQ(number_var.get(0), 0);
}

TEST_P(Context, ATokenTakesAValueBackOnce) {
  run([]() -> Coro<> {
    Token<int> const first = number_var.set(1);
    Token<int> const second = number_var.set(2);
    Token<int> const copy = second;
    EXPECT_EQ(first.old_value(), std::nullopt);
    EXPECT_EQ(second.old_value(), 1);
    number_var.reset(second);
    EXPECT_EQ(number_var.get(), 1);
    EXPECT_EQ(outcome_of_call([&] { number_var.reset(copy); }), "RuntimeError");
    co_await weft::sleep(1ms);
    number_var.reset(first);
    EXPECT_EQ(number_var.get(0), 0);
    EXPECT_EQ(outcome_of_call([] { (void)number_var.get(); }), "RuntimeError");
  });
}

TEST_P(Context, ATokenIsOfOneVariableAndOneContext) {
  run([]() -> Coro<> {
    ContextVar<int> other("other");
    Token<int> const token = number_var.set(1);
    EXPECT_EQ(outcome_of_call([&] { other.reset(token); }), "ValueError");
    EXPECT_EQ(outcome_of_call([] { number_var.reset({}); }), "ValueError");
    auto const use_it = [&token]() -> Coro<> {
      EXPECT_EQ(outcome_of_call([&] { number_var.reset(token); }), "ValueError");
      number_var.set(3);
      EXPECT_EQ(outcome_of_call([&] { number_var.reset(token); }), "ValueError");
      co_return;
    };
    co_await weft::create_task(use_it);
    co_await weft::gather(use_it(), use_it());
    co_await weft::to_thread([&] { EXPECT_EQ(outcome_of_call([&] { number_var.reset(token); }), "ValueError"); });
    EXPECT_EQ(number_var.get(), 1);
    number_var.reset(token);
    EXPECT_EQ(number_var.get(0), 0);
  });
}

TEST_P(Context, ValuesLiveAsLongAsSomebodyCanSeeThem) {
  std::atomic<int> live{0};
  {
    ContextVar<std::shared_ptr<Live>> held("held");
    weft::Runtime runtime(options());
    runtime.run([&]() -> Coro<> {
      Token<std::shared_ptr<Live>> token = held.set(std::make_shared<Live>(live));
      co_await weft::gather(weft::sleep(1ms), [](auto* var, std::atomic<int>* count) -> Coro<> {
        var->set(std::make_shared<Live>(*count));
        EXPECT_EQ(count->load(), 2);
        co_await weft::sleep(2ms);
      }(&held, &live));
      EXPECT_EQ(live.load(), 1);
      Task<void> task = weft::create_task([&]() -> Coro<> {
        co_await weft::sleep(1ms);
        held.set(nullptr);
        co_await weft::sleep(1ms);
      });
      held.reset(token);
      token = {};
      EXPECT_EQ(live.load(), 1);
      co_await task;
      EXPECT_EQ(live.load(), 0);
      held.set(std::make_shared<Live>(live));
    });
    EXPECT_EQ(live.load(), 1) << "main's context is kept";
  }
  EXPECT_EQ(live.load(), 0);
}

TEST_P(Context, OfACancelledTaskGoesWithIt) {
  std::atomic<int> live{0};
  ContextVar<std::shared_ptr<Live>> held("held");
  run([&]() -> Coro<> {
    Token<std::shared_ptr<Live>> const token = held.set(std::make_shared<Live>(live));
    Task<void> asleep = weft::create_task([&]() -> Coro<> {
      held.set(std::make_shared<Live>(live));
      co_await weft::gather(weft::sleep(1h), weft::sleep(1h));
    });
    co_await weft::sleep(1ms);
    Task<void> unstarted = weft::create_task([]() -> Coro<> { co_return; });
    unstarted.cancel();
    asleep.cancel();
    std::string const first = co_await outcome(asleep);
    std::string const second = co_await outcome(unstarted);
    EXPECT_EQ(first, "CancelledError");
    EXPECT_EQ(second, GetParam() == 1 ? "CancelledError" : second);
    held.reset(token);
  });
  EXPECT_EQ(live.load(), 0);
}

TEST_P(Context, ManyVariablesKeepApart) {
  run([]() -> Coro<> {
    std::vector<std::unique_ptr<ContextVar<int>>> variables;
    for (int i = 0; i < 40; ++i) variables.push_back(std::make_unique<ContextVar<int>>("v", -1));
    std::vector<Token<int>> tokens;
    // In an order that is not theirs.
    for (int i = 0; i < 40; ++i) tokens.push_back(variables[static_cast<std::size_t>(i * 7 % 40)]->set(i * 7 % 40));
    for (int i = 0; i < 40; ++i) EXPECT_EQ(variables[static_cast<std::size_t>(i)]->get(), i);
    for (int i = 0; i < 40; i += 2) variables[static_cast<std::size_t>(i * 7 % 40)]->reset(tokens[static_cast<std::size_t>(i)]);
    for (int i = 0; i < 40; ++i) EXPECT_EQ(variables[static_cast<std::size_t>(i * 7 % 40)]->get(), i % 2 == 0 ? -1 : i * 7 % 40);
    co_return;
  });
}

// A destructor that asks for a variable while its own value goes.
struct Curious {
  explicit Curious(Log& out) : log(&out) {}
  Curious(Curious const&) = default;
  Curious& operator=(Curious const&) = delete;
  ~Curious() { (void)number_var.get(0); }
  Log* log;
};

TEST_P(Context, ADestructorOfAValueMayAskForTheContext) {
  Log log;
  run([&]() -> Coro<> {
    ContextVar<std::shared_ptr<Curious>> curious("curious");
    number_var.set(1);
    co_await weft::create_task([&]() -> Coro<> {
      curious.set(std::make_shared<Curious>(log));
      curious.set(std::make_shared<Curious>(log));
      co_await weft::gather([](auto* var, Log* out) -> Coro<> {
        var->set(std::make_shared<Curious>(*out));
        co_return;
      }(&curious, &log), weft::yield_now());
    });
  });
}

WEFT_TEST_AT_1_2_8_WORKERS(Context);

}  // namespace
}  // namespace weft_test
