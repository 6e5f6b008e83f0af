#if defined(__aarch64__)
#include <arm_neon.h>

#include "npu/kernels/conv/depthwise_kernel.hpp"

namespace ez_rknn::npu::kernels {
namespace {

/// One tap a step: widening multiply-add of 16 channels.
void depthwise_i8(const DepthwiseTile& t) {
  for (int p = 0; p < t.pixels; ++p) {
    const std::byte* x = t.source + p * t.pixel;
    int32x4_t sum[4] = {vdupq_n_s32(0), vdupq_n_s32(0), vdupq_n_s32(0), vdupq_n_s32(0)};
    for (int i = 0; i < t.steps; ++i) {
      const auto* w = reinterpret_cast<const std::int16_t*>(t.weights) + i * 16;
      const auto* v = reinterpret_cast<const std::int16_t*>(x + t.taps[i]);
      const int16x8_t w0 = vld1q_s16(w), w1 = vld1q_s16(w + 8), v0 = vld1q_s16(v), v1 = vld1q_s16(v + 8);
      sum[0] = vmlal_s16(sum[0], vget_low_s16(v0), vget_low_s16(w0));
      sum[1] = vmlal_high_s16(sum[1], v0, w0);
      sum[2] = vmlal_s16(sum[2], vget_low_s16(v1), vget_low_s16(w1));
      sum[3] = vmlal_high_s16(sum[3], v1, w1);
    }
    auto* to = reinterpret_cast<std::int32_t*>(t.accumulators) + p * 16;
    for (int v = 0; v < 4; ++v) vst1q_s32(to + v * 4, sum[v]);
  }
}

void depthwise_f32(const DepthwiseTile& t) {
  for (int p = 0; p < t.pixels; ++p) {
    const std::byte* x = t.source + p * t.pixel;
    float32x4_t sum[4] = {vdupq_n_f32(0), vdupq_n_f32(0), vdupq_n_f32(0), vdupq_n_f32(0)};
    for (int i = 0; i < t.steps; ++i) {
      const auto* w = reinterpret_cast<const float*>(t.weights) + i * 16;
      const auto* v = reinterpret_cast<const float*>(x + t.taps[i]);
#pragma GCC unroll 4
      for (int q = 0; q < 4; ++q) sum[q] = vfmaq_f32(sum[q], vld1q_f32(v + q * 4), vld1q_f32(w + q * 4));
    }
    auto* to = reinterpret_cast<float*>(t.accumulators) + p * 16;
    for (int v = 0; v < 4; ++v) vst1q_f32(to + v * 4, sum[v]);
  }
}

}  // namespace

const DepthwiseKernel kDepthwiseI8Neon = {DepthwiseEncoding::s16, depthwise_i8};
const DepthwiseKernel kDepthwiseF32Neon = {DepthwiseEncoding::f32, depthwise_f32};

}  // namespace ez_rknn::npu::kernels
#endif
