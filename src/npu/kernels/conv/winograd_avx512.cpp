#if defined(__x86_64__)
// The lanes first: what follows is written over them.
#include "npu/kernels/simd/avx512.hpp"

#include "npu/kernels/conv/winograd_loops_4.hpp"
#include "npu/kernels/conv/winograd_loops_strided.hpp"

namespace ez_rknn::npu::kernels {

const WinogradKernel kWinogradF16Avx512 = winograd_2x2<WinogradHalves>(kDenseF32Avx512);
const WinogradKernel kWinograd4F16Avx512 = winograd_4x4<WinogradHalves4>(kDenseF32Avx512);
const WinogradKernel kWinogradStridedF16Avx512 = winograd_strided<WinogradHalves>(kDenseF32Avx512);

}  // namespace ez_rknn::npu::kernels
#endif
