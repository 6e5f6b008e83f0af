#include "npu/kernels/dpu/tail_plans.hpp"

#include <algorithm>
#include <cmath>

#include "npu/kernels/dpu/dpu_ref.hpp"
#include "npu/kernels/element.hpp"
#include "npu/regs/rounding.hpp"

namespace ez_rknn::npu::kernels {
namespace {

/// A further limit would be decided by the exact path too often: at 0.47 for six values in a hundred.
constexpr double kLeastLimit = 0.47;

double down(int shift) { return std::ldexp(1.0, -std::max(shift, 0)); }

/// One channel on its way through the stages: slope and the most that roundings so far have moved it, for accumulators
/// (bias added) of either sign; bounds as clamps have set them.
class Chain {
 public:
  bool stage(const ResolvedStage& s, std::size_t c) {
    const bool mul_first = s.mul_first && s.mul;
    std::int64_t x = 0;
    if (s.alu) {
      x = s.alu_value[c];
      if (*s.alu != Alu::add || lo_ || hi_) return false;
      if (!scaled_ && !mul_first) bias += x;
      else if (!mul_first) intercept += static_cast<double>(x);
    }
    if (s.mul) {
      const double m = s.mul_value[c];
      const bool by_sign = s.prelu || s.shift != s.shift_negative;
      const bool shifted = x != 0 && (mul_first || scaled_);  // its sign is no longer the accumulator's
      if (m <= 0 || (by_sign && (intercept != 0 || shifted))) return false;
      intercept *= m * down(s.shift);
      if (!s.prelu) scale(m * down(s.shift), s.shift > 0, slope, error_);
      scale(m * down(s.shift_negative), s.shift_negative > 0, slope_negative, error_negative_);
      if (mul_first) intercept += static_cast<double>(x) * down(s.shift);
      scaled_ = true;
    }
    if (lo_) lo_ = stage_ref(s, c, *lo_);
    if (hi_) hi_ = stage_ref(s, c, *hi_);
    clamp(s.clamp);
    return true;
  }

  bool element_wise(const DpuLayer& layer) {
    const ElementWise& e = *layer.ew;
    if (e.lut) return false;
    if (e.op == ElementWise::Op::add) {
      if (bounded() || (e.from_memory && layer.operand_type != DType::i8 && layer.operand_type != DType::i16))
        return false;
      if (!e.from_memory) {
        intercept += e.constant.value;
      } else {
        operand_slope = e.convert ? e.scale * down(e.operand_shift) : 1.0;
        if (e.convert) intercept += e.offset * operand_slope;
        if (e.convert && e.operand_shift > 0) error_ += 0.5, error_negative_ += 0.5;
      }
      all(down(e.result_shift), e.result_shift > 0);
    } else if (e.op != ElementWise::Op::none) {
      return false;
    }
    clamp(e.clamp);
    return true;
  }

  /// The converter's own rounding is the one that is done; the bounds become those of the result without its offset.
  bool convert(const OutputConvert& o, DType type) {
    if (o.scale <= 0 || std::abs(std::int64_t{o.offset}) > (1 << 20)) return false;
    all(o.scale * down(o.shift), false);
    lo = lowest_of(type) - o.offset, hi = highest_of(type) - o.offset;
    if (lo_) lo = std::clamp(shift_half_even(word(*lo_) * o.scale, o.shift), lo, hi);
    if (hi_) hi = std::clamp(shift_half_even(word(*hi_) * o.scale, o.shift), lo, hi);
    return true;
  }

  bool bounded() const { return lo_ || hi_; }
  double error() const { return std::max(error_, error_negative_); }

  std::int64_t bias = 0;
  double slope = 1, slope_negative = 1, operand_slope = 0, intercept = 0;
  std::int64_t lo = 0, hi = 0;

 private:
  static std::int64_t word(std::int64_t v) { return std::clamp<std::int64_t>(v, INT32_MIN, INT32_MAX); }
  static void scale(double factor, bool rounds, double& of, double& error) {
    of *= factor;
    error = error * factor + (rounds ? 0.5 : 0.0);
  }
  void all(double factor, bool rounds) {
    scale(factor, rounds, slope, error_);
    scale(factor, rounds, slope_negative, error_negative_);
    operand_slope *= factor, intercept *= factor;
  }
  void clamp(const Clamp& c) {
    if (c.lo) lo_ = lo_ ? std::max<std::int64_t>(*lo_, *c.lo) : *c.lo;
    if (c.lo && hi_) hi_ = std::max<std::int64_t>(*hi_, *c.lo);
    if (c.hi) hi_ = hi_ ? std::min<std::int64_t>(*hi_, *c.hi) : *c.hi;
    if (c.hi && lo_) lo_ = std::min<std::int64_t>(*lo_, *c.hi);
  }

