#pragma once
/// What a worker's thread is called, and on which CPUs it runs.
#include <cstdint>
#include <string>
#include <thread>
#include <vector>

namespace ez_rknn {

/// Whether this process may run on CPU `cpu`.
bool may_run_on(std::int64_t cpu);
/// Shown by top and debuggers; cut to the 15 characters that Linux keeps.
void name_thread(std::thread& thread, const std::string& name);
/// Restricts a thread to CPUs that may_run_on(); none: no restriction.
void keep_on(std::thread& thread, const std::vector<int>& cpus);

}  // namespace ez_rknn
