#pragma once
/// Included after one of kernels/simd/*.hpp.
#include <algorithm>
#include <cstdint>

#include "npu/io/planes.hpp"
#include "npu/io/transpose.hpp"

namespace ez_rknn::npu::io {
namespace {

/// Sixteen pixels of one channel.
using Bytes16 = Vector<std::int8_t>::type;
typedef std::uint16_t Halves16 __attribute__((vector_size(32)));

inline kernels::Real real_of(const Bytes16& v) { return kernels::to_real(kernels::load_i8(&v)); }
inline kernels::Real real_of(const Halves16& v) { return kernels::load_f16(&v); }

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

/// The same of up to 8 channels of halves.
inline void load_block(const std::byte* from, std::ptrdiff_t pixel, const std::byte* last, Halves16 (&v)[8]) {
  Vector<std::uint16_t>::type near[8], far[8];
#pragma GCC unroll 8
  for (int i = 0; i < 8; ++i) {
    std::memcpy(&near[i], from + i * pixel, 16);
    std::memcpy(&far[i], i == 7 && last ? last : from + (i + 8) * pixel, 16);
  }
  rotate_places<std::uint16_t, 8>(near), rotate_places<std::uint16_t, 8>(far);
#pragma GCC unroll 8
  for (int i = 0; i < 8; ++i)
    v[i] = __builtin_shufflevector(near[i], far[i], 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
}

/// How many pixels into a plane its first cache line begins, where that holds for all planes; else 0.
inline std::size_t pixels_before_line(const PlaneRun& r) {
  constexpr std::uintptr_t kLine = 64;
  const std::uintptr_t beyond = -reinterpret_cast<std::uintptr_t>(r.to) % kLine;
  return r.plane % std::ptrdiff_t{kLine} == 0 && beyond % 4 == 0 ? beyond / 4 : 0;
}

/// Channels in blocks of kBlock, the last one moved back to end with the last channel, as is the last block of pixels.
/// Blocks of pixels fill whole cache lines where they can: a first block that does not is partly written twice.
template <class V, int kBlock>
void in_blocks(const PlaneRun& run) {
  constexpr bool kQuantised = sizeof(V) == sizeof(Bytes16);
  constexpr std::size_t kSize = sizeof(V) / 16;
  const PlaneRun r = run;  // a copy, which stores cannot change
  const kernels::Real zero_point = kernels::splat(r.zero_point), scale = kernels::splat(r.scale);
  const int planes = std::min(r.channels, kBlock);
  // Nothing may follow the last pixel's channels.
  std::byte end[kBlock * kSize] = {};
  const bool beyond = r.channels < kBlock;
  if (beyond) std::memcpy(end, r.from + std::ptrdiff_t(r.pixels - 1) * r.pixel, std::size_t(r.channels) * kSize);
  const std::size_t head = pixels_before_line(r);
  for (int c = 0; c < r.channels; c += kBlock) {
    const int first = std::max(std::min(c, r.channels - kBlock), 0);
    for (std::size_t done = 0; done < r.pixels; done = done || !head ? done + 16 : head) {
      const std::size_t x = std::min(done, r.pixels - 16);
      V v[kBlock];
      const std::byte* from = r.from + std::ptrdiff_t(x) * r.pixel + std::size_t(first) * kSize;
      load_block(from, r.pixel, beyond && x + 16 == r.pixels ? end : nullptr, v);
      std::byte* to = r.to + first * r.plane + x * 4;
      for (int i = 0; i < planes; ++i, to += r.plane) {
        __builtin_prefetch(to + 128, 1);  // more streams than the CPU fetches ahead by itself
        kernels::store_real(to, kQuantised ? (real_of(v[i]) - zero_point) * scale : real_of(v[i]));
      }
    }
  }
}

void i8_to_planes(const PlaneRun& r) { r.channels <= 4 ? in_blocks<Bytes16, 4>(r) : in_blocks<Bytes16, 16>(r); }
void f16_to_planes(const PlaneRun& r) { in_blocks<Halves16, 8>(r); }

}  // namespace
}  // namespace ez_rknn::npu::io
