// What a cancel costs in throws: one for each coroutine of the program that it passes, none for operations, joins and as_result.
#include "support.hpp"

#include <atomic>
#include <dlfcn.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define WEFT_COUNTS_THROWS 0
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define WEFT_COUNTS_THROWS 0
#endif
#endif
#ifndef WEFT_COUNTS_THROWS
#define WEFT_COUNTS_THROWS 1
#endif

#if WEFT_COUNTS_THROWS

namespace {
std::atomic<int> throws{0};
}

// In front of the C++ runtime's. Under another name, since headers may have declared it already. (The sanitizers have their own there.)
extern "C" [[noreturn]] void counted_throw(void* object, void* type, void (*destroy)(void*)) __asm__("__cxa_throw");
extern "C" void counted_throw(void* object, void* type, void (*destroy)(void*)) {
  throws.fetch_add(1, std::memory_order_relaxed);
  using Throw = void (*)(void*, void*, void (*)(void*));
  reinterpret_cast<Throw>(dlsym(RTLD_NEXT, "__cxa_throw"))(object, type, destroy);
  __builtin_unreachable();
}

namespace weft_test {
namespace {

class Throws : public AtWorkers {
 protected:
  // How many throws it takes to cancel a task that is suspended in fn(), and to await its end.
  template <class F>
  int of(F fn) {
    return run([&]() -> Coro<int> {
      auto task = weft::create_task(fn);
      co_await weft::sleep(1ms);
      std::vector const tasks(1, task);
      int const before = throws.load();
      EXPECT_TRUE(task.cancel());
      co_await weft::wait(tasks);
      co_return throws.load() - before;
    });
  }
};

template <class R>
void expect_cancelled(R const& result) { EXPECT_TRUE(result.cancelled()); }

TEST_P(Throws, AsResultOfAnOperationTakesNone) {
  weft::Event event;
  weft::Queue<int> queue;
  weft::Lock lock;
  auto sleeps = []() -> Coro<> {
    auto const end = co_await weft::as_result(weft::sleep(1h));
    expect_cancelled(end);
  };
  EXPECT_EQ(of(sleeps), 0);
  auto waits = [&]() -> Coro<> {
    auto const end = co_await weft::as_result(event.wait());
    expect_cancelled(end);
  };
  EXPECT_EQ(of(waits), 0);
  auto gets = [&]() -> Coro<> {
    auto const end = co_await weft::as_result(queue.get());
    expect_cancelled(end);
  };
  EXPECT_EQ(of(gets), 0);
  auto locks = [&]() -> Coro<> {
    co_await lock.acquire();
    auto const end = co_await weft::as_result(lock.acquire());
    expect_cancelled(end);
    lock.release();
  };
  EXPECT_EQ(of(locks), 0);
  auto gathers = [&]() -> Coro<> {
    auto const end = co_await weft::as_result(weft::gather(weft::sleep(1h), event.wait()));
    expect_cancelled(end);
  };
  EXPECT_EQ(of(gathers), 0);
  auto waits_for = [&]() -> Coro<> {
    auto const end = co_await weft::as_result(weft::wait_for(event.wait(), 1h));
    expect_cancelled(end);
  };
  EXPECT_EQ(of(waits_for), 0);
}

TEST_P(Throws, AnOperationThatIsATaskTakesNone) {
  weft::Event event;
  int const count = run([&]() -> Coro<int> {
    auto task = weft::create_task(event.wait());
    co_await weft::sleep(1ms);
    std::vector const tasks(1, task);
    int const before = throws.load();
    EXPECT_TRUE(task.cancel("a reason"));
    co_await weft::wait(tasks);
    EXPECT_TRUE(task.cancelled());
    int const after = throws.load();
    auto const end = co_await weft::as_result(task);
    expect_cancelled(end);
    std::string const text = describe(end.error());
    EXPECT_NE(text.find("a reason"), std::string::npos) << text;
    co_return after - before;
  });
  EXPECT_EQ(count, 0);
}

TEST_P(Throws, ACoroutineThatACancelPassesTakesOne) {
  auto sleeps = []() -> Coro<> { co_await weft::sleep(1h); };
  EXPECT_EQ(of(sleeps), 1);
  auto gathers = []() -> Coro<> { co_await weft::gather(weft::sleep(1h), weft::sleep(2h)); };
  EXPECT_EQ(of(gathers), 1);
}

WEFT_TEST_AT_1_2_8_WORKERS(Throws);

}  // namespace
}  // namespace weft_test

#endif
