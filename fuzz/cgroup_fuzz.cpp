/// What the kernel's cgroup files may hold, and what they never do: parts separated by zero bytes are /proc/self/cgroup
/// and the quota files below a folder of its own. The quota is above 0 or infinite, and the number of CPUs at least 1.
#include <unistd.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>

#include "core/cgroup.hpp"

namespace {

/// A folder of this process, gone with it.
struct Root {
  std::string folder;
  Root()
      : folder(std::string(std::filesystem::exists("/dev/shm") ? "/dev/shm" : "/tmp") + "/ez_rknn_cgroup_fuzz_XXXXXX") {
    if (!mkdtemp(folder.data())) std::abort();
    for (const char* sub : {"/proc/self", "/sys/fs/cgroup/cpu/a", "/sys/fs/cgroup/a"})
      std::filesystem::create_directories(folder + sub);
  }
  Root(const Root&) = delete;
  Root& operator=(const Root&) = delete;
  ~Root() { std::filesystem::remove_all(folder); }
};

const std::string& root() {
  static const Root made;
  return made.folder;
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
