// Processor counts: the forms of the kernel's texts, a tree of control groups in a folder of our own, and the real process.
#include <weft/runtime/platform/cpu.hpp>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <thread>

#include <pthread.h>

#include <gtest/gtest.h>

#include <weft/runtime/platform/errors.hpp>

namespace weft::engine {
namespace {

namespace fs = std::filesystem;

TEST(CgroupQuota, Version2RoundsUp) {
  EXPECT_EQ(cpus_of_cgroup_v2("150000 100000\n"), 2u);
  EXPECT_EQ(cpus_of_cgroup_v2("200000 100000\n"), 2u);
  EXPECT_EQ(cpus_of_cgroup_v2("1000 100000\n"), 1u);
  EXPECT_EQ(cpus_of_cgroup_v2("50000\n"), 1u);
  EXPECT_EQ(cpus_of_cgroup_v2("800000 50000"), 16u);
  EXPECT_EQ(cpus_of_cgroup_v2("9223372036854775807 1"), max_workers);
}

TEST(CgroupQuota, Version2WithoutLimitOrSense) {
  for (char const* text : {"max 100000\n", "max", "", "\n", "0 100000", "-5 100000", "100000 0", "12x 100000", "100000 100000 7"})
    EXPECT_EQ(cpus_of_cgroup_v2(text), std::nullopt) << text;
}

TEST(CgroupQuota, Version1) {
  EXPECT_EQ(cpus_of_cgroup_v1("250000\n", "100000\n"), 3u);
  EXPECT_EQ(cpus_of_cgroup_v1("-1\n", "100000\n"), std::nullopt);
  EXPECT_EQ(cpus_of_cgroup_v1("", ""), std::nullopt);
}

TEST(CgroupPath, IsFoundInBothHierarchies) {
  char const* const text =
      "12:cpuset:/set\n"
      "5:cpuacct,cpu:/docker/abc:def\n"
      "4:cpuacct:/wrong\n"
      "0::/user.slice/a b\n";
  EXPECT_EQ(cgroup_path(text, false), "/docker/abc:def");
  EXPECT_EQ(cgroup_path(text, true), "/user.slice/a b");
  EXPECT_EQ(cgroup_path("1:cpuset:/\n", false), std::nullopt);
  EXPECT_EQ(cgroup_path("1:cpuset:/\n", true), std::nullopt);
  EXPECT_EQ(cgroup_path("", true), std::nullopt);
  EXPECT_EQ(cgroup_path("garbage\n\n0::/x", true), "/x");
}

TEST(CgroupMount, IsFoundWithItsRootAndUnescaped) {
  char const* const text =
      "31 23 0:28 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755\n"
      "40 31 0:37 / /sys/fs/cgroup/cpuset rw shared:9 master:2 - cgroup cgroup rw,cpuset\n"
      "41 31 0:38 /docker/x /sys/fs/cgroup/cpu,cpuacct rw,nosuid shared:10 - cgroup cgroup rw,cpu,cpuacct\n"
      "42 31 0:39 / /a\\040b\\134c rw,relatime - cgroup2 cgroup2 rw\n";
  auto const v1 = cgroup_mount(text, false), v2 = cgroup_mount(text, true);
  ASSERT_TRUE(v1 && v2);
  EXPECT_EQ(v1->mount_point, "/sys/fs/cgroup/cpu,cpuacct");
  EXPECT_EQ(v1->root, "/docker/x");
  EXPECT_EQ(v2->mount_point, "/a b\\c");
  EXPECT_EQ(v2->root, "/");
  EXPECT_FALSE(cgroup_mount("", true));
  EXPECT_FALSE(cgroup_mount("short line\n", true));
}

// A file system with /proc/self and groups in a temporary folder.
class CgroupTree : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (fs::temp_directory_path() / "weft-cgroup-XXXXXX").string();
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    root_ = pattern;
  }
  void TearDown() override { fs::remove_all(root_); }

  void write(std::string const& path, std::string const& text) {
    fs::create_directories(fs::path(root_ + path).parent_path());
    std::ofstream(root_ + path) << text;
  }
  std::optional<unsigned> limit() const { return cgroup_cpu_limit(root_); }

  std::string root_;
};

TEST_F(CgroupTree, NothingMountedMeansNoLimit) { EXPECT_EQ(limit(), std::nullopt); }

TEST_F(CgroupTree, TheLeastQuotaOnTheWayUpCounts) {
  write("/proc/self/cgroup", "0::/a/b/c\n");
  write("/proc/self/mountinfo", "42 31 0:39 / /cg rw - cgroup2 cgroup2 rw\n");
  EXPECT_EQ(limit(), std::nullopt);
  write("/cg/a/b/c/cpu.max", "max 100000\n");
  EXPECT_EQ(limit(), std::nullopt);
  write("/cg/a/cpu.max", "250000 100000\n");
  EXPECT_EQ(limit(), 3u);
  write("/cg/a/b/c/cpu.max", "700000 100000\n");
  EXPECT_EQ(limit(), 3u);
  write("/cg/a/b/cpu.max", "100000 100000\n");
  EXPECT_EQ(limit(), 1u);
  write("/cg/a/other/cpu.max", "1 100000\n");
  EXPECT_EQ(limit(), 1u);
}

TEST_F(CgroupTree, TheTopItselfCounts) {
  write("/proc/self/cgroup", "0::/\n");
  write("/proc/self/mountinfo", "42 31 0:39 / /cg rw - cgroup2 cgroup2 rw\n");
  write("/cg/cpu.max", "150000 100000\n");
  EXPECT_EQ(limit(), 2u);
}

