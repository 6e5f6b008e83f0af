#pragma once
/// Look-up tables that end in int8: whatever follows the table is part of it, so its input, exactly, is all there is to
/// compute. Included after simd/*.hpp, tail_exact.hpp and tail_fused.hpp.
#include "npu/kernels/dpu/tail_params.hpp"

namespace ez_rknn::npu::kernels {
namespace {

/// Index into the table of bytes; `outside` is set when a lane lies where the table's slopes apply.
inline Int byte_index(const TailParams& t, std::size_t channel, Int sum, bool& outside) {
  if (t.fused.bias) {
    const Real v = round_product<true>(fused_bs<true, true>(t.fused, channel, sum), splat(t.fused.bn));
    const Real first = splat(static_cast<float>(t.lut.first)), last = splat(static_cast<float>(t.lut.last));
    const Real inside = min(max(v, first), last);
    if (t.lut.slopes) outside = any_beyond(v - inside, 0.0f);
    return to_int(inside - first);
  }
  Wide v = to_wide(sum);
  if (t.accumulator_down != 1) v = round_even(v * splat(t.accumulator_down));
  if (t.has_bs) v = stage(t.bs, channel, v);
  if (t.has_bn) v = stage(t.bn, channel, v);
  const Wide first = splat(t.lut.first), last = splat(t.lut.last);
  const Wide inside = min(max(v, first), last);
  if (t.lut.slopes) outside = any_unequal(v, inside);
  return to_int(inside - first);
}

inline void tail_bytes(const TailParams& t, const TailTile& tile) {
  for (int g = 0; g < tile.groups; ++g) {
    const auto channel = static_cast<std::size_t>(tile.first_group + g) * 16;
    const int used = t.channels - static_cast<int>(channel);
    const Int lanes = load_int(t.lanes + channel);
    const Bytes keep = to_bytes(lanes);
    const Int factor = tile.window_sums ? load_int(tile.window_factors + channel) : splat(0);
    for (int p = 0; p < tile.pixels; ++p) {
      const Int sum = sum_of(tile, p, g, factor);
      bool outside = false;
      const Int index = byte_index(t, channel, sum, outside);
      std::byte* out = tile.out + p * tile.out_pixel + channel;
      if (outside) [[unlikely]]
        store_i8(out, quantise(t, through(t, channel, to_wide(sum), nullptr)) & lanes);
      else store_i8(out, look_up_bytes(t.bytes, index, used) & keep);
    }
  }
}

}  // namespace
}  // namespace ez_rknn::npu::kernels
