#if defined(__aarch64__)
// The lanes first: what follows is written over them.
#include "npu/kernels/simd/neon.hpp"

#include "npu/kernels/conv/winograd_loops_4.hpp"

namespace ez_rknn::npu::kernels {

const WinogradKernel kWinogradF16Neon = winograd_2x2<WinogradHalves>(kDenseF32Neon);
const WinogradKernel kWinograd4F16Neon = winograd_4x4<WinogradHalves4>(kDenseF32Neon);

}  // namespace ez_rknn::npu::kernels
#endif
