// Phases: nobody begins the second round before everybody has ended the first.
//
//     await barrier.wait()           # asyncio.Barrier
//
// The heat in a rod: in each step every part reads its neighbours' old values and writes its own new one.
#include <weft/weft.hpp>

#include <iostream>
#include <utility>
#include <vector>

struct Rod {
  std::vector<double> now = std::vector<double>(8, 0.0), next = now;
  weft::Barrier written{6}, swapped{6};
};

weft::Coro<> part(Rod& rod, std::size_t i) {
  for (int step = 0; step < 200; ++step) {
    rod.next[i] = (rod.now[i - 1] + rod.now[i + 1]) / 2;
    std::size_t const place = co_await rod.written.wait();
    if (place == 0) {  // one of them, whichever came first
      rod.next.front() = rod.now.front();
      rod.next.back() = rod.now.back();
      std::swap(rod.now, rod.next);
    }
    co_await rod.swapped.wait();
  }
}

weft::Coro<> amain() {
  Rod rod;
  rod.now.back() = 70;
  std::vector<weft::Coro<>> parts;
  for (std::size_t i = 1; i <= 6; ++i) parts.push_back(part(rod, i));
  co_await weft::gather(std::move(parts));
  for (double heat : rod.now) std::cout << static_cast<int>(heat + 0.5) << ' ';
  std::cout << '\n';
}

int main() { weft::run(amain()); }
