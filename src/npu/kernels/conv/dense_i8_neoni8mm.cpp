#if defined(__aarch64__)
#include <arm_neon.h>

#include "npu/kernels/conv/dense_kernel.hpp"

namespace ez_rknn::npu::kernels {
namespace {

/// smmla: two pixels times two channels, eight signed products each. A run of an odd number of pixels leaves the second
/// half of its last pair empty.
template <int Pixels>
void block(const DenseTile& t) {
  constexpr int kPairs = (Pixels + 1) / 2, kChannelPairs = 8;
  const std::byte* source = t.source;
  std::byte* to = t.accumulators;
  for (int run = 0; run < t.runs; ++run, source += Pixels * t.pixel, to += Pixels * 64) {
    int32x4_t sum[kPairs][kChannelPairs];
    for (auto& pair : sum)
      for (auto& s : pair) s = vdupq_n_s32(0);
    const auto* w = reinterpret_cast<const std::int8_t*>(t.weights);
    for (int tap = 0; tap < t.tap_count; ++tap) {
      const std::byte* x = source + t.taps[tap];
      for (int i = 0; i < t.steps; i += 2, x += 8, w += 16 * kChannelPairs) {
        int8x16_t value[kPairs];
#pragma GCC unroll 3
        for (int p = 0; p < kPairs; ++p) {
          const auto eight = [&](int pixel) {
            return vld1_s8(reinterpret_cast<const std::int8_t*>(x + pixel * t.pixel));
          };
          value[p] = vcombine_s8(eight(2 * p), 2 * p + 1 < Pixels ? eight(2 * p + 1) : vdup_n_s8(0));
        }
#pragma GCC unroll 8
        for (int v = 0; v < kChannelPairs; ++v) {
          const int8x16_t weight = vld1q_s8(w + v * 16);
#pragma GCC unroll 3
          for (int p = 0; p < kPairs; ++p) sum[p][v] = vmmlaq_s32(sum[p][v], value[p], weight);
        }
      }
    }
#pragma GCC unroll 6
    for (int p = 0; p < Pixels; ++p)
#pragma GCC unroll 4
      for (int v = 0; v < kChannelPairs; v += 2) {
        const int32x4_t first = sum[p / 2][v], second = sum[p / 2][v + 1];
        const int32x4_t four = p % 2 ? vcombine_s32(vget_high_s32(first), vget_high_s32(second))
                                     : vcombine_s32(vget_low_s32(first), vget_low_s32(second));
        vst1q_s32(reinterpret_cast<std::int32_t*>(to) + p * 16 + v * 2, four);
      }
  }
}

}  // namespace

const DenseKernel kDenseI8NeonI8mm = {
    DenseEncoding::s8_pairs, 1, {{1, 6, {block<1>, block<2>, block<3>, block<4>, block<5>, block<6>}}}, &kSumsNeonDot};

}  // namespace ez_rknn::npu::kernels
#endif
