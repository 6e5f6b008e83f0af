#include "core/cpu.hpp"

#include <doctest/doctest.h>

#include <cstdlib>

using namespace ez_rknn;

TEST_CASE("the reference is always allowed, and each allowed set has a name") {
  CHECK(cpu::allows(cpu::Isa::ref));
  REQUIRE_FALSE(cpu::allowed().empty());
  CHECK_EQ(cpu::allowed().front(), cpu::Isa::ref);
  for (auto isa : cpu::allowed()) {
    CHECK(cpu::allows(isa));
    CHECK(cpu::name_of(isa) != "?");
  }
}

#if defined(__x86_64__)
TEST_CASE("the sets found are those that the compiler's own check finds") {
  const bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("bmi2");
  const bool avx512 = avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                      __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") &&
                      __builtin_cpu_supports("avx512vbmi");
  const bool vnni = avx512 && __builtin_cpu_supports("avx512vnni");
  const bool free = std::getenv("EZ_RKNN_ISA") == nullptr;  // it is a ceiling
  const auto same = [&](cpu::Isa isa, bool has) { return free ? cpu::allows(isa) == has : has || !cpu::allows(isa); };
  CHECK(same(cpu::Isa::avx2, avx2));
  CHECK(same(cpu::Isa::avx512, avx512));
  CHECK(same(cpu::Isa::avx512vnni, vnni));
}
#endif

TEST_CASE("at least one CPU is usable") { CHECK(cpu::available_cpus() >= 1); }
