#if defined(__x86_64__)
// The lanes first: what follows is written over them.
#include "npu/kernels/simd/avx2.hpp"

#include "npu/kernels/pool/pool_loops.hpp"

namespace ez_rknn::npu::kernels {

const PoolKernel kPoolAvx2 = kLoops;

}  // namespace ez_rknn::npu::kernels
#endif
