// Statements on synchronisation objects.
#include "machine.hpp"

#include <concepts>
#include <stdexcept>
#include <utility>

namespace weft_parity {

using weft::Coro;

namespace {

template <class T>
concept LockLike = requires(T& object) {
  object.acquire();
  object.release();
};
template <class T>
concept QueueLike = requires(T& object) { object.get_nowait(); };

[[noreturn]] void wrong_kind() { throw std::invalid_argument("a statement on an object of the wrong kind"); }

template <class T>
Coro<> acquire_one(T& lock) {
  if constexpr (LockLike<T>) co_await lock.acquire();
  else wrong_kind();
}

template <class T>
Coro<> put(T& queue, std::int64_t value) {
  if constexpr (QueueLike<T>) co_await queue.put(value);
  else wrong_kind();
}

template <class T>
Coro<std::int64_t> get(T& queue) {
  if constexpr (QueueLike<T>) {
    std::int64_t const value = co_await queue.get();
    co_return value;
  } else {
    wrong_kind();
  }
}

template <class T>
Coro<> join(T& queue) {
  if constexpr (QueueLike<T>) co_await queue.join();
  else wrong_kind();
}

// For the calls that do not wait.
template <class F>
void with_queue(Object& object, F fn) {
  std::visit(
      [&](auto& queue) {
        if constexpr (QueueLike<decltype(queue)>) fn(queue);
        else wrong_kind();
      },
      object);
}

}  // namespace

void Machine::make_object(std::string const& name, Json const& description) {
  auto const& kind = description.at("kind").get_ref<std::string const&>();
  auto const number = [&](char const* key) { return description.at(key).get<std::ptrdiff_t>(); };
  Object& object = objects_[name];
  if (kind == "event") object.emplace<weft::Event>();
  else if (kind == "lock") object.emplace<weft::Lock>();
  else if (kind == "sem") object.emplace<weft::Semaphore>(number("value"));
  else if (kind == "bsem") object.emplace<weft::BoundedSemaphore>(number("value"));
  else if (kind == "cond") object.emplace<weft::Condition>();
  else if (kind == "barrier") object.emplace<weft::Barrier>(number("parties"));
  else if (kind == "queue") object.emplace<Queue>(number("maxsize"));
  else if (kind == "pqueue") object.emplace<PriorityQueue>(number("maxsize"));
  else if (kind == "lqueue") object.emplace<LifoQueue>(number("maxsize"));
  else throw std::invalid_argument("unknown kind of object: " + kind);
}

Object& Machine::object(Json const& statement) { return objects_.at(statement.at("o").get_ref<std::string const&>()); }

// ---------------------------------------------------------------- locks, semaphores, conditions

Coro<> Machine::acquire(Object& object) {
  return std::visit([](auto& lock) { return acquire_one(lock); }, object);
}

void Machine::release(Object& object) {
  std::visit(
      [](auto& lock) {
        if constexpr (LockLike<decltype(lock)>) lock.release();
        else wrong_kind();
      },
      object);
}

// Without a guard: the program may have released what it holds, then the release at the end throws.
Coro<Flow> Machine::op_with(Frame& frame, Json const& s) {
  Object& held = object(s);
  co_await acquire(held);
  log(frame, {"locked"});
  Flow flow;
  std::exception_ptr error;
  try {
    flow = co_await block(frame, s.at("body"));
  } catch (...) {
    error = std::current_exception();
  }
  release(held);
  if (error) std::rethrow_exception(std::move(error));
  co_return flow;
}

Coro<Flow> Machine::op_acquire(Frame& frame, Json const& s) {
  co_await acquire(object(s));
  log(frame, {"acquired"});
  co_return std::nullopt;
}

Coro<Flow> Machine::op_release(Frame&, Json const& s) {
  release(object(s));
  co_return std::nullopt;
}

Coro<Flow> Machine::op_cwait(Frame& frame, Json const& s) {
  co_await std::get<weft::Condition>(object(s)).wait();
  log(frame, {"notified"});
  co_return std::nullopt;
}

Coro<Flow> Machine::op_notify(Frame&, Json const& s) {
  std::get<weft::Condition>(object(s)).notify(s.at("n").get<std::size_t>());
  co_return std::nullopt;
}

// ---------------------------------------------------------------- events, barriers

Coro<Flow> Machine::op_ewait(Frame& frame, Json const& s) {
  co_await std::get<weft::Event>(object(s)).wait();
  log(frame, {"event"});
  co_return std::nullopt;
}

Coro<Flow> Machine::op_set(Frame&, Json const& s) {
  std::get<weft::Event>(object(s)).set();
  co_return std::nullopt;
}

Coro<Flow> Machine::op_clear(Frame&, Json const& s) {
  std::get<weft::Event>(object(s)).clear();
  co_return std::nullopt;
}

Coro<Flow> Machine::op_bwait(Frame& frame, Json const& s) {
  std::size_t const index = co_await std::get<weft::Barrier>(object(s)).wait();
  log(frame, {"barrier", index});
  co_return std::nullopt;
}

Coro<Flow> Machine::op_babort(Frame&, Json const& s) {
  std::get<weft::Barrier>(object(s)).abort();
  co_return std::nullopt;
}

Coro<Flow> Machine::op_breset(Frame&, Json const& s) {
  std::get<weft::Barrier>(object(s)).reset();
  co_return std::nullopt;
}

// ---------------------------------------------------------------- queues

Coro<Flow> Machine::op_put(Frame& frame, Json const& s) {
  auto const value = s.at("v").get<std::int64_t>();
  auto const put_value = [value](auto& queue) { return put(queue, value); };
  co_await std::visit(put_value, object(s));
  log(frame, {"put"});
  co_return std::nullopt;
}

Coro<Flow> Machine::op_get(Frame& frame, Json const& s) {
  std::int64_t const value = co_await std::visit([](auto& queue) { return get(queue); }, object(s));
  log(frame, {"got", value});
  co_return std::nullopt;
}

Coro<Flow> Machine::op_put_nw(Frame&, Json const& s) {
  with_queue(object(s), [value = s.at("v").get<std::int64_t>()](auto& queue) { queue.put_nowait(value); });
  co_return std::nullopt;
}

Coro<Flow> Machine::op_get_nw(Frame& frame, Json const& s) {
  std::int64_t value = 0;
  with_queue(object(s), [&](auto& queue) { value = queue.get_nowait(); });
  log(frame, {"got", value});
  co_return std::nullopt;
}

Coro<Flow> Machine::op_task_done(Frame&, Json const& s) {
  with_queue(object(s), [](auto& queue) { queue.task_done(); });
  co_return std::nullopt;
}

Coro<Flow> Machine::op_join(Frame& frame, Json const& s) {
  co_await std::visit([](auto& queue) { return join(queue); }, object(s));
  log(frame, {"joined"});
  co_return std::nullopt;
}

Coro<Flow> Machine::op_shutdown(Frame&, Json const& s) {
  with_queue(object(s), [now = s.at("now").get<bool>()](auto& queue) { queue.shutdown(now); });
  co_return std::nullopt;
}

}  // namespace weft_parity
