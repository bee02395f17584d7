#pragma once

#include <weft/runtime/scheduler/worker.hpp>
