#pragma once
/// The fused form of layers that add an int8 operand, in two passes: all stages as one multiplication, and vectors
/// with a value that lies close to the middle between two integers once more, by the stages' own roundings.
/// Included after tail_fused.hpp.
#include "npu/kernels/dpu/tail_params.hpp"

namespace ez_rknn::npu::kernels {
namespace {

/// Does pixels again whose marks have bits. `marks` are a multiple of kMarked.
using AgainFunction = void (*)(const TailParams&, const TailTile&, int g, const std::uint16_t* marks);
constexpr int kMarked = 32, kMostMarks = 4 * kMarked;

/// With all limits and roundings: they are right where they are not needed.
template <bool Whole>
inline void fused_again(const TailParams& t, const TailTile& tile, int g, const std::uint16_t* marks) {
  const auto some = [marks](const TailTile& of, std::byte* out, const auto& value) {
    for (int first = 0; first < of.pixels; first += kMarked)
      for (std::uint32_t rest = marked(marks + first); rest != 0; rest &= rest - 1) {
        const int p = first + __builtin_ctz(rest);
        store_i8(out + p * of.out_pixel, value(p));
      }
  };
  fused_group<Whole, true, true, true>(t, tile, g, some);
}

/// The multiplication of sixteen channels; zeros in the lanes of padding.
template <bool Bounded>
struct Mended {
  Mended(const TailParams& t, std::size_t channel) {
    const AffineParams& a = t.affine;
    const Int lanes = load_int(t.lanes + channel);
    const auto kept = [&](float x) { return keep_lanes(splat(x), lanes); };
    slope = load_real(a.slope + channel), start = load_real(a.start + channel);
    operand_slope = kept(a.operand_slope);
    const float middle = static_cast<float>(a.offset) + 0.5f + a.off;
    if constexpr (Bounded) lo = kept(a.lo + middle), hi = kept(a.hi + middle);
    doubtful = kept(a.doubtful);
  }
  [[gnu::always_inline]] Int operator()(Int sum, const std::byte* operand, std::uint16_t* mark) const {
    const Real added = multiply_add(to_real(load_i8(operand)), operand_slope, start);
    Real y = multiply_add(to_real(sum), slope, added), above;
    if constexpr (Bounded) y = min(max(y, lo), hi);
    const Int q = floored(y, above);
    mark_less(above, doubtful, mark);
    return q;
  }

  Real slope, start, operand_slope, lo, hi, doubtful;
};

template <bool Bounded>
inline void mended_group(const TailParams& t, const TailTile& tile, int g, AgainFunction again) {
  // Numbers of their own, which stores to the map cannot change.
  const auto channel = static_cast<std::size_t>(tile.first_group + g) * 16;
  const Mended<Bounded> mended(t, channel);
  const Int window = tile.window_sums ? load_int(tile.window_factors + channel) : splat(0);
  const std::int32_t* sums = tile.window_sums;
  const std::byte *from = tile.accumulators + g * 64, *operand = tile.operand + channel;
  std::byte* to = tile.out + channel;
  const std::ptrdiff_t from_pixel = tile.accumulator_pixel, operand_pixel = tile.operand_pixel,
                       to_pixel = tile.out_pixel;
  const int pixels = tile.pixels;
  std::uint16_t marks[kMostMarks];
  std::uint16_t* mark = marks;
  const auto value = [&]() __attribute__((always_inline)) {
    Int sum = load_int(reinterpret_cast<const std::int32_t*>(from));
    if (sums) sum = sum + window * splat(*sums++);
    const Int q = mended(sum, operand, mark++);
    from += from_pixel;
    operand += operand_pixel;
    return q;
  };
  int p = 0;
  for (; p + kStoredPixels <= pixels; p += kStoredPixels, to += kStoredPixels * to_pixel) {
    Int q[kStoredPixels];
#pragma GCC unroll 4
    for (int i = 0; i < kStoredPixels; ++i) q[i] = value();
    store_i8(to, to_pixel, q);
  }
  for (; p < pixels; ++p, to += to_pixel) store_i8(to, value());
  while ((mark - marks) % kMarked != 0) *mark++ = 0;
  again(t, tile, g, marks);
}

inline void tail_mended(const TailParams& t, const TailTile& tile) {
  const AgainFunction again = t.fused.factor ? fused_again<true> : fused_again<false>;
  for (int first = 0; first < tile.pixels; first += kMostMarks) {
    TailTile part = tile;
    part.accumulators += first * tile.accumulator_pixel;
    if (part.window_sums) part.window_sums += first;
    part.operand += first * tile.operand_pixel, part.out += first * tile.out_pixel;
    part.pixels = tile.pixels - first < kMostMarks ? tile.pixels - first : kMostMarks;
    for (int g = 0; g < tile.groups; ++g)
      t.affine.bounded ? mended_group<true>(t, part, g, again) : mended_group<false>(t, part, g, again);
  }
}

}  // namespace
}  // namespace ez_rknn::npu::kernels
