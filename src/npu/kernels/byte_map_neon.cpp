#if defined(__aarch64__)
#include <arm_neon.h>

#include "npu/kernels/byte_map.hpp"

namespace ez_rknn::npu::kernels {
namespace {

/// vqtbl4q looks 64 bytes up and leaves lanes beyond alone: four of them make 256.
struct Table {
  uint8x16x4_t quarter[4];
};
inline uint8x16_t look_up(const Table& t, uint8x16_t x) {
  uint8x16_t y = vqtbl4q_u8(t.quarter[0], x);
  for (int q = 1; q < 4; ++q)
    y = vqtbx4q_u8(y, t.quarter[q], vsubq_u8(x, vdupq_n_u8(static_cast<std::uint8_t>(64 * q))));
  return y;
}

void map(const std::uint8_t* table, const ByteRuns& given) {
  const ByteRuns r = given;  // a copy, which stores cannot change
  Table t;
  for (int i = 0; i < 4; ++i) t.quarter[i] = vld1q_u8_x4(table + 64 * i);
  const auto* from = reinterpret_cast<const std::uint8_t*>(r.from);
  auto* to = reinterpret_cast<std::uint8_t*>(r.to);
  for (std::size_t run = 0; run < r.count; ++run, from += r.from_step, to += r.to_step) {
    std::size_t i = 0;
    for (; i + 16 <= r.bytes; i += 16) vst1q_u8(to + i, look_up(t, vld1q_u8(from + i)));
    for (; i < r.bytes; ++i) to[i] = table[from[i]];
  }
}

}  // namespace

const MapBytes kMapBytesNeon = map;

}  // namespace ez_rknn::npu::kernels
#endif
