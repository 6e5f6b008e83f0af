#include "npu/io/planes.hpp"

#include "core/cpu.hpp"

namespace ez_rknn::npu::io {

PlaneRuns i8_to_planes() {
#if defined(__x86_64__)
  static const PlaneRuns fast = cpu::allows(cpu::Isa::avx512) ? kI8ToPlanesAvx512
                                : cpu::allows(cpu::Isa::avx2) ? kI8ToPlanesAvx2
                                                              : nullptr;
  return fast;
#elif defined(__aarch64__)
  static const bool fast = cpu::allows(cpu::Isa::neon);
  return fast ? kI8ToPlanesNeon : nullptr;
#else
  return nullptr;
#endif
}

}  // namespace ez_rknn::npu::io
