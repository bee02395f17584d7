// All that a model test includes.
#pragma once

#include "model/checker/expect.hpp"
#include "model/checker/explore.hpp"
#include "model/checker/handoff.hpp"
#include "model/checker/mutate.hpp"
#include "model/checker/program.hpp"
#include "model/checker/sync.hpp"
