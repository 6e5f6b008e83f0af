#if defined(__aarch64__)
// The lanes first: what follows is written over them.
#include "npu/kernels/simd/neon.hpp"

#include "npu/kernels/halves_loops.hpp"

namespace ez_rknn::npu::kernels {

const HalfRuns kHalfRunsNeon = {widen_halves, narrow_to_halves};

}  // namespace ez_rknn::npu::kernels
#endif
