// An async generator: results that come page by page look like one sequence.
//
//     async def search(words):
//         for page in itertools.count(1):
//             ...
//             yield hit
//     async for hit in search("weft"): ...
//
// The generator runs in the consumer's task, only while the consumer asks; dropping it drops the rest.
#include <weft/weft.hpp>

#include <chrono>
#include <iostream>
#include <string>
#include <vector>

using namespace std::chrono_literals;

weft::Coro<std::vector<std::string>> fetch_page(int page) {
  std::cout << "(page " << page << ")\n";
  co_await weft::sleep(100ms);
  std::vector<std::string> hits;
  if (page <= 3) hits = {"hit " + std::to_string(2 * page - 1), "hit " + std::to_string(2 * page)};
  co_return hits;
}

weft::AsyncGenerator<std::string> search() {
  for (int page = 1;; ++page) {
    std::vector<std::string> const hits = co_await fetch_page(page);
    if (hits.empty()) co_return;
    for (std::string const& hit : hits) co_yield hit;
  }
}

weft::Coro<> amain() {
  auto hits = search();
  while (auto hit = co_await hits.next()) {
    std::cout << *hit << '\n';
    if (*hit == "hit 3") break;  // the pages after it are never fetched
  }
}

int main() {
  weft::Options options;
  options.clock = weft::ClockKind::virtual_time;
  weft::run(amain(), options);
}
