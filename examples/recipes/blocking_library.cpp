// A library that blocks, off the workers, and told to stop when nobody waits for it any more.
//
//     await asyncio.wait_for(asyncio.to_thread(search, "needle"), 0.02)
//
// In Python the thread goes on when the await is cancelled. Here, if the function takes a std::stop_token first, it is told.
#include <weft/weft.hpp>

#include <chrono>
#include <iostream>
#include <stop_token>
#include <string>
#include <thread>

using namespace std::chrono_literals;

// The library: 40 is found soon, 41 never.
int search(std::stop_token stop, std::string const& what) {
  for (int place = 0; !stop.stop_requested(); ++place) {
    if (std::to_string(place) == what) return place;
    std::this_thread::sleep_for(1ms);
    if (place == 40) --place;
  }
  std::cout << "the library has stopped" << std::endl;
  return -1;
}

weft::Coro<> amain() {
  int const place = co_await weft::to_thread(search, std::string("3"));
  std::cout << "found at " << place << std::endl;
  try {
    (void)co_await weft::wait_for(weft::to_thread(search, std::string("41")), 50ms);
  } catch (weft::TimeoutError const&) {
  }
}

// The runtime's end waits for calls that still run.
int main() { weft::run(amain()); }
