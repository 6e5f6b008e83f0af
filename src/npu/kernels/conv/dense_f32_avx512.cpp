#if defined(__x86_64__)
#include <immintrin.h>

#include "npu/kernels/conv/dense_kernel.hpp"

namespace ez_rknn::npu::kernels {
namespace {

/// One fused multiply-add a step; every output sums its window in order, tap by tap.
template <int Groups, int Pixels>
void block(const DenseTile& t) {
  const std::byte* source = t.source;
  std::byte* to = t.accumulators;
  for (int run = 0; run < t.runs; ++run, source += Pixels * t.pixel, to += Pixels * Groups * 64) {
    __m512 sum[Pixels][Groups];
    for (auto& pixel : sum)
      for (auto& s : pixel) s = _mm512_setzero_ps();
    const std::ptrdiff_t pixel = t.pixel;
    const std::byte* w = t.weights;
    for (int tap = 0; tap < t.tap_count; ++tap) {
      const std::byte* x = source + t.taps[tap];
#pragma GCC unroll 4
      for (int i = 0; i < t.steps; ++i, x += 4, w += Groups * 64) {
        __m512 weight[Groups];
#pragma GCC unroll 4
        for (int g = 0; g < Groups; ++g) weight[g] = _mm512_load_ps(w + g * 64);
#pragma GCC unroll 14
        for (int p = 0; p < Pixels; ++p) {
          float one;
          __builtin_memcpy(&one, x + p * pixel, 4);
          const __m512 value = _mm512_set1_ps(one);
#pragma GCC unroll 4
          for (int g = 0; g < Groups; ++g) sum[p][g] = _mm512_fmadd_ps(weight[g], value, sum[p][g]);
        }
      }
    }
#pragma GCC unroll 14
    for (int p = 0; p < Pixels; ++p)
#pragma GCC unroll 4
      for (int g = 0; g < Groups; ++g) _mm512_store_ps(to + (p * Groups + g) * 64, sum[p][g]);
  }
}

template <int Groups>
constexpr DenseBlock blocks_of(int max_pixels) {
  return {Groups,
          max_pixels,
          {block<Groups, 1>, block<Groups, 2>, block<Groups, 3>, block<Groups, 4>, block<Groups, 5>, block<Groups, 6>,
           block<Groups, 7>, block<Groups, 8>, block<Groups, 9>, block<Groups, 10>, block<Groups, 11>,
           block<Groups, 12>, block<Groups, 13>, block<Groups, 14>}};
}

}  // namespace

const DenseKernel kDenseF32Avx512 = {DenseEncoding::f32, 2, {blocks_of<2>(14), blocks_of<1>(14)}, nullptr};

}  // namespace ez_rknn::npu::kernels
#endif
