/// Which layers the fused form of a tail fits, and its numbers.
#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

#include "npu/kernels/dpu/dpu_ref.hpp"
#include "npu/kernels/dpu/tail_plans.hpp"
#include "npu/kernels/element.hpp"
#include "npu/kernels/map.hpp"

namespace ez_rknn::npu::kernels {
namespace {

constexpr double kReach = 0x1p22;  ///< values up to here keep a bit for 1 beside 1.5 * 2^23
constexpr double kWhole = 0x1p24;  ///< every integer up to here is one of f32
constexpr double kInfinity = std::numeric_limits<double>::infinity();

/// A register's factor 2^-shift, exactly; infinite where f32 has no such number.
double factor(std::int64_t scale, int shift) {
  return std::abs(scale) < (1 << 24) ? std::ldexp(static_cast<double>(scale), -std::clamp(shift, 0, 64)) : kInfinity;
}

/// A range that clamps narrow.
struct Range {
  double lo = -kInfinity, hi = kInfinity;

  void clamp(const Clamp& c) {
    if (c.lo) lo = std::max<double>(lo, *c.lo), hi = std::max<double>(hi, *c.lo);
    if (c.hi) lo = std::min<double>(lo, *c.hi), hi = std::min<double>(hi, *c.hi);
  }
  double most() const { return std::max(std::abs(lo), std::abs(hi)); }
};

/// What is left of a product after its rounding has to fit f32 too.
bool scales(const ResolvedStage& s) { return !s.prelu && s.shift == s.shift_negative && s.shift <= 24; }

/// The stages as the fused form has them.
class Stages {
 public:
  Stages(const DpuLayer& layer, const Steps* inputs) : layer_(layer), inputs_(inputs) {}

  bool fit() {
    const auto& bs = layer_.bs;
    const auto& bn = layer_.bn;
    if (bs && bs->alu && (*bs->alu != Alu::add || bs->mul_first)) return false;
    if (bs && bs->mul && !scales(*bs)) return false;
    if (bs) before.clamp(bs->clamp);
    if (bn && !normalise(*bn)) return false;
    if (!element_wise()) return false;
    converter = factor(layer_.out.scale, layer_.out.shift);
    params.out_scale = static_cast<float>(converter), params.bn = static_cast<float>(second);
    constexpr double magic = 0x1.8p23;
    params.bn_rest = static_cast<float>(magic - magic * second);
    params.bn_beside = static_cast<double>(params.bn_rest) == magic - magic * second;
    params.offset = layer_.out.offset;
    params.by_sign = table() || operand > 0 || (before.lo < 0 && params.offset > -128);
    drop_needless_bounds();
    params.lo = static_cast<float>(before.lo), params.hi = static_cast<float>(before.hi);
    params.clamped = std::isfinite(before.lo) || std::isfinite(before.hi);
    params.sum_lo = static_cast<float>(after.lo), params.sum_hi = static_cast<float>(after.hi);
    return second > 0 && second < kReach && converter > 0 && converter < kReach && operand <= kReach &&
           std::abs(std::int64_t{layer_.out.offset}) <= (1 << 20) && exact(before) && exact(after);
  }

  /// Beyond this size a value behind BS gives what this size gives: an end of the table's steps or of int8.
  double needed() const {
    if (table() && inputs_) {
      double last = 0;
      for (const Change& c : inputs_->changes) last = std::max(last, std::abs(static_cast<double>(c.behind)) + 1);
      return (last + 1) / second + 1;
    }
    if (table()) {
      const LutRange& r = layer_.lut_range;
      return (std::max(std::abs(double(r.le_start)), std::abs(double(r.lo_end))) + 1) / second + 1;
    }
    if (params.multiplies) return kInfinity;  // the operand may be small
    const double result = (std::abs(double(layer_.out.offset)) + 130) / converter + operand;
    const double up = std::min(result, std::max(before.hi, 0.0)), down = std::min(result, std::max(-before.lo, 0.0));
    return std::max(up, down) + 1;
  }

  /// Whether values up to `reach` behind BS stay within 2^22 from there on.
  bool stays_small(double reach) const {
    const double v = std::min(reach, before.most());
    if (reach > kReach) return false;
    if (table()) return v * second <= kReach;
    const double combined = params.multiplies ? v * operand : v + operand;
    return combined <= 0x1p24 && std::min(combined, after.most()) * converter <= kReach;
  }

