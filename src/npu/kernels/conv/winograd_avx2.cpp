#if defined(__x86_64__)
// The lanes first: what follows is written over them.
#include "npu/kernels/simd/avx2.hpp"

#include "npu/kernels/conv/winograd_bytes.hpp"
#include "npu/kernels/conv/winograd_weights_bytes.hpp"
#include "npu/kernels/conv/winograd_weights_halves.hpp"

namespace ez_rknn::npu::kernels {

const WinogradKernel kWinogradI8Avx2 = winograd_2x2<WinogradBytes>(kDenseI8Avx2, winograd_weights_of_bytes<WeightsOf2>);
const WinogradKernel kWinograd4I8Avx2 =
    winograd_4x4<WinogradBytes4>(kDenseI8Avx2, winograd_weights_of_bytes<WeightsOf4>);
const WinogradKernel kWinogradStridedI8Avx2 =
    winograd_strided<WinogradBytesStrided>(kDenseI8Avx2, winograd_weights_of_bytes<WeightsStrided>);
const WinogradKernel kWinogradF16Avx2 =
    winograd_2x2<WinogradHalves>(kDenseF32Avx2, winograd_weights_of_halves<RealWeightsOf2>);
const WinogradKernel kWinograd4F16Avx2 =
    winograd_4x4<WinogradHalves4>(kDenseF32Avx2, winograd_weights_of_halves<RealWeightsOf4>);
const WinogradKernel kWinogradStridedF16Avx2 =
    winograd_strided<WinogradHalves>(kDenseF32Avx2, winograd_weights_of_halves<RealWeightsStrided>);

}  // namespace ez_rknn::npu::kernels
#endif
