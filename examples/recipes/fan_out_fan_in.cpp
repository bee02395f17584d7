// Fan out to any number of workers, fan in to one result: the words of several texts are counted at once and the counts merged.
//
//     counts = await asyncio.gather(*(count_words(text) for text in texts))
//     total = sum(counts, Counter())
//
// In Python this would run on one core; here each text is counted on whatever core is free, and no lock is needed, since each
// count is its coroutine's own until gather hands it over.
#include <weft/weft.hpp>

#include <iostream>
#include <map>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

using Counts = std::map<std::string, int>;

weft::Coro<Counts> count_words(std::string text) {
  Counts counts;
  std::istringstream words(text);
  for (std::string word; words >> word;) ++counts[word];
  co_return counts;
}

weft::Coro<> amain() {
  std::vector<std::string> const texts{"the cat sat on the mat", "the dog sat on the log", "on and on"};

  std::vector<weft::Coro<Counts>> counters;
  for (std::string const& text : texts) counters.push_back(count_words(text));
  std::vector<Counts> const counts = co_await weft::gather(std::move(counters));  // in argument order

  Counts total;
  for (Counts const& some : counts)
    for (auto const& [word, n] : some) total[word] += n;
  for (auto const& [word, n] : total)
    if (n > 1) std::cout << word << ' ' << n << '\n';
}

int main() { weft::run(amain()); }
