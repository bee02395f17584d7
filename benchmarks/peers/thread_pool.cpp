// A plain thread pool, as one writes it in an afternoon: one queue behind one mutex. Who waits for a group helps with what is newest in the
// queue meanwhile, or the pool would run out of threads.
#include "fork_join.hpp"

#include <condition_variable>
#include <deque>
#include <functional>
#include <future>
#include <memory>
#include <mutex>
#include <thread>

namespace bench {

namespace {

class Pool {
 public:
  explicit Pool(unsigned threads) {
    for (unsigned i = 0; i < threads; ++i) {
      threads_.emplace_back([this](std::stop_token stop) {
        current = this;
        work(stop);
      });
    }
  }
  ~Pool() {
    for (std::jthread& thread : threads_) thread.request_stop();
    more_.notify_all();
  }

  void post(std::function<void()> task) {
    {
      std::lock_guard const lock(mutex_);
      queue_.push_back(std::move(task));
    }
    more_.notify_one();
  }
  bool help() {
    std::function<void()> task;
    {
      std::lock_guard const lock(mutex_);
      if (queue_.empty()) return false;
      task = std::move(queue_.back());
      queue_.pop_back();
    }
    task();
    return true;
  }

  static thread_local Pool* current;

 private:
  void work(std::stop_token const& stop) {
    for (;;) {
      std::function<void()> task;
      {
        std::unique_lock lock(mutex_);
        if (!more_.wait(lock, stop, [this] { return !queue_.empty(); })) return;
        task = std::move(queue_.front());
        queue_.pop_front();
      }
      task();
    }
  }

  std::mutex mutex_;
  std::condition_variable_any more_;
  std::deque<std::function<void()>> queue_;
  std::vector<std::jthread> threads_;
};

thread_local Pool* Pool::current = nullptr;

Pool& pool(unsigned threads) {
  static std::map<unsigned, std::unique_ptr<Pool>> pools;
  std::unique_ptr<Pool>& entry = pools[threads];
  if (!entry) entry = std::make_unique<Pool>(threads);
  return *entry;
}

struct PlainPool {
  class Group {
   public:
    template <class F>
    void run(F fn) {
      left_.fetch_add(1, std::memory_order_relaxed);
      Pool::current->post([this, fn = std::move(fn)] {
        fn();
        // ORDER(pool-group): release; pairs with the acquire in wait().
        left_.fetch_sub(1, std::memory_order_release);
      });
    }
    void wait() {
      // ORDER(pool-group): acquire; what the tasks wrote is visible after the wait.
      while (left_.load(std::memory_order_acquire) != 0) {
        if (!Pool::current->help()) std::this_thread::yield();
      }
    }

   private:
    std::atomic<std::size_t> left_{0};
  };
  template <class F, class G>
  static void both(F const& first, G const& second) {
    Group one;
    one.run([&first] { first(); });
    second();
    one.wait();
  }
  template <class F>
  static void enter(unsigned threads, F const& fn) {
    auto const done = std::make_shared<std::promise<void>>();
    std::future<void> end = done->get_future();
    pool(threads).post([&fn, done] {
      fn();
      done->set_value();
    });
    end.get();
  }
};

}  // namespace

Peer thread_pool_peer() {
  Peer peer{Contender::thread_pool, "std::mutex, std::deque, std::jthread", ForkJoin<PlainPool>::programs(), {}};
  peer.programs.merge(Spawning<PlainPool>::programs());
  peer.programs["submit"] = [](unsigned threads, std::uint64_t calls) {
    std::uint64_t sum = 0;
    for (std::uint64_t i = 0; i < calls; ++i) PlainPool::enter(threads, [&sum] { ++sum; });
    return sum;
  };
  return peer;
}

}  // namespace bench
