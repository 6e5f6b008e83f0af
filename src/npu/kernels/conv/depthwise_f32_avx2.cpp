#if defined(__x86_64__)
#include <immintrin.h>

#include "npu/kernels/conv/depthwise_kernel.hpp"

namespace ez_rknn::npu::kernels {
namespace {

/// Eight staged elements.
struct Float {
  static constexpr int kBytes = 4;
  static __m256 load(const std::byte* p) { return _mm256_loadu_ps(reinterpret_cast<const float*>(p)); }
};
struct Half {
  static constexpr int kBytes = 2;
  static __m256 load(const std::byte* p) {
    return _mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)));
  }
};
inline __m256 load(const std::byte* p) { return _mm256_load_ps(reinterpret_cast<const float*>(p)); }

/// Eight channels; every output sums its window tap by tap.
template <class Source, int Pixels>
void any_window(const DepthwiseTile& t, const std::byte* source, const std::byte* weights, std::byte* to) {
  __m256 sum[Pixels];
  for (auto& s : sum) s = _mm256_setzero_ps();
  for (int i = 0; i < t.steps; ++i) {
    const __m256 w = load(weights + i * 64);
#pragma GCC unroll 8
    for (int p = 0; p < Pixels; ++p)
      sum[p] = _mm256_fmadd_ps(Source::load(source + p * t.pixel + t.taps[i]), w, sum[p]);
  }
#pragma GCC unroll 8
  for (int p = 0; p < Pixels; ++p) _mm256_store_ps(reinterpret_cast<float*>(to + p * 64), sum[p]);
}

/// The same for rows of three taps that are as far from each other as the outputs: what is loaded serves three of them.
template <class Source, int Pixels>
void three_wide(const DepthwiseTile& t, const std::byte* source, const std::byte* weights, std::byte* to) {
  __m256 sum[Pixels];
  for (auto& s : sum) s = _mm256_setzero_ps();
  for (int i = 0; i < t.steps; i += 3, weights += 3 * 64) {
    const std::byte* x = source + t.taps[i];
    const __m256 w0 = load(weights), w1 = load(weights + 64), w2 = load(weights + 128);
#pragma GCC unroll 10
    for (int p = 0; p < Pixels + 2; ++p) {
      const __m256 v = Source::load(x + p * t.pixel);
      if (p >= 2) sum[p - 2] = _mm256_fmadd_ps(v, w2, sum[p - 2]);
      if (p >= 1 && p <= Pixels) sum[p - 1] = _mm256_fmadd_ps(v, w1, sum[p - 1]);
      if (p < Pixels) sum[p] = _mm256_fmadd_ps(v, w0, sum[p]);
    }
  }
#pragma GCC unroll 8
  for (int p = 0; p < Pixels; ++p) _mm256_store_ps(reinterpret_cast<float*>(to + p * 64), sum[p]);
}

template <class Source, int Pixels>
void block(const DepthwiseTile& t, int first) {
  for (int half = 0; half < 2; ++half) {
    const std::byte* source = t.source + first * t.pixel + half * 8 * Source::kBytes;
    const std::byte* weights = t.weights + half * 32;
    std::byte* to = t.accumulators + first * 64 + half * 32;
    if (t.side_by_side == 3) three_wide<Source, Pixels>(t, source, weights, to);
    else any_window<Source, Pixels>(t, source, weights, to);
  }
}

template <class Source>
void depthwise(const DepthwiseTile& t) {
  int p = 0;
  for (; p + 8 <= t.pixels; p += 8) block<Source, 8>(t, p);
  if (p + 4 <= t.pixels) block<Source, 4>(t, p), p += 4;
  if (p + 2 <= t.pixels) block<Source, 2>(t, p), p += 2;
  if (p < t.pixels) block<Source, 1>(t, p);
}

}  // namespace

const DepthwiseKernel kDepthwiseF32Avx2 = {DepthwiseEncoding::f32, depthwise<Float>};
const DepthwiseKernel kDepthwiseF16Avx2 = {DepthwiseEncoding::f32, depthwise<Half>};

}  // namespace ez_rknn::npu::kernels
#endif
