#if defined(__x86_64__)
// The lanes first: what follows is written over them.
#include "npu/kernels/simd/avx512.hpp"

#include "npu/kernels/conv/wide_loops.hpp"

namespace ez_rknn::npu::kernels {

const DenseKernel kDenseI16Avx512 = {DenseEncoding::f64,
                                     1,
                                     {{1,
                                       8,
                                       {wide_block<1>, wide_block<2>, wide_block<3>, wide_block<4>, wide_block<5>,
                                        wide_block<6>, wide_block<7>, wide_block<8>}}},
                                     nullptr};
const DepthwiseKernel kDepthwiseI16Avx512 = kWideDepthwise;
const StageFormat kStageI16ToF64Avx512 = kToF64;

}  // namespace ez_rknn::npu::kernels
#endif
