#if defined(__aarch64__)
// The lanes first: what follows is written over them.
#include "npu/kernels/simd/neon.hpp"

#include "npu/io/planes_loops.hpp"

namespace ez_rknn::npu::io {

const PlaneRuns kPlaneRunsNeon = {i8_to_planes, f16_to_planes};

}  // namespace ez_rknn::npu::io
#endif
