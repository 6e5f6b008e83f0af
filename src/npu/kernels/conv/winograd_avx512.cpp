#if defined(__x86_64__)
// The lanes first: what follows is written over them.
#include "npu/kernels/simd/avx512.hpp"

#include "npu/kernels/conv/winograd_loops_4.hpp"

namespace ez_rknn::npu::kernels {

const WinogradKernel kWinogradF16Avx512 = {&kDenseF32Avx512,
                                           WinogradHalves::kFrom,
                                           WinogradHalves::kTo,
                                           2,
                                           winograd_input<WinogradHalves>,
                                           winograd_output<WinogradHalves>};
const WinogradKernel kWinograd4F16Avx512 = {&kDenseF32Avx512,
                                            WinogradHalves::kFrom,
                                            WinogradHalves::kTo,
                                            4,
                                            winograd_input_4<WinogradHalves4>,
                                            winograd_output_4<WinogradHalves4>};

}  // namespace ez_rknn::npu::kernels
#endif
