#pragma once
/// The float pipeline over layers whose stages are one line a channel, into f16: what is constant stays in registers.
/// Included after tail_real.hpp, which has the result for inputs beyond a table.
#include <cstddef>

#include "npu/kernels/dpu/tail_params.hpp"

namespace ez_rknn::npu::kernels {
namespace {

enum class Line { plain, bias, operand };

inline Real accumulators_at(const TailTile& tile, int g, int p) {
  return load_real(reinterpret_cast<const float*>(tile.accumulators + p * tile.accumulator_pixel + g * 64));
}

template <Line Form>
inline void tail_line(const TailParams& t, const TailTile& tile) {
  const Real lo = splat(t.linear.lo), hi = splat(t.linear.hi);
  for (int g = 0; g < tile.groups; ++g) {
    const auto channel = static_cast<std::size_t>(tile.first_group + g) * 16;
    const Int lanes = load_int(t.lanes + channel);
    const Real bias = load_real(t.linear.bias + channel);
    const Real slope = load_real(t.linear.slope + channel), added = load_real(t.linear.added + channel);
    const std::byte* operand = tile.operand + channel * 2;
    std::byte* out = tile.out + channel * 2;
    for (int p = 0; p < tile.pixels; ++p, out += tile.out_pixel) {
      Real v = accumulators_at(tile, g, p) + bias;
      if constexpr (Form == Line::plain) v = multiply_add(v, slope, added);
      if constexpr (Form == Line::operand) v = v + load_f16(operand), operand += tile.operand_pixel;
      store_f16(out, keep_lanes(min(hi, max(lo, v)), lanes));
    }
  }
}

inline void tail_linear(const TailParams& t, const TailTile& tile) { tail_line<Line::plain>(t, tile); }
inline void tail_linear_bias(const TailParams& t, const TailTile& tile) { tail_line<Line::bias>(t, tile); }
inline void tail_linear_add(const TailParams& t, const TailTile& tile) { tail_line<Line::operand>(t, tile); }

inline void tail_linear_table(const TailParams& t, const TailTile& tile) {
  const Real first = splat(-512.0f);
  for (int g = 0; g < tile.groups; ++g) {
    const auto channel = static_cast<std::size_t>(tile.first_group + g) * 16;
    const Int lanes = load_int(t.lanes + channel);
    const Real bias = load_real(t.linear.bias + channel);
    const Real slope = load_real(t.linear.slope + channel), added = load_real(t.linear.added + channel);
    std::byte* out = tile.out + channel * 2;
    for (int p = 0; p < tile.pixels; ++p, out += tile.out_pixel) {
      const Real v = accumulators_at(tile, g, p);
      const Real position = multiply_add(v + bias, slope, added);
      if (any_beyond(position, 511.99f)) {
        real_element(t, tile, g, p, lanes);
        continue;
      }
      const Real index = max(floor(position), first);  // a NaN must not become an address
      Real value, rise;
      load_pairs(t.linear.entries, to_int(index), value, rise);
      store_f16(out, keep_lanes(multiply_add(rise, position - index, value), lanes));
    }
  }
}

}  // namespace
}  // namespace ez_rknn::npu::kernels