  /// Sets `floors` where rounding down gives every result that matters: of `most`, the largest value behind BS.
  void use_floors(double most) {
    constexpr double kMagic = 0x1.8p23;
    const double added = 0.5 + params.offset - (params.by_sign ? 0 : kMagic * converter);
    const double reach = std::min(most, needed());
    const auto bounded = [](double x) { return std::isinf(x) || std::abs(x) <= kReach; };
    // q * scale is a half where scale's factors of two make up for those that q lacks.
    const int shift = std::clamp(layer_.out.shift, 0, 64);
    const double first_tie = shift == 0 ? kInfinity : std::ldexp(1.0, shift - 1 - std::countr_zero(scale_bits()));
    params.floors = !table() && operand == 0 && reach < std::min(kReach, first_tie) && bounded(before.lo) &&
                    bounded(before.hi) && most * converter < 0x1p30 &&
                    static_cast<double>(static_cast<float>(added)) == added;
    params.floor_added = static_cast<float>(added);
    params.floor_limits = std::isfinite(before.lo) || std::isfinite(before.hi);
  }

  FusedParams params;

 private:
  std::uint64_t scale_bits() const { return static_cast<std::uint64_t>(layer_.out.scale); }

  /// In f32.
  static bool exact(const Range& r) {
    const auto fits = [](double x) { return std::isinf(x) || std::abs(x) < 0x1p24; };
    return fits(r.lo) && fits(r.hi);
  }
  bool table() const { return layer_.ew && layer_.ew->lut; }

  /// BN: bounds, or the factor before a look-up table.
  bool normalise(const ResolvedStage& bn) {
    const bool adds = std::ranges::any_of(bn.alu_value.values, [](auto x) { return x != 0; });
    if (bn.alu && (*bn.alu != Alu::add || adds)) return false;
    if (!bn.mul) {
      before.clamp(bn.clamp);
      return true;
    }
    second = factor(bn.mul_value[0], bn.shift);
    return table() && scales(bn) && bn.mul_value.values.size() == 1 && !bn.clamp.lo && !bn.clamp.hi;
  }

  /// Those that int8 has anyway.
  void drop_needless_bounds() {
    if (operand > 0 || table()) return;
    const auto result = [&](double v) { return std::nearbyint(v * converter) + layer_.out.offset; };
    if (result(before.lo) <= -128) before.lo = -kInfinity;
    if (result(before.hi) >= 127) before.hi = kInfinity;
  }

  bool element_wise() {
    if (!layer_.ew) return true;
    const ElementWise& e = *layer_.ew;
    if (e.lut) return true;  // and what follows the table is part of it
    if (e.op == ElementWise::Op::none) {
      before.clamp(e.clamp);
      return true;
    }
    after.clamp(e.clamp);
    params.multiplies = e.op == ElementWise::Op::mul;
    if ((e.op != ElementWise::Op::add && !params.multiplies) || !e.from_memory || e.result_shift > 0) return false;
    if (layer_.operand_type != DType::i8 && layer_.operand_type != DType::i16) return false;
    const double scale = e.convert ? factor(e.scale, e.operand_shift) : 1.0;
    const double offset = e.convert ? e.offset : 0.0;
    operand = (static_cast<double>(highest_of(layer_.operand_type)) + 1 + std::abs(offset)) * std::abs(scale) + 1;
    params.operand_offset = static_cast<float>(offset), params.operand_scale = static_cast<float>(scale);
    return std::abs(offset) < 0x1p23;
  }

