#if defined(__aarch64__)
#include <arm_neon.h>

#include "npu/kernels/conv/dense_kernel.hpp"

namespace ez_rknn::npu::kernels {
namespace {

/// Weights of a step are pairs of int16: the first of each lane, then the second, meet their values in smlal.
template <int Pixels>
void block_i16(const DenseTile& t) {
  const std::byte* source = t.source;
  std::byte* to = t.accumulators;
  for (int run = 0; run < t.runs; ++run, source += Pixels * t.pixel, to += Pixels * 64) {
    int32x4_t sum[Pixels][4];
    for (auto& pixel : sum)
      for (auto& s : pixel) s = vdupq_n_s32(0);
    const auto* w = reinterpret_cast<const std::int16_t*>(t.weights);
    for (int tap = 0; tap < t.tap_count; ++tap) {
      const std::byte* x = source + t.taps[tap];
      for (int i = 0; i < t.steps; ++i, x += 4, w += 32) {
        const int16x8x2_t low = vld2q_s16(w), high = vld2q_s16(w + 16);
#pragma GCC unroll 4
        for (int p = 0; p < Pixels; ++p) {
          std::int16_t value[2];
          __builtin_memcpy(value, x + p * t.pixel, 4);
#pragma GCC unroll 2
          for (int v = 0; v < 2; ++v) {
            sum[p][0] = vmlal_n_s16(sum[p][0], vget_low_s16(low.val[v]), value[v]);
            sum[p][1] = vmlal_high_n_s16(sum[p][1], low.val[v], value[v]);
            sum[p][2] = vmlal_n_s16(sum[p][2], vget_low_s16(high.val[v]), value[v]);
            sum[p][3] = vmlal_high_n_s16(sum[p][3], high.val[v], value[v]);
          }
        }
      }
    }
#pragma GCC unroll 4
    for (int p = 0; p < Pixels; ++p)
#pragma GCC unroll 4
      for (int v = 0; v < 4; ++v) vst1q_s32(reinterpret_cast<std::int32_t*>(to) + (p * 4 + v) * 4, sum[p][v]);
  }
}

/// One fused multiply-add a step; every output sums its window in order, tap by tap.
template <int Pixels>
void block_f32(const DenseTile& t) {
  const std::byte* source = t.source;
  std::byte* to = t.accumulators;
  for (int run = 0; run < t.runs; ++run, source += Pixels * t.pixel, to += Pixels * 64) {
    float32x4_t sum[Pixels][4];
    for (auto& pixel : sum)
      for (auto& s : pixel) s = vdupq_n_f32(0);
    const auto* w = reinterpret_cast<const float*>(t.weights);
    for (int tap = 0; tap < t.tap_count; ++tap) {
      const std::byte* x = source + t.taps[tap];
      for (int i = 0; i < t.steps; ++i, x += 4, w += 16) {
        float32x4_t weight[4];
#pragma GCC unroll 4
        for (int v = 0; v < 4; ++v) weight[v] = vld1q_f32(w + v * 4);
#pragma GCC unroll 5
        for (int p = 0; p < Pixels; ++p) {
          const float32x4_t value = vld1q_dup_f32(reinterpret_cast<const float*>(x + p * t.pixel));
#pragma GCC unroll 4
          for (int v = 0; v < 4; ++v) sum[p][v] = vfmaq_f32(sum[p][v], weight[v], value);
        }
      }
    }
#pragma GCC unroll 5
    for (int p = 0; p < Pixels; ++p)
#pragma GCC unroll 4
      for (int v = 0; v < 4; ++v) vst1q_f32(reinterpret_cast<float*>(to) + (p * 4 + v) * 4, sum[p][v]);
  }
}

}  // namespace

const DenseKernel kDenseI8Neon = {
    DenseEncoding::s16_s16, 1, {{1, 4, {block_i16<1>, block_i16<2>, block_i16<3>, block_i16<4>}}}, nullptr};
const DenseKernel kDenseF32Neon = {
    DenseEncoding::f32, 1, {{1, 5, {block_f32<1>, block_f32<2>, block_f32<3>, block_f32<4>, block_f32<5>}}}, nullptr};

}  // namespace ez_rknn::npu::kernels
#endif
