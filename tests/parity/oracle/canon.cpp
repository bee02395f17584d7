#include "canon.hpp"

#include <algorithm>
#include <cstddef>
#include <iterator>

#include <weft/weft.hpp>

namespace weft_parity {
namespace {

// As Python's repr() writes a canonical form: the reference sorts groups by it.
std::string python_repr(Json const& canonical) {
  if (canonical.is_string()) return "'" + canonical.get<std::string>() + "'";
  std::string text = "{'group': [";
  char const* separator = "";
  for (Json const& member : canonical.at("group")) {
    text += separator + python_repr(member);
    separator = ", ";
  }
  return text + "]}";
}

// Words before groups.
std::string sort_key(Json const& canonical) {
  return canonical.is_string() ? canonical.get<std::string>() : "\x7f" + python_repr(canonical);
}

void sort_members(Json& members) {
  std::sort(members.begin(), members.end(), [](Json const& a, Json const& b) { return sort_key(a) < sort_key(b); });
}

Json canon_group(weft::ExceptionGroup const& group) {
  Json members = Json::array();
  for (std::exception_ptr const& member : group.exceptions()) members.push_back(canon(member));
  sort_members(members);
  return Json::object({{"group", std::move(members)}});
}

}  // namespace

Json canon(std::exception_ptr const& error) {
  try {
    std::rethrow_exception(error);
  } catch (UserError const& e) {
    return e.what();
  } catch (weft::CancelledError const&) {
    return "CANCEL";
  } catch (weft::ExceptionGroup const& e) {
    return canon_group(e);
  } catch (weft::TimeoutError const&) {
    return "TIMEOUT";
  } catch (weft::QueueFull const&) {
    return "QFULL";
  } catch (weft::QueueEmpty const&) {
    return "QEMPTY";
  } catch (weft::QueueShutDown const&) {
    return "QSHUT";
  } catch (weft::BrokenBarrierError const&) {
    return "BROKEN";
  } catch (weft::InvalidStateError const&) {
    return "INVALID";
  } catch (weft::RuntimeError const&) {
    return "RT";
  } catch (weft::ValueError const&) {
    return "VAL";
  } catch (std::exception const& e) {
    return std::string("?") + e.what();
  } catch (...) {
    return "?";
  }
}

bool matches(Json const& canonical, Json const& kinds) {
  bool const group = canonical.is_object();
  std::string const word = group ? "GROUP" : canonical.get<std::string>();
  // "A" stands for every "A:n".
  std::string const kind = word.substr(0, word.find(':'));
  return std::any_of(kinds.begin(), kinds.end(), [&](Json const& wanted) {
    return wanted == "ALL" || (wanted == "ANY" && kind != "CANCEL") || wanted == kind;
  });
}

Json with_sorted_groups(Json outcome) {
  if (outcome.is_structured())
    for (Json& part : outcome) part = with_sorted_groups(std::move(part));
  if (outcome.is_object() && outcome.size() == 1 && outcome.contains("group")) sort_members(outcome["group"]);
  return outcome;
}

void cut_at_end_of(Json const& asyncio, Json& weft) {
  bool cut = false;
  for (auto const& [id, frame] : asyncio.at("frames").items()) {
    if (frame.at("end") != "RUNNING" || !weft["frames"].contains(id)) continue;
    cut = true;
    Json& ours = weft["frames"][id];
    Json& log = ours["log"];
    if (log.size() > frame.at("log").size()) log.erase(log.begin() + static_cast<std::ptrdiff_t>(frame.at("log").size()), log.end());
    ours["end"] = "RUNNING";
    for (char const* table : {"frames", "tasks"}) {
      for (auto made = weft[table].begin(); made != weft[table].end();) {
        bool const later = made.key().starts_with(id + ".") && !asyncio.at(table).contains(made.key());
        made = later ? weft[table].erase(made) : std::next(made);
      }
    }
  }
  for (auto const& [id, status] : asyncio.at("tasks").items()) {
    if (status != "PENDING" || !weft["tasks"].contains(id)) continue;
    cut = true;
    weft["tasks"][id] = status;
  }
  if (cut && weft["time"] > asyncio.at("time")) weft["time"] = asyncio.at("time");
}

void forget_vain_starts(Json const& asyncio, Json& weft) {
  Json const& theirs = asyncio.at("frames");
  Json& ours = weft.at("frames");
  auto const in_vain = [](Json const& frame) {
    Json const& log = frame.at("log");
    return log.size() >= 2 && log.back()[1] == "end" && log.front()[0] == log.back()[0];
  };
  for (auto const& [id, unstarted] : theirs.items()) {
    if (unstarted.at("end") != "NEW" || !ours.contains(id) || !in_vain(ours.at(id))) continue;
    ours[id] = unstarted;
    for (auto made = ours.begin(); made != ours.end();) {
      bool const gone = made.key().starts_with(id + ".") && !theirs.contains(made.key()) && (made->at("end") == "NEW" || in_vain(*made));
      if (gone) weft.at("tasks").erase(made.key());
      made = gone ? ours.erase(made) : std::next(made);
    }
  }
}

}  // namespace weft_parity
