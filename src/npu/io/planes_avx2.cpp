#if defined(__x86_64__)
// The lanes first: what follows is written over them.
#include "npu/kernels/simd/avx2.hpp"

#include "npu/io/planes_loops.hpp"

namespace ez_rknn::npu::io {

const PlaneRuns kPlaneRunsAvx2 = {i8_to_planes, f16_to_planes};

}  // namespace ez_rknn::npu::io
#endif
