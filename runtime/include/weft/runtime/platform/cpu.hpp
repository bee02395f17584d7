// What the process may use of the machine, and the few things that a worker sets on its own thread.
//
// The number of workers is the least of the hardware threads, the affinity mask and the CPU quota of every control group on the
// way up from ours (a container sees its quota only there): a quota of 1.5 cores gives two workers. The text that the
// kernel shows is parsed by functions of their own, so that every form of it can be tested without being in such a container.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <weft/runtime/platform/config.hpp>

namespace weft::engine {

inline constexpr unsigned max_workers = 4096;

// At least 1.
unsigned available_parallelism();

// What the environment variable WEFT_WORKERS asks for; nullopt when it is unset or empty.
// Throws ValueError, naming the text, when it is not a number from 1 to 4096.
std::optional<unsigned> workers_from_environment();

// The processors that the calling thread may run on, in ascending order. New threads inherit them.
std::vector<int> allowed_cpus();

// Lets the calling thread run on `cpus` only. Throws std::system_error.
void set_allowed_cpus(std::vector<int> const& cpus);

// Binds the calling thread to the index-th (modulo their number) of `cpus`, by default those that it may run on now.
// Throws std::system_error.
void pin_to_core(unsigned index, std::vector<int> const& cpus);
void pin_to_core(unsigned index);

// For debuggers and top. The kernel keeps 15 bytes; the rest is cut off, at a character's end.
void set_thread_name(std::string_view name) noexcept;
// Sleeps of the calling thread end when their time is up, not up to the 50 us later by which Linux lets them drift together.
void wake_on_time() noexcept;

// Where the calling thread's stack is now, near enough to compare with a limit. It grows down.
WEFT_INLINE std::uintptr_t stack_pointer() noexcept {
#if defined(__x86_64__)
  // The builtin would keep a register as frame pointer in every function that asks.
  std::uintptr_t address;
  __asm__("mov %%rsp, %0" : "=r"(address));
  return address;
#else
  return reinterpret_cast<std::uintptr_t>(__builtin_frame_address(0));
#endif
}

// The addresses that the calling thread's stack may use: [lowest, highest). The guard area is not part of it. For the main
// thread `lowest` follows the resource limit. {0, 0} when the system does not tell.
struct StackBounds {
  std::uintptr_t lowest;
  std::uintptr_t highest;
};
StackBounds stack_bounds() noexcept;

// ---- parsing

// Cores of a CPU quota, rounded up; nullopt for no limit or text that makes no sense.
// v2: the text of cpu.max, "max 100000" or "150000 100000". v1: those of cpu.cfs_quota_us ("-1": none) and cpu.cfs_period_us.
std::optional<unsigned> cpus_of_cgroup_v2(std::string_view cpu_max);
std::optional<unsigned> cpus_of_cgroup_v1(std::string_view quota, std::string_view period);

// The path of our control group in the text of /proc/self/cgroup: in the hierarchy with the cpu controller (v1) or in
// the unified one (v2).
std::optional<std::string> cgroup_path(std::string_view proc_self_cgroup, bool unified);

// Where that hierarchy is mounted, and which of its groups is seen there, from the text of /proc/self/mountinfo.
struct CgroupMount {
  std::string mount_point;
  std::string root;
};
std::optional<CgroupMount> cgroup_mount(std::string_view proc_self_mountinfo, bool unified);

// The least quota from our group up to the top, or nullopt. `filesystem` goes before every path ("" for the real one).
std::optional<unsigned> cgroup_cpu_limit(std::string const& filesystem);

// As workers_from_environment, from the text. Throws ValueError.
unsigned parse_workers(std::string_view text);

}  // namespace weft::engine
