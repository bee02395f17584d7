#include <weft/runtime/scheduler/worker.hpp>
#include <weft/task.hpp>
