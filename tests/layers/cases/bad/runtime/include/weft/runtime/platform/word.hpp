#pragma once
#include "../algorithms/ring.hpp"
