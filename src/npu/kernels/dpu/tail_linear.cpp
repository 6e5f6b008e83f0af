#include <algorithm>
#include <cmath>
#include <limits>

#include "npu/kernels/dpu/tail_plans.hpp"

namespace ez_rknn::npu::kernels {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr int kEntries = 512;  ///< of each half of the table

struct Limits {
  float lo = -kInfinity, hi = kInfinity;
  bool none() const { return lo == -kInfinity && hi == kInfinity; }
};
Limits limits_of(const Clamp& c) { return {c.lo_real.value_or(-kInfinity), c.hi_real.value_or(kInfinity)}; }

/// What a stage is: x * slope + added, in this order or the sum first.
bool is_line(const std::optional<ResolvedStage>& s) {
  return !s || (!(s->mul && s->prelu) && (!s->alu_real || (s->alu && *s->alu == Alu::add)) && (!s->alu || s->alu_real));
}

float slope_of(const std::optional<ResolvedStage>& s, std::size_t c) { return s && s->mul ? s->mul_real[c] : 1.0f; }
float added_of(const std::optional<ResolvedStage>& s, std::size_t c) {
  if (!s || !s->alu) return 0.0f;
  return s->mul_first ? s->alu_real[c] : s->alu_real[c] * slope_of(s, c);
}

/// Two halves of the same step, one behind the other, with neither gap nor jump.
bool even(const Lut& lut, const LutRange& r) {
  const std::int64_t half = std::int64_t{kEntries} << std::clamp(r.le_index_shift, 0, 31);
  return r.le_index_shift == r.lo_index_shift && r.le_index_shift >= 0 && r.le_index_shift <= 31 &&
         std::int64_t{r.lo_start} - r.le_start == half && std::int64_t{r.lo_end} - r.lo_start == half &&
         lut.le[kEntries] == lut.lo[0];
}

void take_table(const DpuLayer& layer, LinearPlan& plan) {
  plan.form = LinearPlan::Form::table;
  const float step = std::ldexp(1.0f, -layer.lut_range.lo_index_shift);
  const auto start = static_cast<float>(layer.lut_range.lo_start);
  for (float& s : plan.slope) s *= step;
  for (float& a : plan.added) a = (a - start) * step;
  const auto scale = static_cast<float>(layer.out.float_scale);
  for (const auto* half : {&layer.lut.le, &layer.lut.lo})
    for (std::size_t i = 0; i < kEntries; ++i) {
      plan.entries.push_back(static_cast<float>((*half)[i]) * scale);
      plan.entries.push_back(static_cast<float>((*half)[i + 1] - (*half)[i]) * scale);
    }
}

}  // namespace

std::optional<LinearPlan> plan_linear(const DpuLayer& layer) {
  if (!layer.real || layer.out_type != DType::f16 || layer.ppu_scale != 1.0f) return std::nullopt;
  if (!is_line(layer.bs) || !is_line(layer.bn) || (layer.bs && layer.bs->mul)) return std::nullopt;
  Limits limits = layer.bn ? limits_of(layer.bn->clamp) : Limits{};
  if (layer.bs && !limits_of(layer.bs->clamp).none()) {
    if (layer.bn) return std::nullopt;
    limits = limits_of(layer.bs->clamp);
  }

  LinearPlan plan;
  const bool line = layer.bn && (layer.bn->mul || layer.bn->alu);
  const std::size_t channels = static_cast<std::size_t>((layer.channels + 15) / 16 * 16);
  plan.bias.assign(channels, 0.0f), plan.slope.assign(channels, 1.0f), plan.added.assign(channels, 0.0f);
  for (std::size_t c = 0; c < static_cast<std::size_t>(layer.channels); ++c) {
    plan.bias[c] = added_of(layer.bs, c);
    plan.slope[c] = slope_of(layer.bn, c), plan.added[c] = added_of(layer.bn, c);
  }

  const ElementWise none;
  const ElementWise& e = layer.ew ? *layer.ew : none;
  if (e.lut) {
    if (!limits.none() || e.op != ElementWise::Op::none || !limits_of(e.clamp).none() ||
        !even(layer.lut, layer.lut_range))
      return std::nullopt;
    take_table(layer, plan);
    return plan;
  }
  if (static_cast<float>(layer.out.float_scale) != 1.0f) return std::nullopt;
  if (layer.ew && !limits_of(e.clamp).none()) {
    if (!limits.none()) return std::nullopt;
    limits = limits_of(e.clamp);
  } else if (e.op != ElementWise::Op::none && !limits.none()) {
    return std::nullopt;
  }
  plan.params.lo = limits.lo, plan.params.hi = limits.hi;
  plan.form = line ? LinearPlan::Form::plain : LinearPlan::Form::bias;
  if (e.op == ElementWise::Op::none) return plan;
  const bool scaled = e.convert && e.scale_real != 1.0f;
  if (line || e.op != ElementWise::Op::add || !e.from_memory || e.per_channel || scaled ||
      layer.operand_type != DType::f16)
    return std::nullopt;
  plan.form = LinearPlan::Form::add;
  return plan;
}

}  // namespace ez_rknn::npu::kernels
