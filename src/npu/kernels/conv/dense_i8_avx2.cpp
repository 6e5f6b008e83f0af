#if defined(__x86_64__)
#include <immintrin.h>

#include "npu/kernels/conv/dense_kernel.hpp"

namespace ez_rknn::npu::kernels {
namespace {

/// vpmaddwd on widened values: two products a lane, exact (vpmaddubsw would saturate).
template <int Groups, int Pixels>
void block(const DenseTile& t) {
  constexpr int kVectors = Groups * 2;
  __m256i sum[Pixels][kVectors];
  for (auto& pixel : sum)
    for (auto& s : pixel) s = _mm256_setzero_si256();
  const std::byte* w = t.weights;
  for (int tap = 0; tap < t.tap_count; ++tap) {
    const std::byte* x = t.source + t.taps[tap];
    for (int i = 0; i < t.steps; ++i, x += 4, w += kVectors * 32) {
      __m256i weight[kVectors];
#pragma GCC unroll 4
      for (int v = 0; v < kVectors; ++v) weight[v] = _mm256_load_si256(reinterpret_cast<const __m256i*>(w + v * 32));
#pragma GCC unroll 6
      for (int p = 0; p < Pixels; ++p) {
        std::int32_t two;
        __builtin_memcpy(&two, x + p * t.pixel, 4);
        const __m256i value = _mm256_set1_epi32(two);
#pragma GCC unroll 4
        for (int v = 0; v < kVectors; ++v) sum[p][v] = _mm256_add_epi32(sum[p][v], _mm256_madd_epi16(weight[v], value));
      }
    }
  }
#pragma GCC unroll 6
  for (int p = 0; p < Pixels; ++p)
#pragma GCC unroll 4
    for (int v = 0; v < kVectors; ++v)
      _mm256_store_si256(reinterpret_cast<__m256i*>(t.accumulators + (p * kVectors + v) * 32), sum[p][v]);
}

}  // namespace

const DenseKernel kDenseI8Avx2 = {
    DenseEncoding::s16_s16,
    1,
    {{1, 6, {block<1, 1>, block<1, 2>, block<1, 3>, block<1, 4>, block<1, 5>, block<1, 6>}}},
    nullptr};

}  // namespace ez_rknn::npu::kernels
#endif
