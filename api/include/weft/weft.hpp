// The whole library but the bridges in interop/.
#pragma once

#include <weft/coro.hpp>
#include <weft/create_task.hpp>
#include <weft/errors.hpp>
#include <weft/result.hpp>
#include <weft/runtime.hpp>
#include <weft/task.hpp>
