// Queue storm: 100 producers and 100 consumers on a queue of 1,000, all of them cancelled at random moments and replaced, until a million items have
// been put (fewer under a sanitizer, more in a soak). Every item that a put has accepted is got exactly once or is still in the queue.
#include "unit/support.hpp"

#include <cstdint>
#include <memory>
#include <random>

namespace weft_test {
namespace {

class QueueStorm : public ::testing::TestWithParam<unsigned> {};

// One byte an item: 1 when its put returned, 2 more when it was got.
class Ledger {
 public:
  explicit Ledger(std::size_t size) : marks_(std::make_unique<std::atomic<std::uint8_t>[]>(size)), size_(size) {}
  // The number of the next item, or `size` when there are enough.
  std::size_t next() {
    std::size_t const item = next_.fetch_add(1, std::memory_order_relaxed);
    return item < size_ ? item : size_;
  }
  void put(std::size_t item) { marks_[item].fetch_add(1, std::memory_order_relaxed); }
  void got(std::size_t item) { marks_[item].fetch_add(2, std::memory_order_relaxed); }
  std::uint8_t marks(std::size_t item) const { return marks_[item].load(std::memory_order_relaxed); }
  std::size_t size() const { return size_; }

 private:
  std::unique_ptr<std::atomic<std::uint8_t>[]> marks_;
  std::size_t size_;
  std::atomic<std::size_t> next_{0};
};

Coro<> produce(weft::Queue<std::size_t>& queue, Ledger& ledger) {
  for (std::size_t item = ledger.next(); item != ledger.size(); item = ledger.next()) {
    co_await queue.put(item);
    ledger.put(item);
    if (item % 4 == 0) co_await weft::yield_now();
  }
}

Coro<> consume(weft::Queue<std::size_t>& queue, Ledger& ledger) {
  for (;;) {
    std::size_t const item = co_await queue.get();
    ledger.got(item);
    queue.task_done();
    if (item % 4 == 0) co_await weft::yield_now();
  }
}

std::size_t items() {
  std::size_t const thousand = 1'000;
  std::size_t const thousands = static_cast<std::size_t>(soak_time().count());
  return sanitized ? thousand / 20 * thousands : thousand * thousands;
}

TEST_P(QueueStorm, EveryItemIsGotOnceOrIsStillThere) {
  constexpr std::size_t pairs = 100;
  weft::Options o;
  o.workers = GetParam();
  weft::Runtime runtime(o);
  Ledger ledger(items());
  std::size_t cancels = 0;
  runtime.run([&]() -> Coro<> {
    weft::Queue<std::size_t> queue(1000);
    std::mt19937 random(7);
    std::vector<Task<void>> producers;
    std::vector<Task<void>> consumers;
    for (std::size_t i = 0; i < pairs; ++i) {
      producers.push_back(weft::create_task(produce(queue, ledger)));
      consumers.push_back(weft::create_task(consume(queue, ledger)));
    }
    bool producing = true;
    while (producing) {
      std::vector<Task<void>> victims;
      for (std::size_t i = 0; i < pairs / 4; ++i) {
        bool const produces = random() % 2 == 0;
        Task<void>& victim = (produces ? producers : consumers)[random() % pairs];
        if (!victim.cancel()) continue;
        victims.push_back(std::move(victim));
        victim = produces ? weft::create_task(produce(queue, ledger)) : weft::create_task(consume(queue, ledger));
      }
      cancels += victims.size();
      // They end as soon as they wait, and leave their items where they belong.
      for (Task<void> const& victim : victims) {
        std::string const seen = co_await outcome(victim);
        EXPECT_EQ(seen, "CancelledError");
      }
      co_await weft::yield_now();
      producing = false;
      for (Task<void> const& t : producers) producing = producing || !t.done();
    }
    // With the consumers gone, what is left is in the queue.
    if (random() % 2 == 0) co_await queue.join();
    for (Task<void>& t : consumers) t.cancel();
    for (Task<void> const& t : consumers) {
      std::string const seen = co_await outcome(t);
      EXPECT_EQ(seen, "CancelledError");
    }
    while (!queue.empty()) ledger.got(queue.get_nowait());
  });
  std::size_t put = 0;
  std::size_t wrong = 0;
  for (std::size_t item = 0; item < ledger.size(); ++item) {
    std::uint8_t const marks = ledger.marks(item);
    // 3: put and got. 0: its producer was cancelled while it waited for room.
    put += marks == 3 ? 1U : 0U;
    wrong += marks != 3 && marks != 0 ? 1U : 0U;
  }
  EXPECT_EQ(wrong, 0U) << "items were lost, got twice, or got without having been put";
  EXPECT_GT(put, 0U);
  EXPECT_LE(ledger.size() - put, cancels);
  RecordProperty("items", std::to_string(put));
  RecordProperty("cancels", std::to_string(cancels));
}

INSTANTIATE_TEST_SUITE_P(At, QueueStorm, ::testing::Values(1U, 2U, 8U), worker_name);

}  // namespace
}  // namespace weft_test
