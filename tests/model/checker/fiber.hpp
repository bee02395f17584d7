// Fibers for the model checker: one native stack for each modelled thread, all on one operating-system thread.
//
// A switch saves the callee-saved registers and the stack pointer, nothing else (no system call), because an exploration makes
// tens of millions of them; other machines than x86-64 get ucontext. What the C++ runtime keeps for exceptions in flight is kept for
// each fiber apart, so that a fiber may be left inside a catch block.
//
// Stacks are reused: a fiber's entry function loops over executions. A fiber that is given up in the middle of a body (its execution
// failed) is simply started again from the top: nothing on its stack is unwound. Unwinding is no choice here, since the code
// under test is noexcept nearly everywhere and an exception would end the process; what the abandoned frames own is memory of the
// execution heap (heap.hpp), which is reclaimed as a whole.
//
// The sanitizers are told of every switch.
#pragma once

#include <cxxabi.h>
#include <sys/mman.h>

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include <weft/runtime/platform/config.hpp>

#if WEFT_ASAN
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#endif
#if WEFT_TSAN
#include <sanitizer/tsan_interface.h>
#endif
#if !defined(__x86_64__) || defined(WEFT_MODEL_UCONTEXT)
#include <ucontext.h>
#define WEFT_MODEL_USES_UCONTEXT 1
#else
#define WEFT_MODEL_USES_UCONTEXT 0
#endif

namespace weft::model {

#if !WEFT_MODEL_USES_UCONTEXT
// Saves the callee-saved registers on the current stack, its pointer in *save, and continues on the stack `load`.
[[gnu::naked, gnu::noinline]] inline void switch_stack([[maybe_unused]] void** save, [[maybe_unused]] void* load) {
  asm("pushq %rbp\n\t"
      "pushq %rbx\n\t"
      "pushq %r12\n\t"
      "pushq %r13\n\t"
      "pushq %r14\n\t"
      "pushq %r15\n\t"
      "movq %rsp, (%rdi)\n\t"
      "movq %rsi, %rsp\n\t"
      "popq %r15\n\t"
      "popq %r14\n\t"
      "popq %r13\n\t"
      "popq %r12\n\t"
      "popq %rbx\n\t"
      "popq %rbp\n\t"
      "ret\n\t");
}

// The first frame of a new stack: Fiber::start left the argument in r12 and the entry function in r13.
[[gnu::naked, gnu::noinline]] inline void first_frame() {
  asm("movq %r12, %rdi\n\t"
      "callq *%r13\n\t"
      "ud2\n\t");
}
#endif

class Fiber {
 public:
  using Entry = void (*)(void*);
  static constexpr std::size_t stack_size = WEFT_ASAN || WEFT_TSAN ? 1u << 20 : 1u << 18;

  Fiber() = default;
  Fiber(Fiber const&) = delete;
  Fiber& operator=(Fiber const&) = delete;
  ~Fiber() {
    if (stack_ != nullptr) munmap(stack_, stack_size);
#if WEFT_TSAN
    if (tsan_ != nullptr && stack_ != nullptr) __tsan_destroy_fiber(tsan_);
#endif
  }

