// Real fetches over TCP: two at once, by gather and by TaskGroup, and what a failure does to a slow neighbour.
//
//     async def fetch_data(url):
//         return await asyncio.to_thread(http_get, url)
//
//     async def main(base):
//         task1 = asyncio.create_task(fetch_data(base + "/users"))
//         task2 = asyncio.create_task(fetch_data(base + "/orders"))
//         print("other work, while both are on their way")
//         users, orders = await asyncio.gather(task1, task2)
//         print(users, orders)
//
//         async with asyncio.TaskGroup() as tg:
//             task1 = tg.create_task(fetch_data(base + "/users"))
//             task2 = tg.create_task(fetch_data(base + "/orders"))
//         print(task1.result(), task2.result())
//
//         try:
//             async with asyncio.TaskGroup() as tg:
//                 tg.create_task(fetch_data(base + "/slow"))
//                 tg.create_task(fetch_data(base + "/broken"))
//         except ExceptionGroup as group:
//             traceback.print_exception(group)
//
//     asyncio.run(main("http://127.0.0.1:..."))
//
// The client (cpp-httplib) blocks, so it runs in to_thread, on a thread made for blocking calls. http_get takes a
// std::stop_token first; the runtime passes one and requests a stop when the await is cancelled. So when /broken fails,
// the group does not wait the ten seconds that /slow takes: the await of /slow ends at once, and the stop closes its
// connection, so that no thread is left reading from it.
#include <weft/weft.hpp>

#include <httplib.h>

#include <atomic>
#include <chrono>
#include <iostream>
#include <stdexcept>
#include <stop_token>
#include <string>
#include <thread>

using namespace std::chrono_literals;

// The blocking client. A stop that comes before the request is out finds nothing to shut down, hence the second look
// at the token whenever data arrives.
std::string http_get(std::stop_token stop, std::string const& url) {
  std::size_t const slash = url.find('/', std::string("http://").size());
  httplib::Client client(url.substr(0, slash));
  std::stop_callback close_connection(stop, [&client] { client.stop(); });

  std::string body;
  auto response = client.Get(url.substr(slash), [&](char const* data, std::size_t size) {
    body.append(data, size);
    return !stop.stop_requested();
  });
  if (!response) throw std::runtime_error("GET " + url.substr(slash) + ": " + httplib::to_string(response.error()));
  if (response->status != 200) throw std::runtime_error("GET " + url.substr(slash) + ": HTTP " + std::to_string(response->status));
  return body;
}

weft::Coro<std::string> fetch_data(std::string url) {
  std::string body = co_await weft::to_thread(http_get, url);
  co_return body;
}

weft::Coro<> with_gather(std::string base) {
  weft::Task<std::string> task1 = weft::create_task(fetch_data(base + "/users"));
  weft::Task<std::string> task2 = weft::create_task(fetch_data(base + "/orders"));
  std::cout << "other work, while both are on their way" << std::endl;
  auto [users, orders] = co_await weft::gather(task1, task2);
  std::cout << "gather:    " << users << ", " << orders << std::endl;
}

weft::Coro<> with_task_group(std::string base) {
  weft::Task<std::string> task1, task2;
  co_await weft::task_group([&](weft::TaskGroup& tg) -> weft::Coro<> {
    task1 = tg.create_task(fetch_data(base + "/users"));
    task2 = tg.create_task(fetch_data(base + "/orders"));
    co_return;
  });
  std::cout << "TaskGroup: " << task1.result() << ", " << task2.result() << std::endl;
}

weft::Coro<> with_a_failure(std::string base) {
  auto const start = weft::Clock::now();
  weft::Task<std::string> slow;
  try {
    co_await weft::task_group([&](weft::TaskGroup& tg) -> weft::Coro<> {
      slow = tg.create_task(fetch_data(base + "/slow"));
      tg.create_task(fetch_data(base + "/broken"));
      co_return;
    });
  } catch (weft::ExceptionGroup const& group) {
    auto const ms = std::chrono::duration_cast<std::chrono::milliseconds>(weft::Clock::now() - start).count();
    std::cout << "the group ended after " << ms << " ms, the slow fetch was " << (slow.cancelled() ? "cancelled" : "not cancelled") << '\n';
    std::cout << group.what() << std::endl;
  }
}

weft::Coro<> amain(std::string base) {
  co_await with_gather(base);
  co_await with_task_group(base);
  co_await with_a_failure(base);
}

// A small HTTP server on loopback with threads of its own, on a port that the system picks.
class Server {
 public:
  Server() {
    server_.Get("/ready", [](httplib::Request const&, httplib::Response& response) { answer_after(0ms, "yes", response); });
    server_.Get("/users", [](httplib::Request const&, httplib::Response& response) { answer_after(200ms, "3 users", response); });
    server_.Get("/orders", [](httplib::Request const&, httplib::Response& response) { answer_after(300ms, "5 orders", response); });
    server_.Get("/broken", [](httplib::Request const&, httplib::Response& response) {
      answer_after(100ms, "no such luck", response);
      response.status = 500;
    });
    // Ten seconds of one dot every 50 ms; it stops early when the client has gone or the server is being stopped.
    server_.Get("/slow", [this](httplib::Request const&, httplib::Response& response) {
      response.set_chunked_content_provider("text/plain", [this](std::size_t offset, httplib::DataSink& sink) {
        std::this_thread::sleep_for(50ms);
        if (stopping_ || !sink.is_writable()) return false;
        if (offset < 200) return sink.write(".", 1);
        sink.done();
        return true;
      });
    });
    port_ = server_.bind_to_any_port("127.0.0.1");
    if (port_ < 0) throw std::runtime_error("no port for the HTTP server");
    thread_ = std::jthread([this] { server_.listen_after_bind(); });
    // One answer before the example starts: the server is up then, and what httplib sets up at its first request exists.
    if (httplib::Client(url()).Get("/ready")) return;
    server_.stop();
    throw std::runtime_error("the HTTP server does not answer");
  }
  ~Server() {
    stopping_ = true;
    server_.stop();
  }
  std::string url() const { return "http://127.0.0.1:" + std::to_string(port_); }

 private:
  static void answer_after(std::chrono::milliseconds delay, char const* text, httplib::Response& response) {
    std::this_thread::sleep_for(delay);
    response.set_content(text, "text/plain");
  }

  httplib::Server server_;
  std::atomic<bool> stopping_{false};
  int port_ = -1;
  std::jthread thread_;  // last: joined before the server goes
};

int main() {
  Server server;
  weft::run(amain(server.url()));
}
