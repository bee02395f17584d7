// The exception classes: what they derive from and say, and ExceptionGroup's tree (Python's rules for split and subgroup).
#include <weft/errors.hpp>

#include <atomic>
#include <thread>
#include <type_traits>

#include <gtest/gtest.h>

namespace weft {
namespace {

template <class E>
std::exception_ptr stored(E error) {
  return std::make_exception_ptr(std::move(error));
}

// ---- the classes

template <class Derived, class Base>
constexpr bool derives = std::is_convertible_v<Derived*, Base*>;

static_assert(derives<RuntimeError, std::runtime_error>);
static_assert(derives<InvalidStateError, RuntimeError>);
static_assert(derives<Deadlock, RuntimeError>);
static_assert(derives<BrokenBarrierError, RuntimeError>);
static_assert(derives<ValueError, std::invalid_argument>);
static_assert(derives<TimeoutError, std::runtime_error> && !derives<TimeoutError, RuntimeError>);
static_assert(derives<QueueFull, std::runtime_error> && !derives<QueueFull, RuntimeError>);
static_assert(derives<QueueEmpty, std::runtime_error> && !derives<QueueEmpty, RuntimeError>);
static_assert(derives<QueueShutDown, std::runtime_error> && !derives<QueueShutDown, RuntimeError>);
static_assert(derives<ExceptionGroup, std::exception>);
static_assert(!derives<CancelledError, std::exception> && !derives<KeyboardInterrupt, std::exception>);
// A copy made while an exception is in flight must not throw.
static_assert(std::is_nothrow_copy_constructible_v<RuntimeError> && std::is_nothrow_copy_constructible_v<TimeoutError>);
static_assert(std::is_nothrow_copy_constructible_v<ExceptionGroup> && std::is_nothrow_move_constructible_v<CancelledError>);

template <class E>
class ErrorClass : public testing::Test {};
using ErrorClasses = testing::Types<RuntimeError, InvalidStateError, Deadlock, BrokenBarrierError, ValueError, TimeoutError, QueueFull,
                                    QueueEmpty, QueueShutDown>;
TYPED_TEST_SUITE(ErrorClass, ErrorClasses);

TYPED_TEST(ErrorClass, SaysSomethingByDefaultAndWhatItIsTold) {
  EXPECT_STRNE(TypeParam().what(), "");
  EXPECT_STREQ(TypeParam("this").what(), "this");
  EXPECT_STREQ(TypeParam(std::string("that")).what(), "that");
  try {
    throw TypeParam("thrown");
  } catch (std::exception const& error) {
    EXPECT_STREQ(error.what(), "thrown");
  }
}

TEST(CancelledError, CarriesItsMessage) {
  EXPECT_EQ(CancelledError().message(), "");
  EXPECT_EQ(CancelledError("enough").message(), "enough");
}

TEST(CancelledError, IsNotSwallowedByACatchOfStdException) {
  bool cancelled = false;
  try {
    try {
      throw CancelledError();
    } catch (std::exception const&) {
      FAIL();
    }
  } catch (CancelledError const&) {
    cancelled = true;
  }
  EXPECT_TRUE(cancelled);
}

TEST(KeyboardInterrupt, SaysWhatHappened) { EXPECT_STRNE(KeyboardInterrupt().what(), ""); }

// ---- looking into an exception_ptr

struct DerivedCancel : CancelledError {};
struct Left {
  virtual ~Left() = default;
  int left = 1;
};
struct Right {
  virtual ~Right() = default;
  int right = 2;
};
struct Both : Left, Right {};
struct VirtualBoth : virtual Left, virtual Right {};
struct Hidden : private CancelledError {};

TEST(ExceptionCast, FindsWhatACatchWouldCatch) {
  std::exception_ptr const error = stored(InvalidStateError("early"));
  ASSERT_NE(engine::exception_cast<InvalidStateError>(error), nullptr);
  ASSERT_NE(engine::exception_cast<RuntimeError>(error), nullptr);
  ASSERT_NE(engine::exception_cast<std::exception>(error), nullptr);
  EXPECT_STREQ(engine::exception_cast<std::exception>(error)->what(), "early");
  EXPECT_EQ(engine::exception_cast<TimeoutError>(error), nullptr);
  EXPECT_EQ(engine::exception_cast<CancelledError>(error), nullptr);
  EXPECT_EQ(engine::exception_cast<std::exception>(nullptr), nullptr);
}

TEST(ExceptionCast, AdjustsToTheBaseThatWasAskedFor) {
  ASSERT_NE(engine::exception_cast<Right>(stored(Both{})), nullptr);
  std::exception_ptr const both = stored(Both{}), virtually = stored(VirtualBoth{});
  EXPECT_EQ(engine::exception_cast<Left>(both)->left, 1);
  EXPECT_EQ(engine::exception_cast<Right>(both)->right, 2);
  EXPECT_EQ(engine::exception_cast<Left>(virtually)->left, 1);
  EXPECT_EQ(engine::exception_cast<Right>(virtually)->right, 2);
}

TEST(ExceptionCast, GivesTheVeryObjectThatARethrowGives) {
  std::exception_ptr const error = stored(ValueError("x"));
  try {
    std::rethrow_exception(error);
  } catch (ValueError const& caught) {
    EXPECT_EQ(engine::exception_cast<ValueError>(error), &caught);
  }
}

TEST(ExceptionIs, KnowsNonClassTypesToo) {
  EXPECT_TRUE(engine::exception_is<int>(stored(3)));
  EXPECT_FALSE(engine::exception_is<long>(stored(3)));
  EXPECT_TRUE(engine::exception_is<char const*>(stored(static_cast<char const*>("text"))));
  EXPECT_FALSE(engine::exception_is<int*>(stored(static_cast<char const*>("text"))));
  EXPECT_FALSE(engine::exception_is<int>(stored(static_cast<char const*>("text"))));
}

TEST(IsCancelledError, TrueForItAndWhatDerivesFromItPublicly) {
  EXPECT_TRUE(engine::is_cancelled_error(stored(CancelledError())));
  EXPECT_TRUE(engine::is_cancelled_error(stored(DerivedCancel())));
  EXPECT_FALSE(engine::is_cancelled_error(stored(Hidden())));
  EXPECT_FALSE(engine::is_cancelled_error(stored(RuntimeError())));
  EXPECT_FALSE(engine::is_cancelled_error(nullptr));
}

template <class E>
bool cancelled_while_handling(E error) {
  try {
    throw error;
  } catch (...) {
    return engine::current_exception_is_cancelled();
  }
}

TEST(CurrentExceptionIsCancelled, JudgesTheInnermostHandledException) {
  EXPECT_FALSE(engine::current_exception_is_cancelled());
  EXPECT_TRUE(cancelled_while_handling(CancelledError()));
  EXPECT_TRUE(cancelled_while_handling(DerivedCancel()));
  EXPECT_FALSE(cancelled_while_handling(Hidden()));
  EXPECT_FALSE(cancelled_while_handling(RuntimeError()));
  EXPECT_FALSE(cancelled_while_handling(7));
  try {
    throw CancelledError();
  } catch (...) {
    EXPECT_FALSE(cancelled_while_handling(RuntimeError()));
    EXPECT_TRUE(engine::current_exception_is_cancelled());
  }
  EXPECT_FALSE(engine::current_exception_is_cancelled());
}

TEST(CurrentExceptionIsCancelled, SeesARethrownExceptionPtr) {
  try {
    std::rethrow_exception(stored(CancelledError("again")));
  } catch (...) {
    EXPECT_TRUE(engine::current_exception_is_cancelled());
  }
}

TEST(DescribeException, NamesTypeAndMessage) {
  EXPECT_EQ(describe_exception(stored(ValueError("bad port"))), "weft::ValueError: bad port");
  EXPECT_EQ(describe_exception(stored(std::runtime_error("gone"))), "std::runtime_error: gone");
  EXPECT_EQ(describe_exception(stored(CancelledError())), "weft::CancelledError");
  EXPECT_EQ(describe_exception(stored(CancelledError("stop"))), "weft::CancelledError: stop");
  EXPECT_EQ(describe_exception(stored(KeyboardInterrupt())), "weft::KeyboardInterrupt: interrupted by SIGINT");
  EXPECT_EQ(describe_exception(stored(42)), "int");
  EXPECT_EQ(describe_exception(stored(static_cast<char const*>("text"))), "char const*");
  EXPECT_NE(describe_exception(stored(std::string("a string"))).find(": a string"), std::string::npos);
  EXPECT_EQ(describe_exception(nullptr), "no exception");
}

// ---- groups

ExceptionGroup sample() {
  return ExceptionGroup("outer", {stored(ValueError("one")),
                                  stored(ExceptionGroup("inner", {stored(TimeoutError("two")), stored(ValueError("three")),
                                                                  stored(ExceptionGroup("deep", {stored(CancelledError("four"))}))})),
                                  stored(std::runtime_error("five"))});
}

TEST(ExceptionGroup, RefusesNothingAndNull) {
  EXPECT_THROW(ExceptionGroup("empty", {}), ValueError);
  EXPECT_THROW(ExceptionGroup("null", {stored(1), nullptr}), ValueError);
  try {
    ExceptionGroup("null", {stored(1), nullptr});
  } catch (ValueError const& error) {
    EXPECT_NE(std::string(error.what()).find("[1]"), std::string::npos);
  }
}

TEST(ExceptionGroup, KeepsMessageAndMembers) {
  ExceptionGroup const group = sample();
  EXPECT_EQ(group.message(), "outer");
  ASSERT_EQ(group.exceptions().size(), 3u);
  EXPECT_EQ(describe_exception(group.exceptions()[0]), "weft::ValueError: one");
}

TEST(ExceptionGroup, PrintsItsTree) {
  EXPECT_STREQ(sample().what(),
               "outer (3 sub-exceptions)\n"
               "  +- weft::ValueError: one\n"
               "  +- weft::ExceptionGroup: inner (3 sub-exceptions)\n"
               "  |    +- weft::TimeoutError: two\n"
               "  |    +- weft::ValueError: three\n"
               "  |    +- weft::ExceptionGroup: deep (1 sub-exception)\n"
               "  |         +- weft::CancelledError: four\n"
               "  +- std::runtime_error: five");
}

TEST(ExceptionGroup, IndentsMessagesOfSeveralLines) {
  ExceptionGroup const group("g", {stored(RuntimeError("first\nsecond")), stored(RuntimeError("third\nfourth"))});
  EXPECT_STREQ(group.what(),
               "g (2 sub-exceptions)\n"
               "  +- weft::RuntimeError: first\n"
               "  |  second\n"
               "  +- weft::RuntimeError: third\n"
               "     fourth");
}

TEST(ExceptionGroup, CopiesShareOneTextAndOutliveTheOriginal) {
  std::optional<ExceptionGroup> original(sample());
  ExceptionGroup const copy = *original;
  EXPECT_EQ(original->what(), copy.what());
  original.reset();
  EXPECT_EQ(std::string(copy.what()).substr(0, 5), "outer");
}

TEST(ExceptionGroup, PrintsFromAnyNumberOfThreads) {
  for (int round = 0; round < 50; ++round) {
    ExceptionGroup const group = sample();
    std::atomic<int> ready{0};
    char const* texts[4] = {};
    std::vector<std::thread> threads;
    for (char const*& text : texts)
      threads.emplace_back([&ready, &group, &text] {
        ready.fetch_add(1);
        while (ready.load() != 4) std::this_thread::yield();
        text = group.what();
      });
    for (std::thread& thread : threads) thread.join();
    for (char const* text : texts) EXPECT_EQ(text, texts[0]);
  }
}

TEST(ExceptionGroup, SplitsByTypeAndKeepsTheNesting) {
  auto const [matching, rest] = sample().split<ValueError>();
  ASSERT_TRUE(matching && rest);
  EXPECT_STREQ(matching->what(),
               "outer (2 sub-exceptions)\n"
               "  +- weft::ValueError: one\n"
               "  +- weft::ExceptionGroup: inner (1 sub-exception)\n"
               "       +- weft::ValueError: three");
  EXPECT_STREQ(rest->what(),
               "outer (2 sub-exceptions)\n"
               "  +- weft::ExceptionGroup: inner (2 sub-exceptions)\n"
               "  |    +- weft::TimeoutError: two\n"
               "  |    +- weft::ExceptionGroup: deep (1 sub-exception)\n"
               "  |         +- weft::CancelledError: four\n"
               "  +- std::runtime_error: five");
}

TEST(ExceptionGroup, SplitsByABaseClassOfMembers) {
  // TimeoutError is a std::runtime_error, the groups are none.
  auto const [matching, rest] = sample().split<std::runtime_error>();
  ASSERT_TRUE(matching && rest);
  EXPECT_EQ(matching->flatten().size(), 2u);
  EXPECT_EQ(rest->flatten().size(), 3u);
}

TEST(ExceptionGroup, ASplitThatMatchesNothingOrEverythingLeavesOnePartOut) {
  auto const none = sample().split<QueueFull>();
  EXPECT_FALSE(none.first);
  ASSERT_TRUE(none.second);
  EXPECT_STREQ(none.second->what(), sample().what());
  ExceptionGroup const all("all", {stored(ValueError("a")), stored(ExceptionGroup("b", {stored(ValueError("c"))}))});
  auto const every = all.split<std::invalid_argument>();
  ASSERT_TRUE(every.first);
  EXPECT_FALSE(every.second);
  EXPECT_STREQ(every.first->what(), all.what());
}

TEST(ExceptionGroup, TheGroupItselfIsTestedFirst) {
  auto const whole = sample().split<std::exception>();
  ASSERT_TRUE(whole.first);
  EXPECT_FALSE(whole.second);
  EXPECT_EQ(whole.first->exceptions().size(), 3u);
  auto const group = sample().split<ExceptionGroup const>();
  EXPECT_TRUE(group.first && !group.second);
}

class SpecialGroup : public ExceptionGroup {
 public:
  using ExceptionGroup::ExceptionGroup;
};

TEST(ExceptionGroup, AMemberThatIsAMatchingGroupGoesOverWhole) {
  ExceptionGroup const outer("outer", {stored(SpecialGroup("special", {stored(ValueError()), stored(QueueFull())})), stored(QueueFull())});
  auto const [matching, rest] = outer.split<SpecialGroup>();
  ASSERT_TRUE(matching && rest);
  EXPECT_EQ(matching->flatten().size(), 2u);
  EXPECT_EQ(rest->flatten().size(), 1u);
  SpecialGroup const self("self", {stored(ValueError())});
  EXPECT_TRUE(self.contains<SpecialGroup>());
  EXPECT_FALSE(self.split<SpecialGroup>().second);
}

TEST(ExceptionGroup, SubgroupIsTheMatchingPart) {
  auto const timeouts = sample().subgroup<TimeoutError>();
  ASSERT_TRUE(timeouts);
  ASSERT_EQ(timeouts->flatten().size(), 1u);
  EXPECT_EQ(describe_exception(timeouts->flatten()[0]), "weft::TimeoutError: two");
  EXPECT_FALSE(sample().subgroup<QueueEmpty>());
  EXPECT_TRUE(sample().subgroup<CancelledError>());
}

TEST(ExceptionGroup, ContainsLooksIntoNestedGroups) {
  EXPECT_TRUE(sample().contains<CancelledError>());
  EXPECT_TRUE(sample().contains<std::invalid_argument>());
  EXPECT_TRUE(sample().contains<ExceptionGroup>());
  EXPECT_FALSE(sample().contains<QueueFull>());
  EXPECT_FALSE(sample().contains<int>());
}

TEST(ExceptionGroup, FlattensDepthFirst) {
  std::vector<std::string> leaves;
  for (std::exception_ptr const& leaf : sample().flatten()) leaves.push_back(describe_exception(leaf));
  EXPECT_EQ(leaves, (std::vector<std::string>{"weft::ValueError: one", "weft::TimeoutError: two", "weft::ValueError: three",
                                              "weft::CancelledError: four", "std::runtime_error: five"}));
}

TEST(ExceptionGroup, MembersKeepTheirIdentity) {
  std::exception_ptr const member = stored(ValueError("same"));
  ExceptionGroup const group("g", {stored(ExceptionGroup("h", {member, stored(QueueFull())}))});
  EXPECT_EQ(group.subgroup<ValueError>()->flatten()[0], member);
  EXPECT_EQ(group.flatten()[0], member);
}

TEST(ExceptionGroup, IsThrownAndCaughtAsAnException) {
  try {
    throw sample();
  } catch (std::exception const& error) {
    EXPECT_EQ(std::string(error.what()).substr(0, 24), "outer (3 sub-exceptions)");
  }
}

}  // namespace
}  // namespace weft
