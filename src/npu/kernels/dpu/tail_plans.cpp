#include "npu/kernels/dpu/tail_plans.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>

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
    if (s.alu) {
      const std::int64_t x = s.alu_value[c];
      if (*s.alu != Alu::add || ((scaled_ || (s.mul_first && s.mul)) && x != 0) || lo_ || hi_) return false;
      bias += x;
    }
    if (s.mul) {
      const double m = s.mul_value[c];
      if (m <= 0) return false;
      if (!s.prelu) scale(m * down(s.shift), s.shift > 0, slope, error_);
      scale(m * down(s.shift_negative), s.shift_negative > 0, slope_negative, error_negative_);
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
      if (lo_ || hi_ || (e.from_memory && layer.operand_type != DType::i8 && layer.operand_type != DType::i16))
        return false;
      if (!e.from_memory) {
        intercept = e.constant.value;
      } else {
        operand_slope = e.convert ? e.scale * down(e.operand_shift) : 1.0;
        intercept = e.convert ? e.offset * operand_slope : 0.0;
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
    if (o.scale <= 0 || std::abs(o.offset) > (1 << 20)) return false;
    all(o.scale * down(o.shift), false);
    lo = lowest_of(type) - o.offset, hi = highest_of(type) - o.offset;
    if (lo_) lo = std::clamp(shift_half_even(bounded(*lo_) * o.scale, o.shift), lo, hi);
    if (hi_) hi = std::clamp(shift_half_even(bounded(*hi_) * o.scale, o.shift), lo, hi);
    return true;
  }

  double error() const { return std::max(error_, error_negative_); }

  std::int64_t bias = 0;
  double slope = 1, slope_negative = 1, operand_slope = 0, intercept = 0;
  std::int64_t lo = 0, hi = 0;

 private:
  static std::int64_t bounded(std::int64_t v) { return std::clamp<std::int64_t>(v, INT32_MIN, INT32_MAX); }
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
  plan.bias.assign(padded, 0), plan.slope.assign(padded, 0), plan.slope_negative.assign(padded, 0);
  AffineParams& a = plan.params;
  double limit = 0.5;
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
    a.operand_slope = static_cast<float>(chain.operand_slope), a.intercept = static_cast<float>(chain.intercept);
    plan.bias[c] = static_cast<std::int32_t>(chain.bias);
    plan.slope[c] = static_cast<float>(chain.slope);
    plan.slope_negative[c] = static_cast<float>(chain.slope_negative);
    a.two_slopes = a.two_slopes || plan.slope[c] != plan.slope_negative[c];
    // f32 rounds each term a few times; terms matter while their sum is inside the bounds.
    const double operand = (layer.operand_type == DType::i8 ? 128.0 : 32768.0) * std::abs(chain.operand_slope);
    const double terms = std::abs(double(lo)) + std::abs(double(hi)) + 2 * operand + 2 * std::abs(chain.intercept) + 4;
    limit = std::min(limit, 0.5 - chain.error() - terms * 0x1p-22);
  }
  if (limit < kLeastLimit) return std::nullopt;
  a.limit = static_cast<float>(limit);
  a.offset = layer.out.offset;
  return plan;
}

std::vector<std::uint8_t> plan_bytes(const DpuLayer& layer) {
  DpuLayer after = layer;  // the table's input is the value here
  after.bs.reset(), after.bn.reset();
  const std::int64_t first = layer.lut_range.le_start, last = layer.lut_range.lo_end;
  std::vector<std::uint8_t> bytes;
  bytes.reserve(static_cast<std::size_t>(last - first + 1));
  for (std::int64_t v = first; v <= last; ++v) bytes.push_back(static_cast<std::uint8_t>(dpu_ref(after, 0, v, 0)));
  return bytes;
}

std::optional<SegmentPlan> plan_segments(std::span<const std::uint8_t> bytes) {
  constexpr std::size_t kLength = 128, kSegments = 256;
  if (bytes.size() > kSegments * kLength + 1) return std::nullopt;
  SegmentPlan plan;
  SegmentParams& s = plan.params;
  std::memset(&s, 0, sizeof s);
  std::memset(s.place, 0xff, sizeof s.place);
  for (std::size_t segment = 0; segment * kLength < bytes.size() && segment < kSegments; ++segment) {
    const std::size_t begin = segment * kLength;
    // The last input of a full table belongs to the last segment.
    const std::size_t end = segment == kSegments - 1 ? bytes.size() : std::min(begin + kLength, bytes.size());
    s.start[segment] = bytes[begin];
    int places = 0, direction = 0;
    for (std::size_t i = begin + 1; i < end; ++i) {
      const int step = int(std::int8_t(bytes[i])) - int(std::int8_t(bytes[i - 1]));
      if (step == 0) continue;
      const int sign = step > 0 ? 1 : -1;
      if (direction == -sign || places + std::abs(step) > SegmentParams::kMost) return std::nullopt;
      direction = sign;
      for (int n = std::abs(step); n > 0; --n) s.place[places++][segment] = static_cast<std::uint8_t>(i - begin);
    }
    if (direction < 0) s.down[segment] = 0xff, plan.falls = true;
    plan.places = std::max(plan.places, places);
  }
  return plan;
}

}  // namespace ez_rknn::npu::kernels
