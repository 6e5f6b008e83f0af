#pragma once
/// The fused form without an operand where 32 bits hold the product of BS for every sum there can be: bias and half a
/// unit are part of one addition, and nothing is held before it.
/// Included after tail_fused.hpp.
#include "npu/kernels/dpu/tail_params.hpp"

namespace ez_rknn::npu::kernels {
namespace {

template <bool Clamped, bool BySign>
inline void whole_group(const TailParams& t, const TailTile& block, int g) {
  // Copies, which stores to the map cannot change.
  const FusedParams f = t.fused;
  const TailTile tile = block;
  const auto channel = static_cast<std::size_t>(tile.first_group + g) * 16;
  const Int lanes = load_int(t.lanes + channel);
  const Int window = tile.window_sums ? load_int(tile.window_factors + channel) : splat(0);
  const Int factor = load_int(f.factor + channel), start = load_int(f.start + channel);
  const Real magic = splat(kMagic);
  const auto value = [&](int p) {
    Int product = sum_of(tile, p, g, window) * factor + start;
    if constexpr (BySign) product = product + (product >> 31) + splat(f.half);
    Real v = to_real(product >> f.shift);
    if constexpr (Clamped) v = min(max(v, splat(f.lo)), splat(f.hi));
    return (bits_of(multiply_add(v, splat(f.out_scale), magic)) + splat(f.offset - kMagicBits)) & lanes;
  };
  std::byte* const out = tile.out + channel;
  int p = 0;
  for (; p + kStoredPixels <= tile.pixels; p += kStoredPixels) {
    Int q[kStoredPixels];
#pragma GCC unroll 4
    for (int i = 0; i < kStoredPixels; ++i) q[i] = value(p + i);
    store_i8(out + p * tile.out_pixel, tile.out_pixel, q);
  }
  for (; p < tile.pixels; ++p) store_i8(out + p * tile.out_pixel, value(p));
}

template <bool Clamped, bool BySign>
inline void whole_block(const TailParams& t, const TailTile& tile) {
  for (int g = 0; g < tile.groups; ++g) whole_group<Clamped, BySign>(t, tile, g);
}

inline void tail_whole(const TailParams& t, const TailTile& tile) {
  if (t.fused.by_sign) t.fused.clamped ? whole_block<true, true>(t, tile) : whole_block<false, true>(t, tile);
  else t.fused.clamped ? whole_block<true, false>(t, tile) : whole_block<false, false>(t, tile);
}

}  // namespace
}  // namespace ez_rknn::npu::kernels
