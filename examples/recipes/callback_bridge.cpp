// A library with callbacks, bridged to co_await by a Promise.
//
//     future = loop.create_future()
//     client.get(key, lambda value: loop.call_soon_threadsafe(future.set_result, value))
//     return await future
//
// A Promise may be set from any thread, so nothing has to be sent back to the loop. If the task that waits is cancelled the future
// is, too, and the set that comes late returns false. A promise that is dropped unset throws RuntimeError at the await.
#include <weft/weft.hpp>

#include <functional>
#include <iostream>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

// The library: it calls back on a thread of its own.
class Client {
 public:
  using Callback = std::function<void(bool found, std::string text)>;
  void get(std::string key, Callback callback) {
    threads_.emplace_back([key = std::move(key), callback = std::move(callback)] { callback(key != "nobody", "value of " + key); });
  }

 private:
  std::vector<std::jthread> threads_;
};

weft::Coro<std::string> get(Client& client, std::string key) {
  auto promise = std::make_shared<weft::Promise<std::string>>();  // std::function wants to copy it
  client.get(key, [promise](bool found, std::string text) {
    if (found) promise->set_result(std::move(text));
    else promise->set_exception(std::make_exception_ptr(std::out_of_range("no such key")));
  });
  std::string value = co_await promise->future();
  co_return value;
}

weft::Coro<> amain() {
  Client client;
  std::string const value = co_await get(client, "ann");
  std::cout << value << '\n';
  try {
    std::string const nothing = co_await get(client, "nobody");
  } catch (std::out_of_range const& error) {
    std::cout << error.what() << '\n';
  }
}

int main() { weft::run(amain()); }
