#if defined(__aarch64__)
// The lanes first: what follows is written over them.
#include "npu/kernels/simd/neon.hpp"

#include "npu/kernels/conv/winograd_loops.hpp"

namespace ez_rknn::npu::kernels {

const WinogradKernel kWinogradF16Neon = {&kDenseF32Neon,
                                         WinogradHalves::kFrom,
                                         WinogradHalves::kTo,
                                         2,
                                         winograd_input<WinogradHalves>,
                                         winograd_output<WinogradHalves>};

}  // namespace ez_rknn::npu::kernels
#endif
