#pragma once
#include <weft/task.hpp>
