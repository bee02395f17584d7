#pragma once
#include <tbb/task_arena.h>
#include <weft/weft.hpp>
