// fork(): the child may destroy the runtime or exec. Each use throws RuntimeError, nothing hangs, and the parent does not
// notice. The child says what it saw by its exit status; an alarm ends one that hangs.
#include "unit/support.hpp"

#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#include <memory>

namespace weft_test {
namespace {

class Fork : public ::testing::TestWithParam<unsigned> {
 protected:
  static std::unique_ptr<weft::Runtime> make() {
    weft::Options o;
    o.workers = GetParam();
    return std::make_unique<weft::Runtime>(o);
  }
};

// Runs fn in a forked child and gives its exit status, or 1000 + the signal that ended it.
template <class F>
int in_child(F fn) {
  pid_t const child = ::fork();
  if (child == 0) {
    ::alarm(60);
    int status = 99;
    try {
      status = fn();
    } catch (...) {
      status = 98;
    }
    ::_exit(status);
  }
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}

TEST_P(Fork, UseInTheChildThrowsRuntimeError) {
  auto runtime = make();
  EXPECT_EQ(runtime->run(value_after(1ms, 1)), 1);
  int const status = in_child([&] {
    int wrong = 0;
    if (outcome_of_call([&] { (void)runtime->run(value_after(1ms, 1)); }) != "RuntimeError") wrong |= 1;
    if (outcome_of_call([&] { (void)runtime->submit(value_after(1ms, 1)); }) != "RuntimeError") wrong |= 2;
    if (outcome_of_call([&] { (void)runtime->create_task(value_after(1ms, 1)); }) != "RuntimeError") wrong |= 4;
    if (outcome_of_call([&] { runtime->call_soon_threadsafe([] {}); }) != "RuntimeError") wrong |= 8;
    return wrong;
  });
  EXPECT_EQ(status, 0) << "a bit for each use that did not throw";
  EXPECT_EQ(runtime->run(value_after(1ms, 2)), 2) << "the parent does not notice";
}

TEST_P(Fork, ChildMayDestroyTheRuntime) {
  auto runtime = make();
  EXPECT_EQ(runtime->run(value_after(1ms, 1)), 1);
  int const status = in_child([&] {
    runtime.reset();
    return 0;
  });
  EXPECT_EQ(status, 0);
  EXPECT_EQ(runtime->run(value_after(1ms, 2)), 2);
}

TEST_P(Fork, ChildMayDestroyARuntimeThatWasBusy) {
  auto runtime = make();
  Log log;
  Task<void> task = runtime->create_task(sleep_for_ever(log, "parent"));
  std::future<int> future = runtime->submit(value_after(20ms, 3));
  int const status = in_child([&] {
    runtime.reset();
    return 0;
  });
  EXPECT_EQ(status, 0);
  EXPECT_EQ(future.get(), 3);
  task.cancel();
  EXPECT_EQ(outcome_of_call([&] { task.get(); }), "CancelledError");
}

TEST_P(Fork, ChildMayExec) {
  auto runtime = make();
  EXPECT_EQ(runtime->run(value_after(1ms, 1)), 1);
  int const status = in_child([&] {
    ::execl("/bin/true", "true", static_cast<char*>(nullptr));
    return 97;
  });
  EXPECT_EQ(status, 0);
  EXPECT_EQ(runtime->run(value_after(1ms, 2)), 2);
}

INSTANTIATE_TEST_SUITE_P(At, Fork, ::testing::Values(1U, 2U, 8U), worker_name);

}  // namespace
}  // namespace weft_test
