#if defined(__x86_64__)
#include <immintrin.h>

#include "npu/kernels/conv/dense_kernel.hpp"

namespace ez_rknn::npu::kernels {
namespace {

struct Float {
  static constexpr int kBytes = 32;
  static __m256 load(const std::byte* p) { return _mm256_load_ps(reinterpret_cast<const float*>(p)); }
};
struct Half {
  static constexpr int kBytes = 16;
  static __m256 load(const std::byte* p) {
    return _mm256_cvtph_ps(_mm_load_si128(reinterpret_cast<const __m128i*>(p)));
  }
};

/// What the tail of that form makes of a pixel's sums (dpu/tail_linear.hpp), in the same order.
template <bool Operand, int Vectors>
inline void finish(const DenseFinish& f, const __m256 (&sum)[Vectors], const std::byte* operand, std::byte* out) {
  const __m256 lo = _mm256_set1_ps(f.lo), hi = _mm256_set1_ps(f.hi);
#pragma GCC unroll 4
  for (int v = 0; v < Vectors; ++v) {
    const __m256 lanes = _mm256_castsi256_ps(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(f.lanes + v * 8)));
    __m256 y = _mm256_add_ps(sum[v], _mm256_loadu_ps(f.bias + v * 8));
    if constexpr (Operand)
      y = _mm256_add_ps(y, _mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(operand + v * 16))));
    const __m256 held = _mm256_and_ps(_mm256_min_ps(hi, _mm256_max_ps(lo, y)), lanes);
    _mm_storeu_si128(reinterpret_cast<__m128i*>(out + v * 16), _mm256_cvtps_ph(held, _MM_FROUND_TO_NEAREST_INT));
  }
}

/// One fused multiply-add a step; every output sums its window in order, tap by tap.
template <class Weight, int Groups, int Pixels>
void block(const DenseTile& t) {
  constexpr int kVectors = Groups * 2;
  const std::byte* source = t.source;
  std::byte* to = t.accumulators;
  const std::byte* ahead = t.ahead ? t.ahead : t.weights;
  for (int run = 0; run < t.runs; ++run, source += Pixels * t.pixel, to += Pixels * kVectors * 32) {
    __m256 sum[Pixels][kVectors];
    for (auto& pixel : sum)
      for (auto& s : pixel) s = _mm256_setzero_ps();
    const std::byte* w = t.weights;
    for (int tap = 0; tap < t.tap_count; ++tap) {
      const std::byte* x = source + t.taps[tap];
      for (int i = 0; i < t.steps; ++i, x += 4, w += kVectors * Weight::kBytes) {
        _mm_prefetch(reinterpret_cast<const char*>(ahead), _MM_HINT_T1);
        ahead += t.ahead_step;
        __m256 weight[kVectors];
#pragma GCC unroll 4
        for (int v = 0; v < kVectors; ++v) weight[v] = Weight::load(w + v * Weight::kBytes);
#pragma GCC unroll 6
        for (int p = 0; p < Pixels; ++p) {
          const __m256 value = _mm256_broadcast_ss(reinterpret_cast<const float*>(x + p * t.pixel));
#pragma GCC unroll 4
          for (int v = 0; v < kVectors; ++v) sum[p][v] = _mm256_fmadd_ps(weight[v], value, sum[p][v]);
        }
      }
    }
    if (t.finish) {
      const DenseFinish f = *t.finish;  // a copy, which stores cannot change
      std::byte* out = f.out + run * Pixels * f.out_pixel;
      if (const std::byte* operand = f.operand) {
        operand += run * Pixels * f.operand_pixel;
#pragma GCC unroll 6
        for (int p = 0; p < Pixels; ++p, operand += f.operand_pixel, out += f.out_pixel)
          finish<true>(f, sum[p], operand, out);
      } else {
#pragma GCC unroll 6
        for (int p = 0; p < Pixels; ++p, out += f.out_pixel) finish<false>(f, sum[p], nullptr, out);
      }
      continue;
    }
#pragma GCC unroll 6
    for (int p = 0; p < Pixels; ++p)
#pragma GCC unroll 4
      for (int v = 0; v < kVectors; ++v)
        _mm256_store_ps(reinterpret_cast<float*>(to + (p * kVectors + v) * 32), sum[p][v]);
  }
}

template <class Weight>
constexpr DenseBlock kBlock = {1,
                               6,
                               {block<Weight, 1, 1>, block<Weight, 1, 2>, block<Weight, 1, 3>, block<Weight, 1, 4>,
                                block<Weight, 1, 5>, block<Weight, 1, 6>}};

}  // namespace

const DenseKernel kDenseF32Avx2 = {DenseEncoding::f32, 1, {kBlock<Float>}, nullptr, nullptr, nullptr, true};
const DenseKernel kDenseF16Avx2 = {DenseEncoding::f16, 1, {kBlock<Half>}, nullptr, nullptr, nullptr, true};

}  // namespace ez_rknn::npu::kernels
#endif
