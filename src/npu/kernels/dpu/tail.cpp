#include "npu/kernels/dpu/tail.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "npu/kernels/dpu/dpu_ref.hpp"
#include "npu/kernels/dpu/tail_narrow.hpp"
#include "npu/kernels/dpu/tail_plans.hpp"
#include "npu/kernels/dpu/tail_variants.hpp"
#include "npu/kernels/element.hpp"
#include "npu/regs/rounding.hpp"

namespace ez_rknn::npu::kernels {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

TailType type_of(DType t) {
  switch (t) {
    case DType::i8: return TailType::i8;
    case DType::i16: return TailType::i16;
    case DType::f16: return TailType::f16;
    case DType::bf16: return TailType::bf16;
    case DType::f32: return TailType::f32;
    default: return TailType::i32;
  }
}

TailAlu alu_of(Alu op) {
  switch (op) {
    case Alu::max: return TailAlu::max;
    case Alu::min: return TailAlu::min;
    case Alu::div: return TailAlu::div;
    case Alu::sub: return TailAlu::sub;
    default: return TailAlu::add;
  }
}

TailAlu alu_of(ElementWise::Op op) {
  using Op = ElementWise::Op;
  switch (op) {
    case Op::none: return TailAlu::none;
    case Op::max: return TailAlu::max;
    case Op::min: return TailAlu::min;
    case Op::add: return TailAlu::add;
    case Op::div: return TailAlu::div;
    case Op::sub: return TailAlu::sub;
    case Op::mul: return TailAlu::mul;
  }
  return TailAlu::none;
}

/// 2^-shift as the rounding functions mean it: no negative shifts.
double down(int shift) { return std::ldexp(1.0, -std::max(shift, 0)); }

const TailKernels* kernels_for(cpu::Isa isa) {
#if defined(__x86_64__)
  if (isa >= cpu::Isa::avx512 && isa <= cpu::Isa::amx) return &kTailAvx512;
  if (isa == cpu::Isa::avx2) return &kTailAvx2;
#elif defined(__aarch64__)
  if (isa >= cpu::Isa::neon) return &kTailNeon;
#endif
  (void)isa;
  return nullptr;
}

void tail_ref(const TailParams& t, const TailTile& tile) {
  const DpuLayer& layer = *t.layer;
  const int begin = tile.first_group * kChannelAlign;
  const int end = std::min(begin + tile.groups * kChannelAlign, padded_channels(layer.channels));
  const std::size_t size = size_of(layer.out_type);
  for (int p = 0; p < tile.pixels; ++p) {
    const std::byte* source = tile.accumulators + p * tile.accumulator_pixel;
    const std::byte* operand = t.operand ? tile.operand + p * tile.operand_pixel : nullptr;
    std::byte* out = tile.out + p * tile.out_pixel;
    for (int c = begin; c < end; ++c, source += t.wide ? 8 : 4) {
      if (c >= layer.channels) {
        std::fill_n(out + static_cast<std::size_t>(c) * size, size, std::byte{0});
      } else if (layer.real) {
        finish_ref(layer, c, load_as<float>(source), operand, out);
      } else {
        std::int64_t v = t.wide ? static_cast<std::int64_t>(load_as<double>(source)) : load_as<std::int32_t>(source);
        if (tile.window_sums) v += std::int64_t{tile.window_factors[c]} * tile.window_sums[p];
        finish_ref(layer, c, shift_half_even(v, layer.accumulator_shift), operand, out);
      }
    }
  }
}

void tail_narrow(const TailParams& t, const TailTile& tile) {
  TailTile others = tile;
  if (tile.first_group + tile.groups == padded_channels(t.channels) / kChannelAlign) {
    others.groups = tile.groups - 1;
    (*t.narrow)(tile, tile.accumulators + std::ptrdiff_t{others.groups} * kChannelAlign * 4);
  }
  if (others.groups > 0) t.others(t, others);
}

/// Owns what the parameters point to.
class PreparedTail final : public Tail {
 public:
  PreparedTail(const DpuLayer& layer, std::span<const Interval> ranges, cpu::Isa isa, Accumulator accumulator)
      : layer_(layer) {
    params_.layer = &layer_;
    params_.wide = accumulator == Accumulator::f64;
    params_.channels = layer_.channels;
    params_.operand = reads_operand(layer_);
    params_.per_channel = params_.operand && layer_.ew->per_channel;
    const TailKernels* kernels = kernels_for(isa);
    if (kernels && !params_.wide) narrow_ = NarrowTail::make(layer_, ranges, isa);
    if (narrow_ && layer_.channels < kChannelAlign) {
      function_ = tail_narrow, name_ = "narrow";
      params_.narrow = narrow_.get();
      return;
    }
    const bool table_fits = !(layer_.ew && layer_.ew->lut) || table_inputs() <= kMaxTable;
    if (kernels && layer_.real && layer_.out_type != DType::i32) {
      prepare_common();
      prepare_real();
      function_ = kernels->real, name_ = "real";
      if ((linear_ = plan_linear(layer_))) take_linear(*kernels);
    } else if (kernels && !layer_.real && table_fits && exact(ranges)) {
      prepare_common();
      prepare_integer();
      function_ = kernels->exact, name_ = "exact";
      if (!params_.wide) choose_faster(*kernels, ranges);
      if (params_.lut.active && reads_table_) fill_table();  // it has up to 2^17 entries
    } else {
      function_ = tail_ref, name_ = "ref";
    }
    if (narrow_) params_.narrow = narrow_.get(), params_.others = function_, function_ = tail_narrow;
  }

