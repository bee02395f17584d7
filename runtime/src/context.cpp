// Contexts are made, changed and found. Who owns which is told at the head of context.hpp.
#include <weft/runtime/runtime/context.hpp>

#include <new>

#include <weft/runtime/scheduler/worker.hpp>

namespace weft::engine {
namespace {

std::atomic<std::uint64_t> last_variable{0};
std::atomic<std::uint64_t> last_identity{0};

// The context of plain code on this thread. `owned`: it has set something here, so that the identity is its own.
struct ThreadContext {
  Context* context = nullptr;
  bool owned = false;
  ~ThreadContext() {
    if (Context* const last = std::exchange(context, nullptr)) last->release();
  }
};
thread_local ThreadContext thread_context;

// The state of the task that this thread runs, or null.
ExecutionState* task_state() noexcept {
  Worker* const worker = current_worker();
  return worker != nullptr && worker->state.scope != nullptr ? &worker->state : nullptr;
}

}  // namespace

// ---------------------------------------------------------------- contexts

void Context::push(std::uint64_t variable, ContextValue* value) noexcept {
  value->acquire();
  bindings()[count_++] = {variable, value};
}

ContextValue* Context::find(std::uint64_t variable) const noexcept {
  Binding const* first = bindings();
  // Few: a halving that ends early costs less than a search for the exact place.
  std::size_t left = count_;
  while (left > 0) {
    std::size_t const half = left / 2;
    if (first[half].variable == variable) return first[half].value;
    if (first[half].variable < variable) {
      first += half + 1;
      left -= half + 1;
    } else {
      left = half;
    }
  }
  return nullptr;
}

Context* Context::with(Context const* base, std::uint64_t identity, std::uint64_t variable, ContextValue* value) {
  static_assert(sizeof(Context) % alignof(Binding) == 0);
  std::size_t const before = base != nullptr ? base->count_ : 0;
  std::size_t const room = before + 1;
  auto* const fresh = ::new (::operator new(sizeof(Context) + room * sizeof(Binding))) Context(identity);
  std::size_t i = 0;
  for (; i < before && base->bindings()[i].variable < variable; ++i) fresh->push(base->bindings()[i].variable, base->bindings()[i].value);
  if (value != nullptr) fresh->push(variable, value);
  if (i < before && base->bindings()[i].variable == variable) ++i;
  for (; i < before; ++i) fresh->push(base->bindings()[i].variable, base->bindings()[i].value);
  return fresh;
}

void Context::destroy() noexcept {
  for (std::size_t i = 0; i < count_; ++i) bindings()[i].value->release();
  this->~Context();
  ::operator delete(static_cast<void*>(this));
}

// ---------------------------------------------------------------- the calling code's

Context* current_context() noexcept {
  if (ExecutionState const* const state = task_state()) return state->context;
  return thread_context.context;
}

std::uint64_t current_context_identity() noexcept {
  if (ExecutionState const* const state = task_state())
    return (state->flags & ExecutionState::owns_context) != 0 ? state->context->identity() : 0;
  return thread_context.owned ? thread_context.context->identity() : 0;
}

std::uint64_t set_in_current_context(std::uint64_t variable, ContextValue* value) {
  std::uint64_t identity = current_context_identity();
  if (identity == 0) identity = last_identity.fetch_add(1, std::memory_order_relaxed) + 1;
  Context* const fresh = Context::with(current_context(), identity, variable, value);
  ContextRef before;
  if (ExecutionState* const state = task_state()) {
    Context* const last = std::exchange(state->context, fresh);
    if ((state->flags & ExecutionState::owns_context) != 0) before = ContextRef::adopt(last);
    state->flags |= ExecutionState::owns_context;
  } else {
    before = ContextRef::adopt(std::exchange(thread_context.context, fresh));
    thread_context.owned = true;
  }
  // The last one's values go when everything is in place: their destructors may ask for the context.
  return identity;
}

std::uint64_t next_context_variable() noexcept { return last_variable.fetch_add(1, std::memory_order_relaxed) + 1; }

ContextGuard::ContextGuard(ContextRef context) noexcept
    : outer_(std::exchange(thread_context.context, context.detach())), outer_owned_(std::exchange(thread_context.owned, false)) {}

ContextGuard::~ContextGuard() {
  ContextRef const inner = ContextRef::adopt(std::exchange(thread_context.context, outer_));
  thread_context.owned = outer_owned_;
}

void release_own_context(ExecutionState& state) noexcept {
  do {
    state.flags &= ~ExecutionState::owns_context;
    // First out of the state: the destructor of a value may ask for the context, or even set something.
    std::exchange(state.context, nullptr)->release();
  } while ((state.flags & ExecutionState::owns_context) != 0);
}

}  // namespace weft::engine
