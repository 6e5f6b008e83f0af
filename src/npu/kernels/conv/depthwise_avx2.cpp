#if defined(__x86_64__)
#include <immintrin.h>

#include "npu/kernels/conv/depthwise_kernel.hpp"

namespace ez_rknn::npu::kernels {
namespace {

inline __m256i load(const std::byte* p) { return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)); }

/// Two taps a step: values of both, interleaved, meet their weights in vpmaddwd.
template <int Pixels>
void block_i8(const DepthwiseTile& t, const std::byte* source, std::byte* to) {
  __m256i low[Pixels], high[Pixels];
  for (int p = 0; p < Pixels; ++p) low[p] = high[p] = _mm256_setzero_si256();
  for (int i = 0; i < t.steps; ++i) {
    const __m256i w0 = load(t.weights + i * 64), w1 = load(t.weights + i * 64 + 32);
#pragma GCC unroll 4
    for (int p = 0; p < Pixels; ++p) {
      const std::byte* x = source + p * t.pixel;
      const __m256i a = load(x + t.taps[2 * i]), b = load(x + t.taps[2 * i + 1]);
      low[p] = _mm256_add_epi32(low[p], _mm256_madd_epi16(_mm256_unpacklo_epi16(a, b), w0));
      high[p] = _mm256_add_epi32(high[p], _mm256_madd_epi16(_mm256_unpackhi_epi16(a, b), w1));
    }
  }
#pragma GCC unroll 4
  for (int p = 0; p < Pixels; ++p) {
    auto* out = reinterpret_cast<__m256i*>(to + p * 64);
    _mm256_store_si256(out, _mm256_permute2x128_si256(low[p], high[p], 0x20));
    _mm256_store_si256(out + 1, _mm256_permute2x128_si256(low[p], high[p], 0x31));
  }
}

void depthwise_i8(const DepthwiseTile& t) {
  int p = 0;
  for (; p + 4 <= t.pixels; p += 4) block_i8<4>(t, t.source + p * t.pixel, t.accumulators + p * 64);
  for (; p < t.pixels; ++p) block_i8<1>(t, t.source + p * t.pixel, t.accumulators + p * 64);
}

}  // namespace

const DepthwiseKernel kDepthwiseI8Avx2 = {DepthwiseEncoding::s16_s16, depthwise_i8};

}  // namespace ez_rknn::npu::kernels
#endif
