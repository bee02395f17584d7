// Every outcome, good or bad, side by side.
//
//     results = await asyncio.gather(*checks, return_exceptions=True)
//     for result in results:
//         if isinstance(result, Exception): ...
//
// A Result<T> is a value or an error, and cannot be taken for the other by accident.
#include <weft/weft.hpp>

#include <iostream>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

weft::Coro<int> check(std::string port) {
  co_await weft::yield_now();
  int const number = std::stoi(port);  // throws std::invalid_argument
  if (number > 65535) throw std::out_of_range(port + " is no port");
  co_return number;
}

weft::Coro<> amain() {
  std::vector<weft::Coro<int>> checks;
  for (char const* port : {"80", "http", "8080", "70000"}) checks.push_back(check(port));

  std::vector<weft::Result<int>> const results = co_await weft::gather(weft::return_exceptions, std::move(checks));
  for (weft::Result<int> const& result : results) {
    if (result) std::cout << *result << '\n';
    else std::cout << weft::describe_exception(result.error()) << '\n';
  }
}

int main() { weft::run(amain()); }
