// What the conformance tests of the primitives share: operations as coroutines, so that they can be tasks, and a way to
// let everything happen that can.
//
// asyncio's tests say sleep(0) for "let the others run", which counts steps of one loop. The virtual clock gives the same
// at any number of workers: it moves only when nothing can run, so whoever sleeps for a tick finds everybody else waiting.
#pragma once

#include "unit/support.hpp"

namespace weft_test {

// What may stand behind co_await.
template <class T>
concept Awaitable = requires(T object) { object.operator co_await(); } || requires(T object) { operator co_await(object); } ||
                    requires(T object) { object.await_ready(); };

inline auto settle() { return weft::sleep(1ms); }

// Pointers, since the coroutine outlives the call: the primitive has to outlive the task.
template <class Lockable>
Coro<> acquire(Lockable* lock) {
  co_await lock->acquire();
}

// Takes it, writes its name, and keeps it.
template <class Lockable>
Coro<> acquire_and_log(Lockable* lock, Log* log, std::string name) {
  co_await lock->acquire();
  log->add(name);
}

template <class Q>
using item_t = decltype(std::declval<Q&>().get_nowait());

template <class Q>
Coro<item_t<Q>> get_from(Q* queue) {
  co_return co_await queue->get();
}

template <class Q>
Coro<> put_into(Q* queue, item_t<Q> item) {
  co_await queue->put(std::move(item));
}

template <class Q>
Coro<> join_of(Q* queue) {
  co_await queue->join();
}

// Runs fn() when `delay` is over: asyncio's call_later.
template <class F>
Coro<> call_later(milliseconds delay, F fn) {
  co_await weft::sleep(delay);
  fn();
}

}  // namespace weft_test
