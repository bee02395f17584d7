// What code compiled with -fsanitize=thread calls at each access to memory, without ThreadSanitizer: each access goes to the model of coherence.hpp. An atomic
// operation is also done here, since the compiler leaves it to the callback.
//
// NOT SEEN: what is not compiled with the flag. That is libc and libstdc++'s compiled part (malloc, hence `allocations`; pthread mutexes are wrapped, see below), the
// kernel, and the locked instruction of a full fence, which is on the caller's own stack. Variables that never leave their function need no callback.
//
// Works from the first instruction of the program: everything is zero-initialised.
#include "coherence.hpp"

#include <dlfcn.h>
#include <pthread.h>
#include <sched.h>
#include <sys/mman.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <new>
#include <string>
#include <vector>

namespace sharing {
namespace {

using Place = void const*;

// Written by its thread alone.
class Tally {
 public:
  void add(std::uint64_t n = 1) noexcept { value_.store(get() + n, std::memory_order_relaxed); }
  std::uint64_t get() const noexcept { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::uint64_t> value_{0};
};

struct Noted {
  std::uintptr_t place = 0;
  std::uint64_t shared_writes = 0, transfers = 0, read_modify_writes = 0;
};

struct alignas(128) Thread {
  Tally accesses, shared_writes, transfers, pair_shared_writes, pair_transfers, read_modify_writes, allocations, moved;
  // Accesses until the turn goes on; 0 when no turns are taken.
  unsigned left = 0;
  std::uint32_t random = 0;
  // Whether it has the turn.
  std::atomic<std::uint32_t> turn{0};
  // Open addressing; what does not fit any more is left out.
  std::array<Noted, 1024> places;
};

constinit Thread threads[most_threads];
// Thread 0 stands for several, whose tallies nobody needs to be exact.
constinit thread_local unsigned self = 0;
constinit std::atomic<Note> noting{Note::nothing};

// A bit for each thread that takes turns.
constinit std::atomic<std::uint32_t> taking_turns{0};

enum class Seen : unsigned char { nothing, transfer, shared_write, read_modify_write };

// All lines of 2^shift bytes. A word for each: the threads that hold a copy in bits 0 to 23, the last writer + 1 above, 0 for none.
template <unsigned shift>
class Lines {
 public:
  Seen read(std::uintptr_t line, unsigned me) noexcept {
    State& state = at(line);
    std::uint32_t const mine = 1u << me;
    std::uint32_t before = state.load(std::memory_order_relaxed);
    do {
      if (before & mine) return Seen::nothing;
    } while (!state.compare_exchange_weak(before, before | mine, std::memory_order_relaxed));
    return before >> most_threads != 0 ? Seen::transfer : Seen::nothing;
  }

  Seen write(std::uintptr_t line, unsigned me) noexcept {
    State& state = at(line);
    std::uint32_t const owned = (me + 1) << most_threads | 1u << me;
    std::uint32_t before = state.load(std::memory_order_relaxed);
    do {
      if (before == owned) return Seen::nothing;
    } while (!state.compare_exchange_weak(before, owned, std::memory_order_relaxed));
    return (before & holders & ~(1u << me)) != 0 ? Seen::shared_write : Seen::nothing;
  }

  void forget() noexcept {
    for (Chunk* const chunk : chunks_)
      if (chunk != nullptr) (void)madvise(chunk, sizeof(Chunk), MADV_DONTNEED);
  }

 private:
  using State = std::atomic<std::uint32_t>;
  static constexpr std::uint32_t holders = (1u << most_threads) - 1;
  static constexpr unsigned chunk_bits = 20, address_bits = 47;
  static constexpr std::size_t root_size = std::size_t{1} << (address_bits - shift - chunk_bits);
  using Chunk = std::array<State, std::size_t{1} << chunk_bits>;
  using Entry = std::atomic_ref<Chunk*>;

  State& at(std::uintptr_t line) noexcept {
    Entry const entry(chunks_[line >> chunk_bits & (root_size - 1)]);
    Chunk* chunk = entry.load(std::memory_order_acquire);
    if (chunk == nullptr) [[unlikely]] chunk = add_chunk(entry);
    return (*chunk)[line & ((std::size_t{1} << chunk_bits) - 1)];
  }

