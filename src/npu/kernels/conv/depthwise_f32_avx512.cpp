#if defined(__x86_64__)
#include <immintrin.h>

#include "npu/kernels/conv/depthwise_kernel.hpp"

namespace ez_rknn::npu::kernels {
namespace {

template <int Pixels>
void block(const DepthwiseTile& t, const std::byte* source, std::byte* to) {
  __m512 sum[Pixels];
  for (int p = 0; p < Pixels; ++p) sum[p] = _mm512_setzero_ps();
  for (int i = 0; i < t.steps; ++i) {
    const __m512 w = _mm512_load_ps(t.weights + i * 64);
#pragma GCC unroll 8
    for (int p = 0; p < Pixels; ++p)
      sum[p] = _mm512_fmadd_ps(_mm512_loadu_ps(source + p * t.pixel + t.taps[i]), w, sum[p]);
  }
#pragma GCC unroll 8
  for (int p = 0; p < Pixels; ++p) _mm512_store_ps(to + p * 64, sum[p]);
}

void depthwise(const DepthwiseTile& t) {
  int p = 0;
  for (; p + 8 <= t.pixels; p += 8) block<8>(t, t.source + p * t.pixel, t.accumulators + p * 64);
  for (; p < t.pixels; ++p) block<1>(t, t.source + p * t.pixel, t.accumulators + p * 64);
}

}  // namespace

const DepthwiseKernel kDepthwiseF32Avx512 = {DepthwiseEncoding::f32, depthwise};

}  // namespace ez_rknn::npu::kernels
#endif
