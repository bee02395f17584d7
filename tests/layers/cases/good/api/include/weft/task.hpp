#pragma once
#include <weft/runtime/runtime/core.hpp>
