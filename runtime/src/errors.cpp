// Looking into stored exceptions, and the tree of an ExceptionGroup.
#include <weft/runtime/platform/errors.hpp>

#include <atomic>
#include <cstdlib>
#include <string_view>

#include <weft/runtime/platform/exception_drop.hpp>

#if WEFT_EXCEPTION_RTTI
#include <cxxabi.h>
#endif

namespace weft {
namespace engine {

#if WEFT_EXCEPTION_RTTI

void const* caught_as(std::exception_ptr const& error, std::type_info const& wanted) noexcept {
  // libstdc++'s exception_ptr is one pointer, to the thrown object; it has no public accessor for it.
  static_assert(sizeof(std::exception_ptr) == sizeof(void*));
  void* object = nullptr;
  std::memcpy(&object, &error, sizeof(object));
  std::type_info const* const thrown = error.__cxa_exception_type();
  // A thrown pointer is caught through another level of indirection; none of our callers asks for pointer types.
  if (thrown->__is_pointer_p()) return nullptr;
  return wanted.__do_catch(thrown, &object, 1) ? object : nullptr;
}

bool current_exception_is_cancelled() noexcept {
  std::type_info const* const thrown = abi::__cxa_current_exception_type();
  if (thrown == nullptr) return false;  // none, or one from another language
  if (*thrown == typeid(CancelledError)) return true;
  return is_cancelled_error(std::current_exception());
}

std::string demangle(std::type_info const& type) {
  int status = 0;
  std::unique_ptr<char, void (*)(void*)> const name(abi::__cxa_demangle(type.name(), nullptr, nullptr, &status), &std::free);
  return status == 0 && name != nullptr ? name.get() : type.name();
}

#else

bool current_exception_is_cancelled() noexcept { return is_cancelled_error(std::current_exception()); }

std::string demangle(std::type_info const& type) { return type.name(); }

#endif

namespace {

std::string type_name_of(std::exception_ptr const& error) {
#if WEFT_EXCEPTION_RTTI
  return demangle(*error.__cxa_exception_type());
#else
  if (auto const* const known = exception_cast<std::exception>(error)) return demangle(typeid(*known));
  if (is_cancelled_error(error)) return "weft::CancelledError";
  if (exception_is<KeyboardInterrupt>(error)) return "weft::KeyboardInterrupt";
  return "an exception of unknown type";
#endif
}

std::string message_of(std::exception_ptr const& error) {
  if (auto const* const known = exception_cast<std::exception>(error)) return known->what();
  if (auto const* const cancelled = exception_cast<CancelledError>(error)) return cancelled->message();
  if (auto const* const interrupt = exception_cast<KeyboardInterrupt>(error)) return interrupt->what();
  if (auto const* const text = exception_cast<std::string>(error)) return *text;
  return {};
}

// Appends `text`, whose second and later lines are indented by `indent`.
void append_indented(std::string& out, std::string_view text, std::string_view indent) {
  for (char const c : text) {
    out += c;
    if (c == '\n') out += indent;
  }
}

}  // namespace
}  // namespace engine

std::string describe_exception(std::exception_ptr const& error) {
  if (!error) return "no exception";
  std::string text = engine::type_name_of(error);
  std::string const message = engine::message_of(error);
  if (!message.empty()) text.append(": ").append(message);
  return text;
}

struct ExceptionGroup::State {
  State(std::string message, std::vector<std::exception_ptr> exceptions)
      : message_(std::move(message)), exceptions_(std::move(exceptions)) {}
  State(State const&) = delete;
  State& operator=(State const&) = delete;
  // No other reference is left, and the count's own ordering made every what() happen before this.
  ~State() {
    for (std::exception_ptr const& exception : exceptions_) engine::exception_drops(exception);
    delete text_.load(std::memory_order_relaxed);
  }

  std::string const message_;
  std::vector<std::exception_ptr> const exceptions_;
  mutable std::atomic<std::string const*> text_{nullptr};
};

ExceptionGroup::ExceptionGroup(std::string message, std::vector<std::exception_ptr> exceptions) {
  if (exceptions.empty()) throw ValueError("ExceptionGroup: the list of exceptions is empty");
  for (std::size_t i = 0; i < exceptions.size(); ++i)
    if (!exceptions[i]) throw ValueError("ExceptionGroup: exceptions[" + std::to_string(i) + "] is null");
  state_ = std::make_shared<State const>(std::move(message), std::move(exceptions));
}

std::string const& ExceptionGroup::message() const noexcept { return state_->message_; }
std::vector<std::exception_ptr> const& ExceptionGroup::exceptions() const noexcept { return state_->exceptions_; }

char const* ExceptionGroup::what() const noexcept {
  // ORDER(group-text): acquire; pairs with the release below. Without it the text's characters may be unwritten.
  std::string const* text = state_->text_.load(std::memory_order_acquire);
  if (text != nullptr) return text->c_str();
  try {
    auto const& members = state_->exceptions_;
    auto made = std::make_unique<std::string>(state_->message_);
    *made += " (" + std::to_string(members.size()) + (members.size() == 1 ? " sub-exception)" : " sub-exceptions)");
    for (std::size_t i = 0; i < members.size(); ++i) {
      *made += "\n  +- ";
      engine::append_indented(*made, describe_exception(members[i]), i + 1 < members.size() ? "  |  " : "     ");
    }
    // ORDER(group-text): release; pairs with the acquire above and in a losing exchange.
    if (state_->text_.compare_exchange_strong(text, made.get(), std::memory_order_release, std::memory_order_acquire))
      text = made.release();
    return text->c_str();
  } catch (...) {
    return state_->message_.c_str();  // out of memory: the message alone
  }
}

std::pair<std::optional<ExceptionGroup>, std::optional<ExceptionGroup>> ExceptionGroup::split_members(Match match,
                                                                                                       bool want_rest) const {
  std::vector<std::exception_ptr> matching, rest;
  for (std::exception_ptr const& member : state_->exceptions_) {
    if (match(member)) {
      matching.push_back(member);
      continue;
    }
    if (auto const* const group = engine::exception_cast<ExceptionGroup>(member)) {
      auto parts = group->split_members(match, want_rest);
      if (parts.first) {
        matching.push_back(std::make_exception_ptr(*std::move(parts.first)));
        if (parts.second) rest.push_back(std::make_exception_ptr(*std::move(parts.second)));
        continue;
      }
    }
    if (want_rest) rest.push_back(member);
  }
  std::pair<std::optional<ExceptionGroup>, std::optional<ExceptionGroup>> parts;
  if (matching.empty()) {
    if (want_rest) parts.second.emplace(*this);
    return parts;
  }
  parts.first.emplace(state_->message_, std::move(matching));
  if (!rest.empty()) parts.second.emplace(state_->message_, std::move(rest));
  return parts;
}

bool ExceptionGroup::any_member(Match match) const noexcept {
  for (std::exception_ptr const& member : state_->exceptions_) {
    if (match(member)) return true;
    auto const* const group = engine::exception_cast<ExceptionGroup>(member);
    if (group != nullptr && group->any_member(match)) return true;
  }
  return false;
}

void ExceptionGroup::append_leaves(std::vector<std::exception_ptr>& leaves) const {
  for (std::exception_ptr const& member : state_->exceptions_) {
    if (auto const* const group = engine::exception_cast<ExceptionGroup>(member)) group->append_leaves(leaves);
    else leaves.push_back(member);
  }
}

std::vector<std::exception_ptr> ExceptionGroup::flatten() const {
  std::vector<std::exception_ptr> leaves;
  append_leaves(leaves);
  return leaves;
}

}  // namespace weft
