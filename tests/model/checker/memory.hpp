// What the model remembers of memory: views, the history of each atomic, the accesses to each plain variable.
//
// A location's history is the list of its stores in modification order, which here is the order of execution. A view says, for each
// location, the oldest store that its holder may still read, and carries a vector clock for the happens-before relation. Each
// thread has a view; each store carries the view that an acquire load of it obtains. All of it lives in a bump allocator that is
// reset between executions, so that an execution makes no system call and no allocation once warm.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <source_location>
#include <type_traits>
#include <vector>

#include "model/checker/heap.hpp"

namespace weft::model {

inline constexpr unsigned max_threads = 6;
inline constexpr unsigned root = max_threads;  // the thread that builds the program and checks it at the end

using Site = std::source_location;

class Bump {
 public:
  void* take(std::size_t bytes) {
    bytes = (bytes + 7) & ~std::size_t{7};
    if (static_cast<std::size_t>(end_ - top_) < bytes) grow(bytes);
    char* const p = top_;
    top_ += bytes;
    return p;
  }
  template <class T>
  T* take_array(std::size_t n) {
    return static_cast<T*>(take(n * sizeof(T)));
  }
  void reset() {
    chunk_ = 0;
    if (!chunks_.empty()) use(0);
  }

 private:
  struct Free {
    void operator()(char* p) const { std::free(p); }
  };
  struct Chunk {
    std::unique_ptr<char, Free> memory;
    std::size_t size;
  };
  void use(std::size_t i) {
    top_ = chunks_[i].memory.get();
    end_ = top_ + chunks_[i].size;
  }
  void grow(std::size_t bytes);

  std::vector<Chunk> chunks_;
  std::size_t chunk_ = 0;
  char* top_ = nullptr;
  char* end_ = nullptr;
};

// An array in a Bump that grows by copying and is forgotten, never freed.
template <class T>
class BumpVector {
 public:
  void clear() noexcept { size_ = 0; }  // keeps its room: not for a Bump that is reset
  std::uint32_t size() const noexcept { return size_; }
  T& operator[](std::size_t i) noexcept { return data_[i]; }
  T const& operator[](std::size_t i) const noexcept { return data_[i]; }
  T& back() noexcept { return data_[size_ - 1]; }
  T& push(Bump& bump) {
    static_assert(std::is_trivially_copyable_v<T>);
    if (size_ == capacity_) {
      std::uint32_t const capacity = capacity_ == 0 ? 4 : capacity_ * 2;
      T* const data = bump.take_array<T>(capacity);
      if (size_ != 0) std::memcpy(static_cast<void*>(data), data_, size_ * sizeof(T));
      data_ = data;
      capacity_ = capacity;
    }
    return *::new (static_cast<void*>(data_ + size_++)) T{};
  }

 private:
  T* data_ = nullptr;
  std::uint32_t size_ = 0;
  std::uint32_t capacity_ = 0;
};

struct View {
  std::uint32_t* seen = nullptr;  // per location: index of the oldest store that may still be read; 0 beyond `size`
  std::uint32_t size = 0;
  std::uint32_t capacity = 0;
  std::uint32_t clock[max_threads] = {};
  bool empty = true;  // nothing seen and all clocks zero

  std::uint32_t at(std::uint32_t location) const noexcept { return location < size ? seen[location] : 0; }
  void raise(std::uint32_t location, std::uint32_t index, Bump& bump) {
    if (index == 0) return;
    empty = false;
    if (location >= size) resize(location + 1, bump);
    if (seen[location] < index) seen[location] = index;
  }
  void join_seen(View const& other, Bump& bump) {
    if (other.size == 0) return;
    empty = false;
    if (other.size > size) resize(other.size, bump);
    for (std::uint32_t i = 0; i < other.size; ++i)
      if (seen[i] < other.seen[i]) seen[i] = other.seen[i];
  }
  void join(View const& other, Bump& bump) {
    if (other.empty) return;
    empty = false;
    join_seen(other, bump);
    for (unsigned i = 0; i < max_threads; ++i)
      if (clock[i] < other.clock[i]) clock[i] = other.clock[i];
  }
  // A snapshot that later changes of *this do not reach.
  View copy(Bump& bump) const {
    View v = *this;
    v.capacity = size;
    if (size != 0) {
      v.seen = bump.take_array<std::uint32_t>(size);
      std::memcpy(v.seen, seen, size * sizeof *seen);
    }
    return v;
  }

 private:
  void resize(std::uint32_t n, Bump& bump) {
    if (n > capacity) {
      capacity = n + n / 2 + 8;
      std::uint32_t* const larger = bump.take_array<std::uint32_t>(capacity);
      if (size != 0) std::memcpy(larger, seen, size * sizeof *seen);
      seen = larger;
    }
    std::memset(seen + size, 0, (n - size) * sizeof *seen);
    size = n;
  }
};

// What an atomic and a plain variable have in common: a life, and who touched it.
struct Object {
  void const* address = nullptr;
  char const* name = nullptr;
  Site created{};
  bool dead = false;
  bool is_plain = false;
  std::uint8_t created_by = root;
  std::uint32_t created_clock = 0;
  std::uint32_t last_access[max_threads] = {};  // clock of each thread's last access (plain variables: its last read)
  Site last_site[max_threads] = {};
};

struct Store {
  std::uint64_t value = 0;
  View view{};
  std::uint8_t by = root;
};

struct Location : Object {
  BumpVector<Store> history;
  std::uint32_t futex_floor = 0;  // what a futex_wait must at least see: the stores before the last futex_wake
  // A thread that read a stale value: which, where, how often in a row, and in which of its yield periods.
  struct Stale {
    std::uint32_t index = 0, count = 0, period = 0, line = 0, column = 0;
  } stale[max_threads];
};

struct Cell : Object {
  std::uint8_t written_by = root;
  std::uint32_t write_clock = 0;
  Site write_site{};
};

inline void Bump::grow(std::size_t bytes) {
  OutsideHeap const outside;
  while (!chunks_.empty() && chunk_ + 1 < chunks_.size()) {
    use(++chunk_);
    if (static_cast<std::size_t>(end_ - top_) >= bytes) return;
  }
  std::size_t const size = bytes > 1u << 18 ? bytes : 1u << 18;
  chunks_.push_back(Chunk{std::unique_ptr<char, Free>(static_cast<char*>(std::malloc(size))), size});
  chunk_ = chunks_.size() - 1;
  use(chunk_);
}

}  // namespace weft::model
