#if defined(__x86_64__)
// The lanes first: what follows is written over them.
#include "npu/kernels/simd/avx512.hpp"

#include "npu/io/planes_loops.hpp"

namespace ez_rknn::npu::io {

const PlaneRuns kPlaneRunsAvx512 = {i8_to_planes, f16_to_planes};

}  // namespace ez_rknn::npu::io
#endif
