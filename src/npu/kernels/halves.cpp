#include "npu/kernels/halves.hpp"

#include <cstring>

#include "core/cpu.hpp"
#include "core/fp16.hpp"

namespace ez_rknn::npu::kernels {
namespace {

void widen(const std::byte* from, float* to, std::size_t n) {
  for (std::size_t i = 0; i < n; ++i) {
    std::uint16_t h;
    std::memcpy(&h, from + i * 2, 2);
    to[i] = half_to_float(h);
  }
}

void narrow(const float* from, std::byte* to, std::size_t n) {
  for (std::size_t i = 0; i < n; ++i) {
    const std::uint16_t h = float_to_half(from[i]);
    std::memcpy(to + i * 2, &h, 2);
  }
}

constexpr HalfRuns kPlain = {widen, narrow};

}  // namespace

const HalfRuns& half_runs() {
#if defined(__x86_64__)
  static const bool fast = cpu::allows(cpu::Isa::avx2);
  return fast ? kHalfRunsAvx2 : kPlain;
#elif defined(__aarch64__)
  static const bool fast = cpu::allows(cpu::Isa::neon);
  return fast ? kHalfRunsNeon : kPlain;
#else
  return kPlain;
#endif
}

}  // namespace ez_rknn::npu::kernels
