// Report progress: results in the order in which they come, failures included.
//
//     for task in asyncio.as_completed(downloads):
//         done += 1; print(f"{done} of {n}: {await task}")
//
// next() gives the finished task itself and throws nothing that the task threw, so one failure does not end the loop.
#include <weft/weft.hpp>

#include <chrono>
#include <iostream>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

using namespace std::chrono_literals;

weft::Coro<std::string> download(std::string file, std::chrono::seconds takes) {
  co_await weft::sleep(takes);
  if (file == "b.iso") throw std::runtime_error("checksum of " + file + " is wrong");
  co_return file;
}

weft::Coro<> amain() {
  std::vector<weft::Coro<std::string>> downloads;
  downloads.push_back(download("a.iso", 30s));
  downloads.push_back(download("b.iso", 10s));
  downloads.push_back(download("c.iso", 20s));
  std::size_t const n = downloads.size();

  auto finished = weft::as_completed(std::move(downloads));
  for (std::size_t done = 1; auto task = co_await finished.next(); ++done) {
    std::cout << done << " of " << n << ": ";
    if (task->exception()) std::cout << "failed: " << weft::describe_exception(task->exception()) << '\n';
    else std::cout << task->result() << '\n';
  }
}

int main() {
  weft::Options options;
  options.clock = weft::ClockKind::virtual_time;
  weft::run(amain(), options);
}