  bool scaled_ = false;
  double error_ = 0, error_negative_ = 0;
  std::optional<std::int64_t> lo_, hi_;
};

}  // namespace

std::optional<AffinePlan> plan_affine(const DpuLayer& layer, std::span<const Interval> ranges) {
  if (layer.real || layer.out_type != DType::i8 || layer.accumulator_shift > 0) return std::nullopt;
  const auto padded = static_cast<std::size_t>(padded_channels(layer.channels));
  AffinePlan plan;
  plan.bias.assign(padded, 0), plan.start.assign(padded, 0);
  plan.slope.assign(padded, 0), plan.slope_negative.assign(padded, 0);
  AffineParams& a = plan.params;
  double limit = 0.5, off = 0, reach = 0;
  std::vector<double> start(padded, 0);
  for (std::size_t c = 0; c < static_cast<std::size_t>(layer.channels); ++c) {
    Chain chain;
    if (layer.bs && !chain.stage(*layer.bs, c)) return std::nullopt;
    if (layer.bn && !chain.stage(*layer.bn, c)) return std::nullopt;
    if (layer.ew && !chain.element_wise(layer)) return std::nullopt;
    if (!chain.convert(layer.out, layer.out_type)) return std::nullopt;
    const Interval range = ranges.size() == 1 ? ranges[0] : ranges[c];
    const auto bias = static_cast<double>(chain.bias);
    if (range.lo + bias < INT32_MIN || range.hi + bias > INT32_MAX) return std::nullopt;
    const auto lo = static_cast<float>(chain.lo), hi = static_cast<float>(chain.hi);
    if (c > 0 && (lo != a.lo || hi != a.hi)) return std::nullopt;  // one pair of bounds for all channels
    a.lo = lo, a.hi = hi;
    if (chain.intercept != 0 && chain.operand_slope == 0) return std::nullopt;  // added together with the operand only
    const auto intercept = static_cast<float>(chain.intercept);
    if (c > 0 && intercept != a.intercept) return std::nullopt;
    a.operand_slope = static_cast<float>(chain.operand_slope), a.intercept = intercept;
    plan.bias[c] = static_cast<std::int32_t>(chain.bias);
    plan.slope[c] = static_cast<float>(chain.slope);
    plan.slope_negative[c] = static_cast<float>(chain.slope_negative);
    a.two_slopes = a.two_slopes || plan.slope[c] != plan.slope_negative[c];
    // f32 rounds each term a few times; terms matter while their sum is inside the bounds.
    const double operand = (layer.operand_type == DType::i8 ? 128.0 : 32768.0) * std::abs(chain.operand_slope);
    const double terms = std::abs(double(lo)) + std::abs(double(hi)) + 2 * operand + 2 * std::abs(chain.intercept) + 4;
    limit = std::min(limit, 0.5 - chain.error() - terms * 0x1p-22);
    start[c] = bias * chain.slope + chain.intercept + layer.out.offset;
    off = std::max(off, chain.error() + (terms - 2 * std::abs(chain.intercept) + 2 * std::abs(start[c])) * 0x1p-22);
    const double most = std::max(std::abs(range.lo + bias), std::abs(range.hi + bias));
    reach = std::max(reach, most * std::max(chain.slope, chain.slope_negative) + operand + std::abs(chain.intercept));
  }
  if (limit < kLeastLimit) return std::nullopt;
  a.limit = static_cast<float>(limit);
  a.off = static_cast<float>(off), a.doubtful = static_cast<float>(2 * off * (1 + 0x1p-20));
  for (std::size_t c = 0; c < static_cast<std::size_t>(layer.channels); ++c)
    plan.start[c] = static_cast<float>(start[c] + 0.5 + off);
  a.offset = layer.out.offset;
  a.bounded =
      reach >= 0x1p21 || a.lo != static_cast<float>(-128 - a.offset) || a.hi != static_cast<float>(127 - a.offset);
  return plan;
}

}  // namespace ez_rknn::npu::kernels
