#include "npu/io/planes.hpp"

#include "core/cpu.hpp"

namespace ez_rknn::npu::io {

const PlaneRuns* plane_runs() {
#if defined(__x86_64__)
  static const PlaneRuns* const fast = cpu::allows(cpu::Isa::avx512) ? &kPlaneRunsAvx512
                                       : cpu::allows(cpu::Isa::avx2) ? &kPlaneRunsAvx2
                                                                     : nullptr;
  return fast;
#elif defined(__aarch64__)
  static const bool fast = cpu::allows(cpu::Isa::neon);
  return fast ? &kPlaneRunsNeon : nullptr;
#else
  return nullptr;
#endif
}

}  // namespace ez_rknn::npu::io
