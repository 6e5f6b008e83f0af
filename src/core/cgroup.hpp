#pragma once
#include <string>

namespace ez_rknn::cpu {

/// CPUs that the cgroups of this process (v1 and v2) may use: the tightest quota of its own group and of those above
/// it. Infinity when there is none.
/// @param root  put before /proc and /sys, for tests
double cgroup_quota(const std::string& root = "");

}  // namespace ez_rknn::cpu
