// Stages that run at once, with a bounded queue between each and the next: read, parse, sum.
//
//     async with asyncio.TaskGroup() as tg:
//         tg.create_task(read(lines)); tg.create_task(parse(lines, numbers)); total = tg.create_task(add(numbers))
//
// A stage that has no more input shuts its output down. A stage that fails cancels the others, since they are one group.
#include <weft/weft.hpp>

#include <iostream>
#include <string>

weft::Coro<> read(weft::Queue<std::string>& lines) {
  for (int n = 1; n <= 100; ++n) co_await lines.put("value=" + std::to_string(n));
  lines.shutdown();
}

weft::Coro<> parse(weft::Queue<std::string>& lines, weft::Queue<int>& numbers) {
  try {
    while (true) {
      std::string const line = co_await lines.get();
      co_await numbers.put(std::stoi(line.substr(line.find('=') + 1)));
    }
  } catch (weft::QueueShutDown const&) {
    numbers.shutdown();
  }
}

weft::Coro<int> add(weft::Queue<int>& numbers) {
  int total = 0;
  try {
    while (true) {
      int const number = co_await numbers.get();
      total += number;
    }
  } catch (weft::QueueShutDown const&) {
  }
  co_return total;
}

weft::Coro<> amain() {
  weft::Queue<std::string> lines{4};
  weft::Queue<int> numbers{4};
  int const total = co_await weft::task_group([&](weft::TaskGroup& tg) -> weft::Coro<int> {
    tg.start_soon(read(lines));
    tg.start_soon(parse(lines, numbers));
    co_return co_await add(numbers);  // the last stage is the body
  });
  std::cout << "total: " << total << '\n';
}

int main() { weft::run(amain()); }
