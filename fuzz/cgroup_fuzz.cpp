/// What the kernel's cgroup files may hold, and what they never do: parts separated by zero bytes are /proc/self/cgroup
/// and the quota files below a folder of its own. The quota is above 0 or infinite, and the number of CPUs at least 1.
#include <unistd.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string_view>

#include "core/cgroup.hpp"

namespace {

const std::string& root() {
  static const std::string folder = [] {
    const bool in_memory = std::filesystem::exists("/dev/shm");
    std::string name = std::string(in_memory ? "/dev/shm" : "/tmp") + "/ez_rknn_cgroup_fuzz_XXXXXX";
    if (!mkdtemp(name.data())) std::abort();
    for (const char* sub : {"/proc/self", "/sys/fs/cgroup/cpu/a", "/sys/fs/cgroup/a"})
      std::filesystem::create_directories(name + sub);
    std::atexit([] { std::filesystem::remove_all(root()); });
    return name;
  }();
  return folder;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  constexpr std::array kFiles = {"/proc/self/cgroup", "/sys/fs/cgroup/cpu.max", "/sys/fs/cgroup/a/cpu.max",
                                 "/sys/fs/cgroup/cpu/a/cpu.cfs_quota_us", "/sys/fs/cgroup/cpu/a/cpu.cfs_period_us"};
  std::string_view text(reinterpret_cast<const char*>(data), size);
  for (const char* file : kFiles) {
    const auto end = std::min(text.find('\0'), text.size());
    std::ofstream(root() + file, std::ios::binary) << text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  const double quota = ez_rknn::cpu::cgroup_quota(root());
  if (quota > 0) return 0;
  std::fprintf(stderr, "cgroup_fuzz: a quota of %g CPUs\n", quota);
  std::abort();
}
