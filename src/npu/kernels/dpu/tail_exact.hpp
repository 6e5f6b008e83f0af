#pragma once
/// The integer pipeline over a block of int32 accumulators, in double precision: exact while every product stays below
/// 2^51, which the maker of the tail has proved (tail_bounds.hpp). Included after one of simd/*.hpp.
#include <cstddef>

#include "npu/kernels/dpu/tail_params.hpp"

namespace ez_rknn::npu::kernels {
namespace {

/// 1.5 * 2^23, beside which f32 has no bits below 1: what is added to it is rounded, and lies in its low bits.
constexpr float kMagic = 12582912.0f;
constexpr std::int32_t kMagicBits = 0x4b400000;

inline Wide alu(TailAlu op, Wide v, Wide x) {
  switch (op) {
    case TailAlu::max: return max(v, x);
    case TailAlu::min: return min(v, x);
    case TailAlu::add: return v + x;
    case TailAlu::sub: return v - x;
    case TailAlu::mul: return v * x;
    default: return v;
  }
}

inline Wide stage(const StageParams& s, std::size_t channel, Wide v) {
  const Wide zero = splat(0.0);
  if (!s.mul_first && s.alu != TailAlu::none) v = alu(s.alu, v, load_wide(s.alu_value + channel));
  if (s.mul) {
    const Wide product = v * load_wide(s.mul_value + channel);
    if (s.mul_first) {
      v = s.prelu ? select_less(v, zero, product, v * splat(s.up)) : product;
      if (s.alu != TailAlu::none) v = alu(s.alu, v, load_wide(s.alu_value + channel));
      v = round_away(v * select_less(v, zero, splat(s.down_negative), splat(s.down)));
    } else {
      const Wide scaled = round_away(product * select_less(v, zero, splat(s.down_negative), splat(s.down)));
      v = s.prelu ? select_less(v, zero, scaled, v) : scaled;
    }
  } else if (s.mul_first && s.alu != TailAlu::none) {
    v = alu(s.alu, v, load_wide(s.alu_value + channel));
  }
  return min(max(v, splat(s.lo)), splat(s.hi));
}

inline Wide look_up(const LookUpParams& l, Wide v) {
  const Wide first = splat(l.first), last = splat(l.last);
  const Wide inside = min(max(v, first), last);
  Wide y = to_wide(gather_i16(l.table, to_int(inside - first)));
  if (l.slopes) {
    const Wide under = round_away((v - first) * splat(l.underflow) * splat(l.underflow_down));
    const Wide over = round_away((v - last) * splat(l.overflow) * splat(l.overflow_down));
    y = y + select_less(v, first, under, splat(0.0)) + select_less(last, v, over, splat(0.0));
  }
  return y;
}

inline Wide operand_of(const TailParams& t, const std::byte* p) {
  const Int raw = t.operand_type == TailType::i8    ? load_i8(p)
                  : t.operand_type == TailType::i16 ? load_i16(p)
                                                    : load_int(reinterpret_cast<const std::int32_t*>(p));
  const Wide x = to_wide(raw);
  return t.convert ? round_even((x + splat(t.operand_offset)) * splat(t.operand_scale)) : x;
}

/// Everything before the output converter. `operand` is the operand's element of the group's first channel.
inline Wide through(const TailParams& t, std::size_t channel, Wide v, const std::byte* operand) {
  if (t.accumulator_down != 1) v = round_even(v * splat(t.accumulator_down));
  if (t.has_bs) v = stage(t.bs, channel, v);
  if (t.has_bn) v = stage(t.bn, channel, v);
  if (t.lut.active) v = look_up(t.lut, v);
  if (t.ew != TailAlu::none) {
    v = alu(t.ew, v, t.operand ? operand_of(t, operand) : splat(t.constant));
    if (t.round_result) v = round_away(v * splat(t.result_down));
  }
  return min(max(v, splat(t.ew_lo)), splat(t.ew_hi));
}

inline Int quantise(const TailParams& t, Wide v) {
  v = round_even(v * splat(t.out_scale)) + splat(t.out_offset);
  return to_int(min(max(v, splat(t.out_lo)), splat(t.out_hi)));
}

inline void finish(const TailParams& t, Wide v, Int lanes, std::byte* out) {
  if (is_real(t.out_type)) {
    const Real r = keep_lanes(to_real((v + splat(t.out_offset)) * splat(t.out_float_scale)), lanes);
    if (t.out_type == TailType::f16) store_f16(out, r);
    else if (t.out_type == TailType::bf16) store_bf16(out, r);
    else store_real(out, r);
    return;
  }
  const Int q = quantise(t, v) & lanes;
  if (t.out_type == TailType::i8) store_i8(out, q);
  else if (t.out_type == TailType::i16) store_i16(out, q);
  else store_int(out, q);
}

/// The accumulators of pixel p and group g of a block, window sums added. A call would pass vectors through memory, and
/// files of many loops make the compiler thrifty.
[[gnu::always_inline]] inline Int sum_of(const TailTile& tile, int p, int g, Int factor) {
  const std::byte* source = tile.accumulators + p * tile.accumulator_pixel + g * 64;
  const Int sum = load_int(reinterpret_cast<const std::int32_t*>(source));
  return tile.window_sums ? sum + factor * splat(tile.window_sums[p]) : sum;
}

/// Writes value(p), sixteen channels, for every pixel of the tile, as many at a time as are stored together.
template <class Value>
[[gnu::always_inline]] inline void store_values(const TailTile& tile, std::byte* out, const Value& value) {
  int p = 0;
  for (; p + kStoredPixels <= tile.pixels; p += kStoredPixels) {
    Int q[kStoredPixels];
#pragma GCC unroll 4
    for (int i = 0; i < kStoredPixels; ++i) q[i] = value(p + i);
    store_i8(out + p * tile.out_pixel, tile.out_pixel, q);
  }
  for (; p < tile.pixels; ++p) store_i8(out + p * tile.out_pixel, value(p));
}

inline void tail_exact(const TailParams& t, const TailTile& tile) {
  const std::size_t operand_size = bytes_of(t.operand_type), out_size = bytes_of(t.out_type);
  for (int g = 0; g < tile.groups; ++g) {
    const auto channel = static_cast<std::size_t>(tile.first_group + g) * 16;
    const Int lanes = load_int(t.lanes + channel);
    const Int factor = tile.window_sums ? load_int(tile.window_factors + channel) : splat(0);
    for (int p = 0; p < tile.pixels; ++p) {
      const std::byte* operand = tile.operand + p * tile.operand_pixel + channel * operand_size;
      const std::byte* source = tile.accumulators + p * tile.accumulator_pixel;
      const Wide sum =
          t.wide ? load_wide(reinterpret_cast<const double*>(source) + g * 16) : to_wide(sum_of(tile, p, g, factor));
      const Wide v = through(t, channel, sum, operand);
      finish(t, v, lanes, tile.out + p * tile.out_pixel + channel * out_size);
    }
  }
}

}  // namespace
}  // namespace ez_rknn::npu::kernels
