#if defined(__x86_64__)
#include "npu/kernels/simd/avx512.hpp"

#include "npu/kernels/conv/dense_f32_loops.hpp"

namespace ez_rknn::npu::kernels {
namespace {

template <class W, int G>
constexpr DenseBlock kBlock = {
    G,
    14,
    {real_block<W, G, 1>, real_block<W, G, 2>, real_block<W, G, 3>, real_block<W, G, 4>, real_block<W, G, 5>,
     real_block<W, G, 6>, real_block<W, G, 7>, real_block<W, G, 8>, real_block<W, G, 9>, real_block<W, G, 10>,
     real_block<W, G, 11>, real_block<W, G, 12>, real_block<W, G, 13>, real_block<W, G, 14>}};

template <class W>
constexpr DenseKernel kernel_of(DenseEncoding encoding) {
  return {encoding, 2, {kBlock<W, 2>, kBlock<W, 1>}, nullptr, nullptr, nullptr, true};
}

}  // namespace

const DenseKernel kDenseF32Avx512 = kernel_of<FloatWeights>(DenseEncoding::f32);
const DenseKernel kDenseF16Avx512 = kernel_of<HalfWeights>(DenseEncoding::f16);

}  // namespace ez_rknn::npu::kernels
#endif
