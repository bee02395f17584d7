// What is alive in a runtime and what it waits for, as text and as JSON.
//
// Each task is looked at on its own, under its own locks, while the others run on: the picture is exact for each task and a moment's blur as a whole. Ages are
// in milliseconds; on the steady clock they may be some milliseconds too long (Worker::stamp).
#include <algorithm>
#include <map>
#include <string_view>
#include <utility>

#include <weft/runtime/platform/json.hpp>
#include <weft/runtime/runtime/runtime_core.hpp>

namespace weft::engine {
namespace {

struct Look {
  std::uint64_t id;
  std::string name;
  char const* state;
  std::uint64_t creator;
  bool in_group;
  bool on_strand;
  std::uint32_t age;
  std::source_location place;
  std::vector<TaskBase::Wait> waits;
};

// Stamps are rounded down and may be older than what is compared with them, so a difference below zero means none.
std::uint32_t elapsed(std::uint32_t now, std::uint32_t since) noexcept {
  auto const difference = static_cast<std::int32_t>(now - since);
  return difference > 0 ? static_cast<std::uint32_t>(difference) : 0;
}

Look look_at(TaskBase const& task, std::uint32_t now) {
  Look look{task.id(), task.name(), "runnable", task.creator(), task.group() != nullptr, task.on_strand(), elapsed(now, task.born()), task.place(), task.waits()};
  for (std::uint32_t i = task.foreign_waits.load(std::memory_order_relaxed); i != 0; --i) look.waits.push_back({"an awaitable of another library", 0, now, {}});
  for (TaskBase::Wait& wait : look.waits) wait.since = elapsed(now, wait.since);
  if (!look.waits.empty()) look.state = "waiting";
  else if (!task.started()) look.state = "created";
  return look;
}

bool known(std::source_location const& place) noexcept { return place.line() != 0; }

std::string_view base_name(char const* file) noexcept {
  std::string_view const path(file);
  std::size_t const slash = path.rfind('/');
  return slash == std::string_view::npos ? path : path.substr(slash + 1);
}

void append_place(std::string& text, std::source_location const& place) {
  text += base_name(place.file_name());
  text += ':';
  text += std::to_string(place.line());
}

void append_place_json(std::string& json, std::source_location const& place) {
  if (!known(place)) {
    json += "null";
    return;
  }
  json += "{\"file\":";
  append_json_string(json, place.file_name());
  json += ",\"line\":" + std::to_string(place.line()) + ",\"function\":";
  append_json_string(json, place.function_name());
  json += '}';
}

// On one line, whatever is in it.
void append_name(std::string& text, std::string const& name) {
  for (char const c : name) {
    if (c == '\n') text += "\\n";
    else if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) text += '?';
    else text += c;
  }
}

void append_line(std::string& text, Look const& look) {
  append_name(text, look.name);
  if (look.waits.empty()) text += look.state[0] == 'c' ? ": not started" : ": ready or running";
  char const* separator = ": waits for ";
  for (TaskBase::Wait const& wait : look.waits) {
    text += separator;
    separator = ", ";
    text += wait.what;
    if (wait.task != 0) text += " Task-" + std::to_string(wait.task);
    text += " (" + std::to_string(wait.since) + " ms";
    if (known(wait.place)) {
      text += ", ";
      append_place(text, wait.place);
    }
    text += ')';
  }
  text += '\n';
}

std::vector<Look> look_at_all(RuntimeCore const& core) {
  auto const now = static_cast<std::uint32_t>(core.scheduler().now() / 1'000'000);
  std::vector<Look> looks;
  for (auto const& task : core.all_tasks()) looks.push_back(look_at(*task, now));
  return looks;
}

}  // namespace

std::string RuntimeCore::task_tree() const {
  std::vector<Look> const looks = look_at_all(*this);
  // Below whoever made it, if that is still there. Ids do not tell an order between workers, so roots are those whose creator is not in the list.
  std::map<std::uint64_t, std::vector<std::size_t>> made_by;
  std::map<std::uint64_t, std::size_t> by_id;
  for (std::size_t i = 0; i < looks.size(); ++i) by_id.emplace(looks[i].id, i);
  for (std::size_t i = 0; i < looks.size(); ++i) made_by[by_id.count(looks[i].creator) != 0 ? looks[i].creator : 0].push_back(i);
  std::string text;
  // Depth first, with a stack of our own: a chain of creators may be as long as it likes.
  constexpr std::size_t deepest_indent = 20;
  std::vector<std::pair<std::size_t, std::size_t>> next;
  auto const push_children = [&](std::uint64_t creator, std::size_t depth) {
    auto const found = made_by.find(creator);
    if (found == made_by.end()) return;
    for (auto child = found->second.rbegin(); child != found->second.rend(); ++child) next.emplace_back(*child, depth);
  };
  push_children(0, 1);
  while (!next.empty()) {
    auto const [index, depth] = next.back();
    next.pop_back();
    text.append(2 * std::min(depth, deepest_indent), ' ');
    append_line(text, looks[index]);
    push_children(looks[index].id, depth + 1);
  }
  return text;
}

std::string RuntimeCore::task_tree_json() const {
  std::string json = "{\"tasks\":[";
  char const* separator = "\n";
  for (Look const& look : look_at_all(*this)) {
    json += separator;
    separator = ",\n";
    json += "{\"id\":" + std::to_string(look.id) + ",\"name\":";
    append_json_string(json, look.name);
    json += ",\"state\":\"";
    json += look.state;
    json += "\",\"creator\":" + (look.creator != 0 ? std::to_string(look.creator) : "null");
    json += ",\"in_group\":";
    json += look.in_group ? "true" : "false";
    json += ",\"on_strand\":";
    json += look.on_strand ? "true" : "false";
    json += ",\"age_ms\":" + std::to_string(look.age) + ",\"coroutine\":";
    append_place_json(json, look.place);
    json += ",\"awaits\":[";
    char const* comma = "";
    for (TaskBase::Wait const& wait : look.waits) {
      json += comma;
      comma = ",";
      json += "{\"what\":";
      append_json_string(json, wait.what);
      json += ",\"task\":" + (wait.task != 0 ? std::to_string(wait.task) : "null") + ",\"since_ms\":" + std::to_string(wait.since) + ",\"where\":";
      append_place_json(json, wait.place);
      json += '}';
    }
    json += "]}";
  }
  json += "\n]}\n";
  return json;
}

}  // namespace weft::engine
