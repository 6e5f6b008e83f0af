#if defined(__aarch64__)
#include <arm_neon.h>

#include "npu/kernels/conv/dense_kernel.hpp"

namespace ez_rknn::npu::kernels {
namespace {

template <int N>
struct Quarter {
  static constexpr int value = N;
};

/// sdot: four signed products a lane; a 32-bit step of a pixel is a quarter of a register.
template <int Pixels>
void block(const DenseTile& t) {
  const std::byte* source = t.source;
  std::byte* to = t.accumulators;
  for (int run = 0; run < t.runs; ++run, source += Pixels * t.pixel, to += Pixels * 64) {
    int32x4_t sum[Pixels][4];
    for (auto& pixel : sum)
      for (auto& s : pixel) s = vdupq_n_s32(0);
    const auto* w = reinterpret_cast<const std::int8_t*>(t.weights);
    for (int tap = 0; tap < t.tap_count; ++tap) {
      const std::byte* x = source + t.taps[tap];
      int i = 0;
      for (; i + 4 <= t.steps; i += 4, x += 16) {  // four steps of a pixel with one load
        int8x16_t value[Pixels];
#pragma GCC unroll 4
        for (int p = 0; p < Pixels; ++p) value[p] = vld1q_s8(reinterpret_cast<const std::int8_t*>(x + p * t.pixel));
        const auto step = [&](auto quarter) {
          constexpr int kQuarter = decltype(quarter)::value;
#pragma GCC unroll 4
          for (int v = 0; v < 4; ++v) {
            const int8x16_t weight = vld1q_s8(w + v * 16);
#pragma GCC unroll 4
            for (int p = 0; p < Pixels; ++p) sum[p][v] = vdotq_laneq_s32(sum[p][v], weight, value[p], kQuarter);
          }
          w += 64;
        };
        step(Quarter<0>{}), step(Quarter<1>{}), step(Quarter<2>{}), step(Quarter<3>{});
      }
      for (; i < t.steps; ++i, x += 4, w += 64)
#pragma GCC unroll 4
        for (int p = 0; p < Pixels; ++p) {
          std::int32_t four;
          __builtin_memcpy(&four, x + p * t.pixel, 4);
          const int8x16_t value = vreinterpretq_s8_s32(vdupq_n_s32(four));
#pragma GCC unroll 4
          for (int v = 0; v < 4; ++v) sum[p][v] = vdotq_s32(sum[p][v], vld1q_s8(w + v * 16), value);
        }
    }
#pragma GCC unroll 4
    for (int p = 0; p < Pixels; ++p)
#pragma GCC unroll 4
      for (int v = 0; v < 4; ++v) vst1q_s32(reinterpret_cast<std::int32_t*>(to) + (p * 4 + v) * 4, sum[p][v]);
  }
}

}  // namespace

const DenseKernel kDenseI8NeonDot = {
    DenseEncoding::s8_s8, 1, {{1, 4, {block<1>, block<2>, block<3>, block<4>}}}, &kSumsNeonDot};

}  // namespace ez_rknn::npu::kernels
#endif
