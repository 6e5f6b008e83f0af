#include "npu/kernels/dpu/dpu_ref.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>

#include "ez_rknn/error.hpp"
#include "npu/kernels/element.hpp"
#include "npu/regs/rounding.hpp"

namespace ez_rknn::npu::kernels {
namespace {

using Limits = std::numeric_limits<std::int64_t>;

// 64 bits hold every value a real layer produces; operands nobody ever meant saturate instead of being undefined.
std::int64_t add(std::int64_t a, std::int64_t b) {
  std::int64_t r;
  return __builtin_add_overflow(a, b, &r) ? (b < 0 ? Limits::min() : Limits::max()) : r;
}
std::int64_t sub(std::int64_t a, std::int64_t b) {
  std::int64_t r;
  return __builtin_sub_overflow(a, b, &r) ? (b < 0 ? Limits::max() : Limits::min()) : r;
}
std::int64_t mul(std::int64_t a, std::int64_t b) {
  std::int64_t r;
  return __builtin_mul_overflow(a, b, &r) ? ((a < 0) == (b < 0) ? Limits::max() : Limits::min()) : r;
}

template <class T>
T alu_of(Alu op, T v, T x) {
  switch (op) {
    case Alu::max: return v < x ? x : v;
    case Alu::min: return x < v ? x : v;
    case Alu::sub:
      if constexpr (std::is_integral_v<T>) return sub(v, x);
      else return v - x;
    case Alu::div:
      if constexpr (std::is_integral_v<T>) return v;  // refused by check()
      else return v / (x == 0 ? 1e-30 : x);
    default:
      if constexpr (std::is_integral_v<T>) return add(v, x);
      else return v + x;
  }
}

std::int64_t clamp(const Clamp& c, std::int64_t v) {
  if (c.lo) v = std::max<std::int64_t>(v, *c.lo);
  if (c.hi) v = std::min<std::int64_t>(v, *c.hi);
  return v;
}
double clamp(const Clamp& c, double v) {
  if (c.lo_real && v < static_cast<double>(*c.lo_real)) v = static_cast<double>(*c.lo_real);
  if (c.hi_real && v > static_cast<double>(*c.hi_real)) v = static_cast<double>(*c.hi_real);
  return v;
}

}  // namespace

std::int64_t stage_ref(const ResolvedStage& s, std::size_t c, std::int64_t v) {
  const std::int64_t m = s.mul ? s.mul_value[c] : 1;
  if (s.mul_first) {
    // PReLU leaves the others as they are: up by the shift that follows.
    if (s.mul) v = s.prelu && v >= 0 ? mul(v, std::int64_t{1} << std::clamp(s.shift, 0, 62)) : mul(v, m);
    if (s.alu) v = alu_of<std::int64_t>(*s.alu, v, s.alu_value[c]);
    if (s.mul) v = shift_half_away(v, v >= 0 ? s.shift : s.shift_negative);
  } else {
    if (s.alu) v = alu_of<std::int64_t>(*s.alu, v, s.alu_value[c]);
    if (s.mul && !(s.prelu && v >= 0)) v = shift_half_away(mul(v, m), v >= 0 ? s.shift : s.shift_negative);
  }
  return clamp(s.clamp, v);
}

namespace {

double stage(const ResolvedStage& s, std::size_t c, double v) {
  const double m = s.mul ? static_cast<double>(s.mul_real[c]) : 1.0;
  const auto alu = [&] {
    if (s.alu) v = alu_of<double>(*s.alu, v, static_cast<double>(s.alu_real[c]));
  };
  if (!s.mul_first) alu();
  if (s.mul && !(s.prelu && v >= 0)) v *= m;
  if (s.mul_first) alu();
  return clamp(s.clamp, v);
}

}  // namespace

std::int64_t look_up(const Lut& lut, const LutRange& r, std::int64_t v) {
  const bool high = v >= r.lo_start;
  const auto& table = high ? lut.lo : lut.le;
  const std::int64_t start = high ? r.lo_start : r.le_start;
  const int shift = std::clamp(high ? r.lo_index_shift : r.le_index_shift, 0, 31);
  if (!high && v < start)
    return add(table[0], shift_half_away(mul(sub(v, start), r.underflow_scale), r.underflow_shift));
  if (high && v >= r.lo_end)
    return add(table[512], shift_half_away(mul(sub(v, r.lo_end), r.overflow_scale), r.overflow_shift));
  const std::int64_t distance = v - start, index = std::min<std::int64_t>(distance >> shift, 511);
  const std::int64_t fraction = std::min(distance - (index << shift), std::int64_t{1} << shift);
  const auto i = static_cast<std::size_t>(index);
  return table[i] + shift_half_away((std::int64_t{table[i + 1]} - table[i]) * fraction, shift);
}

namespace {

double look_up_real(const Lut& lut, const LutRange& r, double v) {
  const bool high = !(v < r.lo_start);
  const auto& table = high ? lut.lo : lut.le;
  const double start = high ? r.lo_start : r.le_start;
  if (!high && v < start) return table[0] + (v - start) * std::ldexp(r.underflow_scale, -r.underflow_shift);
  if (high && v >= r.lo_end) return table[512] + (v - r.lo_end) * std::ldexp(r.overflow_scale, -r.overflow_shift);
  const double position = std::ldexp(v - start, -(high ? r.lo_index_shift : r.le_index_shift));
  if (std::isnan(position)) return position;
  const double index = std::clamp(std::floor(position), 0.0, 511.0);
  const auto i = static_cast<std::size_t>(index);
  return table[i] + (table[i + 1] - table[i]) * std::clamp(position - index, 0.0, 1.0);
}

template <class T>
T operate(ElementWise::Op op, T v, T x) {
  using Op = ElementWise::Op;
  switch (op) {
    case Op::none: return v;
    case Op::max: return alu_of(Alu::max, v, x);
    case Op::min: return alu_of(Alu::min, v, x);
    case Op::add: return alu_of(Alu::add, v, x);
    case Op::div: return alu_of(Alu::div, v, x);
    case Op::sub: return alu_of(Alu::sub, v, x);
    case Op::mul:
      if constexpr (std::is_integral_v<T>) return mul(v, x);
      else return v * x;
  }
  return v;
}

/// BS, BN and EW: everything before the output converter.
std::int64_t before_converter(const DpuLayer& layer, std::size_t c, std::int64_t v, std::int64_t operand) {
  if (layer.bs) v = stage_ref(*layer.bs, c, v);
  if (layer.bn) v = stage_ref(*layer.bn, c, v);
  if (!layer.ew) return v;
  const ElementWise& e = *layer.ew;
  if (e.lut) v = look_up(layer.lut, layer.lut_range, v);
  if (e.op != ElementWise::Op::none) {
    std::int64_t x = e.from_memory ? operand : e.constant.value;
    if (e.from_memory && e.convert) x = shift_half_even(mul(add(x, e.offset), e.scale), e.operand_shift);
    v = shift_half_away(operate(e.op, v, x), e.result_shift);
  }
  return clamp(e.clamp, v);
}

}  // namespace

std::int64_t dpu_ref(const DpuLayer& layer, int c, std::int64_t v, std::int64_t operand) {
  v = before_converter(layer, static_cast<std::size_t>(c), v, operand);
  v = add(shift_half_even(mul(v, layer.out.scale), layer.out.shift), layer.out.offset);
  return std::clamp(v, lowest_of(layer.out_type), highest_of(layer.out_type));
}

double dpu_ref_int_to_real(const DpuLayer& layer, int c, std::int64_t v, std::int64_t operand) {
  v = add(before_converter(layer, static_cast<std::size_t>(c), v, operand), layer.out.offset);
  return static_cast<double>(v) * layer.out.float_scale;
}

double dpu_ref_real(const DpuLayer& layer, int c, float source, float operand) {
  const auto channel = static_cast<std::size_t>(c);
  double v = static_cast<double>(source);
  if (layer.bs) v = stage(*layer.bs, channel, v);
  if (layer.bn) v = stage(*layer.bn, channel, v);
  if (layer.ew) {
    const ElementWise& e = *layer.ew;
    if (e.lut) v = look_up_real(layer.lut, layer.lut_range, v);
    double x = static_cast<double>(e.from_memory ? operand : e.constant.real);
    if (e.from_memory && e.convert) x *= static_cast<double>(e.scale_real);
    v = clamp(e.clamp, operate(e.op, v, x));
  }
  if (is_float(layer.out_type)) {
    v *= layer.out.float_scale;
    // The PPU that may follow reads what the DPU wrote: f32.
    return layer.ppu_scale == 1.0f ? v
                                   : static_cast<double>(static_cast<float>(v)) * static_cast<double>(layer.ppu_scale);
  }
  v = std::nearbyint(std::ldexp(v * layer.out.scale, -layer.out.shift)) + layer.out.offset;
  if (std::isnan(v)) return static_cast<double>(lowest_of(layer.out_type));
  return std::clamp(v, static_cast<double>(lowest_of(layer.out_type)), static_cast<double>(highest_of(layer.out_type)));
}

bool reads_operand(const DpuLayer& layer) {
  return layer.ew && layer.ew->op != ElementWise::Op::none && layer.ew->from_memory;
}

void finish_ref(const DpuLayer& layer, int c, std::int64_t v, const std::byte* operand, std::byte* out) {
  const std::size_t size = size_of(layer.operand_type);
  const std::int64_t x =
      operand ? load_integer(operand + static_cast<std::size_t>(c) * size, layer.operand_type) : std::int64_t{0};
  out += static_cast<std::size_t>(c) * size_of(layer.out_type);
  if (is_float(layer.out_type)) store_real(out, layer.out_type, dpu_ref_int_to_real(layer, c, v, x));
  else store_integer(out, layer.out_type, dpu_ref(layer, c, v, x));
}

void finish_ref(const DpuLayer& layer, int c, float v, const std::byte* operand, std::byte* out) {
  const std::size_t size = size_of(layer.operand_type);
  const float x = operand ? load_real(operand + static_cast<std::size_t>(c) * size, layer.operand_type) : 0.0f;
  out += static_cast<std::size_t>(c) * size_of(layer.out_type);
  const double result = dpu_ref_real(layer, c, v, x);
  if (is_float(layer.out_type)) store_real(out, layer.out_type, result);
  else store_integer(out, layer.out_type, static_cast<std::int64_t>(result));
}

void clear_padding(const DpuLayer& layer, std::byte* pixel) {
  const std::size_t size = size_of(layer.out_type);
  const auto used = static_cast<std::size_t>(layer.channels) * size;
  std::memset(pixel + used, 0, static_cast<std::size_t>(padded_channels(layer.channels)) * size - used);
}

void check(const DpuLayer& layer) {
  const auto fail = [](const std::string& what) { throw InvalidArgument("DPU layer: " + what); };
  if (layer.channels < 1) fail("channels is " + std::to_string(layer.channels) + ", at least 1 is needed");
  const auto table = [&](const char* name, std::size_t n, bool needed) {
    if (n == 0 ? needed : n != 1 && n != static_cast<std::size_t>(layer.channels))
      fail(std::string(name) + " has " + std::to_string(n) + " entries, expected 1 or " +
           std::to_string(layer.channels));
  };
  table("OW", layer.ow.values.size(), false);
  for (const auto* s : {&layer.bs, &layer.bn}) {
    if (!*s) continue;
    const ResolvedStage& r = **s;
    table("ALU operand", layer.real ? r.alu_real.values.size() : r.alu_value.values.size(), r.alu.has_value());
    table("MUL operand", layer.real ? r.mul_real.values.size() : r.mul_value.values.size(), r.mul);
    if (!layer.real && r.alu == Alu::div) throw Unsupported("DPU: integer division in a stage's ALU");
  }
  if (layer.ew && !layer.real && layer.ew->op == ElementWise::Op::div)
    throw Unsupported("DPU: integer division in the element-wise stage");
  const auto type = [&](const char* name, DType t) {
    if (!is_map_integer(t) && !is_map_real(t)) fail(std::string(name) + " type " + name_of(t) + " is no map type");
  };
  type("output", layer.out_type);
  if (reads_operand(layer)) {
    type("operand", layer.operand_type);
    if (!layer.real && !is_map_integer(layer.operand_type))
      throw Unsupported(std::string("DPU: operand of type ") + name_of(layer.operand_type) + " in an integer pipeline");
  }
}

}  // namespace ez_rknn::npu::kernels
