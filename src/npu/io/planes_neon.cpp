#if defined(__aarch64__)
// The lanes first: what follows is written over them.
#include "npu/kernels/simd/neon.hpp"

#include "npu/io/planes_loops.hpp"

namespace ez_rknn::npu::io {

const PlaneRuns kI8ToPlanesNeon = i8_to_f32;

}  // namespace ez_rknn::npu::io
#endif
