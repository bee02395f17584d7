// The pool's threads: one is started when a job finds none idle and the cap allows it.
#include <weft/runtime/scheduler/blocking_pool.hpp>

#include <chrono>
#include <system_error>

#include <weft/runtime/platform/cpu.hpp>

namespace weft::engine {
namespace {

constexpr std::chrono::seconds keep_alive{5};

}  // namespace

BlockingPool::BlockingPool(unsigned most_threads, std::string thread_name)
    : most_threads_(most_threads == 0 ? 1 : most_threads), thread_name_(std::move(thread_name)) {}

BlockingPool::~BlockingPool() {
  std::list<std::thread> finished;
  {
    std::unique_lock lock(mutex_);
    stopping_ = true;
    work_.notify_all();
    ended_.wait(lock, [this] { return threads_.empty(); });
    finished.swap(finished_);
  }
  join_finished(finished);
}

void BlockingPool::abandon() noexcept {
  for (auto* list : {&threads_, &finished_})
    for (std::thread& thread : *list) thread.detach();
  threads_.clear();
  finished_.clear();
}

void BlockingPool::submit(BlockingJob& job) {
  std::list<std::thread> finished;
  {
    std::lock_guard const lock(mutex_);
    jobs_.push_back(&job);
    // Every idle thread may have a job coming already.
    if (jobs_.size() > idle_ && threads_.size() < most_threads_) {
      try {
        start_thread();
      } catch (...) {
        if (threads_.empty()) {
          jobs_.pop_back();
          throw;
        }
      }
    }
    finished.swap(finished_);
  }
  work_.notify_one();
  join_finished(finished);
}

void BlockingPool::start_thread() {
  threads_.emplace_front();
  auto const self = threads_.begin();
  try {
    *self = std::thread([this, self] { work(self); });
  } catch (...) {
    threads_.erase(self);
    throw;
  }
}

void BlockingPool::work(std::list<std::thread>::iterator self) noexcept {
  set_thread_name((thread_name_ + "-io").c_str());
  std::unique_lock lock(mutex_);
  for (;;) {
    if (jobs_.empty()) {
      if (stopping_) break;
      ++idle_;
      bool const called = work_.wait_for(lock, keep_alive, [this] { return stopping_ || !jobs_.empty(); });
      --idle_;
      if (!called) break;
      continue;
    }
    BlockingJob& job = *jobs_.front();
    jobs_.pop_front();
    lock.unlock();
    job.run();
    lock.lock();
  }
  // A thread cannot join itself; the next caller does.
  finished_.splice(finished_.begin(), threads_, self);
  if (threads_.empty()) ended_.notify_all();
}

void BlockingPool::join_finished(std::list<std::thread>& finished) noexcept {
  for (std::thread& thread : finished) thread.join();
}

}  // namespace weft::engine
