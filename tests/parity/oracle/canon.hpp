// How outcomes are written: the canonical form of exceptions and values, and of whole outcomes for comparison. See ../GRAMMAR.md.
#pragma once

#include <cstdint>
#include <exception>
#include <stdexcept>
#include <string>

#include <nlohmann/json.hpp>

namespace weft_parity {

using Json = nlohmann::json;

// What {"op": "raise"} throws.
class UserError : public std::runtime_error {
 public:
  UserError(std::string kind, std::int64_t number)
      : std::runtime_error(kind + ":" + std::to_string(number)) {}
};

// The word for an exception, or {"group": [...]} with sorted members.
Json canon(std::exception_ptr const& error);

// Whether a handler for `kinds` takes the exception with this canonical form.
bool matches(Json const& canonical, Json const& kinds);

// The same outcome with every group's members in our order, since another interpreter may have sorted them in its own.
Json with_sorted_groups(Json outcome);

// asyncio ends while tasks still run that were made when it was cancelling already; weft cancels those in a further round. Takes out of weft's
// outcome what came after asyncio's end: of frames that still ran there, and of what they made.
void cut_at_end_of(Json const& asyncio, Json& weft);

// A task runs at once on another worker, so one that asyncio cancels in the step that made it, unstarted, may have begun here: it is cancelled at its
// first await, in the same tick, and so is what it made; or it has ended before, if nothing in it waits. With several workers the two are the same outcome; takes such beginnings out of weft's.
void forget_vain_starts(Json const& asyncio, Json& weft);

}  // namespace weft_parity