TEST_F(CgroupTree, AMountedSubtreeIsSeenFromItsRoot) {
  write("/proc/self/cgroup", "3:cpu,cpuacct:/docker/x/inner\n");
  write("/proc/self/mountinfo", "42 31 0:39 /docker/x /cg/cpu rw - cgroup cgroup rw,cpu,cpuacct\n");
  write("/cg/cpu/inner/cpu.cfs_quota_us", "-1\n");
  write("/cg/cpu/inner/cpu.cfs_period_us", "100000\n");
  write("/cg/cpu/cpu.cfs_quota_us", "400000\n");
  write("/cg/cpu/cpu.cfs_period_us", "100000\n");
  EXPECT_EQ(limit(), 4u);
}

TEST_F(CgroupTree, AGroupOutsideTheMountFallsBackToTheMount) {
  write("/proc/self/mountinfo", "42 31 0:39 /docker/x /cg rw - cgroup2 cgroup2 rw\n");
  write("/cg/cpu.max", "200000 100000\n");
  for (char const* path : {"0::/docker/xy\n", "0::/../sibling\n", "0::/\n", "0::/docker/x/../y\n"}) {
    write("/proc/self/cgroup", path);
    EXPECT_EQ(limit(), 2u) << path;
  }
}

TEST_F(CgroupTree, BothHierarchiesCount) {
  write("/proc/self/cgroup", "3:cpu:/v1\n0::/v2\n");
  write("/proc/self/mountinfo", "42 31 0:39 / /one rw - cgroup cgroup rw,cpu\n43 31 0:40 / /two rw - cgroup2 cgroup2 rw\n");
  write("/one/v1/cpu.cfs_quota_us", "500000\n");
  write("/one/v1/cpu.cfs_period_us", "100000\n");
  EXPECT_EQ(limit(), 5u);
  write("/two/v2/cpu.max", "300000 100000\n");
  EXPECT_EQ(limit(), 3u);
}

TEST(Workers, ParsesNumbersFrom1To4096) {
  EXPECT_EQ(parse_workers("1"), 1u);
  EXPECT_EQ(parse_workers("4096"), 4096u);
  for (char const* text : {"0", "-1", "4097", "two", "2 ", " 2", "2.5", "0x2", "99999999999999999999", "+3"}) {
    try {
      parse_workers(text);
      ADD_FAILURE() << text;
    } catch (ValueError const& error) {
      EXPECT_NE(std::string(error.what()).find(std::string("\"") + text + "\""), std::string::npos);
    }
  }
}

TEST(Workers, AreReadFromTheEnvironment) {
  char const* const before = std::getenv("WEFT_WORKERS");
  std::optional<std::string> const saved = before == nullptr ? std::nullopt : std::optional<std::string>(before);
  ::unsetenv("WEFT_WORKERS");
  EXPECT_EQ(workers_from_environment(), std::nullopt);
  ::setenv("WEFT_WORKERS", "", 1);
  EXPECT_EQ(workers_from_environment(), std::nullopt);
  ::setenv("WEFT_WORKERS", "12", 1);
  EXPECT_EQ(workers_from_environment(), 12u);
  ::setenv("WEFT_WORKERS", "many", 1);
  EXPECT_THROW(workers_from_environment(), ValueError);
  if (saved) ::setenv("WEFT_WORKERS", saved->c_str(), 1);
  else ::unsetenv("WEFT_WORKERS");
}

TEST(Cpu, ParallelismIsWithinTheAffinityMask) {
  EXPECT_GE(available_parallelism(), 1u);
  EXPECT_LE(available_parallelism(), allowed_cpus().size());
}

TEST(Cpu, APinnedThreadHasOneProcessorAndNoOtherThreadChanges) {
  std::vector<int> const all = allowed_cpus();
  ASSERT_FALSE(all.empty());
  for (unsigned index = 0; index < all.size() + 1; ++index) {
    std::thread([&] {
      pin_to_core(index);
      EXPECT_EQ(allowed_cpus(), std::vector<int>{all[index % all.size()]});
      EXPECT_EQ(available_parallelism(), 1u);
      set_allowed_cpus(all);
      EXPECT_EQ(allowed_cpus(), all);
    }).join();
  }
  EXPECT_EQ(allowed_cpus(), all);
  EXPECT_THROW(set_allowed_cpus({}), std::system_error);
  EXPECT_THROW(pin_to_core(0, {}), std::system_error);
}

std::string name_of_this_thread() {
  char name[64] = {};
  ::pthread_getname_np(::pthread_self(), name, sizeof(name));
  return name;
}

TEST(Cpu, ThreadNamesAreCutAfter15Bytes) {
  std::thread([] {
    set_thread_name("weft-7");
    EXPECT_EQ(name_of_this_thread(), "weft-7");
    set_thread_name("exactly15bytes!");
    EXPECT_EQ(name_of_this_thread(), "exactly15bytes!");
    set_thread_name("a-name-that-is-too-long");
    EXPECT_EQ(name_of_this_thread(), "a-name-that-is-");
    set_thread_name("fourteen-bytes\xc3\xa9");  // the last letter has two bytes
    EXPECT_EQ(name_of_this_thread(), "fourteen-bytes");
    set_thread_name("");
    EXPECT_EQ(name_of_this_thread(), "");
  }).join();
}

TEST(Cpu, TheStackPointerIsWithinTheStack) {
  auto const check = [] {
    StackBounds const bounds = stack_bounds();
    EXPECT_LT(bounds.lowest, stack_pointer());
    EXPECT_LT(stack_pointer(), bounds.highest);
    EXPECT_GT(bounds.highest - bounds.lowest, 64u * 1024);
  };
  check();
  std::thread(check).join();
}

}  // namespace
}  // namespace weft::engine
