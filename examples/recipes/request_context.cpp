// A value that goes along with a request through all tasks that work for it, without being a parameter of each function.
//
//     request_id = contextvars.ContextVar("request_id", default="-")
//     request_id.set(name)              # seen by this task, and by those that it creates from now on
//
// Each coroutine that gather runs has a context of its own, so the two requests do not see each other's name.
#include <weft/weft.hpp>

#include <chrono>
#include <iostream>
#include <string>

using namespace std::chrono_literals;

weft::ContextVar<std::string> request_id{"request_id", "-"};

void log_line(std::string const& text) { std::cout << '[' + request_id.get() + "] " + text + '\n'; }

weft::Coro<> query(std::chrono::milliseconds takes) {
  co_await weft::sleep(takes);
  log_line("query done");
}

weft::Coro<> handle(std::string name, std::chrono::milliseconds takes) {
  request_id.set(name);
  weft::Task<void> task = weft::create_task(query(takes));  // with a copy of this context
  co_await task;
  co_await weft::sleep(1ms);
  co_await weft::to_thread(log_line, std::string("logged by a thread"));
}

weft::Coro<> amain() {
  co_await weft::gather(handle("ann", 20ms), handle("bob", 10ms));
  log_line("end");
}

int main() {
  weft::Options options;
  options.clock = weft::ClockKind::virtual_time;
  weft::run(amain(), options);
}
