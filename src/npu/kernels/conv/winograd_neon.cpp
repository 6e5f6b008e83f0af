#if defined(__aarch64__)
// The lanes first: what follows is written over them.
#include "npu/kernels/simd/neon.hpp"

#include "npu/kernels/conv/winograd_bytes.hpp"
#include "npu/kernels/conv/winograd_weights.hpp"

namespace ez_rknn::npu::kernels {

const WinogradKernel kWinogradI8Neon = winograd_2x2<WinogradBytes>(kDenseI8Neon, winograd_weights<WeightsOf2>);
const WinogradKernel kWinograd4I8Neon = winograd_4x4<WinogradBytes4>(kDenseI8Neon, winograd_weights<WeightsOf4>);
const WinogradKernel kWinogradStridedI8Neon =
    winograd_strided<WinogradBytesStrided>(kDenseI8Neon, winograd_weights<WeightsStrided>);
const WinogradKernel kWinogradF16Neon = winograd_2x2<WinogradHalves>(kDenseF32Neon);
const WinogradKernel kWinograd4F16Neon = winograd_4x4<WinogradHalves4>(kDenseF32Neon);
const WinogradKernel kWinogradStridedF16Neon = winograd_strided<WinogradHalves>(kDenseF32Neon);

}  // namespace ez_rknn::npu::kernels
#endif
