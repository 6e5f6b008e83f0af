#if defined(__aarch64__)
// The lanes first: what follows is written over them.
#include "npu/kernels/simd/neon.hpp"

#include "npu/kernels/pool/pool_loops.hpp"

namespace ez_rknn::npu::kernels {

const PoolKernel kPoolNeon = kLoops;

}  // namespace ez_rknn::npu::kernels
#endif
