// Threads for calls that block: grown on demand, capped, and let go when they have been idle for a while.
//
// A plain mutex and two condition variables: what runs here takes longer than they do. The destructor waits for every call that has
// started, abandoned ones too, since they may use anything; calls that have not started run as well, because somebody may still wait for them.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <list>
#include <mutex>
#include <string>
#include <thread>

namespace weft::engine {

class BlockingJob {
 public:
  // On a thread of the pool; owns itself from then on.
  virtual void run() noexcept = 0;

 protected:
  ~BlockingJob() = default;
};

class BlockingPool {
 public:
  BlockingPool(unsigned most_threads, std::string thread_name);
  BlockingPool(BlockingPool const&) = delete;
  BlockingPool& operator=(BlockingPool const&) = delete;
  ~BlockingPool();

  // Throws std::system_error when not even one thread can be had, and std::bad_alloc; the job is not taken then.
  void submit(BlockingJob& job);
  // In a child of fork(): the threads do not exist there.
  void abandon() noexcept;

 private:
  void work(std::list<std::thread>::iterator self) noexcept;
  void start_thread();
  void join_finished(std::list<std::thread>& finished) noexcept;

  unsigned const most_threads_;
  std::string const thread_name_;
  std::mutex mutex_;
  std::condition_variable work_, ended_;
  std::deque<BlockingJob*> jobs_;
  std::list<std::thread> threads_, finished_;
  std::size_t idle_ = 0;
  bool stopping_ = false;
};

}  // namespace weft::engine
