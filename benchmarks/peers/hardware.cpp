// What the machine itself needs for a hand-over between two threads: by a cache line that both watch, and by a futex on which the other sleeps.
#include "peers.hpp"

#include <atomic>
#include <chrono>
#include <thread>

namespace bench {

namespace {

struct alignas(64) Flag {
  std::atomic<std::uint32_t> value{0};
};

std::uint64_t spinning(unsigned, std::uint64_t rounds) {
  Flag serve, answer;
  // ORDER(hardware): release and acquire throughout; what weft's hand-over gives as well.
  std::jthread const other([&] {
    for (std::uint32_t i = 1; i <= rounds; ++i) {
      while (serve.value.load(std::memory_order_acquire) != i) {
      }
      answer.value.store(i, std::memory_order_release);
    }
  });
  for (std::uint32_t i = 1; i <= rounds; ++i) {
    serve.value.store(i, std::memory_order_release);
    while (answer.value.load(std::memory_order_acquire) != i) {
    }
  }
  return rounds;
}

void wait_until_it_sleeps() {
  // Longer than a thread needs from its store to its sleep in the kernel.
  Untimed const pause;
  auto const end = std::chrono::steady_clock::now() + std::chrono::microseconds(30);
  while (std::chrono::steady_clock::now() < end) {
  }
}

void hand_over(std::atomic<std::uint32_t>& to, std::uint32_t round) {
  to.store(round, std::memory_order_release);
  to.notify_one();
}

void sleep_until(std::atomic<std::uint32_t> const& flag, std::uint32_t round) {
  for (std::uint32_t seen = flag.load(std::memory_order_acquire); seen != round; seen = flag.load(std::memory_order_acquire)) flag.wait(seen);
}

std::uint64_t parked(unsigned, std::uint64_t rounds) {
  Flag serve, answer;
  std::jthread const other([&] {
    for (std::uint32_t i = 1; i <= rounds; ++i) {
      sleep_until(serve.value, i);
      wait_until_it_sleeps();
      hand_over(answer.value, i);
    }
  });
  for (std::uint32_t i = 1; i <= rounds; ++i) {
    wait_until_it_sleeps();
    hand_over(serve.value, i);
    sleep_until(answer.value, i);
  }
  return rounds;
}

}  // namespace

Peer hardware_peer() {
  return {Contender::hardware, "", {{"ping_pong_spinning", spinning}, {"ping_pong_parked", parked}}, {2}};
}

}  // namespace bench
