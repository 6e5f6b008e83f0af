#if defined(__x86_64__)
// The lanes first: what follows is written over them.
#include "npu/kernels/simd/avx512.hpp"

#include "npu/kernels/pool/pool_loops.hpp"

namespace ez_rknn::npu::kernels {

const PoolKernel kPoolAvx512 = kLoops;

}  // namespace ez_rknn::npu::kernels
#endif
