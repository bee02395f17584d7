// A pool of connections, lent out one at a time and given back whatever happens.
//
//     connection = await pool.get()
//     try: ...
//     finally: pool.put_nowait(connection)
//
// The finally is a destructor. The one used last is lent first (LifoQueue), since its caches are warm.
#include <weft/weft.hpp>

#include <chrono>
#include <iostream>
#include <memory>
#include <utility>
#include <vector>

using namespace std::chrono_literals;

struct Connection {
  int queries = 0;
};

class Pool {
  using Free = weft::LifoQueue<std::unique_ptr<Connection>>;
  struct GiveBack {
    Free* free;
    void operator()(Connection* connection) const { free->put_nowait(std::unique_ptr<Connection>(connection)); }
  };

 public:
  using Lent = std::unique_ptr<Connection, GiveBack>;
  explicit Pool(int size) {
    for (int i = 0; i < size; ++i) free_.put_nowait(std::make_unique<Connection>());
  }
  weft::Coro<Lent> lend() {
    auto connection = co_await free_.get();
    co_return Lent(connection.release(), GiveBack{&free_});
  }
  std::size_t free() const { return free_.qsize(); }

 private:
  Free free_;
};

weft::Coro<int> query(Pool& pool) {
  auto connection = co_await pool.lend();
  co_await weft::sleep(1s);
  co_return ++connection->queries;  // nobody else has it
}

weft::Coro<> amain() {
  Pool pool(4);
  std::vector<weft::Coro<int>> queries;
  for (int i = 0; i < 20; ++i) queries.push_back(query(pool));
  co_await weft::gather(std::move(queries));
  std::cout << "20 queries over 4 connections: " << weft::Clock::now().time_since_epoch() / 1s << " s, free again: " << pool.free() << '\n';
}

int main() {
  weft::Options options;
  options.clock = weft::ClockKind::virtual_time;
  weft::run(amain(), options);
}
