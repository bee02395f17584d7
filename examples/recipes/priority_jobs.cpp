// Jobs by urgency, whatever the order in which they came.
//
//     await jobs.put((priority, name))          # asyncio.PriorityQueue: the least first
//
// What Less calls least comes first, as in asyncio and unlike std::priority_queue.
#include <weft/weft.hpp>

#include <iostream>
#include <string>

struct Job {
  int urgency;
  std::string name;
};
struct MoreUrgent {
  bool operator()(Job const& a, Job const& b) const { return a.urgency > b.urgency; }
};

weft::Coro<> amain() {
  weft::PriorityQueue<Job, MoreUrgent> jobs;
  jobs.put_nowait({1, "tidy up"});
  jobs.put_nowait({9, "put out the fire"});
  jobs.put_nowait({5, "answer the phone"});
  jobs.shutdown();  // no more will come: the loop below ends

  try {
    while (true) {
      Job const job = co_await jobs.get();
      std::cout << job.name << '\n';
    }
  } catch (weft::QueueShutDown const&) {
  }
}

int main() { weft::run(amain()); }
