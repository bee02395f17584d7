// Context variables: the checks, in CPython's order.
#include <weft/context.hpp>

namespace weft::engine {

ContextValue* ContextVariable::find() const noexcept {
  Context const* const context = current_context();
  return context != nullptr ? context->find(id_) : nullptr;
}

Ref<TokenState> ContextVariable::set(Ref<ContextValue> value) const {
  Ref<TokenState> token(new TokenState(id_, Ref<ContextValue>(find())), Ref<TokenState>::Adopt::reference);
  token->context = set_in_current_context(id_, value.get());
  return token;
}

void ContextVariable::reset(TokenState* token) const {
  if (token == nullptr) throw ValueError("ContextVar::reset() of '" + name_ + "' with an empty token");
  // An exchange only after the checks would let two threads through; they run in different contexts, so one of them fails below.
  if (token->used.load(std::memory_order_relaxed)) throw RuntimeError("the token of the ContextVar '" + name_ + "' has already been used once");
  if (token->variable != id_) throw ValueError("the token was made by another ContextVar than '" + name_ + "'");
  if (token->context != current_context_identity()) throw ValueError("the token of the ContextVar '" + name_ + "' was made in another context");
  (void)set_in_current_context(id_, token->old_value.get());
  token->used.store(true, std::memory_order_relaxed);
}

void ContextVariable::throw_no_value() const { throw RuntimeError("the ContextVar '" + name_ + "' has no value here, and no default"); }

}  // namespace weft::engine