  // Makes the fiber begin at entry(argument) when it is next switched to, whatever it was doing before.
  void start(Entry entry, void* argument) {
    if (stack_ == nullptr) {
      stack_ = static_cast<char*>(
          mmap(nullptr, stack_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0));
      if (stack_ == MAP_FAILED || mprotect(stack_, 4096, PROT_NONE) != 0) {
        std::perror("weft model checker: no memory for a fiber");
        std::abort();
      }
    }
    std::memset(exceptions_, 0, sizeof exceptions_);
#if WEFT_ASAN
    __asan_unpoison_memory_region(stack_ + 4096, stack_size - 4096);
    fake_stack_ = nullptr;
    bottom_ = stack_ + 4096;
    size_ = stack_size - 4096;
#endif
#if WEFT_TSAN
    if (tsan_ != nullptr) __tsan_destroy_fiber(tsan_);
    tsan_ = __tsan_create_fiber(0);
#endif
#if WEFT_MODEL_USES_UCONTEXT
    entry_ = entry;
    argument_ = argument;
    getcontext(&context_);
    context_.uc_stack.ss_sp = stack_ + 4096;
    context_.uc_stack.ss_size = stack_size - 4096;
    context_.uc_link = nullptr;
    auto const self = reinterpret_cast<std::uintptr_t>(this);
    makecontext(&context_, reinterpret_cast<void (*)()>(&Fiber::ucontext_entry), 2, static_cast<unsigned>(self >> 32),
                static_cast<unsigned>(self & 0xffffffffu));
#else
    entry_ = entry;
    argument_ = argument;
    // r15 r14 r13 r12 rbx rbp, the return address; 16-byte alignment at the call inside first_frame.
    void** const frame = reinterpret_cast<void**>(stack_ + stack_size - 72);
    std::memset(frame, 0, 72);
    frame[2] = reinterpret_cast<void*>(&Fiber::entered);
    frame[3] = this;
    frame[6] = reinterpret_cast<void*>(&first_frame);
    sp_ = frame;
#endif
  }

  // From the fiber that runs (or the native stack, whose Fiber object was never started) to another one.
  static void swap(Fiber& from, Fiber& to) { leave(from, to, false); }
  // The same, when `from` will not run again before the next start(): a sanitizer may drop what it keeps for its stack.
  [[noreturn]] static void leave_for_good(Fiber& from, Fiber& to) {
    leave(from, to, true);
    std::abort();
  }

 private:
  static void leave(Fiber& from, Fiber& to, [[maybe_unused]] bool for_good) {
    void* const exceptions = abi::__cxa_get_globals();
    std::memcpy(from.exceptions_, exceptions, sizeof from.exceptions_);
    std::memcpy(exceptions, to.exceptions_, sizeof to.exceptions_);
#if WEFT_ASAN
    last_left() = &from;
    __sanitizer_start_switch_fiber(for_good ? nullptr : &from.fake_stack_, to.bottom_, to.size_);
#endif
#if WEFT_TSAN
    if (from.tsan_ == nullptr) from.tsan_ = __tsan_get_current_fiber();
    __tsan_switch_to_fiber(to.tsan_, 0);
#endif
#if WEFT_MODEL_USES_UCONTEXT
    swapcontext(&from.context_, &to.context_);
#else
    switch_stack(&from.sp_, to.sp_);
#endif
    from.arrived(from.fake_stack_);
  }

  void arrived([[maybe_unused]] void* fake_stack) {
#if WEFT_ASAN
    // The bounds of the native stack are learnt when it is first left.
    void const* bottom = nullptr;
    std::size_t size = 0;
    __sanitizer_finish_switch_fiber(fake_stack, &bottom, &size);
    last_left()->bottom_ = bottom;
    last_left()->size_ = size;
#endif
  }
#if WEFT_ASAN
  static Fiber*& last_left() {
    static Fiber* fiber = nullptr;
    return fiber;
  }
#endif
  static void entered(void* self) {
    Fiber* const fiber = static_cast<Fiber*>(self);
    fiber->arrived(nullptr);
    fiber->entry_(fiber->argument_);
    std::abort();
  }
#if WEFT_MODEL_USES_UCONTEXT
  static void ucontext_entry(unsigned high, unsigned low) {
    entered(reinterpret_cast<void*>(static_cast<std::uintptr_t>(high) << 32 | low));
  }
  ucontext_t context_{};
#endif

  char* stack_ = nullptr;
  void* sp_ = nullptr;
  Entry entry_ = nullptr;
  void* argument_ = nullptr;
  char exceptions_[16] = {};  // __cxa_eh_globals: the caught exceptions and the count of uncaught ones
  void* fake_stack_ = nullptr;
  void const* bottom_ = nullptr;
  std::size_t size_ = 0;
  void* tsan_ = nullptr;
};

}  // namespace weft::model
