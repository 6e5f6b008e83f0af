#if defined(__x86_64__)
// The lanes first: what follows is written over them.
#include "npu/kernels/simd/avx512.hpp"

#include "npu/io/planes_loops.hpp"

namespace ez_rknn::npu::io {

const PlaneRuns kI8ToPlanesAvx512 = i8_to_f32;

}  // namespace ez_rknn::npu::io
#endif
