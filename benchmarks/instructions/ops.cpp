// weft_ops: eight operations that callgrind counts. For each, the instructions of 1,000 operations on one worker, counted from inside the task
// that does them, with everything warm. The counts do not depend on how fast or how busy the machine is.
//
//   valgrind --tool=callgrind --callgrind-out-file=FILE weft_ops       writes FILE.1, FILE.2, ... one for each operation, named in its `desc` line
//   weft_ops                                                            runs them all and counts nothing
//
// check.cmake reads the files and compares them with budget.txt.
#include <weft/weft.hpp>

#include <chrono>
#include <cstdio>
#include <cstdlib>

#if __has_include(<valgrind/callgrind.h>)
#include <valgrind/callgrind.h>
#else
#define CALLGRIND_DUMP_STATS_AT(name)
#endif

namespace {

using namespace std::chrono_literals;

constexpr int times = 1'000;

weft::Coro<int> one() { co_return 1; }

weft::Coro<int> await_coroutine() {
  int sum = 0;
  for (int i = 0; i < times; ++i) sum += co_await one();
  co_return sum;
}

// A tree, so that both sides of a gather are gathers themselves; 2 * 512 - 1 calls.
weft::Coro<int> tree(int depth) {
  if (depth == 0) co_return 1;
  auto [a, b] = co_await weft::gather(tree(depth - 1), tree(depth - 1));
  co_return a + b;
}
weft::Coro<int> gather_tree() { co_return co_await tree(9); }

weft::Coro<int> create_task_await() {
  int sum = 0;
  for (int i = 0; i < times; ++i) {
    weft::Task<int> const task = weft::create_task(one());
    sum += co_await task;
  }
  co_return sum;
}

weft::Coro<> nothing() { co_return; }

weft::Coro<int> start_soon() {
  co_await weft::task_group([](weft::TaskGroup& tg) -> weft::Coro<> {
    for (int i = 0; i < times; ++i) tg.start_soon(nothing());
    co_return;
  });
  co_return times;
}

weft::Coro<int> yield() {
  for (int i = 0; i < times; ++i) co_await weft::yield_now();
  co_return times;
}

weft::Coro<> answer(weft::Event* mine, weft::Event* other) {
  for (int i = 0; i < times / 2; ++i) {
    co_await mine->wait();
    mine->clear();
    other->set();
  }
}

// 1,000 times set, resume, wait.
weft::Coro<int> event() {
  weft::Event a, b;
  weft::Task<void> const first = weft::create_task(answer(&a, &b));
  weft::Task<void> const second = weft::create_task(answer(&b, &a));
  a.set();
  co_await first;
  co_await second;
  co_return times;
}

weft::Coro<> put(weft::Queue<int>* queue) {
  for (int i = 0; i < times; ++i) co_await queue->put(i);
}

weft::Coro<int> queue() {
  weft::Queue<int> items(16);
  weft::Task<void> const producer = weft::create_task(put(&items));
  int sum = 0;
  for (int i = 0; i < times; ++i) sum += co_await items.get();
  co_await producer;
  co_return sum;
}

weft::Coro<int> pass_on() {
  co_await weft::yield_now();
  co_return 1;
}

weft::Coro<int> timer_armed_disarmed() {
  int sum = 0;
  for (int i = 0; i < times; ++i) sum += co_await weft::wait_for(pass_on(), 1h);
  co_return sum;
}

template <weft::Coro<int> (*operation)()>
weft::Coro<int> count(char const* name) {
  // Warm first: frames, queues, and under valgrind its translations.
  int const warm = co_await operation();
  // Not CALLGRIND_ZERO_STATS: a dump's totals count from the last dump.
  CALLGRIND_DUMP_STATS_AT("warm");
  int const result = co_await operation();
  CALLGRIND_DUMP_STATS_AT(name);
  std::printf("%s %d\n", name, result);
  if (warm != result) std::abort();
  co_return 0;
}

}  // namespace

int main() {
  weft::Options options;
  options.workers = 1;
  weft::Runtime runtime(options);
  runtime.run(count<await_coroutine>("await_coroutine"));
  runtime.run(count<gather_tree>("gather_tree"));
  runtime.run(count<create_task_await>("create_task_await"));
  runtime.run(count<start_soon>("start_soon"));
  runtime.run(count<yield>("yield"));
  runtime.run(count<event>("event"));
  runtime.run(count<queue>("queue"));
  runtime.run(count<timer_armed_disarmed>("timer_armed_disarmed"));
}
