#pragma once
/// Requantisation to int8 that rounds where the stages do, in f32: a fused multiply-add onto 1.5 * 2^23 leaves no bits
/// below 1, so it rounds the exact product once, halves to even. BS and BN round halves away from zero, so products
/// that end in one half are corrected.
/// Included after simd/*.hpp and tail_exact.hpp.
#include "npu/kernels/dpu/tail_params.hpp"

namespace ez_rknn::npu::kernels {
namespace {

/// x * y to the nearest integer, halves away from zero; with BySign unset, halves up.
template <bool BySign>
inline Real round_product(Real x, Real y) {
  const Real magic = splat(kMagic);
  const Real even = multiply_add(x, y, magic) - magic;
  const Real rest = product_minus(x, y, even);
  return multiply_add_equal(rest, BySign ? half_like(x) : splat(0.5f), splat(2.0f), even);
}

/// What BS makes of sums, in 32 bits.
template <bool BySign>
inline Int fused_words(const FusedParams& f, std::size_t channel, Int sum) {
  const Int most = load_int(f.most + channel), biased = sum + load_int(f.bias + channel);
  Int product = min(max(biased, splat(0) - most), most) * load_int(f.factor + channel);
  if constexpr (BySign) product = product + (product >> 31);
  return (product + splat(f.half)) >> f.shift;
}

/// What BS and the clamps behind it make of sums; with Whole set in 32 bits, else in f32.
template <bool Whole, bool Clamped, bool BySign>
inline Real fused_bs(const FusedParams& f, std::size_t channel, Int sum) {
  Real v;
  if constexpr (Whole) {
    v = to_real(fused_words<BySign>(f, channel, sum));
  } else {
    v = to_real(sum + load_int(f.bias + channel));
    if constexpr (Clamped) v = min(max(v, splat(-f.bound)), splat(f.bound));
    v = round_product<BySign>(v, load_real(f.bs + channel));
  }
  if constexpr (Clamped) v = min(max(v, splat(f.lo)), splat(f.hi));
  return v;
}

/// One group of channels: `each(tile, out, value)` writes value(p) for the pixels it wants.
template <bool Whole, bool Operand, bool Clamped, bool BySign, class Each>
inline void fused_group(const TailParams& t, const TailTile& block, int g, const Each& each) {
  // Copies, which stores to the map cannot change.
  const FusedParams f = t.fused;
  const TailTile tile = block;
  const TailType operand_type = t.operand_type;
  const auto channel = static_cast<std::size_t>(tile.first_group + g) * 16;
  const Int lanes = load_int(t.lanes + channel);
  const Int factor = tile.window_sums ? load_int(tile.window_factors + channel) : splat(0);
  const Real magic = splat(kMagic);
  const auto value = [&](int p) {
    Real v = fused_bs<Whole, Clamped, BySign>(f, channel, sum_of(tile, p, g, factor));
    if constexpr (Operand) {
      const std::byte* operand = tile.operand + p * tile.operand_pixel + channel * bytes_of(operand_type);
      const Real x = to_real(operand_type == TailType::i8 ? load_i8(operand) : load_i16(operand));
      const Real converted = multiply_add(x + splat(f.operand_offset), splat(f.operand_scale), magic) - magic;
      v = f.multiplies ? v * converted : v + converted;
      v = min(max(v, splat(f.sum_lo)), splat(f.sum_hi));
    }
    return (bits_of(multiply_add(v, splat(f.out_scale), magic)) + splat(f.offset - kMagicBits)) & lanes;
  };
  each(tile, tile.out + channel, value);
}

template <bool Whole, bool Operand, bool Clamped, bool BySign>
inline void fused_block(const TailParams& t, const TailTile& tile) {
  const auto all = [](const TailTile& pixels, std::byte* out, const auto& value) { store_values(pixels, out, value); };
  for (int g = 0; g < tile.groups; ++g) fused_group<Whole, Operand, Clamped, BySign>(t, tile, g, all);
}

template <bool Whole, bool Clamped>
inline void fused_form(const TailParams& t, const TailTile& tile) {
  if (t.operand) fused_block<Whole, true, Clamped, true>(t, tile);
  else if (t.fused.by_sign) fused_block<Whole, false, Clamped, true>(t, tile);
  else fused_block<Whole, false, Clamped, false>(t, tile);
}

inline void tail_fused(const TailParams& t, const TailTile& tile) {
  if (t.fused.factor) t.fused.clamped ? fused_form<true, true>(t, tile) : fused_form<true, false>(t, tile);
  else t.fused.clamped ? fused_form<false, true>(t, tile) : fused_form<false, false>(t, tile);
}

}  // namespace
}  // namespace ez_rknn::npu::kernels
