/// The DPU's arithmetic: OW, BS, BN, EW and the output converter.
#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <type_traits>

#include "core/fp16.hpp"
#include "npu/regs/offset_weight.hpp"
#include "npu/regs/rounding.hpp"
#include "npu/task/units.hpp"

namespace ez_rknn::npu::task {
namespace {

using Limits = std::numeric_limits<std::int64_t>;

// Products of a sound file never leave 64 bits; others saturate.
std::int64_t times(std::int64_t a, std::int64_t b) {
  std::int64_t r;
  return __builtin_mul_overflow(a, b, &r) ? ((a ^ b) < 0 ? Limits::min() : Limits::max()) : r;
}
std::int64_t plus(std::int64_t a, std::int64_t b) {
  std::int64_t r;
  return __builtin_add_overflow(a, b, &r) ? (a < 0 ? Limits::min() : Limits::max()) : r;
}
double times(double a, double b) { return a * b; }
double plus(double a, double b) { return a + b; }

template <class T>
T word(std::uint32_t raw) {
  if constexpr (std::is_floating_point_v<T>) return static_cast<T>(std::bit_cast<float>(raw));
  else return static_cast<std::int32_t>(raw);
}
template <class T>
T half(std::uint16_t raw) {
  if constexpr (std::is_floating_point_v<T>) return static_cast<T>(half_to_float(raw));
  else return static_cast<std::int16_t>(raw);
}

std::int64_t to_nearest(std::int64_t v, int n, bool half_up) {
  if (!half_up || n <= 0) return shift_half_even(v, n);
  return n > 62 ? 0 : plus(v, std::int64_t{1} << (n - 1)) >> n;
}

/// One stage's operands of one channel.
template <class T>
struct ChannelOperands {
  T alu{}, mul{};
  std::int32_t ow = 0;
};

template <class T>
ChannelOperands<T> from_table(const TableTask& table, int channel, const Memory& memory) {
  constexpr int kGroup = 8;
  ChannelOperands<T> o;
  if (!table.at) return o;
  const int group_bytes = (table.bias ? 4 * kGroup : 0) + (table.ow ? 2 * kGroup : 0) + (table.mul ? 2 * kGroup : 0);
  std::int64_t at = memory.at(*table.at) + std::int64_t{channel / kGroup} * group_bytes;
  const int k = channel % kGroup;
  constexpr const char* kWhat = "the DPU's table DMA";
  if (table.bias) {
    o.alu = word<T>(memory.load<std::uint32_t>(at + 4 * k, kWhat));
    at += 4 * kGroup;
  }
  if (table.ow) {
    o.ow = offset_weight(memory.load<std::int16_t>(at + 2 * k, kWhat));
    at += 2 * kGroup;
  }
  if (table.mul) o.mul = half<T>(memory.load<std::uint16_t>(at + 2 * k, kWhat));
  return o;
}

template <class T>
ChannelOperands<T> operands(const StageTask& s, const TableTask& table, int channel, const Memory& memory) {
  ChannelOperands<T> o = from_table<T>(table, channel, memory);
  if (!s.alu_table) o.alu = word<T>(s.alu_operand);
  if (!s.mul_table) o.mul = half<T>(s.mul_operand);
  return o;
}

template <class T>
T alu(int operation, T v, T x) {
  return operation == 0 ? std::max(v, x) : operation == 1 ? std::min(v, x) : plus(v, x);
}

template <class T>
T rectified(bool relu, bool relux, std::uint32_t compare, T v) {
  if (!relu) return v;
  // A Clip that lacks a bound is compiled so; no clamp is meant.
  if (std::is_integral_v<T> && relux && static_cast<std::int32_t>(compare) <= 0) return v;
  v = std::max(v, T{});
  return relux ? std::min(v, word<T>(compare)) : v;
}

/// (v + ALU) * MUL >> shift
template <class T>
T bias_scale(const StageTask& s, const ChannelOperands<T>& o, T v) {
  if (s.alu) v = alu(s.alu_operation, v, o.alu);
  if (s.mul && !(s.prelu && v >= 0)) {
    const bool negative = v < 0;
    v = times(v, o.mul);
    if constexpr (std::is_integral_v<T>) v = shift_half_away(v, negative ? s.shift_negative : s.shift);
  }
  return rectified(s.relu, s.relux, s.compare, v);
}

/// (v * MUL + ALU) >> shift
template <class T>
T normalisation(const StageTask& s, const ChannelOperands<T>& o, T v) {
  if (s.mul) {
    if (!(s.prelu && v >= 0)) v = times(v, o.mul);
    else if constexpr (std::is_integral_v<T>) v = times(v, std::int64_t{1} << std::min(s.shift, 62));
  }
  if (s.alu) v = alu(s.alu_operation, v, o.alu);
  if constexpr (std::is_integral_v<T>)
    if (s.mul) v = shift_half_away(v, v < 0 ? s.shift_negative : s.shift);
  return rectified(s.relu, s.relux, s.compare, v);
}

// The look-up: LE below LO's start, LO from there; 512 intervals of 2^index_shift, a slope beyond either outer end.

std::int64_t look_up(const LutTask& t, const Lut& lut, std::int64_t v) {
  const auto inside = [v](const std::array<std::int16_t, 513>& table, std::int64_t start, int shift) {
    const std::int64_t distance = v - start;
    const std::int64_t i = std::clamp<std::int64_t>(distance >> shift, 0, 511);
    const std::int64_t rest = std::clamp<std::int64_t>(distance - (i << shift), 0, std::int64_t{1} << shift);
    const std::int64_t a = table[static_cast<std::size_t>(i)], b = table[static_cast<std::size_t>(i) + 1];
    return a + shift_half_away((b - a) * rest, shift);
  };
  if (v < t.lo_start) {
    if (v < t.le_start)
      return plus(lut.le[0],
                  shift_half_away(times(plus(v, -std::int64_t{t.le_start}), t.underflow_scale), t.underflow_shift));
    return inside(lut.le, t.le_start, t.le_index_shift);
  }
  if (v >= t.lo_end)
    return plus(lut.lo[512],
                shift_half_away(times(plus(v, -std::int64_t{t.lo_end}), t.overflow_scale), t.overflow_shift));
  return inside(lut.lo, t.lo_start, t.lo_index_shift);
}

double look_up(const LutTask& t, const Lut& lut, double v) {
  const auto inside = [v](const std::array<std::int16_t, 513>& table, double start, int shift) {
    const double distance = std::ldexp(v - start, -shift);
    if (std::isnan(distance)) return distance;
    const double i = std::clamp(std::floor(distance), 0.0, 511.0), rest = std::clamp(distance - i, 0.0, 1.0);
    const double a = table[static_cast<std::size_t>(i)], b = table[static_cast<std::size_t>(i) + 1];
    return a + (b - a) * rest;
  };
  if (v < t.lo_start) {
    if (v < t.le_start) return lut.le[0] + std::ldexp((v - t.le_start) * t.underflow_scale, -t.underflow_shift);
    return inside(lut.le, t.le_start, t.le_index_shift);
  }
  if (v >= t.lo_end) return lut.lo[512] + std::ldexp((v - t.lo_end) * t.overflow_scale, -t.overflow_shift);
  return inside(lut.lo, t.lo_start, t.lo_index_shift);
}

std::int64_t converted(const ElementWiseTask& e, std::int64_t x) {
  if (!e.convert) return x;
  return to_nearest(times(plus(x, e.offset), static_cast<std::int16_t>(e.scale)), e.shift, e.convert_half_up);
}
double converted(const ElementWiseTask& e, double x) {
  return !e.convert || e.scale == 1 ? x : x * half<double>(e.scale);  // the integer 1 stands for "as it is"
}

template <class T>
T operate(ElementWiseTask::Op op, T v, T x) {
  using Op = ElementWiseTask::Op;
  switch (op) {
    case Op::none: return v;
    case Op::mul: return times(v, x);
    case Op::max: return std::max(v, x);
    case Op::min: return std::min(v, x);
    case Op::add: return plus(v, x);
    case Op::sub:
      if constexpr (std::is_integral_v<T>) return plus(v, times(x, T{-1}));
      else return v - x;
    case Op::div:
      if constexpr (std::is_integral_v<T>) return v;  // refused by the decoder
      else return v / (x == 0 ? 1e-30 : x);
  }
  return v;
}

/// An integer pipeline's float result is the converted integer times 2^-MINUS_EXP.
double output(const DpuTask& t, std::int64_t v) {
  const ConverterTask& c = t.out;
  const Precision p = t.writer.precision;
  v = plus(to_nearest(times(v, c.scale), c.shift, c.half_up), c.offset);
  if (is_real(p)) return std::ldexp(static_cast<double>(v), -c.minus_exponent);
  const std::int64_t most = (std::int64_t{1} << (8 * bytes_of(p) - 1)) - 1;
  return static_cast<double>(std::clamp<std::int64_t>(v, -most - 1, most));
}

double output(const DpuTask& t, double v) {
  const ConverterTask& c = t.out;
  const Precision p = t.writer.precision;
  if (is_real(p)) return std::ldexp(v, -c.minus_exponent);
  const double most = std::ldexp(1.0, 8 * bytes_of(p) - 1) - 1;
  const double q = std::nearbyint(std::ldexp(v * c.scale, -c.shift)) + c.offset;
  return std::isnan(q) ? 0 : std::clamp(q, -most - 1, most);
}

template <class T>
Cube<T> element_operand(const ElementWiseTask& e, const Cube<T>& v, const Memory& memory) {
  constexpr const char* kWhat = "the DPU's element-wise DMA";
  if (e.op == ElementWiseTask::Op::none || !e.from_memory) return {};
  const std::int64_t base = memory.at(*e.at);
  if (e.per_channel) return read_cube<T>(memory, {base, kPixel, kPixel}, e.precision, v.channels, 1, 1, kWhat);
  return read_cube<T>(memory, {base, std::int64_t{v.width} * kPixel, e.surface}, e.precision, v.channels, v.height,
                      v.width, kWhat);
}

}  // namespace

template <class T>
Cube<double> run_dpu(const DpuTask& t, Cube<T> v, const Cube<T>* channel_sums, const Lut& lut, const Memory& memory) {
  const ElementWiseTask& e = t.ew;
  const Cube<T> memory_operand = element_operand(e, v, memory);
  const T constant = word<T>(e.constant);
  Cube<double> out(v.channels, v.height, v.width);
  for (int c = 0; c < v.channels; ++c) {
    const auto bs = operands<T>(t.bs, t.bs_table, c, memory), bn = operands<T>(t.bn, t.bn_table, c, memory);
    const T ow = t.ow && channel_sums ? static_cast<T>(t.bs_table.ow ? bs.ow : t.ow_operand) : T{};
    for (int y = 0; y < v.height; ++y)
      for (int x = 0; x < v.width; ++x) {
        T a = v(c, y, x);
        if (ow != T{}) a = plus(a, times(ow, (*channel_sums)(channel_sums->channels == 1 ? 0 : c, y, x)));
        if constexpr (std::is_integral_v<T>) a = shift_half_even(a, t.truncate);
        if (t.bs.active) a = bias_scale(t.bs, bs, a);
        if (t.bn.active) a = normalisation(t.bn, bn, a);
        if (e.active) {
          if (e.lut) a = look_up(t.lut, lut, a);
          if (e.op != ElementWiseTask::Op::none) {
            const T raw =
                !e.from_memory ? constant : (e.per_channel ? memory_operand(c, 0, 0) : memory_operand(c, y, x));
            a = operate(e.op, a, converted(e, raw));
            if constexpr (std::is_integral_v<T>) a = shift_half_away(a, e.truncate);
          }
          a = rectified(e.relu, e.relux, e.compare, a);
        }
        out(c, y, x) = output(t, a);
      }
  }
  return out;
}

template Cube<double> run_dpu<std::int64_t>(const DpuTask&, Cube<std::int64_t>, const Cube<std::int64_t>*, const Lut&,
                                            const Memory&);
template Cube<double> run_dpu<double>(const DpuTask&, Cube<double>, const Cube<double>*, const Lut&, const Memory&);

}  // namespace ez_rknn::npu::task
