#if defined(__x86_64__)
#include <immintrin.h>

#include "npu/kernels/conv/depthwise_f32_loops.hpp"

namespace ez_rknn::npu::kernels {
namespace {

struct Sixteen {
  static constexpr int kLanes = 16;
  __m512 v;
  static Sixteen all(float x) { return {_mm512_set1_ps(x)}; }
  static Sixteen load(const float* p) { return {_mm512_loadu_ps(p)}; }
  static Sixteen load_half(const void* p) {
    return {_mm512_cvtph_ps(_mm256_loadu_si256(static_cast<const __m256i*>(p)))};
  }
  static Sixteen fma(Sixteen x, Sixteen y, Sixteen sum) { return {_mm512_fmadd_ps(x.v, y.v, sum.v)}; }
  void store(float* p) const { _mm512_store_ps(p, v); }
  void store_half(void* p, const std::int32_t* lanes) const {
    const __m512 kept = _mm512_and_ps(v, _mm512_loadu_ps(lanes));
    _mm256_storeu_si256(static_cast<__m256i*>(p), _mm512_cvtps_ph(kept, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC));
  }
};
inline Sixteen operator+(Sixteen x, Sixteen y) { return {_mm512_add_ps(x.v, y.v)}; }
inline Sixteen min(Sixteen x, Sixteen y) { return {_mm512_min_ps(x.v, y.v)}; }
inline Sixteen max(Sixteen x, Sixteen y) { return {_mm512_max_ps(x.v, y.v)}; }

}  // namespace

const DepthwiseKernel kDepthwiseF32Avx512 = {DepthwiseEncoding::f32, depthwise<Sixteen, FloatSource>, true};
const DepthwiseKernel kDepthwiseF16Avx512 = {DepthwiseEncoding::f32, depthwise<Sixteen, HalfSource>, true};

}  // namespace ez_rknn::npu::kernels
#endif
