/// Family A: RK3588, and RK3566/68 with a few fields elsewhere.
#include <cmath>

#include "npu/regs/fields.hpp"
#include "npu/regs/offset_weight.hpp"

namespace ez_rknn::npu {
namespace {

/// Which parts a table has: bits 1..4 of BRDMA_CFG or NRDMA_CFG.
std::optional<TableRef> table_of(const Fields& f, std::uint16_t config, std::uint16_t address) {
  const std::uint32_t use = f.bits(config, 1, 4);
  const auto at = f.regs.address(address);
  if (!use || !at) return std::nullopt;
  if (use & 8) f.refuse(config, 1, 4, "a fourth part in a per-channel table");
  return TableRef{*at, (use & 1) != 0, (use & 2) != 0, (use & 4) != 0};
}

/// BS and BN have the same layout of fields, at other addresses.
struct StageMap {
  std::uint16_t config, alu, mul, compare;
  int negative_shift;  ///< lowest bit of the field in DATA_FORMAT
};
constexpr StageMap kBs{0x4040, 0x4044, 0x4048, 0x404c, 4}, kBn{0x4060, 0x4064, 0x4068, 0x406c, 10};

std::optional<Stage> stage_of(const Fields& f, const StageMap& at, const std::optional<TableRef>& table) {
  const std::uint32_t config = f[at.config];
  if (config & 1) return std::nullopt;
  Stage s;
  if (!(config & 2)) {
    s.alu = f.chip.alu_algo_bit == 16 ? f.stage_alu(at.config, 16, 19) : f.stage_alu(at.config, 2, 3);
    if (config & 0x100) {
      if (!table || !table->bias)
        f.refuse(at.config, 8, 8, "the ALU operand comes from a table the task does not read");
      s.alu_operand = Fields::table();
    } else {
      // The compiler adds what a bound is below 0: without a lower bound the largest float, in which the layer drowns.
      if (f.real && (f[at.alu] & 0x7fffffff) == 0x7f7fffff)
        f.refuse(at.alu, 0, 31, "a fused Clip without a lower bound, whose upper bound the file does not hold,");
      s.alu_operand = f.word(f[at.alu]);
    }
  }
  if (!(config & 0x10)) {
    s.mul = true;
    if (f.bit(at.mul, 0)) {
      if (!table || !table->mul) f.refuse(at.mul, 0, 0, "the MUL operand comes from a table the task does not read");
      s.mul_operand = Fields::table();
    } else {
      s.mul_operand = f.half(f[at.mul] >> 16);
    }
    s.shift = f.number(at.mul, 8, 13);
    s.shift_negative = f.number(0x4010, at.negative_shift, at.negative_shift + 5);
    s.prelu = config & 0x20;
  }
  if (!(config & 0x40) && !(config & 0x80 && !f.is_bound(at.compare))) {
    f.relu(s.clamp);
    if (config & 0x80) f.upper(s.clamp, at.compare);
  }
  return s;
}

std::optional<ElementWise> element_wise(const Fields& f, Arithmetic& a) {
  constexpr std::uint16_t kConfig = 0x4070;
  const std::uint32_t config = f[kConfig];
  if (config & 1) return std::nullopt;
  const bool rk3566 = f.chip.alu_algo_bit != 16;
  ElementWise e;
  e.lut = !(config & 0x80);
  if (!(config & 2)) {
    if (!rk3566 && config & 0x300000) f.refuse(kConfig, 20, 21, "the EW unit's comparison modes");
    if (config & 0x20 && !rk3566) f.refuse(kConfig, 5, 5, "an element-wise PReLU");
    e.op = config & 4 ? ElementWise::Op::mul : (rk3566 ? f.element_alu(kConfig, 3, 5) : f.element_alu(kConfig, 16, 19));
    e.from_memory = config & 0x40;
    e.per_channel = e.from_memory && f.bits(kConfig, 28, 29) == 0;
    if (e.from_memory && f.bits(kConfig, 28, 29) > 1) f.refuse(kConfig, 28, 29, "a shape of the element-wise operand");
    if (!e.from_memory) e.constant = f.word(f[0x4090]);
    e.convert = !(config & 0x100);
    if (e.convert && !e.from_memory) f.refuse(kConfig, 8, 8, "the conversion of an element-wise constant");
    e.offset = f.s32(0x4074);
    e.scale = f.s16(0x4078);
    if (f.real) e.scale_real = e.scale == 1 ? 1.0f : f.half(f[0x4078]).real;  // 1, not f16 1.0, stands for "as it is"
    e.operand_shift = f.number(0x4078, 16, 21);
    e.result_shift = f.number(0x4078, 22, 31);
    // Two DMAs share one operand: even surfaces from 5018, odd ones from 5038. Its first byte is what 5018 names.
    if (e.from_memory && !rk3566 && f.bits(0x5044, 8, 10) && !(f[0x5044] & 1)) a.operand = a.source;
  }
  if (!(config & 0x200) && !(config & 0x400 && !f.is_bound(0x407c))) {
    f.relu(e.clamp);
    if (config & 0x400) f.upper(e.clamp, 0x407c);
  }
  if (e.lut) a.lut = f.lut_range();
  return e;
}

}  // namespace

void normalise_a(const Fields& f, Arithmetic& a) {
  a.accumulator_shift = f.number(0x301c, 0, 4);
  a.bs_table = table_of(f, 0x501c, 0x5020);
  a.bn_table = table_of(f, 0x5028, 0x502c);
  if (!f.bit(0x4050, 1)) {
    a.ow_table = a.bs_table && a.bs_table->ow;
    if (!a.ow_table && f.s16(0x4054) != 0) a.ow_constant = offset_weight(static_cast<std::int16_t>(f.s16(0x4054)));
  }
  a.bs = stage_of(f, kBs, a.bs_table);
  a.bn = stage_of(f, kBn, a.bn_table);
  if (a.bn) a.bn->mul_first = true;
  a.ew = element_wise(f, a);
  a.out = {.offset = f.s32(0x4080),
           .scale = f.s16(0x4084),
           .shift = f.number(0x4088, 0, 11),
           .exponent = f.number(0x4088, 12, 19)};
  const std::uint32_t result = f.bits(0x4010, 29, 31);
  if (!f.real && (result == 2 || result == 5) && a.out.offset != 0)
    f.refuse(0x4080, 0, 31, "an output offset of an integer pipeline with float results");
  a.out.float_scale =
      f.real ? std::ldexp(1.0, -a.out.exponent) : std::ldexp(a.out.scale, -a.out.shift - a.out.exponent);
}

}  // namespace ez_rknn::npu
