// Graceful shutdown: the first Ctrl-C cancels main, everything cleans up after itself, and run() throws KeyboardInterrupt.
//
//     try: asyncio.run(main())               # the first SIGINT cancels main
//     except KeyboardInterrupt: print("bye")
//
// A second Ctrl-C kills the program as usual. Here the program sends itself the signal.
#include <weft/weft.hpp>

#include <chrono>
#include <csignal>
#include <iostream>

using namespace std::chrono_literals;

weft::Coro<> serve() {
  for (int request = 1;; ++request) {
    std::cout << "request " << request << std::endl;
    if (request == 3) std::raise(SIGINT);  // a user with Ctrl-C
    co_await weft::sleep(request < 3 ? 1ms : std::chrono::milliseconds(1h));
  }
}

weft::Coro<> flush() {
  co_await weft::sleep(1ms);  // cleanup may await
  std::cout << "flushed" << std::endl;
}

weft::Coro<> amain() { co_await weft::finally_(serve(), weft::shielded(flush())); }

int main() {
  weft::Options options;
  options.handle_sigint = true;
  try {
    weft::run(amain(), options);
  } catch (weft::KeyboardInterrupt const&) {
    std::cout << "bye" << std::endl;
  }
}
