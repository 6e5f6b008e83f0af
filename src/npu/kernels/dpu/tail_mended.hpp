#pragma once
/// The fused form of layers that add an int8 operand, in two passes: all stages as one multiplication, as the affine
/// form has them, and values that lie close to the middle between two integers once more by the stages' own roundings.
/// Included after tail_fused.hpp.
#include "npu/kernels/dpu/tail_params.hpp"

namespace ez_rknn::npu::kernels {
namespace {

/// Pixels whose bits are set.
using AgainFunction = void (*)(const TailParams&, const TailTile&, int g, std::uint64_t pixels);

template <bool Clamped>
inline void fused_again(const TailParams& t, const TailTile& tile, int g, std::uint64_t pixels) {
  fused_group<false, true, Clamped, true>(t, tile, g, [pixels](const TailTile& of, std::byte* out, const auto& value) {
    for (std::uint64_t rest = pixels; rest != 0; rest &= rest - 1) {
      const int p = __builtin_ctzll(rest);
      store_i8(out + p * of.out_pixel, value(p));
    }
  });
}

template <bool Bounded>
inline void mended_group(const TailParams& t, const TailTile& block, int g, AgainFunction again) {
  // Copies, which stores to the map cannot change.
  const AffineParams a = t.affine;
  const TailTile tile = block;
  const auto channel = static_cast<std::size_t>(tile.first_group + g) * 16;
  const Int lanes = load_int(t.lanes + channel), bias = load_int(a.bias + channel);
  const Int window = tile.window_sums ? load_int(tile.window_factors + channel) : splat(0);
  const Real slope = load_real(a.slope + channel), magic = splat(kMagic);
  const std::byte* operand = tile.operand + channel;
  std::uint64_t close = 0;
  const auto value = [&](int p) {
    const Real x = to_real(load_i8(operand + p * tile.operand_pixel));
    const Real v = to_real(sum_of(tile, p, g, window) + bias);
    Real y = multiply_add(v, slope, multiply_add(x, splat(a.operand_slope), splat(a.intercept)));
    if constexpr (Bounded) y = min(max(y, splat(a.lo)), splat(a.hi));
    const Real shifted = y + magic;
    close |= std::uint64_t{any_beyond(y - (shifted - magic), a.limit)} << p;
    return (bits_of(shifted) + splat(a.offset - kMagicBits)) & lanes;
  };
  store_values(tile, tile.out + channel, value);
  if (close != 0) again(t, tile, g, close);
}

inline void tail_mended(const TailParams& t, const TailTile& tile) {
  const AgainFunction again = t.fused.clamped ? fused_again<true> : fused_again<false>;
  constexpr int kBits = 64;
  for (int first = 0; first < tile.pixels; first += kBits) {
    TailTile part = tile;
    part.accumulators += first * tile.accumulator_pixel;
    if (part.window_sums) part.window_sums += first;
    part.operand += first * tile.operand_pixel, part.out += first * tile.out_pixel;
    part.pixels = tile.pixels - first < kBits ? tile.pixels - first : kBits;
    for (int g = 0; g < tile.groups; ++g)
      t.affine.bounded ? mended_group<true>(t, part, g, again) : mended_group<false>(t, part, g, again);
  }
}

}  // namespace
}  // namespace ez_rknn::npu::kernels
