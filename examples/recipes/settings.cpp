// A value that is read often and changed seldom, with readers that wait for a change.
//
//     async with self.changed:                                     # a Condition
//         await self.changed.wait_for(lambda: self.version > seen)
//
// Each reader sees every version once or skips to the newest; nobody polls. The value is shared as a pointer to const, so that who
// has read it needs no lock.
#include <weft/weft.hpp>

#include <chrono>
#include <iostream>
#include <memory>
#include <string>
#include <utility>

using namespace std::chrono_literals;

class Settings {
 public:
  struct Version {
    int number = 0;
    std::shared_ptr<std::string const> text;
  };

  weft::Coro<> publish(std::string text) {
    auto guard = co_await changed_.scoped();
    ++current_.number;
    current_.text = std::make_shared<std::string const>(std::move(text));
    changed_.notify_all();
  }
  weft::Coro<Version> newer_than(int seen) {
    auto guard = co_await changed_.scoped();
    co_await changed_.wait_for([&] { return current_.number > seen; });
    co_return current_;
  }

 private:
  weft::Condition changed_;
  Version current_;  // guarded by changed_
};

weft::Coro<> reader(Settings& settings, std::chrono::seconds work) {
  for (int seen = 0; seen < 3;) {
    Settings::Version const version = co_await settings.newer_than(seen);
    seen = version.number;
    co_await weft::sleep(work);
    std::cout << "the reader of " + std::to_string(work.count()) + " s has applied " + *version.text + "\n";
  }
}

weft::Coro<> writer(Settings& settings) {
  for (char const* text : {"red", "green", "blue"}) {
    co_await settings.publish(text);
    co_await weft::sleep(10s);
  }
}

weft::Coro<> amain() {
  Settings settings;
  co_await weft::gather(reader(settings, 1s), reader(settings, 25s), writer(settings));
}

int main() {
  weft::Options options;
  options.clock = weft::ClockKind::virtual_time;
  weft::run(amain(), options);
}
