// Result<T> for every kind of T, and what reading a value that is not there does.
#include <weft/result.hpp>

#include <cstdint>
#include <memory>
#include <string>
#include <type_traits>
#include <vector>

#include <gtest/gtest.h>

namespace weft {
namespace {

std::exception_ptr failure(char const* text = "broken") { return std::make_exception_ptr(RuntimeError(text)); }

struct NotDefault {
  explicit NotDefault(int n) : number(n) {}
  int number;
};
struct alignas(256) Wide {
  int number = 0;
};
struct Pinned {
  explicit Pinned(int n) : number(n) {}
  Pinned(Pinned const&) = delete;
  Pinned& operator=(Pinned const&) = delete;
  int number;
};
struct ThrowingMove {
  ThrowingMove() = default;
  ThrowingMove(ThrowingMove&& other) : armed(other.armed) {
    if (armed) throw ValueError("move");
  }
  bool armed = false;
};

static_assert(std::is_copy_constructible_v<Result<int>> && std::is_copy_assignable_v<Result<std::string>>);
static_assert(!std::is_copy_constructible_v<Result<std::unique_ptr<int>>> && std::is_move_constructible_v<Result<std::unique_ptr<int>>>);
static_assert(std::is_nothrow_move_constructible_v<Result<int>> && std::is_nothrow_move_constructible_v<Result<void>>);
static_assert(!std::is_move_constructible_v<Result<Pinned>>);
static_assert(std::is_copy_constructible_v<Result<Pinned&>> && std::is_copy_constructible_v<Result<void>>);
static_assert(!std::is_convertible_v<Result<int>, bool> && std::is_constructible_v<bool, Result<int>>);
static_assert(std::is_same_v<decltype(std::declval<Result<int>&>().value()), int&>);
static_assert(std::is_same_v<decltype(std::declval<Result<int> const&>().value()), int const&>);
static_assert(std::is_same_v<decltype(std::declval<Result<int>>().value()), int&&>);
static_assert(std::is_same_v<decltype(*std::declval<Result<int&> const&>()), int&>);
static_assert(std::is_same_v<decltype(std::declval<Result<void>>().value()), void>);
static_assert(alignof(Result<Wide>) == 256);

TEST(Result, HoldsAValue) {
  auto result = Result<int>::from_value(41);
  EXPECT_TRUE(result.has_value());
  EXPECT_TRUE(static_cast<bool>(result));
  EXPECT_FALSE(result.cancelled());
  EXPECT_EQ(result.error(), nullptr);
  EXPECT_EQ(result.value(), 41);
  *result += 1;
  EXPECT_EQ(*result, 42);
  EXPECT_EQ(result.value_or(7), 42);
  result.rethrow_if_error();
}

TEST(Result, HoldsAnError) {
  auto const error = failure();
  auto result = Result<int>::from_error(error);
  EXPECT_FALSE(result.has_value());
  EXPECT_FALSE(static_cast<bool>(result));
  EXPECT_FALSE(result.cancelled());
  EXPECT_EQ(result.error(), error);
  EXPECT_EQ(result.value_or(7), 7);
  EXPECT_THROW(result.value(), RuntimeError);
  EXPECT_THROW(*result, RuntimeError);
  EXPECT_THROW(std::move(result).value(), RuntimeError);
  EXPECT_THROW(std::as_const(result).value(), RuntimeError);
  EXPECT_THROW(result.rethrow_if_error(), RuntimeError);
  EXPECT_THROW(Result<std::string>::from_error(error)->size(), RuntimeError);
}

TEST(Result, HoldsACancellation) {
  auto const result = Result<int>::from_error(std::make_exception_ptr(CancelledError("why")));
  EXPECT_TRUE(result.cancelled());
  EXPECT_FALSE(result.has_value());
  EXPECT_NE(result.error(), nullptr);
  try {
    static_cast<void>(result.value());
    FAIL();
  } catch (CancelledError const& cancelled) {
    EXPECT_EQ(cancelled.message(), "why");
  }
}

TEST(Result, AnErrorIsNeeded) {
  EXPECT_THROW(static_cast<void>(Result<int>::from_error(nullptr)), ValueError);
  EXPECT_THROW(static_cast<void>(Result<int&>::from_error(nullptr)), ValueError);
  EXPECT_THROW(static_cast<void>(Result<void>::from_error(nullptr)), ValueError);
}

TEST(Result, OfVoid) {
  auto const good = Result<void>::from_value();
  EXPECT_TRUE(good.has_value());
  good.value();
  *good;
  EXPECT_EQ(good.error(), nullptr);
  auto const bad = Result<void>::from_error(failure());
  EXPECT_FALSE(bad);
  EXPECT_THROW(bad.value(), RuntimeError);
  EXPECT_THROW(*bad, RuntimeError);
  EXPECT_THROW(bad.rethrow_if_error(), RuntimeError);
  EXPECT_TRUE(Result<void>::from_error(std::make_exception_ptr(CancelledError())).cancelled());
}

TEST(Result, OfAReferenceRefers) {
  int number = 1, other = 2;
  auto const result = Result<int&>::from_value(number);
  *result = 5;
  EXPECT_EQ(number, 5);
  EXPECT_EQ(&result.value(), &number);
  EXPECT_EQ(&result.value_or(other), &number);
  auto const bad = Result<int&>::from_error(failure());
  EXPECT_EQ(&bad.value_or(other), &other);
  EXPECT_THROW(bad.value(), RuntimeError);
  std::string text = "abc";
  EXPECT_EQ(Result<std::string&>::from_value(text)->size(), 3u);
  std::string const constant = "ab";
  EXPECT_EQ(Result<std::string const&>::from_value(constant)->size(), 2u);
}

TEST(Result, OfAMoveOnlyType) {
  auto result = Result<std::unique_ptr<int>>::from_value(std::make_unique<int>(3));
  EXPECT_EQ(**result, 3);
  Result<std::unique_ptr<int>> moved = std::move(result);
  std::unique_ptr<int> const taken = *std::move(moved);
  EXPECT_EQ(*taken, 3);
  auto const fallback = Result<std::unique_ptr<int>>::from_error(failure()).value_or(std::make_unique<int>(4));
  EXPECT_EQ(*fallback, 4);
}

TEST(Result, OfATypeWithoutDefaultConstructor) {
  EXPECT_EQ(Result<NotDefault>::from_value(9)->number, 9);
  EXPECT_EQ(Result<NotDefault>::from_error(failure()).value_or(NotDefault(8)).number, 8);
}

TEST(Result, OfATypeThatCannotBeMoved) {
  auto result = Result<Pinned>::from_value(6);
  EXPECT_EQ(result->number, 6);
}

TEST(Result, OfAnOverAlignedType) {
  std::vector<Result<Wide>> results;
  for (int i = 0; i < 10; ++i) results.push_back(Result<Wide>::from_value(Wide{i}));
  for (int i = 0; i < 10; ++i) {
    Result<Wide>& result = results[static_cast<std::size_t>(i)];
    EXPECT_EQ(result->number, i);
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(&*result) % 256, 0u);
  }
}

TEST(Result, OfAnExceptionPtrIsAValue) {
  auto const result = Result<std::exception_ptr>::from_value(failure());
  EXPECT_TRUE(result.has_value());
  EXPECT_NE(*result, nullptr);
  EXPECT_EQ(result.error(), nullptr);
}

TEST(Result, AThrowingMoveReachesTheCaller) {
  auto result = Result<ThrowingMove>::from_value();
  result->armed = true;
  EXPECT_THROW(ThrowingMove(*std::move(result)), ValueError);
  EXPECT_THROW(static_cast<void>(Result<ThrowingMove>(std::move(result))), ValueError);
}

TEST(Result, CopiesAndAssigns) {
  auto const value = Result<std::string>::from_value("text");
  auto const error = Result<std::string>::from_error(failure());
  Result<std::string> result = value;
  EXPECT_EQ(*result, "text");
  result = error;
  EXPECT_FALSE(result);
  EXPECT_EQ(result.error(), error.error());
  result = value;
  EXPECT_EQ(*result, "text");
  EXPECT_EQ(result.error(), nullptr);
}

TEST(Result, AMovedFromErrorStillAnswers) {
  auto result = Result<int>::from_error(failure());
  Result<int> const taken = std::move(result);
  EXPECT_THROW(static_cast<void>(taken.value()), RuntimeError);
  EXPECT_FALSE(result.has_value());
  EXPECT_THROW(static_cast<void>(result.value()), InvalidStateError);
}

TEST(Result, OfBoolInAVector) {
  std::vector<Result<bool>> results;
  results.push_back(Result<bool>::from_value(false));
  EXPECT_TRUE(results[0].has_value());
  EXPECT_FALSE(results[0].value());
}

}  // namespace
}  // namespace weft
