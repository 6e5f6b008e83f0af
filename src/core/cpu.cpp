#include "core/cpu.hpp"

#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "core/cgroup.hpp"
#include "ez_rknn/error.hpp"
#if defined(__x86_64__)
#include <cpuid.h>
#elif defined(__aarch64__)
#include <sys/auxv.h>
#endif

namespace ez_rknn::cpu {
namespace {

struct Known {
  Isa isa;
  std::string_view name;
};
#if defined(__x86_64__)
constexpr Known kHere[] = {{Isa::ref, "ref"},
                           {Isa::avx2, "avx2"},
                           {Isa::avx512, "avx512"},
                           {Isa::avx512vnni, "avx512vnni"},
                           {Isa::amx, "amx"}};

/// AMX tiles are 8 KiB of state that Linux hands out on request only (arch_prctl ARCH_REQ_XCOMP_PERM, XTILEDATA = 18).
bool request_amx() {
  constexpr int kArchReqXcompPerm = 0x1023, kXtileData = 18;
  return syscall(SYS_arch_prctl, kArchReqXcompPerm, kXtileData) == 0;
}

struct Cpuid {
  unsigned a = 0, b = 0, c = 0, d = 0;
};
Cpuid cpuid(unsigned leaf) {
  Cpuid r;
  __get_cpuid_count(leaf, 0, &r.a, &r.b, &r.c, &r.d);  // leaves zeros where there is no such leaf
  return r;
}

/// Registers that the system saves: 6 for AVX's, 0xe6 for those of AVX-512.
std::uint64_t saved_registers() {
  if (!(cpuid(1).c & 1u << 27)) return 0;  // OSXSAVE
  unsigned low = 0, high = 0;
  __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return std::uint64_t{high} << 32 | low;
}

bool all(unsigned bits, unsigned wanted) { return (bits & wanted) == wanted; }

/// By cpuid itself: __builtin_cpu_supports would link compiler_rt into zig's wheels, which is one object with a memcpy,
/// mathematical functions and a stack canary of its own in the place of glibc's.
bool hardware_has(Isa isa) {
  switch (isa) {
    case Isa::ref: return true;
    case Isa::avx2:  // FMA, F16C; AVX2, BMI2
      return (saved_registers() & 6) == 6 && all(cpuid(1).c, 1u << 12 | 1u << 29) && all(cpuid(7).b, 1u << 5 | 1u << 8);
    case Isa::avx512:  // F, DQ, BW, VL; VBMI
      return hardware_has(Isa::avx2) && (saved_registers() & 0xe6) == 0xe6 &&
             all(cpuid(7).b, 1u << 16 | 1u << 17 | 1u << 30 | 1u << 31) && all(cpuid(7).c, 1u << 1);
    case Isa::avx512vnni: return hardware_has(Isa::avx512) && all(cpuid(7).c, 1u << 11);
    case Isa::amx:  // BF16, TILE, INT8
      return hardware_has(Isa::avx512vnni) && all(cpuid(7).d, 1u << 22 | 1u << 24 | 1u << 25) && request_amx();
    default: return false;
  }
}
#elif defined(__aarch64__)
constexpr Known kHere[] = {
    {Isa::ref, "ref"}, {Isa::neon, "neon"}, {Isa::neondot, "neondot"}, {Isa::neoni8mm, "neoni8mm"}};

bool hardware_has(Isa isa) {
  constexpr unsigned long kAsimdHp = 1ul << 10, kAsimdDp = 1ul << 20,
                          kI8mm = 1ul << 13;  // AT_HWCAP, AT_HWCAP2 of aarch64
  const unsigned long hwcap = getauxval(AT_HWCAP), hwcap2 = getauxval(AT_HWCAP2);
  switch (isa) {
    case Isa::ref:
    case Isa::neon: return true;
    case Isa::neondot: return (hwcap & kAsimdDp) && (hwcap & kAsimdHp);
    case Isa::neoni8mm: return hardware_has(Isa::neondot) && (hwcap2 & kI8mm);
    default: return false;
  }
}
#else
constexpr Known kHere[] = {{Isa::ref, "ref"}};
bool hardware_has(Isa isa) { return isa == Isa::ref; }
#endif

std::vector<Isa> find_allowed() {
  std::vector<Isa> have;
  for (const Known& k : kHere)
    if (hardware_has(k.isa)) have.push_back(k.isa);
  const char* forced = std::getenv("EZ_RKNN_ISA");
  if (!forced || !*forced) return have;
  std::string accepted;
  for (const Known& k : kHere) {
    const bool here = std::find(have.begin(), have.end(), k.isa) != have.end();
    if (here) accepted += (accepted.empty() ? "" : ", ") + std::string(k.name);
    if (k.name == forced && here) {
      have.erase(std::find(have.begin(), have.end(), k.isa) + 1, have.end());
      return have;
    }
  }
  throw InvalidArgument("EZ_RKNN_ISA=" + std::string(forced) +
                        " is not available on this CPU; accepted here: " + accepted);
}

}  // namespace

std::string_view name_of(Isa isa) {
  switch (isa) {
    case Isa::ref: return "ref";
    case Isa::avx2: return "avx2";
    case Isa::avx512: return "avx512";
    case Isa::avx512vnni: return "avx512vnni";
    case Isa::amx: return "amx";
    case Isa::neon: return "neon";
    case Isa::neondot: return "neondot";
    case Isa::neoni8mm: return "neoni8mm";
  }
  return "?";
}

std::vector<Isa> allowed() {
  static const std::vector<Isa> found = find_allowed();
  return found;
}

bool allows(Isa isa) {
  static const std::vector<Isa> found = find_allowed();
  return std::find(found.begin(), found.end(), isa) != found.end();
}

int available_cpus() {
  cpu_set_t set;
  CPU_ZERO(&set);
  int n =
      sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : static_cast<int>(sysconf(_SC_NPROCESSORS_ONLN));
  const double quota = cgroup_quota();
  if (quota < n) n = static_cast<int>(std::ceil(quota));
  return std::max(n, 1);
}

}  // namespace ez_rknn::cpu
