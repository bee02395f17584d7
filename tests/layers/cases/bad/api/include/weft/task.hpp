#pragma once
#include <oneapi/tbb/task_group.h>
#include <weft/runtime/stray.hpp>
