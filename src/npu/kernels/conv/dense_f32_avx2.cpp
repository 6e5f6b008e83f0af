#if defined(__x86_64__)
#include "npu/kernels/simd/avx2.hpp"

#include "npu/kernels/conv/dense_f32_loops.hpp"

namespace ez_rknn::npu::kernels {
namespace {

template <class W>
constexpr DenseBlock kBlock = {1,
                               6,
                               {real_block<W, 1, 1>, real_block<W, 1, 2>, real_block<W, 1, 3>, real_block<W, 1, 4>,
                                real_block<W, 1, 5>, real_block<W, 1, 6>}};

}  // namespace

const DenseKernel kDenseF32Avx2 = {DenseEncoding::f32, 1, {kBlock<FloatWeights>}, nullptr, nullptr, nullptr, true};
const DenseKernel kDenseF16Avx2 = {DenseEncoding::f16, 1, {kBlock<HalfWeights>}, nullptr, nullptr, nullptr, true};

}  // namespace ez_rknn::npu::kernels
#endif