 private:
  static constexpr std::int64_t kMaxTable = 1 << 17;
  static constexpr float kMostMended = 0.007f;  ///< a pixel in five has a value that is done twice

  std::int64_t table_inputs() const {
    const std::int64_t n = std::int64_t{layer_.lut_range.lo_end} - layer_.lut_range.le_start + 1;
    const bool ordered =
        layer_.lut_range.le_start <= layer_.lut_range.lo_start && layer_.lut_range.lo_start <= layer_.lut_range.lo_end;
    return ordered ? n : kMaxTable + 1;
  }

  bool exact(std::span<const Interval> ranges) const {
    for (int c = 0; c < layer_.channels; ++c) {
      const auto channel = static_cast<std::size_t>(c);
      if (!exact_in_double(layer_, channel, ranges.size() == 1 ? ranges[0] : ranges[channel])) return false;
    }
    return true;
  }

  template <class To, class From>
  const To* expand(const Channels<From>& values, std::vector<To>& to) {
    if (!values) return nullptr;
    to.assign(static_cast<std::size_t>(padded_channels(layer_.channels)), To{0});
    for (std::size_t c = 0; c < static_cast<std::size_t>(layer_.channels); ++c) to[c] = static_cast<To>(values[c]);
    return to.data();
  }

  struct Arrays {
    std::vector<double> alu, mul;
    std::vector<float> alu_real, mul_real;
  };

  void prepare_stage(const std::optional<ResolvedStage>& from, bool& active, StageParams& to, Arrays& arrays) {
    active = from.has_value();
    if (!active) return;
    to.mul_first = from->mul_first, to.mul = from->mul, to.prelu = from->prelu;
    to.alu = from->alu ? alu_of(*from->alu) : TailAlu::none;
    to.alu_value = expand(from->alu_value, arrays.alu);
    to.mul_value = expand(from->mul_value, arrays.mul);
    to.alu_real = expand(from->alu_real, arrays.alu_real);
    to.mul_real = expand(from->mul_real, arrays.mul_real);
    to.up = std::ldexp(1.0, std::clamp(from->shift, 0, 62));
    to.down = down(from->shift), to.down_negative = down(from->shift_negative);
    to.lo = from->clamp.lo ? *from->clamp.lo : -kInfinity;
    to.hi = from->clamp.hi ? *from->clamp.hi : kInfinity;
    to.lo_real = from->clamp.lo_real.value_or(-std::numeric_limits<float>::infinity());
    to.hi_real = from->clamp.hi_real.value_or(std::numeric_limits<float>::infinity());
  }

  void prepare_common() {
    lanes_.assign(static_cast<std::size_t>(padded_channels(layer_.channels)), 0);
    std::fill_n(lanes_.begin(), layer_.channels, -1);
    params_.lanes = lanes_.data();
    params_.accumulator_down = down(layer_.accumulator_shift);
    prepare_stage(layer_.bs, params_.has_bs, params_.bs, bs_);
    prepare_stage(layer_.bn, params_.has_bn, params_.bn, bn_);
    const OutputConvert& o = layer_.out;
    params_.out_type = type_of(layer_.out_type);
    params_.operand_type = type_of(layer_.operand_type);
    params_.out_scale = o.scale * down(o.shift);
    params_.out_offset = o.offset;
    params_.out_lo = static_cast<double>(lowest_of(layer_.out_type));
    params_.out_hi = static_cast<double>(highest_of(layer_.out_type));
    params_.out_float_scale = o.float_scale;
    params_.out_real_scale = static_cast<float>(is_float(layer_.out_type) ? o.float_scale : params_.out_scale);
    params_.ppu_scale = layer_.ppu_scale;
    params_.ew_lo = -kInfinity, params_.ew_hi = kInfinity;
    params_.ew_lo_real = -std::numeric_limits<float>::infinity();
    params_.ew_hi_real = std::numeric_limits<float>::infinity();
    if (!layer_.ew) return;
    const ElementWise& e = *layer_.ew;
    params_.ew = alu_of(e.op);
    params_.convert = e.convert;
    params_.round_result = e.result_shift > 0;
    params_.operand_offset = e.offset, params_.operand_scale = e.scale * down(e.operand_shift);
    params_.constant = e.constant.value, params_.result_down = down(e.result_shift);
    if (e.clamp.lo) params_.ew_lo = *e.clamp.lo;
    if (e.clamp.hi) params_.ew_hi = *e.clamp.hi;
    params_.operand_real_scale = e.scale_real, params_.constant_real = e.constant.real;
    if (e.clamp.lo_real) params_.ew_lo_real = *e.clamp.lo_real;
    if (e.clamp.hi_real) params_.ew_hi_real = *e.clamp.hi_real;
    params_.lut.active = e.lut;
  }