  [[gnu::cold, gnu::noinline]] static Chunk* add_chunk(Entry entry) noexcept {
    void* const pages = mmap(nullptr, sizeof(Chunk), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (pages == MAP_FAILED) {
      std::fputs("weft_sharing: no memory for the table of cache lines\n", stderr);
      std::_Exit(1);
    }
    auto* const chunk = static_cast<Chunk*>(pages);
    Chunk* before = nullptr;
    if (entry.compare_exchange_strong(before, chunk, std::memory_order_acq_rel)) return chunk;
    (void)munmap(pages, sizeof(Chunk));
    return before;
  }

  // Too many for the compiler to initialise atomics one by one.
  Chunk* chunks_[root_size] = {};
};

constinit Lines<6> lines;
constinit Lines<7> pairs;

[[gnu::cold, gnu::noinline]] void note(Thread& thread, Seen seen, Place place) noexcept {
  auto const key = reinterpret_cast<std::uintptr_t>(place);
  std::size_t const size = thread.places.size();
  for (std::size_t i = 0; i < size; ++i) {
    Noted& noted = thread.places[(key + i) % size];
    if (noted.place != key && noted.place != 0) continue;
    noted.place = key;
    ++(seen == Seen::transfer ? noted.transfers : seen == Seen::shared_write ? noted.shared_writes : noted.read_modify_writes);
    return;
  }
}

void count_line(Thread& thread, Seen seen, Place place) noexcept {
  if (seen == Seen::nothing) [[likely]] return;
  (seen == Seen::transfer ? thread.transfers : thread.shared_writes).add();
  if (noting.load(std::memory_order_relaxed) != Note::nothing) note(thread, seen, place);
}

void count_pair(Thread& thread, Seen seen) noexcept {
  if (seen == Seen::transfer) thread.pair_transfers.add();
  else if (seen == Seen::shared_write) thread.pair_shared_writes.add();
}

void give_turn(unsigned me) noexcept {
  std::uint32_t const all = taking_turns.load();
  if (all == 0) return;
  unsigned next = me;
  do next = (next + 1) % most_threads;
  while ((all & 1u << next) == 0);
  threads[next].turn.store(1);
  threads[next].turn.notify_one();
}
void wait_for_turn(Thread& thread) noexcept {
  thread.turn.wait(0);
  thread.random = thread.random * 1'664'525 + 1'013'904'223;
  thread.left = 200 + (thread.random >> 16) % 400;
}
[[gnu::cold, gnu::noinline]] void pass_turn(Thread& thread, unsigned me) noexcept {
  // Before the next one has it, who may be this thread itself.
  thread.turn.store(0);
  give_turn(me);
  wait_for_turn(thread);
}

void on_read(void const* address, std::size_t size, Place place) noexcept {
  if (size == 0) return;
  unsigned const me = self;
  Thread& thread = threads[me];
  thread.accesses.add();
  if (thread.left != 0 && --thread.left == 0) [[unlikely]] pass_turn(thread, me);
  auto const first = reinterpret_cast<std::uintptr_t>(address), last = first + size - 1;
  for (auto line = first >> 6; line <= last >> 6; ++line) count_line(thread, lines.read(line, me), place);
  for (auto pair = first >> 7; pair <= last >> 7; ++pair) count_pair(thread, pairs.read(pair, me));
}

void on_write(void const* address, std::size_t size, Place place) noexcept {
  if (size == 0) return;
  unsigned const me = self;
  Thread& thread = threads[me];
  thread.accesses.add();
  if (thread.left != 0 && --thread.left == 0) [[unlikely]] pass_turn(thread, me);
  auto const first = reinterpret_cast<std::uintptr_t>(address), last = first + size - 1;
  for (auto line = first >> 6; line <= last >> 6; ++line) count_line(thread, lines.write(line, me), place);
  for (auto pair = first >> 7; pair <= last >> 7; ++pair) count_pair(thread, pairs.write(pair, me));
}

// Also when a compare-exchange fails: the processor has taken the line by then.
void on_read_modify_write(void const* address, std::size_t size, Place place) noexcept {
  Thread& thread = threads[self];
  thread.read_modify_writes.add();
  if (noting.load(std::memory_order_relaxed) == Note::sharing_and_read_modify_writes) note(thread, Seen::read_modify_write, place);
  on_write(address, size, place);
}

void on_allocation() noexcept { threads[self].allocations.add(); }

// The innermost function of ours at this place, its line, and the function that the compiler made of it. With inlining addr2line gives a line for each.
std::string where(std::uintptr_t place) {
  Dl_info module{};
  if (dladdr(reinterpret_cast<void*>(place), &module) == 0) return "?";
  // The call, not the instruction after it.
  std::uintptr_t const offset = place - 1 - reinterpret_cast<std::uintptr_t>(module.dli_fbase);
  char command[512];
  std::snprintf(command, sizeof(command), "addr2line -Cfpie '%s' 0x%zx 2>/dev/null", module.dli_fname, static_cast<std::size_t>(offset));
  std::FILE* const output = popen(command, "r");
  if (output == nullptr) return "?";
  std::string inner, outer;
  char buffer[4096];
  while (std::fgets(buffer, sizeof(buffer), output) != nullptr) {
    std::string line(buffer, std::strcspn(buffer, "\n"));
    std::size_t const at = line.rfind(" at "), up = line.rfind("../");
    if (at == std::string::npos) continue;
    std::size_t const begin = line.rfind(" (inlined by) ", 0) == 0 ? std::strlen(" (inlined by) ") : 0;
    outer = line.substr(begin, at - begin);
    std::string const file = line.substr(up != std::string::npos && up > at ? up + 3 : at + 4);
    bool const ours = file.rfind("/usr/", 0) != 0 && line.find("../include/c++/") == std::string::npos && file.find("platform/sync.hpp") == std::string::npos;
    if (ours && inner.empty()) inner = outer + ", " + file;
  }
  pclose(output);
  return inner.rfind(outer + ",", 0) == 0 ? inner : inner + ", in " + outer;
}

}  // namespace

Counts& Counts::operator+=(Counts const& other) noexcept {
  accesses += other.accesses;
  shared_writes += other.shared_writes;
  transfers += other.transfers;
  pair_shared_writes += other.pair_shared_writes;
  pair_transfers += other.pair_transfers;
  read_modify_writes += other.read_modify_writes;
  allocations += other.allocations;
  moved += other.moved;
  return *this;
}
Counts& Counts::operator-=(Counts const& other) noexcept {
  accesses -= other.accesses;
  shared_writes -= other.shared_writes;
  transfers -= other.transfers;
  pair_shared_writes -= other.pair_shared_writes;
  pair_transfers -= other.pair_transfers;
  read_modify_writes -= other.read_modify_writes;
  allocations -= other.allocations;
  moved -= other.moved;
  return *this;
}

void enter(unsigned thread) noexcept {
  if (thread >= most_threads) std::abort();
  self = thread;
}
unsigned current() noexcept { return self; }
void count_moved(unsigned maker) noexcept {
  if (self != maker) threads[self].moved.add();
}

Counts counted_by(unsigned thread) noexcept {
  Thread const& t = threads[thread];
  return {t.accesses.get(),       t.shared_writes.get(),      t.transfers.get(),   t.pair_shared_writes.get(),
          t.pair_transfers.get(), t.read_modify_writes.get(), t.allocations.get(), t.moved.get()};
}
Counts counted_by_workers() noexcept {
  Counts sum;
  for (unsigned i = 1; i < most_threads; ++i) sum += counted_by(i);
  return sum;
}

void forget() noexcept {
  lines.forget();
  pairs.forget();
}

void note_places(Note what) noexcept { noting.store(what); }
void forget_places() noexcept {
  for (Thread& thread : threads) thread.places.fill({});
}

void print_places() {
  std::vector<Noted> all;
  for (Thread& thread : threads) {
    for (Noted& noted : thread.places) {
      if (noted.place == 0) continue;
      auto const same = std::find_if(all.begin(), all.end(), [&](Noted const& other) { return other.place == noted.place; });
      if (same == all.end()) {
        all.push_back(noted);
      } else {
        same->shared_writes += noted.shared_writes;
        same->transfers += noted.transfers;
        same->read_modify_writes += noted.read_modify_writes;
      }
    }
  }
  forget_places();
  auto const weight = [](Noted const& noted) { return 10 * (noted.shared_writes + noted.transfers) + noted.read_modify_writes; };
  std::sort(all.begin(), all.end(), [&](Noted const& a, Noted const& b) { return weight(a) > weight(b); });
  std::printf("shared writes  transfers  read-modify-writes\n");
  for (Noted const& noted : all) {
    std::printf("%13zu %10zu %19zu  %s\n", static_cast<std::size_t>(noted.shared_writes), static_cast<std::size_t>(noted.transfers),
                static_cast<std::size_t>(noted.read_modify_writes), where(noted.place).c_str());
  }
}

void prepare_turns(unsigned count) noexcept {
  std::uint32_t all = 0;
  for (unsigned i = 1; i <= count; ++i) {
    threads[i].random = i;
    threads[i].turn.store(0);
    all |= 1u << i;
  }
  taking_turns.store(all);
  threads[1].turn.store(1);
}
void enter_turns() noexcept { wait_for_turn(threads[self]); }
void leave_turns() noexcept {
  Thread& thread = threads[self];
  thread.left = 0;
  thread.turn.store(0);
  taking_turns.fetch_and(~(1u << self));
  give_turn(self);
}

void Meeting::arrive_and_wait() noexcept {
  unsigned const all = (arrived_.fetch_add(1) / threads_ + 1) * threads_;
  while (arrived_.load() < all) sched_yield();
}

}  // namespace sharing

// ---------------------------------------------------------------- what the compiler calls

// The place of an access is where the callback returns to.
#define SHARING_HERE __builtin_return_address(0)

#define SHARING_PLAIN(bytes)                                                                                                       \
  void __tsan_read##bytes(void* address) { sharing::on_read(address, bytes, SHARING_HERE); }                                       \
  void __tsan_write##bytes(void* address) { sharing::on_write(address, bytes, SHARING_HERE); }                                     \
  void __tsan_unaligned_read##bytes(void* address) { sharing::on_read(address, bytes, SHARING_HERE); }                             \
  void __tsan_unaligned_write##bytes(void* address) { sharing::on_write(address, bytes, SHARING_HERE); }

// Orders: on x86 a load acquires and a store releases anyway, and a read-modify-write is a full fence.
#define SHARING_FETCH(bits, name, builtin)                                                              \
  std::uint##bits##_t __tsan_atomic##bits##_##name(std::uint##bits##_t* object, std::uint##bits##_t value, int) { \
    sharing::on_read_modify_write(object, sizeof(*object), SHARING_HERE);                               \
    return builtin(object, value, __ATOMIC_SEQ_CST);                                                    \
  }

#define SHARING_ATOMIC(bits)                                                                                                        \
  std::uint##bits##_t __tsan_atomic##bits##_load(std::uint##bits##_t const* object, int) {                                          \
    sharing::on_read(object, sizeof(*object), SHARING_HERE);                                                                        \
    return __atomic_load_n(object, __ATOMIC_SEQ_CST);                                                                               \
  }                                                                                                                                 \
  void __tsan_atomic##bits##_store(std::uint##bits##_t* object, std::uint##bits##_t value, int order) {                             \
    sharing::on_write(object, sizeof(*object), SHARING_HERE);                                                                       \
    if (order == __ATOMIC_SEQ_CST) __atomic_store_n(object, value, __ATOMIC_SEQ_CST);                                               \
    else __atomic_store_n(object, value, __ATOMIC_RELEASE);                                                                         \
  }                                                                                                                                 \
  SHARING_FETCH(bits, exchange, __atomic_exchange_n)                                                                                \
  SHARING_FETCH(bits, fetch_add, __atomic_fetch_add)                                                                                \
  SHARING_FETCH(bits, fetch_sub, __atomic_fetch_sub)                                                                                \
  SHARING_FETCH(bits, fetch_and, __atomic_fetch_and)                                                                                \
  SHARING_FETCH(bits, fetch_or, __atomic_fetch_or)                                                                                  \
  SHARING_FETCH(bits, fetch_xor, __atomic_fetch_xor)                                                                                \
  SHARING_FETCH(bits, fetch_nand, __atomic_fetch_nand)                                                                              \
  std::uint##bits##_t __tsan_atomic##bits##_compare_exchange_val(std::uint##bits##_t* object, std::uint##bits##_t expected,         \
                                                                 std::uint##bits##_t desired, int, int) {                           \
    sharing::on_read_modify_write(object, sizeof(*object), SHARING_HERE);                                                           \
    (void)__atomic_compare_exchange_n(object, &expected, desired, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);                       \
    return expected;                                                                                                                \
  }

