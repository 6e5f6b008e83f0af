#pragma once
/// Requantisation to int8 in f32. The stages' roundings make the exact result differ from one multiplication only where
/// that lies close to the middle between two integers; there, and only there, the exact path decides.
/// Included after simd/*.hpp and tail_exact.hpp.
#include "npu/kernels/dpu/tail_params.hpp"

namespace ez_rknn::npu::kernels {
namespace {

struct Affine {
  Int bias;
  Real slope, slope_negative;
};

template <bool TwoSlopes, bool Operand>
inline Int affine_value(const TailParams& t, const Affine& c, std::size_t channel, Int sum, const std::byte* operand) {
  const AffineParams& a = t.affine;
  const Real v = to_real(sum + c.bias);
  Real y = v * (TwoSlopes ? select_less(v, splat(0.0f), c.slope_negative, c.slope) : c.slope);
  if constexpr (Operand) {
    const Int x = t.operand_type == TailType::i8 ? load_i8(operand) : load_i16(operand);
    y = y + (to_real(x) * splat(a.operand_slope) + splat(a.intercept));
  }
  y = min(max(y, splat(a.lo)), splat(a.hi));
  const Real magic = splat(kMagic);
  const Real shifted = y + magic;
  if (any_beyond(y - (shifted - magic), a.limit)) [[unlikely]]
    return quantise(t, through(t, channel, to_wide(sum), operand));
  return bits_of(shifted) + splat(a.offset - kMagicBits);
}

template <bool TwoSlopes, bool Operand>
inline void affine_block(const TailParams& t, const TailTile& tile) {
  const std::size_t operand_size = bytes_of(t.operand_type);
  for (int g = 0; g < tile.groups; ++g) {
    const auto channel = static_cast<std::size_t>(tile.first_group + g) * 16;
    const Affine c{load_int(t.affine.bias + channel), load_real(t.affine.slope + channel),
                   load_real(t.affine.slope_negative + channel)};
    const Int lanes = load_int(t.lanes + channel);
    const Int factor = tile.window_sums ? load_int(tile.window_factors + channel) : splat(0);
    const std::byte* operand = tile.operand + channel * operand_size;
    const auto value = [&](int p) {
      return affine_value<TwoSlopes, Operand>(t, c, channel, sum_of(tile, p, g, factor),
                                              operand + p * tile.operand_pixel) &
             lanes;
    };
    store_values(tile, tile.out + channel, value);
  }
}

inline void tail_affine(const TailParams& t, const TailTile& tile) {
  if (t.affine.two_slopes) return t.operand ? affine_block<true, true>(t, tile) : affine_block<true, false>(t, tile);
  return t.operand ? affine_block<false, true>(t, tile) : affine_block<false, false>(t, tile);
}

}  // namespace
}  // namespace ez_rknn::npu::kernels
