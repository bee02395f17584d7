// A program under test, put together afresh for each execution by a function that takes a Program&:
//
//   [](Program& p) {
//     auto& s = p.state<State>();                        // lives until the end of the execution
//     p.thread("writer", [&s] { ... });                  // up to six
//     p.thread("reader", [&s] { ... });
//     p.check([&s] { require(s.done, "not done"); });    // after all threads have ended, ordered after all they did
//   }
#pragma once

#include <new>
#include <type_traits>
#include <utility>

#include "model/checker/engine.hpp"

namespace weft::model {

class Program {
 public:
  Program(Program const&) = delete;
  Program& operator=(Program const&) = delete;

  // The objects that the threads share. Destroyed in reverse order after the checks.
  template <class S, class... A>
  S& state(A&&... arguments) {
    Owned* const link = static_cast<Owned*>(engine_.bump_.take(sizeof(Owned)));
    S* const s = new S{std::forward<A>(arguments)...};
    *link = Owned{owned_, s, [](void* p) { delete static_cast<S*>(p); }};
    owned_ = link;
    return *s;
  }

  template <class F>
  void thread(char const* name, F body) {
    if (engine_.thread_count_ == max_threads) engine_.fail("more than six threads");
    auto& t = engine_.threads_[engine_.thread_count_++];
    t.name = name;
    t.argument = &state<F>(std::move(body));
    t.body = [](void* f) { (*static_cast<F*>(f))(); };
  }
  template <class F>
  void thread(F body) {
    static constexpr char const* names[max_threads] = {"T0", "T1", "T2", "T3", "T4", "T5"};
    thread(names[engine_.thread_count_ % max_threads], std::move(body));
  }

  template <class F>
  void check(F body) {
    Check* const link = static_cast<Check*>(engine_.bump_.take(sizeof(Check)));
    *link = Check{nullptr, &state<F>(std::move(body)), [](void* f) { (*static_cast<F*>(f))(); }};
    (checks_ == nullptr ? checks_ : last_check_->next) = link;
    last_check_ = link;
  }

  // What a trace calls an atomic or a var.
  template <class T>
  void name(T const& object, char const* text) {
    engine_.name(&object, text);
  }

 private:
  friend class Engine;
  struct Owned {
    Owned* next;
    void* object;
    void (*destroy)(void*);
  };
  struct Check {
    Check* next;
    void* object;
    void (*call)(void*);
  };

  explicit Program(Engine& engine) : engine_(engine) {}
  void run_checks() {
    for (Check* c = checks_; c != nullptr; c = c->next) c->call(c->object);
  }
  void destroy() {
    while (owned_ != nullptr) {
      Owned* const o = owned_;
      owned_ = o->next;
      o->destroy(o->object);
    }
  }

  Engine& engine_;
  Owned* owned_ = nullptr;
  Check* checks_ = nullptr;
  Check* last_check_ = nullptr;
};

// Fails the execution, from a thread or from a check.
inline void require(bool condition, char const* message) {
  if (!condition) [[unlikely]] engine().fail(message);
}

}  // namespace weft::model
