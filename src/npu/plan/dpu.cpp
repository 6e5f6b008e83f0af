#include "npu/plan/dpu.hpp"

#include <algorithm>

#include "ez_rknn/error.hpp"
#include "npu/plan/tables.hpp"

namespace ez_rknn::npu::plan {
namespace {

template <class T>
kernels::Channels<T> operand(const Operand& o, const std::vector<T>& table, T value, const char* what) {
  if (!o.table) return {{value}};
  if (table.empty()) throw ModelError(0, std::string(what) + " is taken from a table that does not hold it");
  return {table};
}

kernels::ResolvedStage resolve_stage(const Stage& s, const ChannelTable& table, bool real) {
  kernels::ResolvedStage r;
  r.mul_first = s.mul_first, r.alu = s.alu, r.mul = s.mul, r.prelu = s.prelu, r.clamp = s.clamp;
  r.shift = s.shift, r.shift_negative = s.shift_negative;
  if (s.alu && real) r.alu_real = operand(s.alu_operand, table.bias_real, s.alu_operand.real, "an ALU operand");
  if (s.alu && !real) r.alu_value = operand(s.alu_operand, table.bias, s.alu_operand.value, "an ALU operand");
  if (s.mul && real) r.mul_real = operand(s.mul_operand, table.mul_real, s.mul_operand.real, "a MUL operand");
  if (s.mul && !real) r.mul_value = operand(s.mul_operand, table.mul, s.mul_operand.value, "a MUL operand");
  return r;
}

bool same(const Operand& a, const Operand& b) { return a.table == b.table && a.value == b.value && a.real == b.real; }
bool same(const Clamp& a, const Clamp& b) {
  return a.lo == b.lo && a.hi == b.hi && a.lo_real == b.lo_real && a.hi_real == b.hi_real;
}
bool same(const std::optional<Stage>& a, const std::optional<Stage>& b) {
  if (!a || !b) return !a && !b;
  return a->mul_first == b->mul_first && a->alu == b->alu && a->mul == b->mul && a->prelu == b->prelu &&
         (!a->alu || same(a->alu_operand, b->alu_operand)) &&
         (!a->mul ||
          (same(a->mul_operand, b->mul_operand) && a->shift == b->shift && a->shift_negative == b->shift_negative)) &&
         same(a->clamp, b->clamp);
}
bool same(const std::optional<ElementWise>& a, const std::optional<ElementWise>& b) {
  if (!a || !b) return !a && !b;
  return a->lut == b->lut && a->op == b->op && a->from_memory == b->from_memory && a->per_channel == b->per_channel &&
         same(a->constant, b->constant) && a->convert == b->convert && a->offset == b->offset && a->scale == b->scale &&
         a->scale_real == b->scale_real && a->operand_shift == b->operand_shift && a->result_shift == b->result_shift &&
         same(a->clamp, b->clamp);
}
bool same(const std::optional<TableRef>& a, const std::optional<TableRef>& b) {
  if (!a || !b) return !a && !b;
  return a->address.tensor == b->address.tensor && a->bias == b->bias && a->ow == b->ow && a->mul == b->mul;
}

bool unbounded(const Clamp& c) { return !c.lo && !c.hi && !c.lo_real && !c.hi_real; }

}  // namespace

kernels::DpuLayer resolve(const Chip& chip, const file::Graph& graph, const Arithmetic& arithmetic, const Lut& lut,
                          int channels, DType out_type) {
  const Arithmetic& a = arithmetic;
  switch (out_type) {
    case DType::i8:
    case DType::i16:
    case DType::i32:
    case DType::f16:
    case DType::bf16:
    case DType::f32: break;
    default: throw Unsupported(std::string("the DPU does not write elements of type ") + name_of(out_type));
  }
  const auto table = [&](const std::optional<TableRef>& ref) {
    return ref ? read_table(chip, graph, *ref, channels, a.real, a.brain) : ChannelTable{};
  };
  const ChannelTable bs = table(a.bs_table);
  kernels::DpuLayer layer;
  layer.real = a.real, layer.channels = channels, layer.out_type = out_type;
  layer.accumulator_shift = a.accumulator_shift;
  if (!a.real) {
    if (a.ow_table) layer.ow = operand<std::int32_t>({.table = true}, bs.ow, 0, "OW");
    else if (a.ow_constant && *a.ow_constant != 0) layer.ow = {{*a.ow_constant}};
  }
  if (a.bs) layer.bs = resolve_stage(*a.bs, bs, a.real);
  if (a.bn) layer.bn = resolve_stage(*a.bn, table(a.bn_table), a.real);
  layer.ew = a.ew;
  if (a.ew && a.ew->lut) {
    const auto empty = [](const auto& half) {
      return std::all_of(half.begin(), half.end(), [](auto v) { return !v; });
    };
    if (empty(lut.le) && empty(lut.lo)) throw Unsupported("it uses a look-up table that the file never uploads");
    if (a.brain) throw Unsupported("a look-up table of a bfloat16 pipeline, whose scale the file does not hold");
    layer.lut = lut, layer.lut_range = a.lut;
  }
  layer.out = a.out, layer.ppu_scale = a.ppu_scale;
  return layer;
}

bool same_arithmetic(const Arithmetic& a, const Arithmetic& b) {
  return a.real == b.real && a.brain == b.brain && a.ow_constant == b.ow_constant && a.ow_table == b.ow_table &&
         a.accumulator_shift == b.accumulator_shift && same(a.bs_table, b.bs_table) && same(a.bn_table, b.bn_table) &&
         same(a.bs, b.bs) && same(a.bn, b.bn) && same(a.ew, b.ew) && a.out.offset == b.out.offset &&
         a.out.scale == b.out.scale && a.out.shift == b.out.shift && a.out.exponent == b.out.exponent &&
         a.out.float_scale == b.out.float_scale && (!a.ew || !a.ew->lut || a.lut == b.lut) &&
         a.ppu_scale == b.ppu_scale;
}

std::optional<double> pure_scale(const kernels::DpuLayer& layer) {
  if (!layer.real || layer.ppu_scale != 1.0f) return std::nullopt;
  if (layer.ew && (layer.ew->lut || layer.ew->op != ElementWise::Op::none || !unbounded(layer.ew->clamp)))
    return std::nullopt;
  double scale = layer.out.float_scale;
  for (const auto* stage : {&layer.bs, &layer.bn}) {
    if (!*stage) continue;
    const auto& s = **stage;
    if (s.alu || s.prelu || !unbounded(s.clamp)) return std::nullopt;
    if (!s.mul) continue;
    if (s.mul_real.values.size() != 1) return std::nullopt;
    scale *= static_cast<double>(s.mul_real.values[0]);
  }
  return scale;
}

}  // namespace ez_rknn::npu::plan
