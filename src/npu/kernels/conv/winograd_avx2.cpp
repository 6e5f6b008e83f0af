#if defined(__x86_64__)
// The lanes first: what follows is written over them.
#include "npu/kernels/simd/avx2.hpp"

#include "npu/kernels/conv/winograd_loops.hpp"

namespace ez_rknn::npu::kernels {

const WinogradKernel kWinogradF16Avx2 = {&kDenseF32Avx2, winograd_input, winograd_output};

}  // namespace ez_rknn::npu::kernels
#endif
