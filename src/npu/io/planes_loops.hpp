#pragma once
/// Included after one of kernels/simd/*.hpp.
#include <algorithm>
#include <cstdint>

#include "npu/io/planes.hpp"
#include "npu/io/transpose.hpp"

namespace ez_rknn::npu::io {
namespace {

using Bytes16 = Vector<std::int8_t>::type;

/// Sixteen pixels of up to 16 channels: a vector a channel. `last` stands in for the last pixel where not null.
inline void load_block(const std::byte* from, std::ptrdiff_t pixel, const std::byte* last, Bytes16 (&v)[16]) {
#pragma GCC unroll 16
  for (int i = 0; i < 16; ++i) std::memcpy(&v[i], i == 15 && last ? last : from + i * pixel, 16);
  rotate_places<std::int8_t, 16>(v);
}

/// The same of up to 4 channels.
inline void load_block(const std::byte* from, std::ptrdiff_t pixel, const std::byte* last, Bytes16 (&v)[4]) {
  const auto word = [&](int i) {
    std::int32_t w;
    std::memcpy(&w, i == 15 && last ? last : from + i * pixel, 4);
    return w;
  };
#pragma GCC unroll 4
  for (int i = 0; i < 4; ++i) {
    const Vector<std::int32_t>::type words = {word(4 * i), word(4 * i + 1), word(4 * i + 2), word(4 * i + 3)};
    v[i] = reinterpret_cast<Bytes16>(words);
  }
  rotate_places<std::int8_t, 4>(v);
}

/// How many pixels into a plane its first cache line begins, where that holds for all planes; else 0.
inline std::size_t pixels_before_line(const PlaneRun& r) {
  constexpr std::uintptr_t kLine = 64;
  const std::uintptr_t beyond = -reinterpret_cast<std::uintptr_t>(r.to) % kLine;
  return r.plane % std::ptrdiff_t{kLine} == 0 && beyond % 4 == 0 ? beyond / 4 : 0;
}

/// Channels in blocks of kBlock, the last one moved back to end with the last channel, as is the last block of pixels.
/// Blocks of pixels fill whole cache lines where they can: a first block that does not is partly written twice.
template <int kBlock>
void in_blocks(const PlaneRun& run) {
  const PlaneRun r = run;  // a copy, which stores cannot change
  const kernels::Real zero_point = kernels::splat(r.zero_point), scale = kernels::splat(r.scale);
  const int planes = std::min(r.channels, kBlock);
  // Nothing may follow the last pixel's channels.
  std::byte end[kBlock] = {};
  const bool beyond = r.channels < kBlock;
  if (beyond) std::memcpy(end, r.from + std::ptrdiff_t(r.pixels - 1) * r.pixel, std::size_t(r.channels));
  const std::size_t head = pixels_before_line(r);
  for (int c = 0; c < r.channels; c += kBlock) {
    const int first = std::max(std::min(c, r.channels - kBlock), 0);
    for (std::size_t done = 0; done < r.pixels; done = done || !head ? done + 16 : head) {
      const std::size_t x = std::min(done, r.pixels - 16);
      Bytes16 v[kBlock];
      load_block(r.from + std::ptrdiff_t(x) * r.pixel + first, r.pixel, beyond && x + 16 == r.pixels ? end : nullptr,
                 v);
      std::byte* to = r.to + first * r.plane + x * 4;
      for (int i = 0; i < planes; ++i, to += r.plane)
        kernels::store_real(to, (kernels::to_real(kernels::load_i8(&v[i])) - zero_point) * scale);
    }
  }
}

void i8_to_f32(const PlaneRun& r) { r.channels <= 4 ? in_blocks<4>(r) : in_blocks<16>(r); }

}  // namespace
}  // namespace ez_rknn::npu::io
