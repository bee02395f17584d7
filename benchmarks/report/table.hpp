// The measured kernels as a text table (ns per task, then ratios) and as JSON.
#pragma once

#include "measure.hpp"

#include <iosfwd>
#include <string>

namespace bench {

void print_table(std::ostream&, std::vector<Measured> const&, Plan const&, MeasureOptions const&, std::string const& command);
void write_json(std::ostream&, std::vector<Measured> const&, MeasureOptions const&, std::string const& command);

}  // namespace bench
