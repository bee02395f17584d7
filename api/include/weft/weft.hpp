// The whole library but the bridges in interop/.
#pragma once

#include <weft/barrier.hpp>
#include <weft/cancel.hpp>
#include <weft/clock.hpp>
#include <weft/condition.hpp>
#include <weft/context.hpp>
#include <weft/coro.hpp>
#include <weft/create_task.hpp>
#include <weft/errors.hpp>
#include <weft/event.hpp>
#include <weft/foreign.hpp>
#include <weft/gather.hpp>
#include <weft/lifo_queue.hpp>
#include <weft/limiter.hpp>
#include <weft/lock.hpp>
#include <weft/priority_queue.hpp>
#include <weft/queue.hpp>
#include <weft/result.hpp>
#include <weft/runtime.hpp>
#include <weft/semaphore.hpp>
#include <weft/sleep.hpp>
#include <weft/strand.hpp>
#include <weft/task.hpp>
#include <weft/task_group.hpp>
#include <weft/timeout.hpp>
#include <weft/to_thread.hpp>
