// What goes wrong with a generator.
#include <weft/async_generator.hpp>

#include <weft/errors.hpp>

namespace weft::engine {

void throw_generator_is_running() { throw RuntimeError("AsyncGenerator::next() while another next() is under way"); }

}  // namespace weft::engine
