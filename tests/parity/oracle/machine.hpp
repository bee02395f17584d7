// Machine: one program of the language in ../GRAMMAR.md, run on weft under the virtual clock.
//
// The program is a tree of JSON objects that nobody writes; every statement is interpreted by a coroutine of its own, so that what the
// program does with tasks, scopes and primitives is done by the library and by nothing else. One tick is one millisecond.
//
// Threads: frames of different tasks run in parallel. A frame (its log, its end, its counts) is written by its own task alone, except that its
// maker writes it before the task exists, and a done callback has a frame of its own. Handles and groups may be named by any frame: the
// tables are guarded by tables_. A statement that makes a task holds tables_ until the task's handle is in the table, because in the
// language these are one step: no other frame, the new one included, finds the name unset between them.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include <weft/weft.hpp>

#include "canon.hpp"

namespace weft_parity {

using Ticks = std::chrono::milliseconds;
using Handle = weft::Task<Json>;

// How a statement ended: went on, or left the frame with a value ("ret").
using Flow = std::optional<std::int64_t>;

// One instance of a coroutine of the program.
struct Frame {
  explicit Frame(std::string name) : id(std::move(name)) {}

  std::string const id;
  Json end = "NEW";
  Json log = Json::array();
  std::map<std::int64_t, int> made;  // frames made from each site
};

using Queue = weft::Queue<std::int64_t>;
using PriorityQueue = weft::PriorityQueue<std::int64_t>;
using LifoQueue = weft::LifoQueue<std::int64_t>;
using Object = std::variant<std::monostate, weft::Event, weft::Lock, weft::Semaphore, weft::BoundedSemaphore, weft::Condition,
                            weft::Barrier, Queue, PriorityQueue, LifoQueue>;

class Machine {
 public:
  // Throws std::invalid_argument when the program is not one. The program must outlive the machine. `jitter`: threads are held up between
  // statements, so that other workers get to run what is ready.
  Machine(Json const& program, bool jitter);
  Machine(Machine const&) = delete;
  Machine& operator=(Machine const&) = delete;

  // Runs the program; once.
  Json run(weft::Options options);

 private:
  using Operation = weft::Coro<Flow> (Machine::*)(Frame&, Json const&);
  static std::map<std::string, Operation> const& operations();
  static void check_block(Json const& statements);

  // A group as long as it can take tasks: a TaskGroup& must not be used after its block, and who holds the name may outlive that.
  struct Group {
    weft::TaskGroup* handle;
    int members = 0;  // the body and the tasks in it that have not ended; guarded by tables_
  };
  // Held by the body, and by every task of the group for as long as its frame exists.
  class Membership;

  weft::Coro<Json> frame(Frame& frame, Json const& body);
  weft::Coro<Json> member(Frame& frame, Json const& body, Membership membership);
  weft::Coro<Flow> block(Frame& frame, Json const& statements);
  static void hold_up();

  void log(Frame& frame, Json event);  // an array; the time is put before it
  Frame& new_frame(std::string id);
  Frame& child_frame(Frame& parent, std::int64_t site);
  Handle start(Frame& parent, Json const& item, bool reported);
  std::optional<Handle> find(Json const& name);
  bool all_set(Json const& items);
  // Handles of the items; bodies become tasks, whose statuses are in the outcome if `reported`.
  std::vector<Handle> handles(Frame& frame, Json const& items, bool reported);
  static Json status(Handle const& handle);

  // flow.cpp
  weft::Coro<Flow> op_log(Frame&, Json const&);
  weft::Coro<Flow> op_sleep(Frame&, Json const&);
  weft::Coro<Flow> op_ret(Frame&, Json const&);
  weft::Coro<Flow> op_raise(Frame&, Json const&);
  weft::Coro<Flow> op_call(Frame&, Json const&);
  weft::Coro<Flow> op_loop(Frame&, Json const&);
  weft::Coro<Flow> op_try(Frame&, Json const&);
  weft::Coro<Flow> op_cv_set(Frame&, Json const&);
  weft::Coro<Flow> op_cv_get(Frame&, Json const&);

