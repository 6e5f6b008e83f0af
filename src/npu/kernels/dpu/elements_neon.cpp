#if defined(__aarch64__)
// The lanes first: what follows is written over them.
#include "npu/kernels/simd/neon.hpp"

#include "npu/kernels/dpu/elements_loops.hpp"

namespace ez_rknn::npu::kernels {
namespace {

/// vqtbl4q looks 64 bytes up and leaves lanes beyond alone: four of them make 256.
void map_bytes(const std::uint8_t* table, const std::byte* from, std::byte* to, std::size_t n) {
  uint8x16x4_t quarter[4];
  for (int i = 0; i < 4; ++i) quarter[i] = vld1q_u8_x4(table + 64 * i);
  std::size_t i = 0;
  for (; i + 16 <= n; i += 16) {
    const uint8x16_t x = vld1q_u8(reinterpret_cast<const std::uint8_t*>(from) + i);
    uint8x16_t y = vqtbl4q_u8(quarter[0], x);
    for (int q = 1; q < 4; ++q)
      y = vqtbx4q_u8(y, quarter[q], vsubq_u8(x, vdupq_n_u8(static_cast<std::uint8_t>(64 * q))));
    vst1q_u8(reinterpret_cast<std::uint8_t*>(to) + i, y);
  }
  for (; i < n; ++i) to[i] = std::byte{table[std::uint8_t(from[i])]};
}

}  // namespace

const ElementKernels kElementsNeon = {map_bytes,  i8_to_i32,  i16_to_i32, i8_to_f32,
                                      i16_to_f32, i32_to_f32, f16_to_f32, bf16_to_f32};

}  // namespace ez_rknn::npu::kernels
#endif
