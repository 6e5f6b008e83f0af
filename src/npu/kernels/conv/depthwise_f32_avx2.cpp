#if defined(__x86_64__)
#include <immintrin.h>

#include "npu/kernels/conv/depthwise_f32_loops.hpp"

namespace ez_rknn::npu::kernels {
namespace {

struct Eight {
  static constexpr int kLanes = 8;
  __m256 v;
  static Eight all(float x) { return {_mm256_set1_ps(x)}; }
  static Eight load(const float* p) { return {_mm256_loadu_ps(p)}; }
  static Eight load_half(const void* p) { return {_mm256_cvtph_ps(_mm_loadu_si128(static_cast<const __m128i*>(p)))}; }
  static Eight fma(Eight x, Eight y, Eight sum) { return {_mm256_fmadd_ps(x.v, y.v, sum.v)}; }
  void store(float* p) const { _mm256_store_ps(p, v); }
  void store_half(void* p, const std::int32_t* lanes) const {
    const __m256 kept = _mm256_and_ps(v, _mm256_loadu_ps(reinterpret_cast<const float*>(lanes)));
    _mm_storeu_si128(static_cast<__m128i*>(p), _mm256_cvtps_ph(kept, _MM_FROUND_TO_NEAREST_INT));
  }
};
inline Eight operator+(Eight x, Eight y) { return {_mm256_add_ps(x.v, y.v)}; }
inline Eight min(Eight x, Eight y) { return {_mm256_min_ps(x.v, y.v)}; }
inline Eight max(Eight x, Eight y) { return {_mm256_max_ps(x.v, y.v)}; }

}  // namespace

const DepthwiseKernel kDepthwiseF32Avx2 = {DepthwiseEncoding::f32, depthwise<Eight, FloatSource>, true};
const DepthwiseKernel kDepthwiseF16Avx2 = {DepthwiseEncoding::f32, depthwise<Eight, HalfSource>, true};

}  // namespace ez_rknn::npu::kernels
#endif
