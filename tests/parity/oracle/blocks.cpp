// Statements with a block that is cancelled as a whole: task groups and timeouts.
#include "machine.hpp"

#include <utility>

namespace weft_parity {

using weft::Coro;

// ---------------------------------------------------------------- groups

Machine::Membership::Membership(std::recursive_mutex& tables, std::shared_ptr<Group> group) : tables_(&tables), group_(std::move(group)) {
  std::lock_guard const hold(*tables_);
  ++group_->members;
}

Machine::Membership::Membership(Membership&& other) noexcept : tables_(other.tables_), group_(std::move(other.group_)) {}

Machine::Membership::~Membership() {
  if (!group_) return;
  std::lock_guard const hold(*tables_);
  --group_->members;
}

Coro<Flow> Machine::op_group(Frame& frame, Json const& s) {
  Flow const flow = co_await weft::task_group(&Machine::group_body, this, &frame, &s);
  co_return flow;
}

Coro<Flow> Machine::group_body(weft::TaskGroup& handle, Machine* machine, Frame* frame, Json const* s) {
  auto group = std::make_shared<Group>();
  group->handle = &handle;
  Membership const body(machine->tables_, group);
  {
    std::lock_guard const hold(machine->tables_);
    machine->groups_[s->at("g").get<std::string>()] = std::move(group);
  }
  Flow const flow = co_await machine->block(*frame, s->at("body"));
  co_return flow;
}

Coro<Json> Machine::member(Frame& child, Json const& body, Membership) {
  Json result = co_await frame(child, body);
  co_return result;
}

Coro<Flow> Machine::op_gspawn(Frame& frame, Json const& s) {
  std::lock_guard const hold(tables_);
  auto const found = groups_.find(s.at("g").get<std::string>());
  if (found == groups_.end()) {
    log(frame, {"unset"});
    co_return std::nullopt;
  }
  std::shared_ptr<Group> const group = found->second;
  Json const& item = s.at("item");
  Frame& child = child_frame(frame, item.at("site").get<std::int64_t>());
  try {
    // As asyncio: once body and tasks have ended. While one of them lasts the block does, too.
    if (group->members == 0) throw weft::RuntimeError("the group has ended");
    Handle task = group->handle->create_task(member(child, item.at("body"), Membership(tables_, group)));
    tasks_.emplace(child.id, task);
    if (s.contains("var")) vars_[s.at("var").get<std::string>()] = std::move(task);
  } catch (weft::RuntimeError const&) {
    child.end = "REFUSED";
    throw;
  }
  co_return std::nullopt;
}

// ---------------------------------------------------------------- timeouts

Coro<Flow> Machine::op_timeout(Frame& frame, Json const& s) {
  bool expired = false;
  Flow flow;
  std::exception_ptr error;
  try {
    flow = co_await weft::timeout(optional_ticks(s.at("d")), &Machine::timeout_body, this, &frame, &s, &expired);
  } catch (...) {
    error = std::current_exception();
  }
  log(frame, {"expired", expired});
  if (error) std::rethrow_exception(std::move(error));
  co_return flow;
}

// The handle is not to be used after the block, so the body's last act is to ask it.
Coro<Flow> Machine::timeout_body(weft::Timeout& handle, Machine* machine, Frame* frame, Json const* s, bool* expired) {
  {
    std::lock_guard const hold(machine->tables_);
    machine->timeouts_[s->at("T").get<std::string>()] = &handle;
  }
  Flow flow;
  std::exception_ptr error;
  try {
    flow = co_await machine->block(*frame, s->at("body"));
  } catch (...) {
    error = std::current_exception();
  }
  *expired = handle.expired();
  if (error) std::rethrow_exception(std::move(error));
  co_return flow;
}

Coro<Flow> Machine::op_resched(Frame&, Json const& s) {
  weft::Timeout* handle = nullptr;
  {
    std::lock_guard const hold(tables_);
    handle = timeouts_.at(s.at("T").get<std::string>());
  }
  std::optional<weft::Clock::time_point> when;
  if (auto const delay = optional_ticks(s.at("d"))) when = weft::Clock::now() + *delay;
  handle->reschedule(when);
  co_return std::nullopt;
}

Coro<Flow> Machine::op_wait_for(Frame& parent, Json const& s) {
  Json const& item = s.at("item");
  auto const delay = optional_ticks(s.at("d"));
  Json result;
  if (item.contains("var")) {
    std::optional<Handle> const handle = find(item.at("var"));
    if (!handle) {
      log(parent, {"unset"});
      co_return std::nullopt;
    }
    result = co_await weft::wait_for(*handle, delay);
  } else {
    Frame& child = child_frame(parent, item.at("site").get<std::int64_t>());
    result = co_await weft::wait_for(frame(child, item.at("body")), delay);
  }
  log(parent, {"wait_for", std::move(result)});
  co_return std::nullopt;
}

}  // namespace weft_parity
