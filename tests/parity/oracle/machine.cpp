#include "machine.hpp"

#include <functional>
#include <random>
#include <stdexcept>
#include <thread>
#include <utility>

namespace weft_parity {

std::optional<Ticks> optional_ticks(Json const& time) {
  if (time.is_null()) return std::nullopt;
  return Ticks(time.get<std::int64_t>());
}

// ---------------------------------------------------------------- the program

std::map<std::string, Machine::Operation> const& Machine::operations() {
  static std::map<std::string, Operation> const table{
      {"log", &Machine::op_log},
      {"sleep", &Machine::op_sleep},
      {"ret", &Machine::op_ret},
      {"raise", &Machine::op_raise},
      {"call", &Machine::op_call},
      {"loop", &Machine::op_loop},
      {"try", &Machine::op_try},
      {"cv_set", &Machine::op_cv_set},
      {"cv_get", &Machine::op_cv_get},
      {"spawn", &Machine::op_spawn},
      {"await", &Machine::op_await},
      {"cancel", &Machine::op_cancel},
      {"status", &Machine::op_status},
      {"on_done", &Machine::op_on_done},
      {"cancel_self", &Machine::op_cancel_self},
      {"uncancel", &Machine::op_uncancel},
      {"cancelling", &Machine::op_cancelling},
      {"shield", &Machine::op_shield},
      {"wait", &Machine::op_wait},
      {"as_completed", &Machine::op_as_completed},
      {"gather", &Machine::op_gather},
      {"group", &Machine::op_group},
      {"gspawn", &Machine::op_gspawn},
      {"timeout", &Machine::op_timeout},
      {"resched", &Machine::op_resched},
      {"wait_for", &Machine::op_wait_for},
      {"with", &Machine::op_with},
      {"acquire", &Machine::op_acquire},
      {"release", &Machine::op_release},
      {"ewait", &Machine::op_ewait},
      {"set", &Machine::op_set},
      {"clear", &Machine::op_clear},
      {"cwait", &Machine::op_cwait},
      {"notify", &Machine::op_notify},
      {"bwait", &Machine::op_bwait},
      {"babort", &Machine::op_babort},
      {"breset", &Machine::op_breset},
      {"put", &Machine::op_put},
      {"get", &Machine::op_get},
      {"put_nw", &Machine::op_put_nw},
      {"get_nw", &Machine::op_get_nw},
      {"task_done", &Machine::op_task_done},
      {"join", &Machine::op_join},
      {"shutdown", &Machine::op_shutdown},
  };
  return table;
}

// What cannot be run is found before anything runs: thrown inside a frame it would be taken for an exception of the program's.
void Machine::check_block(Json const& statements) {
  for (Json const& statement : statements) {
    auto const& op = statement.at("op").get_ref<std::string const&>();
    if (!operations().contains(op)) throw std::invalid_argument("unknown statement: " + op);
    for (char const* key : {"body", "fin"})
      if (statement.contains(key) && !statement.at(key).is_null()) check_block(statement.at(key));
    if (statement.contains("handlers"))
      for (Json const& handler : statement.at("handlers")) check_block(handler.at("body"));
    if (statement.contains("items"))
      for (Json const& item : statement.at("items"))
        if (item.contains("body")) check_block(item.at("body"));
    if (statement.contains("item") && statement.at("item").contains("body")) check_block(statement.at("item").at("body"));
  }
}

Machine::Machine(Json const& program, bool jitter) : program_(program), jitter_(jitter) {
  if (program.value("v", 0) != 1) throw std::invalid_argument("not a program of version 1");
  for (auto const& [name, description] : program.at("objects").items()) make_object(name, description);
  check_block(program.at("main"));
}

Json Machine::run(weft::Options options) {
  options.clock = weft::ClockKind::virtual_time;
  // Failures that nobody asks for are part of the language, and not of its outcomes.
  options.on_unhandled_exception = [](std::exception_ptr const&, weft::AnyTask const&) {};
  char const* status_word = "OK";
  Json result;
  std::int64_t time = 0;
  {
    weft::Runtime runtime(std::move(options));
    try {
      result = runtime.run(frame(new_frame("m"), program_.at("main")));
    } catch (weft::Deadlock const&) {
      status_word = "DEADLOCK";
    } catch (...) {
      result = canon(std::current_exception());
    }
    time = runtime.run([]() -> weft::Coro<std::int64_t> {
      co_return std::chrono::duration_cast<Ticks>(weft::Clock::now().time_since_epoch()).count();
    });
  }
  Json frames = Json::object();
  for (auto const& [id, frame] : frames_) frames[id] = Json{{"end", frame->end}, {"log", frame->log}};
  Json tasks = Json::object();
  for (auto const& [id, task] : tasks_) tasks[id] = status(task);
  return Json{{"status", status_word}, {"result", std::move(result)}, {"time", time}, {"frames", std::move(frames)}, {"tasks", std::move(tasks)}};
}

// ---------------------------------------------------------------- frames

weft::Coro<Json> Machine::frame(Frame& frame, Json const& body) {
  frame.end = "RUNNING";
  log(frame, {"start"});
  Flow flow;
  try {
    flow = co_await block(frame, body);
  } catch (...) {
    frame.end = canon(std::current_exception());
    log(frame, {"end", frame.end});
    throw;
  }
  frame.end = flow.value_or(0);
  log(frame, {"end", frame.end});
  co_return frame.end;
}

weft::Coro<Flow> Machine::block(Frame& frame, Json const& statements) {
  for (Json const& statement : statements) {
    if (jitter_) hold_up();
    Operation const operation = operations().at(statement.at("op").get_ref<std::string const&>());
    Flow const flow = co_await (this->*operation)(frame, statement);
    if (flow) co_return flow;
  }
  co_return std::nullopt;
}

// Long enough for an idle worker to wake up and steal, often enough not at all.
void Machine::hold_up() {
  static thread_local std::minstd_rand random(static_cast<unsigned>(std::hash<std::thread::id>{}(std::this_thread::get_id())));
  unsigned const draw = static_cast<unsigned>(random() % 100);
  if (draw < 40) return;
  if (draw < 60) std::this_thread::yield();
  else std::this_thread::sleep_for(std::chrono::microseconds(draw));
}

void Machine::log(Frame& frame, Json event) {
  auto const now = std::chrono::duration_cast<Ticks>(weft::Clock::now().time_since_epoch()).count();
  event.insert(event.begin(), now);
  frame.log.push_back(std::move(event));
}

Frame& Machine::new_frame(std::string id) {
  std::lock_guard const hold(tables_);
  auto& slot = frames_[id];
  slot = std::make_unique<Frame>(std::move(id));
  return *slot;
}

Frame& Machine::child_frame(Frame& parent, std::int64_t site) {
  int const before = parent.made[site]++;
  std::string id = parent.id + "." + std::to_string(site);
  if (before != 0) id += "#" + std::to_string(before);
  return new_frame(std::move(id));
}

Handle Machine::start(Frame& parent, Json const& item, bool reported) {
  Frame& child = child_frame(parent, item.at("site").get<std::int64_t>());
  Handle task = weft::create_task(frame(child, item.at("body")));
  if (reported) {
    std::lock_guard const hold(tables_);
    tasks_.emplace(child.id, task);
  }
  return task;
}

// ---------------------------------------------------------------- handles

std::optional<Handle> Machine::find(Json const& name) {
  std::lock_guard const hold(tables_);
  auto const found = vars_.find(name.get_ref<std::string const&>());
  if (found == vars_.end()) return std::nullopt;
  return found->second;
}

bool Machine::all_set(Json const& items) {
  for (Json const& item : items)
    if (item.contains("var") && !find(item.at("var"))) return false;
  return true;
}

std::vector<Handle> Machine::handles(Frame& frame, Json const& items, bool reported) {
  std::vector<Handle> all;
  for (Json const& item : items) all.push_back(item.contains("var") ? *find(item.at("var")) : start(frame, item, reported));
  return all;
}

Json Machine::status(Handle const& handle) {
  if (!handle.done()) return "PENDING";
  if (handle.cancelled()) return "CANCEL";
  if (std::exception_ptr const error = handle.exception()) return canon(error);
  return handle.result();
}

}  // namespace weft_parity
