// A fixed number of workers take jobs from a queue; when every job is done they are stopped.
//
//     workers = [asyncio.create_task(worker(jobs)) for _ in range(3)]
//     await jobs.join()
//     for w in workers: w.cancel()
//
// In weft the workers are children of a group, so that one that fails stops the others instead of leaving join() to wait for ever.
#include <weft/weft.hpp>

#include <chrono>
#include <iostream>

using namespace std::chrono_literals;
using Job = std::chrono::milliseconds;

weft::Coro<> worker(weft::Queue<Job>& jobs) {
  while (true) {
    Job const job = co_await jobs.get();  // an idle worker is cancelled here
    co_await weft::sleep(job);
    jobs.task_done();
  }
}

weft::Coro<> amain() {
  weft::Queue<Job> jobs;
  for (int i = 1; i <= 9; ++i) jobs.put_nowait(i * 100ms);

  auto const start = weft::Clock::now();
  co_await weft::task_group([&](weft::TaskGroup& tg) -> weft::Coro<> {
    for (int i = 0; i < 3; ++i) tg.start_soon(worker(jobs));
    co_await jobs.join();  // every job is done
    tg.cancel();           // quietly: the workers would wait for ever
  });
  std::cout << "4500 ms of work took " << (weft::Clock::now() - start) / 1ms << " ms\n";
}

int main() {
  weft::Options options;
  options.clock = weft::ClockKind::virtual_time;
  weft::run(amain(), options);
}
