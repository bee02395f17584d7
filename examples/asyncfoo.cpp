// Two coroutines side by side, then one in the background: the first program that an asyncio tutorial shows.
//
//     import asyncio
//
//     async def asyncfoo(name, delay):
//         await asyncio.sleep(delay)
//         return f"asyncfoo {name} complete"
//
//     async def main():
//         results = await asyncio.gather(asyncfoo("A", 2), asyncfoo("B", 1))
//         print(*results, sep="\n")
//
//         task = asyncio.create_task(asyncfoo("C", 3))
//         print("something else, while C runs")
//         print(await task)
//
//     asyncio.run(main())
//
// gather gives the results in argument order, although B ends first, and takes as long as the slower of the two: 2 s,
// not 3. create_task starts C at once; the program goes on and fetches the result later.
#include <weft/weft.hpp>

#include <chrono>
#include <cmath>
#include <iostream>
#include <string>

using namespace std::chrono_literals;

weft::Coro<std::string> asyncfoo(std::string name, std::chrono::seconds delay) {
  co_await weft::sleep(delay);
  co_return "asyncfoo " + name + " complete";
}

// Seconds since `start`, rounded to whole ones: what the program prints is the same on a slow machine.
long seconds_since(weft::Clock::time_point start) {
  return std::lround(std::chrono::duration<double>(weft::Clock::now() - start).count());
}

weft::Coro<> amain() {
  auto const start = weft::Clock::now();
  auto [a, b] = co_await weft::gather(asyncfoo("A", 2s), asyncfoo("B", 1s));
  std::cout << a << '\n' << b << '\n';
  std::cout << "gather took " << seconds_since(start) << " s" << std::endl;

  auto const again = weft::Clock::now();
  weft::Task<std::string> task = weft::create_task(asyncfoo("C", 3s));
  std::cout << "something else, while C runs" << std::endl;
  std::string const& c = co_await task;
  std::cout << c << '\n';
  std::cout << "C took " << seconds_since(again) << " s" << std::endl;
}

int main() { weft::run(amain()); }
