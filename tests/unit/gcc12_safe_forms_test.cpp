// The forms that g++ 12 compiles rightly where a near neighbour is compiled wrongly (README, "g++ 12"). Each test holds a
// value that counts its instances and a heap block, so that a value destroyed twice or never is seen by the count in any
// build and by AddressSanitizer as a double free.
//
// Rules: 1 no await in a condition that declares nothing; 2 no lambda with a non-trivial capture, aggregate or designated
// initialiser as a temporary in an expression with an await; 3 no awaited result with a destructor in ?:, in a braced
// initialiser or as an argument of new. And: awaiters that cannot be moved are taken.
#include "support.hpp"

#include <array>
#include <coroutine>
#include <memory>
#include <optional>

namespace weft_test {
namespace {

class Gcc12SafeForms : public AtWorkers {
 protected:
  void TearDown() override {
    EXPECT_EQ(live_.load(), 0) << "each value is destroyed exactly once";
    AtWorkers::TearDown();
  }
  std::atomic<int> live_{0};
};

// Owns a heap block: destroying it twice is a double free.
struct Owner {
  explicit Owner(std::atomic<int>& counter, int v = 0) : live(counter), value(std::make_unique<int>(v)) {}
  Owner(Owner const& other) : live(other.live), value(std::make_unique<int>(*other.value)) {}
  Owner(Owner&& other) noexcept : live(other.live), value(std::move(other.value)) {}
  Owner& operator=(Owner&&) = delete;
  Live live;
  std::unique_ptr<int> value;
};

struct Pair {
  Owner a;
  Owner b;
};

Coro<bool> ready(bool v, bool asleep) {
  if (asleep) co_await weft::sleep(1ms);
  co_return v;
}

Coro<Owner> own(std::atomic<int>* counter, int v, bool asleep) {
  if (asleep) co_await weft::sleep(1ms);
  co_return Owner(*counter, v);
}

Coro<> count_up(int* count, bool asleep) {
  if (asleep) co_await weft::sleep(1ms);
  ++*count;
}

// The condition awaits nothing, what depends on it does, without braces; the block declares nothing.
Coro<> await_behind_conditions(bool yes, int* count, bool asleep) {
  if (yes) co_await count_up(count, asleep);
  if (!yes) co_await count_up(count, asleep);
  if (!yes) co_await count_up(count, asleep);
  else co_await count_up(count, asleep);
  while (*count < 5) co_await count_up(count, asleep);
  for (; *count < 8;) co_await count_up(count, asleep);
  do co_await count_up(count, asleep);
  while (*count < 10);
}

Coro<int> return_behind_a_condition(bool yes) {
  if (yes) co_return co_await value_after(1ms, 1);
  co_return co_await value_after(1ms, 2);
}

TEST_P(Gcc12SafeForms, AwaitBehindACondition) {
  run([]() -> Coro<> {
    for (int i = 0; i < 2; ++i) {
      int count = 0;
      co_await await_behind_conditions(true, &count, i == 1);
      EXPECT_EQ(count, 10);
      int const first = co_await return_behind_a_condition(true);
      int const second = co_await return_behind_a_condition(false);
      EXPECT_EQ(first, 1);
      EXPECT_EQ(second, 2);
    }
  });
}

TEST_P(Gcc12SafeForms, AwaitNamedBeforeTheCondition) {
  run([]() -> Coro<> {
    for (int i = 0; i < 2; ++i) {
      bool const yes = co_await ready(true, i == 1);
      if (!yes) ADD_FAILURE();
      bool taken = false;
      if (bool const branch = co_await ready(true, i == 1)) taken = branch;
      EXPECT_TRUE(taken);
      int turns = 0;
      for (bool more = co_await ready(true, i == 1); more; more = co_await ready(turns < 3, i == 1)) ++turns;
      EXPECT_EQ(turns, 3);
      int chosen = 0;
      int const selector = co_await value_after(1ms, 2);
      switch (selector) {
        case 2: chosen = co_await value_after(1ms, 22); break;
        default: break;
      }
      EXPECT_EQ(chosen, 22);
    }
  });
}

TEST_P(Gcc12SafeForms, LambdaNamedAndMoved) {
  run([&]() -> Coro<> {
    for (int i = 0; i < 2; ++i) {
      bool const asleep = i == 1;
      auto body = [owner = Owner(live_, 7), asleep](weft::TaskGroup& tg) -> Coro<int> {
        tg.start_soon(value_after(1ms, 1));
        if (asleep) co_await weft::sleep(2ms);
        co_return* owner.value;
      };
      int const v = co_await weft::task_group(std::move(body));
      EXPECT_EQ(v, 7);
      auto limited = [owner = Owner(live_, 8), asleep](weft::Timeout&) -> Coro<int> {
        if (asleep) co_await weft::sleep(1ms);
        co_return* owner.value;
      };
      int const w = co_await weft::timeout(1s, limited);
      EXPECT_EQ(w, 8);
    }
  });
}

TEST_P(Gcc12SafeForms, CallableAndArgumentsInsteadOfCaptures) {
  run([&]() -> Coro<> {
    auto body = [](weft::TaskGroup&, Owner owner, std::string text) -> Coro<int> {
      co_await weft::sleep(1ms);
      co_return *owner.value + static_cast<int>(text.size());
    };
    Owner owner(live_, 5);
    int const v = co_await weft::task_group(body, owner, std::string("a long string that lives on the heap, surely"));
    EXPECT_EQ(v, 49);
    int const w = co_await weft::to_thread([](Owner o) { return *o.value; }, std::move(owner));
    EXPECT_EQ(w, 5);
  });
}

TEST_P(Gcc12SafeForms, ByReferenceCapturesAsTemporaries) {
  run([&]() -> Coro<> {
    Owner const owner(live_, 6);
    int const v = co_await weft::task_group([&](weft::TaskGroup&) -> Coro<int> {
      co_await weft::sleep(1ms);
      co_return* owner.value;
    });
    EXPECT_EQ(v, 6);
  });
}

TEST_P(Gcc12SafeForms, ClassesWithConstructorsStringsVectorsTuplesAsTemporaries) {
  run([&]() -> Coro<> {
    auto takes = [](Owner o, std::string s, std::vector<Owner> many, std::tuple<Owner, int> t) -> Coro<int> {
      co_await weft::sleep(1ms);
      co_return *o.value + static_cast<int>(s.size() + many.size()) + *std::get<0>(t).value;
    };
    int const v = co_await takes(Owner(live_, 1), std::string(50, 'x'), std::vector<Owner>(3, Owner(live_, 0)),
                                 std::tuple<Owner, int>(Owner(live_, 2), 0));
    EXPECT_EQ(v, 56);
  });
}

TEST_P(Gcc12SafeForms, AggregatesNamedAndMoved) {
  run([&]() -> Coro<> {
    auto takes = [](Pair p) -> Coro<int> {
      co_await weft::sleep(1ms);
      co_return *p.a.value + *p.b.value;
    };
    Pair pair{Owner(live_, 1), Owner(live_, 2)};
    int const v = co_await takes(std::move(pair));
    EXPECT_EQ(v, 3);
  });
}

TEST_P(Gcc12SafeForms, TaskOptionsMayBeWrittenInsideAnAwait) {
  run([]() -> Coro<> {
    std::string const name = "a name that is long enough to live on the heap";
    auto body = []() -> Coro<std::string> {
      co_await weft::sleep(1ms);
      co_return weft::current_task().name();
    };
    std::string const seen = co_await weft::create_task(body(), {.name = name});
    EXPECT_EQ(seen, name);
  });
}

TEST_P(Gcc12SafeForms, ResultsNamedBeforeTheyAreChosenBetween) {
  run([&]() -> Coro<> {
    for (int i = 0; i < 2; ++i) {
      Owner const left = co_await own(&live_, 1, i == 1);
      Owner const right = co_await own(&live_, 2, i == 1);
      Owner const chosen = i == 0 ? left : right;
      EXPECT_EQ(*chosen.value, i + 1);
    }
  });
}

TEST_P(Gcc12SafeForms, ResultsNamedBeforeAggregatesArraysAndNew) {
  run([&]() -> Coro<> {
    Owner a = co_await own(&live_, 1, true);
    Owner b = co_await own(&live_, 2, false);
    Pair const pair{std::move(a), std::move(b)};
    EXPECT_EQ(*pair.a.value + *pair.b.value, 3);
    Owner c = co_await own(&live_, 3, true);
    std::unique_ptr<Owner> const made(new Owner(std::move(c)));
    EXPECT_EQ(*made->value, 3);
    Owner d = co_await own(&live_, 4, true);
    std::array<Owner, 1> const array{std::move(d)};
    EXPECT_EQ(*array[0].value, 4);
    std::optional<Owner> kept;
    kept.emplace(co_await own(&live_, 5, true));
    EXPECT_EQ(*kept->value, 5);
  });
}

TEST_P(Gcc12SafeForms, ResultsAsArgumentsAndInitialisers) {
  run([&]() -> Coro<> {
    auto value = [](Owner o) { return *o.value; };
    int const direct = value(co_await own(&live_, 3, true));
    EXPECT_EQ(direct, 3);
    Owner const copy(co_await own(&live_, 4, false));
    EXPECT_EQ(*copy.value, 4);
    std::vector<Owner> many;
    for (int i = 0; i < 5; ++i) many.push_back(co_await own(&live_, i, i % 2 == 0));
    EXPECT_EQ(*many.at(4).value, 4);
    int const sum = *(co_await own(&live_, 10, true)).value + *(co_await own(&live_, 20, true)).value;
    EXPECT_EQ(sum, 30);
  });
}

TEST_P(Gcc12SafeForms, StructuredBindingsOfGather) {
  run([&]() -> Coro<> {
    auto const [a, b] = co_await weft::gather(own(&live_, 1, true), own(&live_, 2, false));
    EXPECT_EQ(*a.value + *b.value, 3);
    auto [x, y] = co_await weft::gather(weft::return_exceptions, own(&live_, 3, false), own(&live_, 4, true));
    EXPECT_EQ(*x.value().value + *y.value().value, 7);
  });
}

TEST_P(Gcc12SafeForms, GuardsOfScopedLocks) {
  run([]() -> Coro<> {
    weft::Lock lock;
    for (int i = 0; i < 5; ++i) {
      auto guard = co_await lock.scoped();
      EXPECT_TRUE(lock.locked());
      co_await weft::sleep(1ms);
    }
    EXPECT_FALSE(lock.locked());
  });
}

TEST_P(Gcc12SafeForms, TryAndCatchAroundAwaits) {
  run([&]() -> Coro<> {
    for (int i = 0; i < 3; ++i) {
      Owner const before(live_, i);
      std::string seen;
      try {
        Owner const inside(live_, i);
        int const v = co_await fail_after(milliseconds(i), "x");
        (void)v;
      } catch (Failure const& e) {
        seen = e.what();
      }
      EXPECT_EQ(seen, "x");
      co_await weft::sleep(1ms);
    }
  });
}

// An awaiter of another library that can be neither copied nor moved.
struct Immovable {
  explicit Immovable(std::atomic<int>& counter) : owner(counter, 9) {}
  Immovable(Immovable const&) = delete;
  Immovable& operator=(Immovable const&) = delete;
  bool await_ready() const noexcept { return true; }
  void await_suspend(std::coroutine_handle<>) const noexcept {}
  int await_resume() const { return *owner.value; }
  Owner owner;
};

struct HasImmovableAwaiter {
  std::atomic<int>* counter;
  Immovable operator co_await() const { return Immovable(*counter); }
};

TEST_P(Gcc12SafeForms, ForeignAwaitablesWhoseAwaiterCannotBeMoved) {
  run([&]() -> Coro<> {
    HasImmovableAwaiter const foreign{&live_};
    int const v = co_await foreign;
    EXPECT_EQ(v, 9);
    Immovable named(live_);
    int const w = co_await named;
    EXPECT_EQ(w, 9);
  });
}

WEFT_TEST_AT_1_2_8_WORKERS(Gcc12SafeForms);

}  // namespace
}  // namespace weft_test
