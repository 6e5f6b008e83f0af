#if defined(__aarch64__)
#include <arm_neon.h>

#include "npu/kernels/conv/window_sums.hpp"

namespace ez_rknn::npu::kernels {
namespace {

void pixel_sums(const std::byte* row, std::ptrdiff_t pixel, int width, int channels, std::int32_t* sums) {
  const int8x16_t one = vdupq_n_s8(1);
  for (int x = 0; x < width; ++x, row += pixel) {
    const auto* p = reinterpret_cast<const std::int8_t*>(row);
    int32x4_t s = vdupq_n_s32(0);
    int c = 0;
    for (; c + 16 <= channels; c += 16) s = vdotq_s32(s, vld1q_s8(p + c), one);
    std::int32_t sum = vaddvq_s32(s);
    for (; c < channels; ++c) sum += p[c];
    sums[x] = sum;
  }
}

}  // namespace

const SumFunctions kSumsNeonDot = {pixel_sums, window_sums};

}  // namespace ez_rknn::npu::kernels
#endif
