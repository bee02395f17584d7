#pragma once
#include <weft/interop/tbb.hpp>
