#if defined(__aarch64__)
#include <arm_neon.h>

#include "npu/kernels/conv/stage_copy.hpp"

namespace ez_rknn::npu::kernels {
namespace {

/// Sixteen elements from one form to the other.
struct ToI16 {
  static constexpr int kFrom = 1, kTo = 2;
  static void convert(const std::byte* from, std::byte* to) {
    const int8x16_t x = vld1q_s8(reinterpret_cast<const std::int8_t*>(from));
    vst1q_s16(reinterpret_cast<std::int16_t*>(to), vmovl_s8(vget_low_s8(x)));
    vst1q_s16(reinterpret_cast<std::int16_t*>(to) + 8, vmovl_high_s8(x));
  }
};
struct HalfToFloat {
  static constexpr int kFrom = 2, kTo = 4;
  static void convert(const std::byte* from, std::byte* to) {
    const auto* x = reinterpret_cast<const std::uint16_t*>(from);
    auto* y = reinterpret_cast<float*>(to);
    for (int i = 0; i < 16; i += 4) vst1q_f32(y + i, vcvt_f32_f16(vreinterpret_f16_u16(vld1_u16(x + i))));
  }
};
struct BrainToFloat {
  static constexpr int kFrom = 2, kTo = 4;
  static void convert(const std::byte* from, std::byte* to) {
    const auto* x = reinterpret_cast<const std::uint16_t*>(from);
    auto* y = reinterpret_cast<std::uint32_t*>(to);
    for (int i = 0; i < 16; i += 4) vst1q_u32(y + i, vshll_n_u16(vld1_u16(x + i), 16));
  }
};

template <class F>
void copy(const std::byte* from, std::ptrdiff_t from_pixel, std::byte* to, std::ptrdiff_t to_pixel, int pixels,
          int channels) {
  for (int x = 0; x < pixels; ++x, from += from_pixel, to += to_pixel)
    for (int c = 0; c < channels; c += 16) F::convert(from + c * F::kFrom, to + c * F::kTo);
}

}  // namespace

const StageFormat kStageI8ToI16Neon = {1, 2, 0, copy<ToI16>};
const StageFormat kStageBf16ToF32Neon = {2, 4, 0, copy<BrainToFloat>};
const StageFormat kStageF16ToF32Neon = {2, 4, 0, copy<HalfToFloat>};

}  // namespace ez_rknn::npu::kernels
#endif
