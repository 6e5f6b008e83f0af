#if defined(__x86_64__)
// The lanes first: what follows is written over them.
#include "npu/kernels/simd/avx2.hpp"

#include "npu/kernels/conv/wide_loops.hpp"

namespace ez_rknn::npu::kernels {

const DenseKernel kDenseI16Avx2 = {
    DenseEncoding::f64, 1, {{1, 3, {wide_block<1>, wide_block<2>, wide_block<3>}}}, nullptr};
const DepthwiseKernel kDepthwiseI16Avx2 = kWideDepthwise;
const StageFormat kStageI16ToF64Avx2 = kToF64;

}  // namespace ez_rknn::npu::kernels
#endif
