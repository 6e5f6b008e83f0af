#pragma once
/// The float pipeline over a block of f32 accumulators. Where the reference computes in double precision this computes
/// in f32: a result differs by a few units of f32 rounding per step before it is stored. Included after simd/*.hpp.
#include <cstddef>

#include "npu/kernels/dpu/tail_params.hpp"

namespace ez_rknn::npu::kernels {
namespace {

inline Real real_alu(TailAlu op, Real v, Real x) {
  switch (op) {
    case TailAlu::max: return select_less(v, x, x, v);
    case TailAlu::min: return select_less(x, v, x, v);
    case TailAlu::add: return v + x;
    case TailAlu::sub: return v - x;
    case TailAlu::mul: return v * x;
    case TailAlu::div: {  // by zero: by the least the hardware's table holds instead
      const Real zero = splat(0.0f);
      const Real nonzero = select_less(x, zero, x, select_less(zero, x, x, splat(1e-30f)));
      return v / nonzero;
    }
    default: return v;
  }
}

inline Real real_stage(const StageParams& s, std::size_t channel, Real v) {
  const Real x = s.alu != TailAlu::none ? load_real(s.alu_real + channel) : v;
  if (!s.mul_first) v = real_alu(s.alu, v, x);
  if (s.mul) {
    const Real product = v * load_real(s.mul_real + channel);
    v = s.prelu ? select_less(v, splat(0.0f), product, v) : product;
  }
  if (s.mul_first) v = real_alu(s.alu, v, x);
  return min(splat(s.hi_real), max(splat(s.lo_real), v));
}

inline Real real_look_up(const LookUpParams& l, Real v) {
  const Real zero = splat(0.0f), boundary = splat(l.lo_start);
  const Real start = select_less(v, boundary, splat(l.le_start), boundary);
  const Real step = select_less(v, boundary, splat(l.le_step), splat(l.lo_step));
  const Real position = (v - start) * step;
  const Real index = min(max(floor(position), zero), splat(511.0f));  // NaN: clamped like any number
  const Real table = select_less(v, boundary, zero, splat(512.0f));
  const Int pair = gather_i32(l.pairs, min(max(to_int(index + table), splat(0)), splat(1023)));
  const Real a = to_real(sign_extend_low(pair)), b = to_real(sign_extend_high(pair));
  Real y = a + (b - a) * min(splat(1.0f), max(zero, position - index));
  if (l.slopes) {
    const Real le_start = splat(l.le_start), lo_end = splat(l.lo_end);
    y = select_less(v, le_start, splat(l.le_first) + (v - le_start) * splat(l.underflow_slope), y);
    y = select_less(v, lo_end, y, splat(l.lo_last) + (v - lo_end) * splat(l.overflow_slope));
  }
  return y;
}

inline Real real_operand(const TailParams& t, const std::byte* p) {
  Real x;
  switch (t.operand_type) {
    case TailType::f16: x = load_f16(p); break;
    case TailType::bf16: x = load_bf16(p); break;
    case TailType::f32: x = load_real(reinterpret_cast<const float*>(p)); break;
    case TailType::i8: x = to_real(load_i8(p)); break;
    case TailType::i16: x = to_real(load_i16(p)); break;
    default: x = to_real(load_int(reinterpret_cast<const std::int32_t*>(p))); break;
  }
  return t.convert ? x * splat(t.operand_real_scale) : x;
}

inline void real_finish(const TailParams& t, Real v, Int lanes, std::byte* out) {
  if (is_real(t.out_type)) {
    v = v * splat(t.out_real_scale);
    if (t.ppu_scale != 1.0f) v = v * splat(t.ppu_scale);
    v = keep_lanes(v, lanes);
    if (t.out_type == TailType::f16) store_f16(out, v);
    else if (t.out_type == TailType::bf16) store_bf16(out, v);
    else store_real(out, v);
    return;
  }
  // Clamped before the conversion, where infinities still are numbers; NaN becomes the lower bound.
  const Real lo = splat(static_cast<float>(t.out_lo - t.out_offset));
  const Real hi = splat(static_cast<float>(t.out_hi - t.out_offset));
  const Int integer = to_int(min(max(v * splat(t.out_real_scale), lo), hi));
  const Int q = (integer + splat(static_cast<std::int32_t>(t.out_offset))) & lanes;
  if (t.out_type == TailType::i8) store_i8(out, q);
  else if (t.out_type == TailType::i16) store_i16(out, q);
  else store_int(out, q);
}

/// Pixel `p` of the tile's group `g`.
inline void real_element(const TailParams& t, const TailTile& tile, int g, int p, Int lanes) {
  const auto channel = static_cast<std::size_t>(tile.first_group + g) * 16;
  const std::byte* source = tile.accumulators + p * tile.accumulator_pixel + g * 64;
  Real v = load_real(reinterpret_cast<const float*>(source));
  if (t.has_bs) v = real_stage(t.bs, channel, v);
  if (t.has_bn) v = real_stage(t.bn, channel, v);
  if (t.lut.active) v = real_look_up(t.lut, v);
  if (t.ew != TailAlu::none) {
    const std::size_t at = channel * bytes_of(t.operand_type);
    v = real_alu(t.ew, v,
                 t.operand ? real_operand(t, tile.operand + p * tile.operand_pixel + at) : splat(t.constant_real));
  }
  v = min(splat(t.ew_hi_real), max(splat(t.ew_lo_real), v));
  real_finish(t, v, lanes, tile.out + p * tile.out_pixel + channel * bytes_of(t.out_type));
}

inline void tail_real(const TailParams& t, const TailTile& tile) {
  for (int g = 0; g < tile.groups; ++g) {
    const Int lanes = load_int(t.lanes + static_cast<std::size_t>(tile.first_group + g) * 16);
    for (int p = 0; p < tile.pixels; ++p) real_element(t, tile, g, p, lanes);
  }
}

}  // namespace
}  // namespace ez_rknn::npu::kernels
