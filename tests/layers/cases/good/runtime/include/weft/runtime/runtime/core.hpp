#pragma once
  #  include <weft/runtime/algorithms/ring.hpp>
