// Affinity, control group quotas, thread names, stack bounds: Linux.
#include <weft/runtime/platform/cpu.hpp>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <memory>
#include <system_error>
#include <thread>

#include <pthread.h>
#include <sched.h>
#include <sys/prctl.h>

#include <weft/runtime/platform/errors.hpp>

namespace weft::engine {
namespace {

// The next field up to `separator`, taken off the front of `text`.
std::string_view take(std::string_view& text, char separator) {
  std::size_t const end = text.find(separator);
  std::string_view const field = text.substr(0, end);
  text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  return field;
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.back() == '\n' || text.back() == ' ')) text.remove_suffix(1);
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  return text;
}

std::optional<std::int64_t> number(std::string_view text) {
  std::int64_t value = 0;
  auto const [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::optional<unsigned> cpus_of_quota(std::string_view quota_text, std::string_view period_text) {
  std::optional<std::int64_t> const quota = number(trimmed(quota_text)), period = number(trimmed(period_text));
  if (!quota || !period || *quota <= 0 || *period <= 0) return std::nullopt;
  std::int64_t const cpus = *quota / *period + (*quota % *period != 0 ? 1 : 0);
  return static_cast<unsigned>(std::min<std::int64_t>(cpus, max_workers));
}

bool has_word(std::string_view list, std::string_view word) {
  while (!list.empty())
    if (take(list, ',') == word) return true;
  return false;
}

// mountinfo writes blanks, tabs, newlines and backslashes as \ooo.
std::string unescaped(std::string_view text) {
  std::string plain;
  for (std::size_t i = 0; i < text.size(); ++i) {
    auto const digit = [&](std::size_t at) { return at < text.size() && text[at] >= '0' && text[at] <= '7' ? text[at] - '0' : -1; };
    if (text[i] == '\\' && digit(i + 1) >= 0 && digit(i + 2) >= 0 && digit(i + 3) >= 0) {
      plain += static_cast<char>(digit(i + 1) * 64 + digit(i + 2) * 8 + digit(i + 3));
      i += 3;
    } else {
      plain += text[i];
    }
  }
  return plain;
}

std::optional<std::string> text_of(std::string const& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return std::nullopt;
  return std::string(std::istreambuf_iterator<char>(file), {});
}

std::optional<unsigned> least(std::optional<unsigned> a, std::optional<unsigned> b) {
  if (!a || !b) return a ? a : b;
  return std::min(*a, *b);
}

struct FreeCpuSet {
  void operator()(cpu_set_t* set) const noexcept { CPU_FREE(set); }
};
using CpuSet = std::unique_ptr<cpu_set_t, FreeCpuSet>;

CpuSet make_cpu_set(std::size_t count) {
  CpuSet set(CPU_ALLOC(count));
  if (!set) throw std::bad_alloc();
  CPU_ZERO_S(CPU_ALLOC_SIZE(count), set.get());
  return set;
}

// ---- the quota of one hierarchy, from our group up to what is mounted

std::optional<unsigned> quota_at(std::string const& folder, bool unified) {
  if (unified) {
    std::optional<std::string> const text = text_of(folder + "/cpu.max");
    return text ? cpus_of_cgroup_v2(*text) : std::nullopt;
  }
  std::optional<std::string> const quota = text_of(folder + "/cpu.cfs_quota_us"), period = text_of(folder + "/cpu.cfs_period_us");
  return quota && period ? cpus_of_cgroup_v1(*quota, *period) : std::nullopt;
}

std::optional<unsigned> hierarchy_limit(std::string const& filesystem, std::string_view groups, std::string_view mounts,
                                        bool unified) {
  std::optional<std::string> const path = cgroup_path(groups, unified);
  std::optional<CgroupMount> const mount = cgroup_mount(mounts, unified);
  if (!path || !mount) return std::nullopt;
  // What lies below the mounted group. Ours may lie outside it (another namespace): then the mounted one is all that we see.
  std::string below;
  std::string const root = mount->root == "/" ? "" : mount->root;
  if (path->starts_with(root) && (path->size() == root.size() || (*path)[root.size()] == '/')) below = path->substr(root.size());
  if (below.find("/..") != std::string::npos) below.clear();
  while (!below.empty() && below.back() == '/') below.pop_back();

  std::optional<unsigned> limit;
  for (;;) {
    limit = least(limit, quota_at(filesystem + mount->mount_point + below, unified));
    if (below.empty()) return limit;
    below.resize(below.rfind('/'));
  }
}

}  // namespace

// ---- parsing

std::optional<unsigned> cpus_of_cgroup_v2(std::string_view cpu_max) {
  cpu_max = trimmed(cpu_max);
  std::string_view const quota = take(cpu_max, ' ');
  // The kernel lets the period be left out when it is written; it always shows it.
  return cpus_of_quota(quota, cpu_max.empty() ? "100000" : cpu_max);
}

std::optional<unsigned> cpus_of_cgroup_v1(std::string_view quota, std::string_view period) { return cpus_of_quota(quota, period); }

std::optional<std::string> cgroup_path(std::string_view proc_self_cgroup, bool unified) {
  // Lines of "hierarchy:controllers:path"; the unified hierarchy is number 0 without controllers.
  while (!proc_self_cgroup.empty()) {
    std::string_view line = take(proc_self_cgroup, '\n');
    std::string_view const hierarchy = take(line, ':');
    std::string_view const controllers = take(line, ':');
    if (line.empty() || line.front() != '/') continue;
    if (unified ? hierarchy == "0" && controllers.empty() : has_word(controllers, "cpu")) return std::string(line);
  }
  return std::nullopt;
}

std::optional<CgroupMount> cgroup_mount(std::string_view proc_self_mountinfo, bool unified) {
  // "id parent major:minor root mount-point options optional-fields... - type source super-options"
  while (!proc_self_mountinfo.empty()) {
    std::string_view line = take(proc_self_mountinfo, '\n');
    for (int i = 0; i < 3; ++i) take(line, ' ');
    std::string_view const root = take(line, ' '), mount_point = take(line, ' ');
    std::size_t const separator = line.find(" - ");
    if (separator == std::string_view::npos) continue;
    line.remove_prefix(separator + 3);
    std::string_view const type = take(line, ' ');
    take(line, ' ');
    if (unified ? type == "cgroup2" : type == "cgroup" && has_word(line, "cpu"))
      return CgroupMount{unescaped(mount_point), unescaped(root)};
  }
  return std::nullopt;
}

std::optional<unsigned> cgroup_cpu_limit(std::string const& filesystem) {
  std::optional<std::string> const groups = text_of(filesystem + "/proc/self/cgroup");
  std::optional<std::string> const mounts = text_of(filesystem + "/proc/self/mountinfo");
  if (!groups || !mounts) return std::nullopt;
  return least(hierarchy_limit(filesystem, *groups, *mounts, true), hierarchy_limit(filesystem, *groups, *mounts, false));
}

unsigned parse_workers(std::string_view text) {
  std::optional<std::int64_t> const value = number(text);
  if (!value || *value < 1 || *value > max_workers)
    throw ValueError("WEFT_WORKERS must be a number from 1 to " + std::to_string(max_workers) + ", not \"" + std::string(text) + "\"");
  return static_cast<unsigned>(*value);
}

// ---- the process

unsigned available_parallelism() {
  unsigned cpus = std::max(1u, std::thread::hardware_concurrency());
  std::size_t const allowed = allowed_cpus().size();
  if (allowed != 0) cpus = static_cast<unsigned>(std::min<std::size_t>(cpus, allowed));
  if (std::optional<unsigned> const quota = cgroup_cpu_limit("")) cpus = std::min(cpus, *quota);
  return std::clamp(cpus, 1u, max_workers);
}

std::optional<unsigned> workers_from_environment() {
  char const* const text = std::getenv("WEFT_WORKERS");
  if (text == nullptr || *text == '\0') return std::nullopt;
  return parse_workers(text);
}

// ---- threads

std::vector<int> allowed_cpus() {
  // The kernel refuses a mask that is too small for its processors; how many that are, nobody tells.
  for (std::size_t count = 1024; count <= (1u << 20); count *= 2) {
    CpuSet const set = make_cpu_set(count);
    std::size_t const bytes = CPU_ALLOC_SIZE(count);
    if (::sched_getaffinity(0, bytes, set.get()) != 0) {
      if (errno == EINVAL) continue;
      return {};
    }
    std::vector<int> cpus;
    for (std::size_t cpu = 0; cpu < count; ++cpu)
      if (CPU_ISSET_S(cpu, bytes, set.get())) cpus.push_back(static_cast<int>(cpu));
    return cpus;
  }
  return {};
}

void set_allowed_cpus(std::vector<int> const& cpus) {
  int const highest = cpus.empty() ? 0 : *std::max_element(cpus.begin(), cpus.end());
  std::size_t const count = static_cast<std::size_t>(std::max(highest, 0)) + 1;
  CpuSet const set = make_cpu_set(count);
  std::size_t const bytes = CPU_ALLOC_SIZE(count);
  for (int const cpu : cpus)
    if (cpu >= 0) CPU_SET_S(static_cast<std::size_t>(cpu), bytes, set.get());
  if (::sched_setaffinity(0, bytes, set.get()) != 0)
    throw std::system_error(errno, std::generic_category(), "cannot bind the thread to its processors");
}

void pin_to_core(unsigned index, std::vector<int> const& cpus) {
  if (cpus.empty()) throw std::system_error(std::make_error_code(std::errc::no_such_device), "no processor to bind the thread to");
  set_allowed_cpus({cpus[index % cpus.size()]});
}

void pin_to_core(unsigned index) { pin_to_core(index, allowed_cpus()); }

void set_thread_name(std::string_view name) noexcept {
  constexpr std::size_t longest = 15;
  std::size_t length = std::min(name.size(), longest);
  // 10xxxxxx is the middle of an UTF-8 character.
  if (length < name.size())
    while (length > 0 && (static_cast<unsigned char>(name[length]) & 0xc0) == 0x80) --length;
  char text[longest + 1] = {};
  std::memcpy(text, name.data(), length);
  ::pthread_setname_np(::pthread_self(), text);
}

void wake_on_time() noexcept { (void)::prctl(PR_SET_TIMERSLACK, 1UL, 0UL, 0UL, 0UL); }

StackBounds stack_bounds() noexcept {
  pthread_attr_t attributes;
  if (::pthread_getattr_np(::pthread_self(), &attributes) != 0) return {0, 0};
  void* address = nullptr;
  std::size_t bytes = 0;
  int const error = ::pthread_attr_getstack(&attributes, &address, &bytes);
  ::pthread_attr_destroy(&attributes);
  if (error != 0) return {0, 0};
  // glibc counts the guard area out of the stack's address and size.
  auto const lowest = reinterpret_cast<std::uintptr_t>(address);
  return {lowest, lowest + bytes};
}

}  // namespace weft::engine
