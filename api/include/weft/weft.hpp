// The whole library but the bridges in interop/.
#pragma once

#include <weft/as_completed.hpp>
#include <weft/async_generator.hpp>
#include <weft/cancel.hpp>
#include <weft/clock.hpp>
#include <weft/coro.hpp>
#include <weft/create_task.hpp>
#include <weft/errors.hpp>
#include <weft/event.hpp>
#include <weft/foreign.hpp>
#include <weft/future.hpp>
#include <weft/gather.hpp>
#include <weft/lock.hpp>
#include <weft/map.hpp>
#include <weft/queue.hpp>
#include <weft/race.hpp>
#include <weft/result.hpp>
#include <weft/runtime.hpp>
#include <weft/sleep.hpp>
#include <weft/task.hpp>
#include <weft/task_group.hpp>
#include <weft/timeout.hpp>
#include <weft/to_thread.hpp>
#include <weft/wait.hpp>
