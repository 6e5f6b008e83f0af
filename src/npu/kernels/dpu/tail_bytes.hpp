#pragma once
/// Look-up tables that end in int8: whatever follows the table is part of it, so its input, exactly, is all there is to
/// compute. Included after simd/*.hpp, tail_exact.hpp and tail_fused.hpp.
#include "npu/kernels/dpu/tail_params.hpp"

namespace ez_rknn::npu::kernels {
namespace {

/// Index into the table of bytes by the stages themselves; `outside` is set when a lane lies beyond the table.
struct ExactIndex {
  static Int of(const TailParams& t, std::size_t channel, Int sum, bool& outside) {
    Wide v = to_wide(sum);
    if (t.accumulator_down != 1) v = round_even(v * splat(t.accumulator_down));
    if (t.has_bs) v = stage(t.bs, channel, v);
    if (t.has_bn) v = stage(t.bn, channel, v);
    const Wide first = splat(t.lut.first), last = splat(t.lut.last);
    const Wide inside = min(max(v, first), last);
    if (t.bytes_ends) outside = any_unequal(v, inside);
    return to_int(inside - first);
  }
};

/// The table's input in the fused form. `Plain`: without limits behind BS and ties that the table shows.
template <bool Whole, bool Plain>
inline Int fused_input(const FusedParams& f, std::size_t channel, Int sum) {
  const Real v = fused_bs<Whole, !Plain, true>(f, channel, sum);
  if constexpr (Plain) return bits_of(multiply_add(v, splat(f.bn), splat(kMagic))) - splat(kMagicBits);
  else return to_int(round_product<true>(v, splat(f.bn)));
}

/// `Plain`: nor results beyond the table.
template <bool Whole, bool Plain>
struct FusedIndex {
  static Int of(const TailParams& t, std::size_t channel, Int sum, bool& outside) {
    const auto first = static_cast<std::int32_t>(t.lut.first), last = static_cast<std::int32_t>(t.lut.last);
    const Int input = fused_input<Whole, Plain>(t.fused, channel, sum);
    const Int inside = min(max(input, splat(first)), splat(last));
    if constexpr (!Plain)
      if (t.bytes_ends) outside = any_unequal(input, inside);
    return inside - splat(first);
  }
};

template <class Index>
inline void bytes_block(const TailParams& params, const TailTile& block) {
  // Copies, which stores to the map cannot change.
  const TailParams t = params;
  const TailTile tile = block;
  for (int g = 0; g < tile.groups; ++g) {
    const auto channel = static_cast<std::size_t>(tile.first_group + g) * 16;
    const int used = t.channels - static_cast<int>(channel);
    const Int lanes = load_int(t.lanes + channel);
    const Bytes keep = to_bytes(lanes);
    const Int factor = tile.window_sums ? load_int(tile.window_factors + channel) : splat(0);
    for (int p = 0; p < tile.pixels; ++p) {
      const Int sum = sum_of(tile, p, g, factor);
      bool outside = false;
      const Int index = Index::of(t, channel, sum, outside);
      std::byte* out = tile.out + p * tile.out_pixel + channel;
      if (outside) [[unlikely]]
        store_i8(out, quantise(params, through(params, channel, to_wide(sum), nullptr)) & lanes);
      else store_i8(out, look_up_bytes(t.bytes, index, used) & keep);
    }
  }
}

inline void tail_bytes(const TailParams& t, const TailTile& tile) {
  const FusedParams& f = t.fused;
  if (!f.bias) return bytes_block<ExactIndex>(t, tile);
  const bool plain = !f.clamped && !f.table_ties && !t.bytes_ends;
  if (f.factor) plain ? bytes_block<FusedIndex<true, true>>(t, tile) : bytes_block<FusedIndex<true, false>>(t, tile);
  else plain ? bytes_block<FusedIndex<false, true>>(t, tile) : bytes_block<FusedIndex<false, false>>(t, tile);
}

}  // namespace
}  // namespace ez_rknn::npu::kernels
