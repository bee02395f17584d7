// What a program against the installed package may count on: one include, one library.
#include <weft/weft.hpp>

#include <chrono>
#include <cstdio>
#include <stdexcept>
#include <string>
#include <tuple>
#include <vector>

namespace {

using namespace std::chrono_literals;

weft::Coro<int> square(int x) {
  co_await weft::sleep(1ms);
  co_return x * x;
}

weft::Coro<int> fail() {
  co_await weft::yield_now();
  throw std::runtime_error("on purpose");
}

weft::Coro<int> group_body(weft::TaskGroup& group) {
  weft::Task<int> four = group.create_task(square(2));
  weft::Task<int> nine = group.create_task(square(3));
  int sum = co_await four;
  sum += co_await nine;
  co_return sum;
}

weft::Coro<int> failing_body(weft::TaskGroup& group) {
  weft::Task<int> task = group.create_task(fail());
  co_return co_await task;
}

weft::Coro<int> amain() {
  auto [one, four] = co_await weft::gather(square(1), square(2));
  std::vector<weft::Coro<int>> more;
  for (int i = 0; i < 10; ++i) more.push_back(square(i));
  std::vector<int> squares = co_await weft::gather(std::move(more));
  int sum = one + four;
  for (int value : squares) sum += value;
  sum += co_await weft::task_group(group_body);
  weft::Task<int> background = weft::create_task(square(5), {.name = "background"});
  sum += co_await background;
  try {
    sum += co_await weft::task_group(failing_body);
  } catch (weft::ExceptionGroup const& group) {
    sum += static_cast<int>(group.exceptions().size()) * 1000;
  }
  co_return sum;
}

}  // namespace

int main() {
  int const expected = 1 + 4 + 285 + 13 + 25 + 1000;
  for (unsigned workers : {1u, 2u, 8u}) {
    weft::Options options;
    options.workers = workers;
    int const sum = weft::run(amain(), options);
    std::printf("%u workers: %d\n", workers, sum);
    if (sum != expected) return 1;
  }
  return 0;
}
