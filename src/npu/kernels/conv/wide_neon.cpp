#if defined(__aarch64__)
// The lanes first: what follows is written over them.
#include "npu/kernels/simd/neon.hpp"

#include "npu/kernels/conv/wide_loops.hpp"

namespace ez_rknn::npu::kernels {

const DenseKernel kDenseI16Neon = {
    DenseEncoding::f64, 1, {{1, 3, {wide_block<1>, wide_block<2>, wide_block<3>}}}, nullptr};
const DepthwiseKernel kDepthwiseI16Neon = kWideDepthwise;
const StageFormat kStageI16ToF64Neon = kToF64;

}  // namespace ez_rknn::npu::kernels
#endif
