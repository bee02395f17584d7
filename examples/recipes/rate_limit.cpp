// A service that allows ten requests a second, and two at a time.
//
//     async with self.slots:                     # a Semaphore: how many at a time
//         async with self.lock:                  # a Lock: one after the other, in order
//             await asyncio.sleep(self.next - loop.time()); self.next = loop.time() + 0.1
//         ...
//
// CapacityLimiter is a Semaphore whose total may be changed while it is in use (set_total), when the service says so.
#include <weft/weft.hpp>

#include <algorithm>
#include <chrono>
#include <iostream>
#include <utility>
#include <vector>

using namespace std::chrono_literals;

class Service {
 public:
  weft::Coro<> request() {
    auto slot = co_await slots_.scoped();  // given back when the request is over, or cancelled
    co_await next_turn();
    std::cout << "request at " << weft::Clock::now().time_since_epoch() / 1ms << " ms\n";
    co_await weft::sleep(250ms);
  }

 private:
  weft::Coro<> next_turn() {
    auto guard = co_await lock_.scoped();
    co_await weft::sleep_until(next_);
    next_ = std::max(next_, weft::Clock::now()) + 100ms;
  }

  weft::CapacityLimiter slots_{2};
  weft::Lock lock_;
  weft::Clock::time_point next_{};  // guarded by lock_
};

weft::Coro<> amain() {
  Service service;
  std::vector<weft::Coro<>> requests;
  for (int i = 0; i < 6; ++i) requests.push_back(service.request());
  co_await weft::gather(std::move(requests));
}

int main() {
  weft::Options options;
  options.clock = weft::ClockKind::virtual_time;
  weft::run(amain(), options);
}
