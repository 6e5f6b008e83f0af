/// Family C: RV1103 and RV1106. Integer networks only.
#include <cmath>

#include "npu/regs/fields.hpp"
#include "npu/regs/offset_weight.hpp"

namespace ez_rknn::npu {
namespace {

std::optional<TableRef> table_of(const Fields& f, std::uint16_t config, std::uint16_t address) {
  const std::uint32_t use = f.bits(config, 1, 4);
  const auto at = f.regs.address(address);
  if (!use || !at) return std::nullopt;
  if (use & 8) f.refuse(config, 1, 4, "a fourth part in a per-channel table");
  return TableRef{*at, (use & 1) != 0, (use & 2) != 0, (use & 4) != 0};
}

std::optional<Stage> bias_scale(const Fields& f, const std::optional<TableRef>& table) {
  if (f.bit(0x4040, 0)) return std::nullopt;
  Stage s;
  if (!f.bit(0x4040, 6)) {
    s.alu = Alu::add;
    f.refuse_lost_bias(0x4040, 7, table);
    s.alu_operand = f.bit(0x4040, 7) && table && table->bias ? Fields::table() : f.word(f[0x4018]);
  }
  s.mul = !f.bit(0x4050, 1);
  if (s.mul) s.mul_operand = table && table->mul ? Fields::table() : f.half(f[0x4048] >> 16);
  s.shift = f.number(0x4040, 9, 14);
  s.shift_negative = f.number(0x4054, 24, 29);
  s.prelu = f.bit(0x4048, 2);
  f.bounds(s.clamp, 0x404c, 0x401c);
  return s;
}

std::optional<Stage> normalisation(const Fields& f, const std::optional<TableRef>& table) {
  if (f.bit(0x4060, 0)) return std::nullopt;
  Stage s;
  if (!f.bit(0x4060, 1)) {
    s.alu = f.stage_alu(0x4060, 16, 19);
    if (f.bit(0x4060, 8) && !(table && table->bias))
      f.refuse(0x4060, 8, 8, "the ALU operand comes from a table that is not read");
    s.alu_operand = f.bit(0x4060, 8) ? Fields::table() : f.word(f[0x4064]);
  }
  s.mul = !f.bit(0x4060, 4);
  if (s.mul && f.bit(0x4068, 0) && !(table && table->mul))
    f.refuse(0x4068, 0, 0, "the MUL operand comes from a table that is not read");
  if (s.mul) s.mul_operand = f.bit(0x4068, 0) ? Fields::table() : f.half(f[0x4068] >> 16);
  s.shift = f.number(0x4068, 8, 13);
  s.shift_negative = f.number(0x4010, 10, 15);
  s.prelu = f.bit(0x4060, 5);
  f.bounds(s.clamp, 0x406c, 0x4028);
  f.bounds(s.clamp, 0x40e0, 0x40e4);
  return s;
}

}  // namespace

void normalise_c(const Fields& f, Arithmetic& a) {
  a.accumulator_shift = f.number(0x301c, 0, 4);
  a.bs_table = table_of(f, 0x501c, 0x5020);
  a.bn_table = table_of(f, 0x5028, 0x502c);
  a.ow_table = a.bs_table && a.bs_table->ow;
  if (!a.ow_table && f.bit(0x4054, 31) && f.s16(0x4054) != 0)
    a.ow_constant = offset_weight(static_cast<std::int16_t>(f.s16(0x4054)));
  a.bs = bias_scale(f, a.bs_table);
  a.bn = normalisation(f, a.bn_table);
  element_wise_bc(f, {0x4070, 0x4074, 0x4078, {0x407c, 0x40e8}, {0x402c, 0x40ec}}, a);
  if (a.ew && a.ew->lut) a.lut = f.lut_range();
  a.out = {.offset = f.s32(0x4080),
           .scale = f.s16(0x4084),
           .shift = f.number(0x4088, 0, 11),
           .exponent = f.number(0x4088, 12, 19)};
  a.out.float_scale = std::ldexp(a.out.scale, -a.out.shift - a.out.exponent);
}

}  // namespace ez_rknn::npu
