#if defined(__x86_64__)
#include <immintrin.h>

#include "npu/kernels/conv/dense_kernel.hpp"

namespace ez_rknn::npu::kernels {
namespace {

constexpr int kGroup = 64;  ///< bytes of a group's weights in a step, and of its accumulators

/// vpmaddwd on widened values: two products a lane, exact (vpmaddubsw would saturate). One group, or its first half.
template <int Vectors, int Pixels>
void block(const DenseTile& t) {
  const std::byte* source = t.source;
  std::byte* to = t.accumulators;
  const std::byte* ahead = t.ahead ? t.ahead : t.weights;
  for (int run = 0; run < t.runs; ++run, source += Pixels * t.pixel, to += Pixels * kGroup) {
    __m256i sum[Pixels][Vectors];
    for (auto& pixel : sum)
      for (auto& s : pixel) s = _mm256_setzero_si256();
    const std::byte* w = t.weights;
    for (int tap = 0; tap < t.tap_count; ++tap) {
      const std::byte* x = source + t.taps[tap];
      for (int i = 0; i < t.steps; ++i, x += 4, w += kGroup) {
        _mm_prefetch(reinterpret_cast<const char*>(ahead), _MM_HINT_T1);
        ahead += t.ahead_step;
        __m256i weight[Vectors];
#pragma GCC unroll 2
        for (int v = 0; v < Vectors; ++v) weight[v] = _mm256_load_si256(reinterpret_cast<const __m256i*>(w + v * 32));
#pragma GCC unroll 12
        for (int p = 0; p < Pixels; ++p) {
          std::int32_t two;
          __builtin_memcpy(&two, x + p * t.pixel, 4);
          const __m256i value = _mm256_set1_epi32(two);
#pragma GCC unroll 2
          for (int v = 0; v < Vectors; ++v)
            sum[p][v] = _mm256_add_epi32(sum[p][v], _mm256_madd_epi16(weight[v], value));
        }
      }
    }
#pragma GCC unroll 12
    for (int p = 0; p < Pixels; ++p)
#pragma GCC unroll 2
      for (int v = 0; v < 2; ++v)
        _mm256_store_si256(reinterpret_cast<__m256i*>(to + p * kGroup + v * 32),
                           v < Vectors ? sum[p][v < Vectors ? v : 0] : _mm256_setzero_si256());
  }
}

void widen(const std::byte* bytes, const std::int16_t* base, int steps, std::byte* to) {
  const auto* from = reinterpret_cast<const __m128i*>(bytes);
  auto* vectors = reinterpret_cast<__m256i*>(to);
  const __m256i low = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(base));
  const __m256i high = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(base) + 1);
  for (int i = 0; i < steps; ++i, from += 2, vectors += 2) {
    _mm256_store_si256(vectors, _mm256_add_epi16(_mm256_cvtepi8_epi16(_mm_load_si128(from)), low));
    _mm256_store_si256(vectors + 1, _mm256_add_epi16(_mm256_cvtepi8_epi16(_mm_load_si128(from + 1)), high));
  }
}

constexpr DenseBlock kHalf = {1,
                              12,
                              {block<1, 1>, block<1, 2>, block<1, 3>, block<1, 4>, block<1, 5>, block<1, 6>,
                               block<1, 7>, block<1, 8>, block<1, 9>, block<1, 10>, block<1, 11>, block<1, 12>}};

}  // namespace

const DenseKernel kDenseI8Avx2 = {
    DenseEncoding::s16_s16,
    1,
    {{1, 6, {block<2, 1>, block<2, 2>, block<2, 3>, block<2, 4>, block<2, 5>, block<2, 6>}}},
    nullptr,
    nullptr,
    &kHalf,
    false,
    widen};

}  // namespace ez_rknn::npu::kernels
#endif