  const DpuLayer& layer_;
  const Steps* const inputs_;
  Range before, after;
  double operand = 0;                ///< the most that the operand is
  double second = 1, converter = 1;  ///< factors of BN and of the output
};

/// BS in 32 bits, where they hold what still matters of every channel (`fits`).
template <class Fits>
bool use_words(const DpuLayer& layer, FusedPlan& plan, double bound, const Fits& fits) {
  const bool multiplies = layer.bs && layer.bs->mul;
  const int shift = multiplies ? std::max(layer.bs->shift, 0) : 0;
  if (shift > 24) return false;
  // Without a shift there is nothing to round: the same with one of 1, and twice the factors.
  const int doubled = shift == 0 ? 1 : 0;
  plan.params.shift = shift + doubled, plan.params.half = 1 << (shift + doubled - 1);
  plan.factor.assign(plan.bias.size(), 0), plan.most.assign(plan.bias.size(), 0);
  for (std::size_t c = 0; c < static_cast<std::size_t>(layer.channels); ++c) {
    const std::int64_t factor = std::int64_t{multiplies ? layer.bs->mul_value[c] : 1} << doubled;
    const double room =
        std::floor((0x1p31 - 1 - plan.params.half) / static_cast<double>(std::max<std::int64_t>(factor, 1)));
    const double most = std::min(room, bound);
    if (factor > INT32_MAX || most < 1 || !fits(c, most)) return false;
    plan.factor[c] = static_cast<std::int32_t>(factor), plan.most[c] = static_cast<std::int32_t>(most);
  }
  return true;
}

/// Bias, and half a unit where it is that for both signs, behind BS's factor; limits before both.
void merge_bias(FusedPlan& plan, bool by_sign) {
  const auto limit = [](std::int64_t v) {
    return static_cast<std::int32_t>(std::clamp<std::int64_t>(v, INT32_MIN, INT32_MAX));
  };
  for (std::size_t c = 0; c < plan.bias.size(); ++c) {
    const std::int64_t bias = plan.bias[c], most = plan.most[c];
    plan.start.push_back(static_cast<std::int32_t>(bias * plan.factor[c] + (by_sign ? 0 : plan.params.half)));
    plan.least_sum.push_back(limit(-most - bias)), plan.most_sum.push_back(limit(most - bias));
  }
}

}  // namespace

std::optional<FusedPlan> plan_fused(const DpuLayer& layer, std::span<const Interval> ranges, const Steps* inputs) {
  if (layer.real || layer.out_type != DType::i8 || layer.accumulator_shift > 0) return std::nullopt;
  Stages stages(layer, inputs);
  if (!stages.fit()) return std::nullopt;
  const auto padded = static_cast<std::size_t>(padded_channels(layer.channels));
  FusedPlan plan;
  plan.bias.assign(padded, 0), plan.bs.assign(padded, 0);
  const auto most_of = [&](std::size_t c) {
    const Interval& r = ranges.size() == 1 ? ranges[0] : ranges[c];
    return std::max(std::abs(r.lo + plan.bias[c]), std::abs(r.hi + plan.bias[c]));
  };
  double largest = 0, steepest = 0;
  for (std::size_t c = 0; c < static_cast<std::size_t>(layer.channels); ++c) {
    const std::int64_t bias = layer.bs && layer.bs->alu ? layer.bs->alu_value[c] : 0;
    const double slope = layer.bs && layer.bs->mul ? factor(layer.bs->mul_value[c], layer.bs->shift) : 1.0;
    if (bias < INT32_MIN || bias > INT32_MAX || slope < 0 || slope > 0x1p20) return std::nullopt;
    plan.bias[c] = static_cast<std::int32_t>(bias), plan.bs[c] = static_cast<float>(slope);
    if (most_of(c) > INT32_MAX) return std::nullopt;
    largest = std::max(largest, most_of(c)), steepest = std::max(steepest, slope);
  }
  const double bound = std::exp2(22 - std::ceil(std::log2(std::max(steepest, 1.0))));
  const auto fits = [&](std::size_t c, double limit) {
    const double slope = static_cast<double>(plan.bs[c]);
    return stages.stays_small(std::min(most_of(c), limit) * slope) &&
           (most_of(c) <= limit || limit * slope >= stages.needed());
  };
  const bool words = use_words(layer, plan, bound, fits);
  if (!words) {
    for (std::size_t c = 0; c < static_cast<std::size_t>(layer.channels); ++c)
      if (!fits(c, bound)) return std::nullopt;
    plan.factor.clear();
    if (largest > bound) stages.params.clamped = true;
    stages.params.bound = static_cast<float>(bound);
  }
  double most = 0;
  bool floors = true;
  for (std::size_t c = 0; c < static_cast<std::size_t>(layer.channels); ++c) {
    const auto slope = static_cast<double>(plan.bs[c]);
    most = std::max(most, most_of(c) * slope);
    floors = floors && (most_of(c) <= kWhole || kWhole * slope >= stages.needed());
  }
  if (floors) stages.use_floors(most);
  plan.held = kInfinity;
  for (std::size_t c = 0; c < static_cast<std::size_t>(layer.channels); ++c)
    if (const double limit = words ? plan.most[c] : bound; most_of(c) > limit)
      plan.held = std::min(plan.held, limit * static_cast<double>(plan.bs[c]));
  stages.params.held = plan.held < kInfinity;
  if (words && !reads_operand(layer)) merge_bias(plan, stages.params.by_sign);
  for (std::size_t c = 0; words && c < static_cast<std::size_t>(layer.channels); ++c)
    plan.largest = std::max(plan.largest, most_of(c) * plan.factor[c]);
  stages.params.half = plan.params.half, stages.params.shift = plan.params.shift;
  plan.params = stages.params;
  return plan;
}

}  // namespace ez_rknn::npu::kernels
