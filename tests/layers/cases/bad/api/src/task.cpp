#include <weft/interop/tbb.hpp>