  // tasks.cpp
  weft::Coro<Flow> op_spawn(Frame&, Json const&);
  weft::Coro<Flow> op_await(Frame&, Json const&);
  weft::Coro<Flow> op_cancel(Frame&, Json const&);
  weft::Coro<Flow> op_status(Frame&, Json const&);
  weft::Coro<Flow> op_on_done(Frame&, Json const&);
  weft::Coro<Flow> op_cancel_self(Frame&, Json const&);
  weft::Coro<Flow> op_uncancel(Frame&, Json const&);
  weft::Coro<Flow> op_cancelling(Frame&, Json const&);
  weft::Coro<Flow> op_shield(Frame&, Json const&);
  weft::Coro<Flow> op_wait(Frame&, Json const&);
  weft::Coro<Flow> op_as_completed(Frame&, Json const&);
  weft::Coro<Flow> op_gather(Frame&, Json const&);
  static weft::Coro<Json> gathering(std::vector<Handle> handles, bool return_exceptions, weft::Event* started);

  // blocks.cpp
  weft::Coro<Flow> op_group(Frame&, Json const&);
  weft::Coro<Flow> op_gspawn(Frame&, Json const&);
  weft::Coro<Flow> op_timeout(Frame&, Json const&);
  weft::Coro<Flow> op_resched(Frame&, Json const&);
  weft::Coro<Flow> op_wait_for(Frame&, Json const&);
  static weft::Coro<Flow> group_body(weft::TaskGroup&, Machine*, Frame*, Json const*);
  static weft::Coro<Flow> timeout_body(weft::Timeout&, Machine*, Frame*, Json const*, bool* expired);

  // objects.cpp
  void make_object(std::string const& name, Json const& description);
  Object& object(Json const& statement);
  static weft::Coro<> acquire(Object& object);
  static void release(Object& object);
  weft::Coro<Flow> op_with(Frame&, Json const&);
  weft::Coro<Flow> op_acquire(Frame&, Json const&);
  weft::Coro<Flow> op_release(Frame&, Json const&);
  weft::Coro<Flow> op_ewait(Frame&, Json const&);
  weft::Coro<Flow> op_set(Frame&, Json const&);
  weft::Coro<Flow> op_clear(Frame&, Json const&);
  weft::Coro<Flow> op_cwait(Frame&, Json const&);
  weft::Coro<Flow> op_notify(Frame&, Json const&);
  weft::Coro<Flow> op_bwait(Frame&, Json const&);
  weft::Coro<Flow> op_babort(Frame&, Json const&);
  weft::Coro<Flow> op_breset(Frame&, Json const&);
  weft::Coro<Flow> op_put(Frame&, Json const&);
  weft::Coro<Flow> op_get(Frame&, Json const&);
  weft::Coro<Flow> op_put_nw(Frame&, Json const&);
  weft::Coro<Flow> op_get_nw(Frame&, Json const&);
  weft::Coro<Flow> op_task_done(Frame&, Json const&);
  weft::Coro<Flow> op_join(Frame&, Json const&);
  weft::Coro<Flow> op_shutdown(Frame&, Json const&);

  Json const& program_;
  bool const jitter_;
  std::map<std::string, Object> objects_;
  weft::ContextVar<std::int64_t> variable_{"cv", 0};

  // Recursive: a coroutine that a group refuses is destroyed by the call, and gives its membership back.
  std::recursive_mutex tables_;
  std::map<std::string, std::unique_ptr<Frame>> frames_;
  std::map<std::string, Handle> tasks_;  // by frame: those whose status is in the outcome
  std::map<std::string, Handle> vars_;
  std::map<std::string, std::shared_ptr<Group>> groups_;
  std::map<std::string, weft::Timeout*> timeouts_;
};

class Machine::Membership {
 public:
  Membership(std::recursive_mutex& tables, std::shared_ptr<Group> group);
  Membership(Membership&& other) noexcept;
  Membership& operator=(Membership&&) = delete;
  ~Membership();

 private:
  std::recursive_mutex* tables_;
  std::shared_ptr<Group> group_;
};

// A time of the program: null means none.
std::optional<Ticks> optional_ticks(Json const& time);

}  // namespace weft_parity
