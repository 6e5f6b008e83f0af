#include "npu/kernels/dpu/tail_bounds.hpp"

#include <algorithm>
#include <cmath>

#include "npu/kernels/dpu/dpu_ref.hpp"
#include "npu/kernels/element.hpp"

namespace ez_rknn::npu::kernels {
namespace {

constexpr double kLimit = 0x1p51;

/// An interval that remembers whether it ever left the limit.
struct Tracked {
  Interval v;
  bool fits = true;

  void set(double lo, double hi) {
    v = {std::min(lo, hi), std::max(lo, hi)};
    fits = fits && v.lo > -kLimit && v.hi < kLimit;
  }
  void times(Interval x) {
    const auto [lo, hi] = std::minmax({v.lo * x.lo, v.lo * x.hi, v.hi * x.lo, v.hi * x.hi});
    set(lo, hi);
  }
  /// After a rounding shift: at most half a unit further out.
  void shift(int a, int b) {
    const double down = std::max(std::ldexp(1.0, -std::max(a, 0)), std::ldexp(1.0, -std::max(b, 0)));
    set(std::min(v.lo, 0.0) * down - 1, std::max(v.hi, 0.0) * down + 1);
  }
  void clamp(const Clamp& c) {
    double lo = v.lo, hi = v.hi;
    if (c.lo) lo = std::max<double>(lo, *c.lo), hi = std::max<double>(hi, *c.lo);
    if (c.hi) lo = std::min<double>(lo, *c.hi), hi = std::min<double>(hi, *c.hi);
    set(lo, hi);
  }
  void alu(Alu op, Interval x) {
    switch (op) {
      case Alu::max: return set(std::max(v.lo, x.lo), std::max(v.hi, x.hi));
      case Alu::min: return set(std::min(v.lo, x.lo), std::min(v.hi, x.hi));
      case Alu::sub: return set(v.lo - x.hi, v.hi - x.lo);
      default: return set(v.lo + x.lo, v.hi + x.hi);
    }
  }
};

/// MUL and its shift.
void multiply(const ResolvedStage& s, std::size_t c, Tracked& t) {
  const auto m = static_cast<double>(s.mul_value[c]);
  t.times({m, m});
  t.shift(s.shift, s.shift_negative);
}

/// The same where it depends on a value's sign: either side on its own, or a slope for one would count for both.
void multiply_by_sign(const ResolvedStage& s, std::size_t c, Tracked& t) {
  Tracked positive, negative;
  positive.set(std::max(t.v.lo, 0.0), std::max(t.v.hi, 0.0));
  negative.set(std::min(t.v.lo, 0.0), std::min(t.v.hi, 0.0));
  ResolvedStage below = s, above = s;
  if (!s.mul_first) below.shift = s.shift_negative, above.shift_negative = s.shift;
  multiply(below, c, negative);
  if (!s.prelu) {
    multiply(above, c, positive);
  } else if (s.mul_first) {  // up by the shift that follows
    Tracked up = positive;
    const double factor = std::ldexp(1.0, std::clamp(s.shift, 0, 62));
    up.times({factor, factor});
    positive.fits = up.fits;
  }
  t.fits = t.fits && positive.fits && negative.fits;
  t.set(std::min(positive.v.lo, negative.v.lo), std::max(positive.v.hi, negative.v.hi));
}

void stage(const ResolvedStage& s, std::size_t c, Tracked& t) {
  const auto add = [&] {
    const auto x = static_cast<double>(s.alu_value[c]);
    t.alu(*s.alu, {x, x});
  };
  if (!s.mul_first && s.alu) add();
  if (s.mul && s.mul_first && s.alu) {
    // PReLU leaves positive values as they are, up by the shift that follows the addition.
    const double m = s.mul_value[c], up = s.prelu ? std::ldexp(1.0, std::clamp(s.shift, 0, 62)) : m;
    t.times({std::min(m, up), std::max(m, up)});
    add();
    t.shift(s.shift, s.shift_negative);
  } else if (s.mul) {
    s.prelu || s.shift != s.shift_negative ? multiply_by_sign(s, c, t) : multiply(s, c, t);
  } else if (s.mul_first && s.alu) {
    add();
  }
  t.clamp(s.clamp);
}

Interval operand_range(const ElementWise& e, DType type, Tracked& check) {
  Tracked x;
  x.set(static_cast<double>(lowest_of(type)), static_cast<double>(highest_of(type)));
  if (e.convert) {
    x.alu(Alu::add, {static_cast<double>(e.offset), static_cast<double>(e.offset)});
    x.times({static_cast<double>(e.scale), static_cast<double>(e.scale)});
    x.shift(e.operand_shift, e.operand_shift);
  }
  check.fits = check.fits && x.fits;
  return x.v;
}

void element_wise(const DpuLayer& layer, Tracked& t) {
  const ElementWise& e = *layer.ew;
  if (e.lut) {
    const LutRange& r = layer.lut_range;
    Tracked beyond = t;  // the slopes' products
    beyond.alu(Alu::sub, {static_cast<double>(std::min(r.le_start, r.lo_end)),
                          static_cast<double>(std::max(r.le_start, r.lo_end))});
    beyond.times({static_cast<double>(std::min({r.underflow_scale, r.overflow_scale, 0})),
                  static_cast<double>(std::max({r.underflow_scale, r.overflow_scale, 0}))});
    t.fits = t.fits && beyond.fits;
    t.set(beyond.v.lo - 65536, beyond.v.hi + 65536);
  }
  if (e.op != ElementWise::Op::none) {
    const Interval x = e.from_memory
                           ? operand_range(e, layer.operand_type, t)
                           : Interval{static_cast<double>(e.constant.value), static_cast<double>(e.constant.value)};
    switch (e.op) {
      case ElementWise::Op::max: t.alu(Alu::max, x); break;
      case ElementWise::Op::min: t.alu(Alu::min, x); break;
      case ElementWise::Op::add: t.alu(Alu::add, x); break;
      case ElementWise::Op::sub: t.alu(Alu::sub, x); break;
      case ElementWise::Op::mul: t.times(x); break;
      default: t.fits = false; break;
    }
    t.shift(e.result_shift, e.result_shift);
  }
  t.clamp(e.clamp);
}

}  // namespace

bool exact_in_double(const DpuLayer& layer, std::size_t c, Interval v) {
  Tracked t;
  t.set(v.lo, v.hi);
  if (layer.bs) stage(*layer.bs, c, t);
  if (layer.bn) stage(*layer.bn, c, t);
  if (layer.ew) element_wise(layer, t);
  const auto offset = static_cast<double>(layer.out.offset);
  if (is_float(layer.out_type)) {
    t.alu(Alu::add, {offset, offset});
  } else {
    t.times({static_cast<double>(layer.out.scale), static_cast<double>(layer.out.scale)});
    t.shift(layer.out.shift, layer.out.shift);
    t.alu(Alu::add, {offset, offset});
  }
  return t.fits;
}

}  // namespace ez_rknn::npu::kernels
