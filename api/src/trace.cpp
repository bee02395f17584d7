// The public door to the trace.
#include <weft/trace.hpp>

#include <string>

#include <weft/runtime/runtime/trace.hpp>

namespace weft::trace {

void start(std::string_view path) { engine::Trace::start(std::string(path)); }
void stop() { engine::Trace::stop(); }

}  // namespace weft::trace
