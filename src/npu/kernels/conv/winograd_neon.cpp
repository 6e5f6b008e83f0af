#if defined(__aarch64__)
// The lanes first: what follows is written over them.
#include "npu/kernels/simd/neon.hpp"

#include "npu/kernels/conv/winograd_bytes.hpp"
#include "npu/kernels/conv/winograd_weights_bytes.hpp"
#include "npu/kernels/conv/winograd_weights_halves.hpp"

namespace ez_rknn::npu::kernels {

const WinogradKernel kWinogradI8Neon = winograd_2x2<WinogradBytes>(kDenseI8Neon, winograd_weights_of_bytes<WeightsOf2>);
const WinogradKernel kWinograd4I8Neon =
    winograd_4x4<WinogradBytes4>(kDenseI8Neon, winograd_weights_of_bytes<WeightsOf4>);
const WinogradKernel kWinogradStridedI8Neon =
    winograd_strided<WinogradBytesStrided>(kDenseI8Neon, winograd_weights_of_bytes<WeightsStrided>);
const WinogradKernel kWinogradF16Neon =
    winograd_2x2<WinogradHalves>(kDenseF32Neon, winograd_weights_of_halves<RealWeightsOf2>);
const WinogradKernel kWinograd4F16Neon =
    winograd_4x4<WinogradHalves4>(kDenseF32Neon, winograd_weights_of_halves<RealWeightsOf4>);
const WinogradKernel kWinogradStridedF16Neon =
    winograd_strided<WinogradHalves>(kDenseF32Neon, winograd_weights_of_halves<RealWeightsStrided>);

}  // namespace ez_rknn::npu::kernels
#endif
