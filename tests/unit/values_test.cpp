// What a coroutine may return: void, references, types that cannot be copied, not be default-constructed, want more
// alignment than malloc gives, or throw when moved. Each goes through an await, a task, gather and run.
#include "support.hpp"

#include <array>
#include <cstdint>
#include <memory>

namespace weft_test {
namespace {

class Values : public AtWorkers {};

struct NoDefault {
  explicit NoDefault(int v) : value(v) {}
  int value;
};

struct alignas(128) Wide {
  explicit Wide(std::uint64_t seed) {
    for (std::size_t i = 0; i < words.size(); ++i) words[i] = seed + i;
  }
  bool aligned() const { return reinterpret_cast<std::uintptr_t>(this) % 128 == 0; }
  bool intact(std::uint64_t seed) const {
    for (std::size_t i = 0; i < words.size(); ++i) {
      if (words[i] != seed + i) return false;
    }
    return true;
  }
  std::array<std::uint64_t, 32> words{};
};

// Throws when it is moved or copied while armed.
struct Grenade {
  explicit Grenade(bool a) : armed(a) {}
  Grenade(Grenade&& other) : armed(other.armed) {
    if (armed) throw Failure("moved");
  }
  Grenade(Grenade const& other) : armed(other.armed) {
    if (armed) throw Failure("copied");
  }
  bool armed;
};

template <class T, class... Args>
Coro<T> make(Args... args) {
  co_return T(args...);
}

template <class T, class... Args>
Coro<T> make_later(Args... args) {
  co_await weft::sleep(1ms);
  co_return T(args...);
}

Coro<std::unique_ptr<int>> boxed(int v) {
  co_await weft::sleep(1ms);
  co_return std::make_unique<int>(v);
}

Coro<int&> refer(int* target) {
  co_await weft::sleep(1ms);
  co_return *target;
}

TEST_P(Values, VoidComesThroughAwaitTaskAndGather) {
  std::atomic<int> ran{0};
  run([&]() -> Coro<> {
    auto body = [&]() -> Coro<> {
      co_await weft::sleep(1ms);
      ran.fetch_add(1);
    };
    co_await body();
    Task<void> const task = weft::create_task(body());
    co_await task;
    task.result();
    auto const [a, b] = co_await weft::gather(body(), body());
    static_assert(std::is_same_v<std::remove_cv_t<decltype(a)>, std::monostate>);
    static_assert(std::is_same_v<std::remove_cv_t<decltype(b)>, std::monostate>);
    std::vector<Coro<>> many;
    many.push_back(body());
    auto units = co_await weft::gather(std::move(many));
    static_assert(std::is_same_v<decltype(units), std::vector<std::monostate>>);
    EXPECT_EQ(units.size(), 1U);
  });
  EXPECT_EQ(ran.load(), 5);
}

TEST_P(Values, ReferenceStaysAReference) {
  int target = 1;
  run([&]() -> Coro<> {
    int& direct = co_await refer(&target);
    EXPECT_EQ(&direct, &target);
    Task<int&> const task = weft::create_task(refer(&target));
    int& awaited = co_await task;
    EXPECT_EQ(&awaited, &target);
    EXPECT_EQ(&task.result(), &target);
    std::vector<Coro<int&>> many;
    many.push_back(refer(&target));
    many.push_back(refer(&target));
    auto all = co_await weft::gather(std::move(many));
    static_assert(std::is_same_v<decltype(all), std::vector<std::reference_wrapper<int>>>);
    EXPECT_EQ(&all.at(1).get(), &target);
  });
  weft::Runtime runtime(options());
  int& out = runtime.run(refer(&target));
  EXPECT_EQ(&out, &target);
}

TEST_P(Values, MoveOnlyComesThroughEveryWay) {
  run([]() -> Coro<> {
    std::unique_ptr<int> direct = co_await boxed(1);
    EXPECT_EQ(*direct, 1);
    Task<std::unique_ptr<int>> task = weft::create_task(boxed(2));
    std::unique_ptr<int> const& shared = co_await task;
    EXPECT_EQ(*shared, 2);
    std::unique_ptr<int> taken = co_await std::move(task);
    EXPECT_EQ(*taken, 2);
    auto [a, b] = co_await weft::gather(boxed(3), boxed(4));
    EXPECT_EQ(*a + *b, 7);
    std::vector<Coro<std::unique_ptr<int>>> many;
    for (int i = 0; i < 5; ++i) many.push_back(boxed(i));
    std::vector<std::unique_ptr<int>> all = co_await weft::gather(std::move(many));
    for (int i = 0; i < 5; ++i) EXPECT_EQ(*all.at(static_cast<std::size_t>(i)), i);
  });
  std::unique_ptr<int> const out = run(boxed, 6);
  EXPECT_EQ(*out, 6);
}

TEST_P(Values, MoveOnlyIsGatheredFromHandlesThatAreMoved) {
  run([]() -> Coro<> {
    Task<std::unique_ptr<int>> x = weft::create_task(boxed(1));
    Task<std::unique_ptr<int>> y = weft::create_task(boxed(2));
    auto [a, b] = co_await weft::gather(std::move(x), std::move(y));
    EXPECT_EQ(*a, 1);
    EXPECT_EQ(*b, 2);
  });
}

TEST_P(Values, NotDefaultConstructible) {
  run([]() -> Coro<> {
    NoDefault const direct = co_await make<NoDefault>(1);
    EXPECT_EQ(direct.value, 1);
    auto const [a, b] = co_await weft::gather(make_later<NoDefault>(2), make<NoDefault>(3));
    EXPECT_EQ(a.value * 10 + b.value, 23);
    std::vector<Coro<NoDefault>> many;
    for (int i = 0; i < 3; ++i) many.push_back(make_later<NoDefault>(i));
    std::vector<NoDefault> const all = co_await weft::gather(std::move(many));
    EXPECT_EQ(all.at(2).value, 2);
    Task<NoDefault> const task = weft::create_task(make<NoDefault>(4));
    NoDefault const& of_task = co_await task;
    EXPECT_EQ(of_task.value, 4);
    std::vector<Coro<NoDefault>> captured;
    captured.push_back(make<NoDefault>(5));
    auto results = co_await weft::gather(weft::return_exceptions, std::move(captured));
    EXPECT_EQ(results.at(0).value().value, 5);
  });
  EXPECT_EQ(run([]() { return make<NoDefault>(6); }).value, 6);
}

TEST_P(Values, OverAlignedResultsLocalsAndArgumentsAreAligned) {
  run([]() -> Coro<> {
    Wide const direct = co_await make_later<Wide>(std::uint64_t{1});
    EXPECT_TRUE(direct.aligned());
    EXPECT_TRUE(direct.intact(1));
    Task<Wide> const task = weft::create_task(make_later<Wide>(std::uint64_t{2}));
    Wide const& of_task = co_await task;
    EXPECT_TRUE(of_task.aligned());
    EXPECT_TRUE(of_task.intact(2));
    auto const [a, b] = co_await weft::gather(make_later<Wide>(std::uint64_t{3}), make<Wide>(std::uint64_t{4}));
    EXPECT_TRUE(a.aligned() && b.aligned());
    EXPECT_TRUE(a.intact(3) && b.intact(4));
    std::vector<Coro<Wide>> many;
    for (std::uint64_t i = 0; i < 20; ++i) many.push_back(make_later<Wide>(i));
    std::vector<Wide> const all = co_await weft::gather(std::move(many));
    for (std::uint64_t i = 0; i < 20; ++i) {
      EXPECT_TRUE(all.at(i).aligned());
      EXPECT_TRUE(all.at(i).intact(i));
    }
  });
}

TEST_P(Values, ThatThrowWhenMovedGiveTheExceptionToTheAwaiter) {
  run([]() -> Coro<> {
    auto grenade = [](bool armed, bool wait) -> Coro<Grenade> {
      if (wait) co_await weft::sleep(1ms);
      Grenade g(false);
      g.armed = armed;
      co_return std::move(g);
    };
    std::vector<int> const ways{0, 1};
    for (int const way : ways) {
      bool const wait = way == 1;
      std::string const direct = co_await outcome(grenade(true, wait));
      EXPECT_EQ(direct, "Failure(moved)");
      Grenade const fine = co_await grenade(false, wait);
      EXPECT_FALSE(fine.armed);
      Task<Grenade> const task = weft::create_task(grenade, true, wait);
      std::string const of_task = co_await outcome(task);
      EXPECT_EQ(of_task, "Failure(moved)");
      auto both = [&](bool left, bool right) -> Coro<> {
        auto results = co_await weft::gather(grenade(left, wait), grenade(right, wait));
        (void)results;
      };
      std::string const of_left = co_await outcome(both(true, false));
      EXPECT_EQ(of_left, "Failure(moved)");
      std::string const of_right = co_await outcome(both(false, true));
      EXPECT_EQ(of_right, "Failure(moved)");
      std::string const of_neither = co_await outcome(both(false, false));
      EXPECT_EQ(of_neither, "ok");
    }
  });
}

// vector<bool> packs its elements into shared words: children on two workers must not write them in place.
TEST_P(Values, VectorOfBoolFromGatherIsRight) {
  run([]() -> Coro<> {
    auto odd = [](int i, bool wait) -> Coro<bool> {
      if (wait) co_await weft::yield_now();
      co_return i % 2 == 1;
    };
    for (int round = 0; round < 50; ++round) {
      std::vector<Coro<bool>> many;
      for (int i = 0; i < 64; ++i) many.push_back(odd(i, i % 3 == 0));
      std::vector<bool> const all = co_await weft::gather(std::move(many));
      for (int i = 0; i < 64; ++i) EXPECT_EQ(all.at(static_cast<std::size_t>(i)), i % 2 == 1);
    }
  });
}

TEST_P(Values, AreDestroyedExactlyOnceWhoeverTakesThem) {
  std::atomic<int> live{0};
  run([&]() -> Coro<> {
    auto body = [&]() -> Coro<Live> {
      co_await weft::yield_now();
      co_return Live(live);
    };
    {
      Live const direct = co_await body();
      EXPECT_EQ(live.load(), 1);
      auto const [a, b] = co_await weft::gather(body(), body());
      EXPECT_EQ(live.load(), 3);
      Task<Live> task = weft::create_task(body());
      Live const& kept = co_await task;
      (void)kept;
      EXPECT_EQ(live.load(), 4);
      Task<Live> const copy = task;
      task = Task<Live>();
      EXPECT_EQ(live.load(), 4);
    }
    EXPECT_EQ(live.load(), 0) << "the result dies with the last handle";
    {
      Task<Live> dropped = weft::create_task(body());
    }
    co_await weft::sleep(1ms);
    EXPECT_EQ(live.load(), 0) << "nobody can ask for the result of a task without handles";
  });
  EXPECT_EQ(live.load(), 0);
}

TEST_P(Values, ConstValueTypesAndLargeArraysWork) {
  run([]() -> Coro<> {
    auto big = [](int seed) -> Coro<std::array<int, 4096>> {
      co_await weft::yield_now();
      std::array<int, 4096> a{};
      a.fill(seed);
      co_return a;
    };
    auto const [x, y] = co_await weft::gather(big(1), big(2));
    EXPECT_EQ(x.back() + y.front(), 3);
  });
}

WEFT_TEST_AT_1_2_8_WORKERS(Values);

}  // namespace
}  // namespace weft_test
