#include "core/cgroup.hpp"

#include <algorithm>
#include <fstream>
#include <limits>

namespace ez_rknn::cpu {
namespace {

constexpr double kNone = std::numeric_limits<double>::infinity();

double ratio(double quota, double period) {
  const double cpus = quota / period;
  return period > 0 && cpus > 0 ? cpus : kNone;
}

/// v2: "max 100000", or quota and period in microseconds.
double quota_v2(const std::string& folder) {
  std::ifstream f(folder + "/cpu.max");
  double quota = 0, period = 0;
  return f >> quota >> period ? ratio(quota, period) : kNone;  // "max" is no number
}

/// v1: a quota of -1 is none.
double quota_v1(const std::string& folder) {
  std::ifstream q(folder + "/cpu.cfs_quota_us"), p(folder + "/cpu.cfs_period_us");
  double quota = 0, period = 0;
  return q >> quota && p >> period ? ratio(quota, period) : kNone;
}

/// Of the group at `path` below the mount point and of all above it. In a container the path may be the host's and name
/// nothing here: then the mount point itself is the group.
double tightest(const std::string& mount, std::string path, double (*quota)(const std::string&)) {
  double least = quota(mount);
  while (!path.empty() && path != "/") {
    least = std::min(least, quota(mount + path));
    path.erase(path.find_last_of('/'));
  }
  return least;
}

bool names_cpu(const std::string& controllers) { return ("," + controllers + ",").find(",cpu,") != std::string::npos; }

}  // namespace

double cgroup_quota(const std::string& root) {
  const std::string mount = root + "/sys/fs/cgroup";
  double least = std::min(quota_v2(mount), quota_v1(mount + "/cpu"));
  std::ifstream groups(root + "/proc/self/cgroup");
  for (std::string line; std::getline(groups, line);) {  // hierarchy:controllers:path
    const auto first = line.find(':'), second = line.find(':', first + 1);
    if (first == line.npos || second == line.npos || line[second + 1] != '/') continue;
    const std::string controllers = line.substr(first + 1, second - first - 1), path = line.substr(second + 1);
    if (controllers.empty()) least = std::min(least, tightest(mount, path, quota_v2));
    else if (names_cpu(controllers)) least = std::min(least, tightest(mount + "/cpu", path, quota_v1));
  }
  return least;
}

}  // namespace ez_rknn::cpu
