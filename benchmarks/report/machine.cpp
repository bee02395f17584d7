// Reads /proc/cpuinfo and uname; the flags are what CMake passes as WEFT_BENCH_FLAGS.
#include "machine.hpp"

#include "../peers/peers.hpp"

#include <sys/utsname.h>

#include <fstream>
#include <thread>

#ifndef WEFT_BENCH_FLAGS
#ifdef __OPTIMIZE__
#define WEFT_BENCH_FLAGS "optimised, flags not recorded"
#else
#define WEFT_BENCH_FLAGS "not optimised"
#endif
#endif

namespace bench {

namespace {

struct Cpu {
  std::string model = "unknown processor";
  bool virtual_machine = false;
};

Cpu read_cpu() {
  Cpu cpu;
  std::ifstream file("/proc/cpuinfo");
  for (std::string line; std::getline(file, line);) {
    std::size_t const colon = line.find(": ");
    if (colon == std::string::npos) continue;
    if (line.starts_with("model name")) cpu.model = line.substr(colon + 2);
    if (line.starts_with("flags")) cpu.virtual_machine = (line + " ").find(" hypervisor ") != std::string::npos;
  }
  return cpu;
}

std::string kernel_version() {
  utsname name{};
  if (uname(&name) != 0) return "unknown system";
  return std::string(name.sysname) + " " + name.release + " " + name.machine;
}

}  // namespace

std::vector<std::pair<std::string, std::string>> describe_machine() {
  Cpu const cpu = read_cpu();
#ifdef __clang__
  std::string const compiler = "clang " __clang_version__;
#else
  std::string const compiler = "g++ " __VERSION__;
#endif
  std::vector<std::pair<std::string, std::string>> lines{
      {"machine", cpu.model + ", " + std::to_string(std::thread::hardware_concurrency()) + " CPUs" +
                      (cpu.virtual_machine ? ", virtual machine" : "")},
      {"system", kernel_version()},
      {"compiler", compiler},
      {"flags", WEFT_BENCH_FLAGS},
  };
  for (Peer const& peer : all_peers()) {
    if (!peer.version.empty()) lines.emplace_back(name_of(peer.contender), peer.version);
  }
  if (!WEFT_BENCH_OPENMP) lines.emplace_back("OpenMP", "not available with this compiler");
  return lines;
}

}  // namespace bench
