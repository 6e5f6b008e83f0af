#if defined(__x86_64__)
// The lanes first: what follows is written over them.
#include "npu/kernels/simd/avx512.hpp"

#include "npu/kernels/conv/winograd_loops_4.hpp"
#include "npu/kernels/conv/winograd_loops_strided.hpp"
#include "npu/kernels/conv/winograd_weights_halves.hpp"

namespace ez_rknn::npu::kernels {

const WinogradKernel kWinogradF16Avx512 =
    winograd_2x2<WinogradHalves>(kDenseF32Avx512, winograd_weights_of_halves<RealWeightsOf2>);
const WinogradKernel kWinograd4F16Avx512 =
    winograd_4x4<WinogradHalves4>(kDenseF32Avx512, winograd_weights_of_halves<RealWeightsOf4>);
const WinogradKernel kWinogradStridedF16Avx512 =
    winograd_strided<WinogradHalves>(kDenseF32Avx512, winograd_weights_of_halves<RealWeightsStrided>);

}  // namespace ez_rknn::npu::kernels
#endif