  void prepare_integer() {
    if (!params_.lut.active) return;
    const LutRange& r = layer_.lut_range;
    LookUpParams& l = params_.lut;
    l.first = r.le_start, l.last = r.lo_end;
    l.slopes = r.underflow_scale != 0 || r.overflow_scale != 0;
    l.underflow = r.underflow_scale, l.underflow_down = down(r.underflow_shift);
    l.overflow = r.overflow_scale, l.overflow_down = down(r.overflow_shift);
  }

  void fill_table() {
    const LutRange& r = layer_.lut_range;
    const auto entries = static_cast<std::size_t>(table_inputs());
    table_.resize(entries + 1);              // a gather reads one entry further
    for (std::size_t i = 0; i < entries;) {  // the entries of a step lie on a line: look_up, without finding the step
      const std::int64_t v = r.le_start + static_cast<std::int64_t>(i);
      const bool high = v >= r.lo_start;
      const int shift = std::clamp(high ? r.lo_index_shift : r.le_index_shift, 0, 16);
      const std::size_t rest = entries - i, step = std::size_t{1} << shift;
      const std::int64_t index = (v - (high ? r.lo_start : r.le_start)) >> shift;
      const std::size_t border = high ? rest - 1 : static_cast<std::size_t>(std::int64_t{r.lo_start} - v);
      if (index > 511 || v == r.lo_end) {
        table_[i++] = static_cast<std::int16_t>(look_up(layer_.lut, r, v));
        continue;
      }
      const auto& entry = high ? layer_.lut.lo : layer_.lut.le;
      const std::int32_t a = entry[static_cast<std::size_t>(index)];
      const std::int32_t rise = entry[static_cast<std::size_t>(index) + 1] - a;
      const std::size_t count = std::min({step, rest, border});
      for (std::size_t f = 0; f < count; ++f)
        table_[i + f] = static_cast<std::int16_t>(a + shift_half_away(std::int64_t{rise} * std::int64_t(f), shift));
      i += count;
    }
    params_.lut.table = table_.data();
  }

  void choose_faster(const TailKernels& kernels, std::span<const Interval> ranges) {
    if (params_.lut.active && !params_.operand && layer_.out_type == DType::i8) {
      bytes_ = plan_bytes(layer_);
      params_.bytes_ends = ends_matter(layer_, bytes_);
      function_ = kernels.bytes, name_ = "bytes";
      if (const Steps inputs = steps_of_inputs(layer_, bytes_); use_fused(ranges, &inputs)) {
        params_.fused.table_ties = ties_matter(layer_, inputs);
        name_ = params_.fused.factor ? "words_bytes" : "fused_bytes";
        if ((steps_ = plan_steps(layer_, inputs, *fused_, kernels.table_entries, kernels.load_cost))) {
          const StepParams& s = steps_->params;
          params_.steps = &s;
          reads_table_ = false;
          function_ = kernels.steps, two_pixels_ = s.results ? kernels.steps_of_two : nullptr;
          name_ = s.results ? s.inputs ? "input_loads" : "loads" : s.inputs ? "input_steps" : "steps";
        }
      }
      if (function_ == kernels.bytes) {
        bytes_.resize(bytes_.size() + 3);  // a gather of words reads so many further
        params_.bytes = bytes_.data();
        reads_table_ = params_.bytes_ends;
      } else {
        let_go(bytes_);
      }
    } else if (use_fused(ranges)) {
      function_ = kernels.fused, name_ = params_.fused.factor ? "words" : "fused";
      if (params_.fused.start) function_ = kernels.whole, name_ = params_.fused.held ? "words_held" : "words_whole";
      if (params_.fused.floors && kernels.floors) function_ = kernels.floors, name_ = "floors";
      if (mends(kernels) && use_affine(ranges) && params_.affine.off <= kMostMended)
        function_ = kernels.mended, name_ = "mended";
    } else if (use_affine(ranges)) {
      function_ = kernels.affine, name_ = "affine";
    }
  }

