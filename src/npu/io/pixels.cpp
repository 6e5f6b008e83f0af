#include "npu/io/pixels.hpp"

#include "core/cpu.hpp"

namespace ez_rknn::npu::io {

const PixelRuns* pixel_runs() {
#if defined(__x86_64__)
  static const bool fast = cpu::allows(cpu::Isa::avx2);
  return fast ? &kPixelRunsAvx2 : nullptr;
#else
  return nullptr;
#endif
}

}  // namespace ez_rknn::npu::io
