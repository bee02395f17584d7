// What a worker knows about the code that it runs: which scope a cancel must reach, which requests it has seen, and its context variables.
//
// The state belongs to a *part*: the body of a task, or one child of a bare gather. It lives in the worker while the part runs, moves into
// the wait node when the part really suspends, and comes back when it resumes; a chain of plain awaits shares one. So no coroutine
// frame carries it, spawning copies nothing, and the check for a cancel is a load and a compare (see task_word.hpp).
//
// THE CONTEXT is borrowed: from the task, which holds its creator's from the spawn to the end, or from the part that gathers, which cannot go on
// while its children run. A part that sets a variable gets a context of its own (runtime/context.hpp), and its state says `owns_context`: then
// the state owns one reference, which moves with it into the wait node and back, and goes where the part ends.
#pragma once

#include <cstdint>

namespace weft::engine {

class Context;
class Scope;

struct ExecutionState {
  // The part has changed its state since it started; whoever ran it nested puts its own back.
  static constexpr std::uint32_t dirty = 1;
  // A child of a bare gather, not the body of the task.
  static constexpr std::uint32_t part = 2;
  // The state holds a reference of `context`. A child's first state never has it.
  static constexpr std::uint32_t owns_context = 4;
  // The task is on a strand (runtime/strand.hpp).
  static constexpr std::uint32_t on_strand = 8;
  // The part is in a block that it has entered itself.
  static constexpr std::uint32_t in_block = 16;

  // Without initialisers: a gather's join is made for every fork, and writes its copy later. ExecutionState{} is all zero.
  Scope* scope;
  std::uint32_t seen;
  std::uint32_t flags;
  // Null: no variable has a value.
  Context* context;

  // As a task word is compared with it.
  std::uint64_t mark() const noexcept { return std::uint64_t{flags} << 32 | seen; }
};

}  // namespace weft::engine
