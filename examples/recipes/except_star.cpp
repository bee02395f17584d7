// Handle some of a group's errors and pass the others on.
//
//     try: ...
//     except* ValueError as group: ...          # the matching part; the rest goes on
//
// split<E>() cuts the group in two by type and keeps the nesting. shielded() lets each import come to its own end here, although the
// first failure cancels the group.
#include <weft/weft.hpp>

#include <chrono>
#include <iostream>
#include <stdexcept>
#include <string>

using namespace std::chrono_literals;

weft::Coro<> import_file(std::string name, std::chrono::seconds takes) {
  co_await weft::sleep(takes);
  if (name == "a.csv") throw std::invalid_argument(name + ": line 3 is no number");
  if (name == "b.csv") throw std::runtime_error(name + ": permission denied");
}

weft::Coro<> import_all() {
  try {
    co_await weft::task_group([](weft::TaskGroup& tg) -> weft::Coro<> {
      tg.start_soon(weft::shielded(import_file("a.csv", 1s)));
      tg.start_soon(weft::shielded(import_file("b.csv", 2s)));
      tg.start_soon(weft::shielded(import_file("c.csv", 3s)));
      co_return;
    });
  } catch (weft::ExceptionGroup const& group) {
    auto const [bad_input, rest] = group.split<std::invalid_argument>();
    if (bad_input)
      for (std::exception_ptr const& error : bad_input->flatten()) std::cout << "skipped: " << weft::describe_exception(error) << '\n';
    if (rest) throw *rest;
  }
}

weft::Coro<> amain() {
  try {
    co_await import_all();
  } catch (weft::ExceptionGroup const& group) {
    std::cout << group.what() << '\n';
  }
}

int main() {
  weft::Options options;
  options.clock = weft::ClockKind::virtual_time;
  weft::run(amain(), options);
}
