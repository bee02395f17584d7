// Boost.Fiber, a program of its own, because its work-stealing scheduler can be set up once in a process: weft_peer_boost_fiber THREADS.
//
// Each task is a fiber with 16 KiB of stack, launched with `dispatch`: it runs at once, and its creator is what others may steal. So no more fibers
// live than the recursion is deep, which matters with stacks. Idle threads sleep.
#include "fork_join.hpp"

#include <boost/fiber/algo/work_stealing.hpp>
#include <boost/fiber/all.hpp>
#include <boost/version.hpp>

#include <iostream>
#include <memory>
#include <sstream>
#include <thread>

namespace bench {

namespace {

namespace fibers = boost::fibers;

struct Fibers {
  class Group {
   public:
    template <class F>
    void run(F fn) {
      fibers_.emplace_back(fibers::launch::dispatch, std::allocator_arg, fibers::fixedsize_stack(stack), std::move(fn));
    }
    void wait() {
      for (fibers::fiber& fiber : fibers_) fiber.join();
      fibers_.clear();
    }

   private:
    std::vector<fibers::fiber> fibers_;
  };
  static constexpr std::size_t stack = 16 * 1024;

  template <class F, class G>
  static void both(F const& first, G const& second) {
    fibers::fiber one(fibers::launch::dispatch, std::allocator_arg, fibers::fixedsize_stack(stack), [&first] { first(); });
    second();
    one.join();
  }
  template <class F>
  static void enter(unsigned, F const& fn) {
    fn();
  }
};

std::uint64_t yield(unsigned, std::uint64_t times) {
  for (std::uint64_t i = 0; i < times; ++i) boost::this_fiber::yield();
  return times;
}

std::uint64_t yield_in_turn(unsigned, std::uint64_t times) {
  Fibers::Group all;
  for (int i = 0; i < 100; ++i) all.run([times] { yield(1, times / 100); });
  all.wait();
  return times / 100 * 100;
}

std::uint64_t through_queue(std::size_t bound, std::uint64_t sides, std::uint64_t items) {
  fibers::buffered_channel<std::uint64_t> channel(bound);
  std::vector<std::uint64_t> sums(sides);
  Fibers::Group all;
  for (std::uint64_t side = 0; side < sides; ++side) {
    all.run([&channel, &sum = sums[side], count = items / sides] {
      for (std::uint64_t i = 0; i < count; ++i) sum += channel.value_pop();
    });
    all.run([&channel, count = items / sides] {
      for (std::uint64_t i = 0; i < count; ++i) channel.push(i);
    });
  }
  all.wait();
  return std::accumulate(sums.begin(), sums.end(), std::uint64_t{0});
}

std::uint64_t lock_free(unsigned, std::uint64_t times) {
  fibers::mutex mutex;
  for (std::uint64_t i = 0; i < times; ++i) {
    mutex.lock();
    mutex.unlock();
  }
  return times;
}

std::uint64_t lock_contended(unsigned, std::uint64_t times) {
  fibers::mutex mutex;
  std::uint64_t held = 0;
  Fibers::Group all;
  for (int player = 0; player < 4; ++player) {
    all.run([&, times] {
      for (std::uint64_t i = 0; i < times / 4; ++i) {
        mutex.lock();
        boost::this_fiber::yield();
        ++held;
        mutex.unlock();
      }
    });
  }
  all.wait();
  return held;
}

Programs all_programs() {
  Programs programs = ForkJoin<Fibers>::programs();
  programs.merge(Spawning<Fibers>::programs());
  programs["yield"] = yield;
  programs["yield_in_turn"] = yield_in_turn;
  programs["queue_1_1"] = [](unsigned, std::uint64_t items) { return through_queue(1024, 1, items); };
  programs["queue_4_4"] = [](unsigned, std::uint64_t items) { return through_queue(1024, 4, items); };
  programs["queue_bounded"] = [](unsigned, std::uint64_t items) { return through_queue(16, 1, items); };
  programs["lock_free"] = lock_free;
  programs["lock_contended"] = lock_contended;
  return programs;
}

std::string answer(Programs const& programs, unsigned threads, std::string const& line) {
  std::istringstream words(line);
  std::ostringstream out;
  std::string command, name;
  std::uint64_t size = 0, calls = 0;
  words >> command;
  if (command == "version") {
    out << "Boost " << BOOST_VERSION / 100000 << '.' << BOOST_VERSION / 100 % 1000;
  } else if (command == "programs") {
    for (auto const& [known, program] : programs) out << known << ' ';
  } else if (command == "run" && words >> name >> size >> calls && programs.count(name) == 1) {
    std::uint64_t result = 0;
    (void)Untimed::take();
    auto const start = std::chrono::steady_clock::now();
    for (std::uint64_t i = 0; i < calls; ++i) result = programs.at(name)(threads, size);
    double const seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    out << "ok " << std::fixed << seconds - double(Untimed::take()) * 1e-9 << ' ' << result;
  } else {
    out << "error not understood: " << line;
  }
  return out.str();
}

int serve(unsigned threads) {
  // The other threads hold still here until the end; their schedulers steal meanwhile.
  fibers::mutex mutex;
  fibers::condition_variable_any end;
  bool ended = false;
  std::vector<std::jthread> others;
  for (unsigned i = 1; i < threads; ++i) {
    others.emplace_back([&, threads] {
      fibers::use_scheduling_algorithm<fibers::algo::work_stealing>(threads, true);
      std::unique_lock lock(mutex);
      end.wait(lock, [&ended] { return ended; });
    });
  }
  fibers::use_scheduling_algorithm<fibers::algo::work_stealing>(threads, true);
  Programs const programs = all_programs();
  for (std::string line; std::getline(std::cin, line);) std::cout << answer(programs, threads, line) << std::endl;
  {
    std::unique_lock const lock(mutex);
    ended = true;
  }
  end.notify_all();
  return 0;
}

}  // namespace

}  // namespace bench

int main(int argc, char** argv) { return argc == 2 ? bench::serve(unsigned(std::stoul(argv[1]))) : 2; }