  bool mends(const TailKernels& kernels) const {
    return params_.operand && layer_.operand_type == DType::i8 && (kernels.mends_words || !params_.fused.factor);
  }

  template <class T>
  static void let_go(std::vector<T>& of) {
    of = std::vector<T>();  // = {} would keep the memory
  }

  bool use_affine(std::span<const Interval> ranges) {
    affine_ = plan_affine(layer_, ranges);
    if (!affine_) return false;
    params_.affine = affine_->params;
    params_.affine.bias = affine_->bias.data(), params_.affine.start = affine_->start.data();
    params_.affine.slope = affine_->slope.data();
    params_.affine.slope_negative = affine_->slope_negative.data();
    return true;
  }

  void take_linear(const TailKernels& kernels) {
    using Form = LinearPlan::Form;
    params_.linear = linear_->params;
    params_.linear.bias = linear_->bias.data();
    params_.linear.slope = linear_->slope.data();
    params_.linear.added = linear_->added.data();
    params_.linear.entries = linear_->entries.data() + linear_->entries.size() / 2;
    switch (linear_->form) {
      case Form::plain: function_ = kernels.linear, name_ = "linear"; return;
      case Form::bias: function_ = kernels.linear_bias, name_ = "linear_bias"; return;
      case Form::add: function_ = kernels.linear_add, name_ = "linear_add"; return;
      case Form::table: function_ = kernels.linear_table, name_ = "linear_table"; return;
    }
  }

  bool use_fused(std::span<const Interval> ranges, const Steps* inputs = nullptr) {
    fused_ = plan_fused(layer_, ranges, inputs);
    if (!fused_) return false;
    params_.fused = fused_->params;
    params_.fused.bias = fused_->bias.data(), params_.fused.bs = fused_->bs.data();
    params_.fused.factor = fused_->factor.empty() ? nullptr : fused_->factor.data();
    params_.fused.most = fused_->most.data();
    if (fused_->start.empty()) return true;
    params_.fused.start = fused_->start.data();
    params_.fused.least_sum = fused_->least_sum.data(), params_.fused.most_sum = fused_->most_sum.data();
    return true;
  }

  void prepare_real() {
    if (!params_.lut.active) return;
    const LutRange& r = layer_.lut_range;
    LookUpParams& l = params_.lut;
    for (const auto* table : {&layer_.lut.le, &layer_.lut.lo})
      for (std::size_t i = 0; i < 512; ++i)
        pairs_.push_back(static_cast<std::int32_t>(static_cast<std::uint16_t>((*table)[i]) |
                                                   static_cast<std::uint32_t>((*table)[i + 1]) << 16));
    l.pairs = pairs_.data();
    l.le_first = layer_.lut.le[0], l.lo_last = layer_.lut.lo[512];
    // A table that ends before its last entry jumps there, as with a slope of 0.
    const bool whole = std::int64_t{r.lo_end} - r.lo_start == std::int64_t{512} << std::clamp(r.lo_index_shift, 0, 31);
    l.slopes = r.underflow_scale != 0 || r.overflow_scale != 0 || !whole;
    l.le_start = static_cast<float>(r.le_start), l.lo_start = static_cast<float>(r.lo_start);
    l.lo_end = static_cast<float>(r.lo_end);
    l.le_step = std::ldexp(1.0f, -r.le_index_shift), l.lo_step = std::ldexp(1.0f, -r.lo_index_shift);
    l.underflow_slope = std::ldexp(static_cast<float>(r.underflow_scale), -r.underflow_shift);
    l.overflow_slope = std::ldexp(static_cast<float>(r.overflow_scale), -r.overflow_shift);
  }

  const DpuLayer layer_;
  Arrays bs_, bn_;
  std::vector<std::int32_t> lanes_;
  std::vector<std::int16_t> table_;
  bool reads_table_ = true;
  std::vector<std::int32_t> pairs_;
  std::vector<std::uint8_t> bytes_;
  std::optional<StepPlan> steps_;
  std::optional<FusedPlan> fused_;
  std::optional<AffinePlan> affine_;
  std::optional<LinearPlan> linear_;
  std::unique_ptr<const NarrowTail> narrow_;
};

}  // namespace

bool may_round_by_floors(const DpuLayer& layer) {
  return !layer.real && !(layer.ew && layer.ew->lut) && !reads_operand(layer);
}

std::unique_ptr<const Tail> make_tail(const DpuLayer& layer, std::span<const Interval> ranges, cpu::Isa isa,
                                      Accumulator accumulator) {
  return std::make_unique<PreparedTail>(layer, ranges, isa, accumulator);
}

}  // namespace ez_rknn::npu::kernels
