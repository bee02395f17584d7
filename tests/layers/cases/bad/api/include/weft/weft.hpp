#pragma once
#include <weft/task.hpp>
#include <weft/interop/tbb.hpp>
