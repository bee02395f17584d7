// Statements that need no tasks: values, calls, loops, exceptions, the context variable.
#include "machine.hpp"

#include <utility>

namespace weft_parity {

using weft::Coro;

Coro<Flow> Machine::op_log(Frame& frame, Json const& s) {
  log(frame, {"log", s.at("n")});
  co_return std::nullopt;
}

Coro<Flow> Machine::op_sleep(Frame&, Json const& s) {
  co_await weft::sleep(Ticks(s.at("d").get<std::int64_t>()));
  co_return std::nullopt;
}

Coro<Flow> Machine::op_ret(Frame&, Json const& s) { co_return s.at("v").get<std::int64_t>(); }

Coro<Flow> Machine::op_raise(Frame&, Json const& s) {
  throw UserError(s.at("x").get<std::string>(), s.at("n").get<std::int64_t>());
  co_return std::nullopt;
}

Coro<Flow> Machine::op_call(Frame& parent, Json const& s) {
  Json const& item = s.at("item");
  Frame& child = child_frame(parent, item.at("site").get<std::int64_t>());
  Json result = co_await frame(child, item.at("body"));
  log(parent, {"call", std::move(result)});
  co_return std::nullopt;
}

Coro<Flow> Machine::op_loop(Frame& frame, Json const& s) {
  for (std::int64_t left = s.at("n").get<std::int64_t>(); left > 0; --left) {
    Flow const flow = co_await block(frame, s.at("body"));
    if (flow) co_return flow;
  }
  co_return std::nullopt;
}

// C++ cannot await in a catch block: what is in flight is kept, and thrown again when handlers and `fin` have run.
Coro<Flow> Machine::op_try(Frame& frame, Json const& s) {
  Flow flow;
  std::exception_ptr in_flight;
  try {
    flow = co_await block(frame, s.at("body"));
  } catch (...) {
    in_flight = std::current_exception();
  }
  if (in_flight) {
    Json const caught = canon(in_flight);
    for (Json const& handler : s.at("handlers")) {
      if (!matches(caught, handler.at("k"))) continue;
      log(frame, {"caught", caught});
      std::exception_ptr replacement;
      try {
        flow = co_await block(frame, handler.at("body"));
      } catch (...) {
        replacement = std::current_exception();
      }
      if (replacement) in_flight = replacement;
      else if (flow || !handler.at("re").get<bool>()) in_flight = nullptr;
      break;
    }
  }
  if (!s.at("fin").is_null()) {
    log(frame, {"finally"});
    (void)co_await block(frame, s.at("fin"));
  }
  if (in_flight) std::rethrow_exception(std::move(in_flight));
  co_return flow;
}

Coro<Flow> Machine::op_cv_set(Frame&, Json const& s) {
  (void)variable_.set(s.at("n").get<std::int64_t>());
  co_return std::nullopt;
}

Coro<Flow> Machine::op_cv_get(Frame& frame, Json const&) {
  log(frame, {"cv", variable_.get()});
  co_return std::nullopt;
}

}  // namespace weft_parity
