#pragma once
#include <weft/runtime/platform/word.hpp>
#include "list.hpp"
