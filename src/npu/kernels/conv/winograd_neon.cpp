#if defined(__aarch64__)
// The lanes first: what follows is written over them.
#include "npu/kernels/simd/neon.hpp"

#include "npu/kernels/conv/winograd_loops_4.hpp"

namespace ez_rknn::npu::kernels {

const WinogradKernel kWinogradF16Neon = {&kDenseF32Neon,
                                         WinogradHalves::kFrom,
                                         WinogradHalves::kTo,
                                         2,
                                         winograd_input<WinogradHalves>,
                                         winograd_output<WinogradHalves>};
const WinogradKernel kWinograd4F16Neon = {&kDenseF32Neon,
                                          WinogradHalves::kFrom,
                                          WinogradHalves::kTo,
                                          4,
                                          winograd_input_4<WinogradHalves4>,
                                          winograd_output_4<WinogradHalves4>};

}  // namespace ez_rknn::npu::kernels
#endif
