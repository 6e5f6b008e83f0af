#if defined(__x86_64__)
// The lanes first: what follows is written over them.
#include "npu/kernels/simd/avx2.hpp"

#include "npu/kernels/halves_loops.hpp"

namespace ez_rknn::npu::kernels {

const HalfRuns kHalfRunsAvx2 = {widen_halves, narrow_to_halves};

}  // namespace ez_rknn::npu::kernels
#endif