extern "C" {

void __tsan_init() {}
void __tsan_func_entry(void*) {}
void __tsan_func_exit() {}

SHARING_PLAIN(1)
SHARING_PLAIN(2)
SHARING_PLAIN(4)
SHARING_PLAIN(8)
SHARING_PLAIN(16)
void __tsan_read_range(void* address, std::size_t size) { sharing::on_read(address, size, SHARING_HERE); }
void __tsan_write_range(void* address, std::size_t size) { sharing::on_write(address, size, SHARING_HERE); }
void __tsan_vptr_read(void** pointer) { sharing::on_read(pointer, sizeof(*pointer), SHARING_HERE); }
void __tsan_vptr_update(void** pointer, void*) { sharing::on_write(pointer, sizeof(*pointer), SHARING_HERE); }

void* __tsan_memcpy(void* to, void const* from, std::size_t size) {
  sharing::on_read(from, size, SHARING_HERE);
  sharing::on_write(to, size, SHARING_HERE);
  return std::memcpy(to, from, size);
}
void* __tsan_memmove(void* to, void const* from, std::size_t size) {
  sharing::on_read(from, size, SHARING_HERE);
  sharing::on_write(to, size, SHARING_HERE);
  return std::memmove(to, from, size);
}
void* __tsan_memset(void* to, int byte, std::size_t size) {
  sharing::on_write(to, size, SHARING_HERE);
  return std::memset(to, byte, size);
}

SHARING_ATOMIC(8)
SHARING_ATOMIC(16)
SHARING_ATOMIC(32)
SHARING_ATOMIC(64)
void __tsan_atomic_thread_fence(int) { __atomic_thread_fence(__ATOMIC_SEQ_CST); }
void __tsan_atomic_signal_fence(int) { __atomic_signal_fence(__ATOMIC_SEQ_CST); }

// Mutexes: the linker sends the calls here (--wrap). One read-modify-write to lock and one to unlock, as glibc does.
int __real_pthread_mutex_lock(pthread_mutex_t* mutex);
int __real_pthread_mutex_unlock(pthread_mutex_t* mutex);
int __wrap_pthread_mutex_lock(pthread_mutex_t* mutex) {
  sharing::on_read_modify_write(mutex, sizeof(*mutex), SHARING_HERE);
  // Its holder may be waiting for the turn.
  while (sharing::threads[sharing::self].left != 0) {
    if (pthread_mutex_trylock(mutex) == 0) return 0;
    sharing::pass_turn(sharing::threads[sharing::self], sharing::self);
  }
  return __real_pthread_mutex_lock(mutex);
}
int __wrap_pthread_mutex_unlock(pthread_mutex_t* mutex) {
  sharing::on_read_modify_write(mutex, sizeof(*mutex), SHARING_HERE);
  return __real_pthread_mutex_unlock(mutex);
}

}  // extern "C"

// ---------------------------------------------------------------- what malloc does is not seen, that it is called is

void* operator new(std::size_t size) {
  sharing::on_allocation();
  if (void* const block = std::malloc(size != 0 ? size : 1)) return block;
  throw std::bad_alloc();
}
void* operator new(std::size_t size, std::align_val_t alignment) {
  sharing::on_allocation();
  std::size_t const align = static_cast<std::size_t>(alignment);
  if (void* const block = std::aligned_alloc(align, (size + align - 1) & ~(align - 1))) return block;
  throw std::bad_alloc();
}
void operator delete(void* block) noexcept {
  sharing::on_allocation();
  std::free(block);
}
void operator delete(void* block, std::size_t) noexcept { operator delete(block); }
void operator delete(void* block, std::align_val_t) noexcept { operator delete(block); }
void operator delete(void* block, std::size_t, std::align_val_t) noexcept { operator delete(block); }
