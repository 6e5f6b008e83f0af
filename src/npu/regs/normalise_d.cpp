/// Family D: RV1103B and RV1106B. One BS stage and one stage that is BN or EW, never both. Integer networks only.
#include <cmath>

#include "npu/regs/fields.hpp"

namespace ez_rknn::npu {
namespace {

constexpr std::uint32_t kCna = 1;

std::optional<Stage> bias_scale(const Fields& f, const std::optional<TableRef>& table) {
  if (f.bit(0x4030, 0)) return std::nullopt;
  Stage s;
  if (!f.bit(0x4030, 4)) {
    s.alu = f.stage_alu(0x4030, 16, 19);
    if (f.bit(0x4030, 6) && !(table && table->bias))
      f.refuse(0x4030, 6, 6, "the ALU operand comes from a table that is not read");
    s.alu_operand = f.bit(0x4030, 6) ? Fields::table() : f.word(f[0x4034]);
  }
  s.mul = !f.bit(0x4030, 5);
  if (s.mul) {
    if (f.bit(0x4030, 7) && !(table && table->mul))
      f.refuse(0x4030, 7, 7, "the MUL operand comes from a table that is not read");
    s.mul_operand = f.bit(0x4030, 7) ? Fields::table() : f.half(f[0x4038]);
  }
  s.shift = f.number(0x4080, 0, 5);
  s.shift_negative = f.number(0x4080, 8, 13);
  if (f.bits(0x4080, 6, 7) || f.bits(0x4080, 14, 15)) f.refuse(0x4080, 0, 15, "a shift above 63");
  f.bounds(s.clamp, 0x403c, 0x4040);
  f.bounds(s.clamp, 0x4044, 0x4048);
  return s;
}

/// The merged stage: PReLU becomes a BN stage, everything else an element-wise one.
void merged(const Fields& f, Arithmetic& a) {
  constexpr std::uint16_t kConfig = 0x404c, kOperand = 0x4050;
  const std::uint32_t config = f[kConfig];
  if (config & 1) return;
  ElementWise e;
  e.lut = !(config & 0x800);
  if (config & 0x400) {
    Stage s;
    s.mul = s.prelu = true;
    if (config & 0x20) {  // a slope for every channel: int16, one after the other
      const auto slopes = f.regs.address(0x5038);
      if (!slopes) f.refuse(kConfig, 5, 5, "slopes from memory without an address");
      a.bn_table = TableRef{*slopes, false, false, true};
      s.mul_operand = Fields::table();
    } else {
      s.mul_operand = f.half(f[kOperand]);
    }
    // Behind a negative factor these are its sign.
    const bool sign = f.s16(kOperand) < 0 && f.bits(kOperand, 16, 31) == 0xffff;
    s.shift = s.shift_negative = sign ? 0 : f.number(kOperand, 16, 21);
    a.bn = s;
  } else if (!(config & 4)) {
    e.op = ElementWise::Op::mul;
    e.from_memory = config & 0x20;
  } else if (!(config & 2)) {
    e.op = f.element_alu(kConfig, 16, 18);
    e.from_memory = config & 0x10;
  }
  if (e.op != ElementWise::Op::none) {
    if (e.from_memory) {
      const std::uint32_t mode = f.bits(0x5034, 30, 31);
      if (mode > 1) f.refuse(0x5034, 30, 31, "a shape of the element-wise operand");
      e.per_channel = mode == 0;
    } else {
      e.constant = f.word(f[kOperand]);
    }
    e.convert = !(config & 0x80) && e.from_memory;
    e.offset = f.s16(0x4088, 16);
    e.scale = f.s16(0x4088);
    if (f.real) e.scale_real = e.scale == 1 ? 1.0f : f.half(f[0x4088]).real;
    e.operand_shift = f.number(kConfig, 20, 25);
  }
  f.bounds(e.clamp, 0x405c, 0x4060);
  f.bounds(e.clamp, 0x4064, 0x4068);
  // A Clip is (v - lower), held to 0..(upper - lower), + lower. Behind a convolution there is room for one addition:
  // the compiler keeps the second, and with it clips something else than the network does.
  if (f.regs.enable & kCna && e.op == ElementWise::Op::add && !e.from_memory && e.constant.value != 0 && e.clamp.lo &&
      e.clamp.hi)
    f.refuse(kOperand, 0, 31, "a fused Clip whose lower bound is lost, a compiler's fault");
  if (e.lut) {
    // Up to four segments beyond the tables. Where all of them begin at the table's end only the last has a length,
    // else the one next to the table stands for all.
    const bool last = f[0x4140] == f[0x414c];
    a.lut = {.le_start = f.s32(0x4110),
             .le_end = 0,
             .lo_start = 0,
             .lo_end = f.s32(0x4140),
             .le_index_shift = f.index_shift(0x410c, 8, 15),
             .lo_index_shift = f.index_shift(0x410c, 16, 23),
             .underflow_scale = f.s16(0x4154, 16),
             .overflow_scale = last ? f.s16(0x4174, 16) : f.s16(0x4170),
             .underflow_shift = f.number(0x4160, 24, 31),
             .overflow_shift = last ? f.number(0x4184, 24, 31) : f.number(0x4184, 0, 7)};
  }
  a.ew = e;
}

}  // namespace

void normalise_d(const Fields& f, Arithmetic& a) {
  const auto table = f.regs.address(0x5020);
  if (f.bit(0x501c, 2)) f.refuse(0x501c, 0, 3, "an unknown part in a per-channel table");
  if (table && f.bits(0x501c, 0, 3))
    a.bs_table = TableRef{*table, f.bit(0x501c, 0), f.bit(0x501c, 3), f.bit(0x501c, 1)};
  a.ow_table = a.bs_table && a.bs_table->ow;
  if (const std::uint32_t codes = f.bits(0x1078, 0, 15); !a.ow_table && codes != 0 && (f.regs.enable & kCna)) {
    const auto code = static_cast<std::int8_t>(codes);
    if ((codes >> 8) != (codes & 0xff)) f.refuse(0x1078, 0, 15, "two offsets of the weights that differ");
    a.ow_constant = code == INT8_MIN ? -code : code;  // as in tables
  }
  a.bs = bias_scale(f, a.bs_table);
  merged(f, a);
  a.out = {.offset = f.s32(0x408c), .scale = f.s16(0x4090), .shift = f.number(0x4090, 16, 21)};
  a.out.float_scale = std::ldexp(a.out.scale, -a.out.shift);
}

}  // namespace ez_rknn::npu
