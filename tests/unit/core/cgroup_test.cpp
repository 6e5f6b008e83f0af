#include "core/cgroup.hpp"

#include <doctest/doctest.h>
#include <sched.h>
#include <unistd.h>

#include <cmath>
#include <filesystem>
#include <fstream>
#include <thread>

#include "core/cpu.hpp"

using namespace ez_rknn;
namespace fs = std::filesystem;

namespace {

/// A root folder with files below /proc and /sys.
struct Root {
  fs::path path = fs::temp_directory_path() / ("ez_rknn_cgroup_" + std::to_string(getpid()));
  Root() { fs::create_directories(path); }
  ~Root() { fs::remove_all(path); }
  void write(const std::string& file, const std::string& text) {
    fs::create_directories((path / file).parent_path());
    std::ofstream(path / file) << text;
  }
  double quota() const { return cpu::cgroup_quota(path); }
};

}  // namespace

TEST_CASE("without cgroups, and without a quota, there is none") {
  Root root;
  CHECK(std::isinf(root.quota()));
  root.write("proc/self/cgroup", "0::/user.slice\n");
  root.write("sys/fs/cgroup/user.slice/cpu.max", "max 100000\n");
  CHECK(std::isinf(root.quota()));
  root.write("proc/self/cgroup", "nonsense\n:\n0::\n::x\n");
  CHECK(std::isinf(root.quota()));
}

TEST_CASE("a quota that is no number of CPUs is none") {
  Root root;
  root.write("proc/self/cgroup", "0::/a\n");
  for (const char* text : {"-50000 100000", "0 100000", "nan 100000", "100000 0", "100000 -1", "x", ""}) {
    CAPTURE(text);
    root.write("sys/fs/cgroup/a/cpu.max", text);
    CHECK(std::isinf(root.quota()));
  }
}

TEST_CASE("cgroup v2: the tightest of the own group and those above") {
  Root root;
  root.write("proc/self/cgroup", "0::/system.slice/worker.service/part\n");
  root.write("sys/fs/cgroup/system.slice/cpu.max", "350000 100000\n");
  CHECK(root.quota() == 3.5);
  root.write("sys/fs/cgroup/system.slice/worker.service/cpu.max", "100000 100000\n");
  CHECK(root.quota() == 1);
  root.write("sys/fs/cgroup/system.slice/worker.service/part/cpu.max", "800000 100000\n");
  CHECK(root.quota() == 1);
}

TEST_CASE("in a container the mount point is the own group") {
  Root root;
  root.write("proc/self/cgroup", "0::/docker/0123456789abcdef\n");
  root.write("sys/fs/cgroup/cpu.max", "150000 100000\n");
  CHECK(root.quota() == 1.5);
}

TEST_CASE("cgroup v1: the cpu controller's quota, -1 is none") {
  Root root;
  root.write("proc/self/cgroup", "5:cpuset:/a\n4:cpu,cpuacct:/docker/1\n0::/\n");
  root.write("sys/fs/cgroup/cpu/docker/1/cpu.cfs_quota_us", "-1");
  root.write("sys/fs/cgroup/cpu/docker/1/cpu.cfs_period_us", "100000");
  CHECK(std::isinf(root.quota()));
  root.write("sys/fs/cgroup/cpu/docker/1/cpu.cfs_quota_us", "250000");
  CHECK(root.quota() == 2.5);
}

TEST_CASE("available_cpus follows the affinity of the thread that asks") {
  int alone = 0;
  std::thread([&] {
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(static_cast<unsigned>(sched_getcpu()), &set);
    REQUIRE(sched_setaffinity(0, sizeof set, &set) == 0);
    alone = cpu::available_cpus();
  }).join();
  CHECK(alone == 1);
  CHECK(cpu::available_cpus() <= std::max(1.0, std::ceil(cpu::cgroup_quota())));
}
