#pragma once
/// What this machine can do: instruction sets the kernels know, and how many CPUs the process may really use.
#include <string_view>
#include <vector>

namespace ez_rknn::cpu {

/// In rising order of preference on each architecture.
enum class Isa { ref, avx2, avx512, avx512vnni, amx, neon, neondot, neoni8mm };

std::string_view name_of(Isa isa);
/// True when this CPU, the operating system and EZ_RKNN_ISA allow it. `ref` is always allowed.
/// EZ_RKNN_ISA=ref|avx2|avx512|avx512vnni|amx|neon|neondot|neoni8mm is a ceiling: it forbids the sets above the one
/// named. Unset, it stands for the best this CPU has.
/// @throws InvalidArgument when EZ_RKNN_ISA names an unknown set, or one this CPU does not have
bool allows(Isa isa);
/// The sets of this architecture that are allowed, best last.
std::vector<Isa> allowed();

/// CPUs this process may use: the least of the affinity mask and the cgroup quota (v1 and v2, rounded up), at least 1.
int available_cpus();

/// Says to the CPU that this thread waits in a loop.
inline void relax() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  __asm__ volatile("yield");
#endif
}

}  // namespace ez_rknn::cpu
