#include <weft/runtime/runtime/core.hpp>
#include <tbb/info.h>
