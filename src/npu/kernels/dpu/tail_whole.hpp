#pragma once
/// The fused form without an operand where 32 bits hold the product of BS: bias and half a unit are part of one
/// addition. Included after tail_fused.hpp.
#include "npu/kernels/dpu/tail_params.hpp"

namespace ez_rknn::npu::kernels {
namespace {

template <bool Held, bool Clamped, bool BySign>
inline void whole_group(const TailParams& t, const TailTile& block, int g) {
  // Copies, which stores to the map cannot change.
  const FusedParams f = t.fused;
  const TailTile tile = block;
  const auto channel = static_cast<std::size_t>(tile.first_group + g) * 16;
  const Int lanes = load_int(t.lanes + channel);
  const Int window = tile.window_sums ? load_int(tile.window_factors + channel) : splat(0);
  const Int factor = load_int(f.factor + channel), start = load_int(f.start + channel);
  const Int least = load_int(f.least_sum + channel), most = load_int(f.most_sum + channel);
  const bool full = channel + 16 <= static_cast<std::size_t>(t.channels);
  const Real magic = splat(kMagic);
  const auto value = [&](int p) {
    Int sum = sum_of(tile, p, g, window);
    if constexpr (Held) sum = min(max(sum, least), most);
    Int product = sum * factor + start;
    if constexpr (BySign) product = product + (product >> 31) + splat(f.half);
    Real v = to_real(product >> f.shift);
    if constexpr (Clamped) v = min(max(v, splat(f.lo)), splat(f.hi));
    const Int q = bits_of(multiply_add(v, splat(f.out_scale), magic)) + splat(f.offset - kMagicBits);
    return full ? q : q & lanes;
  };
  store_values(tile, tile.out + channel, value);
}

template <bool Held, bool Clamped, bool BySign>
inline void whole_block(const TailParams& t, const TailTile& tile) {
  for (int g = 0; g < tile.groups; ++g) whole_group<Held, Clamped, BySign>(t, tile, g);
}

template <bool Held>
inline void whole_form(const TailParams& t, const TailTile& tile) {
  const FusedParams& f = t.fused;
  if (f.by_sign) f.clamped ? whole_block<Held, true, true>(t, tile) : whole_block<Held, false, true>(t, tile);
  else f.clamped ? whole_block<Held, true, false>(t, tile) : whole_block<Held, false, false>(t, tile);
}

inline void tail_whole(const TailParams& t, const TailTile& tile) {
  t.fused.held ? whole_form<true>(t, tile) : whole_form<false>(t, tile);
}

}  // namespace
}  // namespace ez_rknn::npu::kernels
