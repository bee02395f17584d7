#include <weft/task.hpp>
