// Statements on handles: tasks, and the ways to wait for several.
#include "machine.hpp"

#include <algorithm>
#include <memory>
#include <utility>

namespace weft_parity {
namespace {

// asyncio's loop of cancels is one step: nobody whom it wakes runs before its end. (A cancelled wait for a condition notifies the next waiter, who would
// otherwise, on another worker, see that before the cancel that is meant for it.)
void cancel_all(std::vector<Handle> const& handles) {
  weft::engine::WokenByCancel woken;
  for (Handle const& handle : handles) {
    weft::engine::CancelRequest request(nullptr, woken);
    if (!handle.reference()->hand_down(request)) handle.reference()->mark_retrieved();
  }
}

}  // namespace

using weft::Coro;

Coro<Flow> Machine::op_spawn(Frame& frame, Json const& s) {
  std::lock_guard const hold(tables_);
  vars_[s.at("var").get<std::string>()] = start(frame, s.at("item"), true);
  co_return std::nullopt;
}

Coro<Flow> Machine::op_await(Frame& frame, Json const& s) {
  std::optional<Handle> const handle = find(s.at("var"));
  if (!handle) {
    log(frame, {"unset"});
    co_return std::nullopt;
  }
  Json const result = co_await *handle;
  log(frame, {"await", result});
  co_return std::nullopt;
}

Coro<Flow> Machine::op_cancel(Frame& frame, Json const& s) {
  std::optional<Handle> handle = find(s.at("var"));
  if (handle) log(frame, {"cancel", handle->cancel()});
  else log(frame, {"unset"});
  co_return std::nullopt;
}

Coro<Flow> Machine::op_status(Frame& frame, Json const& s) {
  std::optional<Handle> const handle = find(s.at("var"));
  if (handle) log(frame, {"status", status(*handle)});
  else log(frame, {"unset"});
  co_return std::nullopt;
}

Coro<Flow> Machine::op_on_done(Frame& frame, Json const& s) {
  std::optional<Handle> handle = find(s.at("var"));
  if (!handle) {
    log(frame, {"unset"});
    co_return std::nullopt;
  }
  Frame& callback = child_frame(frame, s.at("site").get<std::int64_t>());
  callback.end = "CB";
  handle->add_done_callback([this, &callback](Handle const& done) { log(callback, {"done", status(done)}); });
  co_return std::nullopt;
}

Coro<Flow> Machine::op_cancel_self(Frame& frame, Json const&) {
  log(frame, {"cancel", weft::current_task().cancel()});
  co_return std::nullopt;
}

Coro<Flow> Machine::op_uncancel(Frame& frame, Json const&) {
  log(frame, {"uncancel", weft::current_task().uncancel()});
  co_return std::nullopt;
}

Coro<Flow> Machine::op_cancelling(Frame& frame, Json const&) {
  log(frame, {"cancelling", weft::current_task().cancelling()});
  co_return std::nullopt;
}

Coro<Flow> Machine::op_shield(Frame& frame, Json const& s) {
  Json const& item = s.at("item");
  if (item.contains("var") && !find(item.at("var"))) {
    log(frame, {"unset"});
    co_return std::nullopt;
  }
  Handle const handle = item.contains("var") ? *find(item.at("var")) : start(frame, item, true);
  Json const result = co_await weft::shield(handle);
  log(frame, {"shield", result});
  co_return std::nullopt;
}

Coro<Flow> Machine::op_wait(Frame& frame, Json const& s) {
  if (!all_set(s.at("items"))) {
    log(frame, {"unset"});
    co_return std::nullopt;
  }
  std::vector<Handle> const all = handles(frame, s.at("items"), true);
  weft::WaitOptions options;
  if (auto const limit = optional_ticks(s.at("d"))) options.timeout = *limit;
  if (s.at("when") == "FIRST_COMPLETED") options.return_when = weft::FIRST_COMPLETED;
  if (s.at("when") == "FIRST_EXCEPTION") options.return_when = weft::FIRST_EXCEPTION;
  weft::WaitResult<Handle> result = co_await weft::wait(all, options);
  Json statuses = Json::array();
  for (Handle const& handle : all) {
    bool const done = std::find(result.done.begin(), result.done.end(), handle) != result.done.end();
    statuses.push_back(done ? status(handle) : Json("PENDING"));
  }
  log(frame, {"wait", std::move(statuses)});
  if (s.at("cancel").get<bool>()) cancel_all(result.pending);
  co_return std::nullopt;
}

Coro<Flow> Machine::op_as_completed(Frame& frame, Json const& s) {
  if (!all_set(s.at("items"))) {
    log(frame, {"unset"});
    co_return std::nullopt;
  }
  std::vector<Handle> const all = handles(frame, s.at("items"), true);
  auto const limit = optional_ticks(s.at("d"));
  weft::AsCompleted<Json> completed = limit ? weft::as_completed(all, *limit) : weft::as_completed(all);
  for (;;) {
    std::optional<Handle> const next = co_await completed.next();
    if (!next) break;
    Json const result = co_await *next;
    log(frame, {"next", result});
  }
  co_return std::nullopt;
}

// asyncio's gather() takes handles here: its bare coroutines are tasks of their own, and weft's would not be.
Coro<Flow> Machine::op_gather(Frame& frame, Json const& s) {
  if (!all_set(s.at("items"))) {
    log(frame, {"unset"});
    co_return std::nullopt;
  }
  std::vector<Handle> all = handles(frame, s.at("items"), false);
  bool const return_exceptions = s.at("rex").get<bool>();
  if (!s.contains("var")) {
    Json result = co_await gathering(std::move(all), return_exceptions, nullptr);
    log(frame, {"gather", std::move(result)});
    co_return std::nullopt;
  }
  // asyncio's outer future is no task: it gathers from the start, and a cancel reaches the children whenever it comes. A task that gathers is the
  // same from the moment it waits, so nobody gets to see it before. The creator does not look for cancels here.
  auto const started = std::make_shared<weft::Event>();
  Handle outer = weft::create_task(gathering(std::move(all), return_exceptions, started.get()));
  // The end of a run may cancel it before its first step. The callback keeps the event, too.
  outer.add_done_callback([started](Handle const&) { started->set(); });
  auto wait = [](weft::Event& event) -> Coro<> { co_await event.wait(); };
  co_await weft::shielded(wait(*started));
  std::lock_guard const hold(tables_);
  vars_[s.at("var").get<std::string>()] = std::move(outer);
  co_return std::nullopt;
}

Coro<Json> Machine::gathering(std::vector<Handle> handles, bool return_exceptions, weft::Event* started) {
  if (started != nullptr) started->set();
  if (!return_exceptions) {
    std::vector<Json> const values = co_await weft::gather(handles);
    co_return Json(values);
  }
  std::vector<weft::Result<Json>> const results = co_await weft::gather(weft::return_exceptions, handles);
  Json all = Json::array();
  for (weft::Result<Json> const& result : results) all.push_back(result.has_value() ? result.value() : canon(result.error()));
  co_return all;
}

}  // namespace weft_parity
