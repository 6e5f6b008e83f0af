/// Family B: RK3562, and RK3576/RV1126B, which keep the operands of BS and BN in small constant tensors instead of
/// registers.
#include <cmath>
#include <string>

#include "core/byte_reader.hpp"
#include "npu/regs/fields.hpp"
#include "npu/regs/offset_weight.hpp"

namespace ez_rknn::npu {
namespace {

/// Operands of one stage from its configuration tensor. The parts present stand one after another in this order.
struct ConfigTensor {
  bool alu = false, ow = false, mul = false, shifts = false;
  std::uint32_t alu_raw = 0;
  std::uint16_t ow_raw = 0, mul_raw = 0;
  int shift = 0, shift_negative = 0;
};

ConfigTensor read_config(const Fields& f, const file::Graph& graph, std::uint16_t parts, std::uint16_t address) {
  ConfigTensor c;
  const std::uint32_t use = f.bits(parts, 0, 4);
  if (use & 1) f.refuse(parts, 0, 4, "an unknown part of a configuration tensor");
  if (!(use & 0x1e)) return c;
  const auto at = f.regs.address(address);
  if (!at || at->tensor < 0 || static_cast<std::size_t>(at->tensor) >= graph.tensors.size())
    f.refuse(parts, 0, 4, "operands in a configuration tensor, but no tensor is named");
  const file::Tensor& tensor = graph.tensors[static_cast<std::size_t>(at->tensor)];
  const ByteReader bytes(tensor.data);
  std::uint64_t p = at->addend;
  const std::string what = "configuration tensor " + tensor.name;
  if (use & 2) {  // 16 bytes for values >= 0, 16 for the others; always equal where seen
    c.alu = true;
    c.alu_raw = bytes.get<std::uint32_t>(p, what.c_str());
    p += 32;
  }
  if (use & 4) {
    c.ow = true;
    c.ow_raw = bytes.get<std::uint16_t>(p, what.c_str());
    p += 16;
  }
  if (use & 8) {
    c.mul = true;
    c.mul_raw = bytes.get<std::uint16_t>(p, what.c_str());
    p += 16;
  }
  if (use & 16) {
    c.shifts = true;
    c.shift = bytes.get<std::uint8_t>(p, what.c_str());
    c.shift_negative = bytes.get<std::uint8_t>(p + 1, what.c_str());
    if (c.shift > 63 || c.shift_negative > 63) f.refuse(parts, 4, 4, "a shift above 63 in " + what);
  }
  return c;
}

/// Parts of a per-channel table: 1 bias, 2 OW, 4 MUL, at bit 1 of the register on RK3562, at bit 8 with configuration
/// tensors.
std::optional<TableRef> table_of(const Fields& f, std::uint16_t config, std::uint16_t address) {
  const std::uint32_t use = f.chip.config_tensors ? f.bits(config, 8, 10) : f.bits(config, 1, 4);
  const auto at = f.regs.address(address);
  if (!use || !at) return std::nullopt;
  if (use & 8) f.refuse(config, 1, 4, "a fourth part in a per-channel table");
  return TableRef{*at, (use & 1) != 0, (use & 2) != 0, (use & 4) != 0};
}

void bias_scale(const Fields& f, const file::Graph& graph, Arithmetic& a) {
  if (f.bit(0x4038, 0)) return;
  const bool alu = !f.bit(0x4038, 6), alu_from_table = f.bit(0x4038, 7) && a.bs_table && a.bs_table->bias;
  const bool mul_from_table = a.bs_table && a.bs_table->mul;
  Stage s;
  if (alu) s.alu = Alu::add, f.refuse_lost_bias(0x4038, 7, a.bs_table);
  if (!f.chip.config_tensors) {
    if (alu) s.alu_operand = alu_from_table ? Fields::table() : f.word(f[0x4040]);
    s.mul = !f.bit(0x4050, 1);
    if (s.mul) s.mul_operand = mul_from_table ? Fields::table() : f.half(f[0x4044] >> 16);
    s.shift = f.number(0x4038, 8, 13);
    s.shift_negative = f.number(0x4054, 16, 21);
    if (!a.ow_table && f.bit(0x4054, 31) && !f.bit(0x4038, 1))
      a.ow_constant = offset_weight(static_cast<std::int16_t>(f.s16(0x4054)));
  } else {
    const ConfigTensor c = read_config(f, graph, 0x501c, 0x5024);
    if (alu) s.alu_operand = alu_from_table ? Fields::table() : f.word(c.alu_raw);
    s.mul = !f.bit(0x4050, 17);
    if (s.mul && !mul_from_table && !c.mul) f.refuse(0x501c, 0, 10, "the BS stage multiplies, but by nothing given");
    if (s.mul) s.mul_operand = mul_from_table ? Fields::table() : f.half(c.mul_raw);
    s.shift = c.shift;
    s.shift_negative = c.shift_negative;
    if (!a.ow_table && c.ow) a.ow_constant = offset_weight(static_cast<std::int16_t>(c.ow_raw));
  }
  if (a.ow_constant == 0) a.ow_constant.reset();
  s.prelu = f.bit(0x4044, 2);
  f.bounds(s.clamp, 0x4048, 0x404c);
  a.bs = s;
}

void normalisation(const Fields& f, const file::Graph& graph, Arithmetic& a) {
  if (f.bit(0x4060, 0)) return;
  // The scale in front of a bfloat16 network's look-up: there is no tensor with it.
  if (f.chip.config_tensors && f.brain() && !(f[0x407c] & 0x80) && !f.regs.address(0x5030)) return;
  const bool table_bias = a.bn_table && a.bn_table->bias, table_mul = a.bn_table && a.bn_table->mul;
  Stage s;
  if (!f.chip.config_tensors) {
    if (!f.bit(0x4060, 1)) {
      s.alu = f.stage_alu(0x4060, 16, 19);
      if (f.bit(0x4060, 8) && !table_bias)
        f.refuse(0x4060, 8, 8, "the ALU operand comes from a table that is not read");
      s.alu_operand = f.bit(0x4060, 8) ? Fields::table() : f.word(f[0x4064]);
    }
    s.mul = !f.bit(0x4060, 4);
    if (s.mul && f.bit(0x4068, 0) && !table_mul)
      f.refuse(0x4068, 0, 0, "the MUL operand comes from a table that is not read");
    if (s.mul) s.mul_operand = f.bit(0x4068, 0) ? Fields::table() : f.half(f[0x4068] >> 16);
    s.shift = f.number(0x4068, 8, 13);
    s.shift_negative = f.number(0x4010, 10, 15);
    s.prelu = f.bit(0x4060, 5);
  } else {
    const ConfigTensor c = read_config(f, graph, 0x5028, 0x5030);
    if (!f.bit(0x4060, 1)) {
      s.alu = f.stage_alu(0x4060, 4, 7);
      s.alu_operand = table_bias ? Fields::table() : f.word(c.alu_raw);
    }
    s.mul = !f.bit(0x4060, 8);
    if (s.mul && !table_mul && !c.mul) f.refuse(0x5028, 0, 10, "the BN stage multiplies, but by nothing given");
    if (s.mul) s.mul_operand = table_mul ? Fields::table() : f.half(c.mul_raw);
    s.shift = c.shift;
    s.shift_negative = c.shift_negative;
    s.prelu = f.bit(0x4060, 10);
  }
  f.bounds(s.clamp, 0x406c, 0x4070);
  f.bounds(s.clamp, 0x4074, 0x4078);
  a.bn = s;
}

LutRange lut_range(const Fields& f) {
  if (!f.chip.config_tensors) return f.lut_range();
  // Up to four segments on either side beyond the tables; the first is used here, all being equal where seen.
  return {.le_start = f.s32(0x4110),
          .le_end = 0,
          .lo_start = 0,
          .lo_end = f.s32(0x414c),
          .le_index_shift = f.index_shift(0x410c, 8, 15),
          .lo_index_shift = f.index_shift(0x410c, 16, 23),
          .underflow_scale = f.s16(0x4154, 16),
          .overflow_scale = f.s16(0x4174, 16),
          .underflow_shift = f.number(0x4160, 24, 31),
          .overflow_shift = f.number(0x4184, 24, 31)};
}

}  // namespace

void element_wise_bc(const Fields& f, const ElementMap& at, Arithmetic& a) {
  const std::uint32_t config = f[at.config];
  if (config & 1) return;
  ElementWise e;
  e.lut = !(config & 0x80);
  const bool mul = !(config & 0x40), alu = !(config & 0x1000000);
  if (mul && alu) f.refuse(at.config, 6, 24, "an element-wise multiplication and ALU operation at once");
  if (mul) e.op = ElementWise::Op::mul;
  if (alu) e.op = f.element_alu(at.config, 16, 19);
  if (mul || alu) {
    e.from_memory = config & (mul ? 0x10u : 0x8000u);
    if (e.from_memory) {
      const std::uint32_t mode = f.bits(0x5034, 30, 31);
      if (mode > 1) f.refuse(0x5034, 30, 31, "a shape of the element-wise operand");
      e.per_channel = mode == 0;
    } else {
      e.constant = f.word(f[0x4090]);
    }
    e.convert = !(config & 0x100) && e.from_memory;  // constants are taken as they are
    e.offset = f.s16(at.offset);
    e.scale = f.s16(at.scale);
    if (f.real) e.scale_real = e.scale == 1 ? 1.0f : f.half(f[at.scale]).real;
    e.operand_shift = f.number(at.scale, 16, 21);
    e.result_shift = f.number(at.scale, 22, 31);
  }
  f.bounds(e.clamp, at.minimum[0], at.maximum[0]);
  f.bounds(e.clamp, at.minimum[1], at.maximum[1]);
  a.ew = e;
}

void normalise_b(const Fields& f, const file::Graph& graph, Arithmetic& a) {
  a.accumulator_shift = f.number(0x3024, 0, 4);
  a.bs_table = table_of(f, 0x501c, 0x5020);
  a.bn_table = table_of(f, 0x5028, 0x502c);
  a.ow_table = a.bs_table && a.bs_table->ow;
  bias_scale(f, graph, a);
  normalisation(f, graph, a);
  element_wise_bc(f, {0x407c, 0x4080, 0x4084, {0x4088, 0x40a4}, {0x408c, 0x40a8}}, a);
  if (a.ew && a.ew->lut) a.lut = lut_range(f);
  a.out = {.offset = f.s32(0x40ac),
           .scale = f.s16(0x40b0),
           .shift = f.number(0x40b4, 0, 11),
           .exponent = f.number(0x40b4, 12, 19)};
  a.out.float_scale = std::ldexp(a.out.scale, -a.out.shift - a.out.exponent);
}

}  // namespace ez_rknn::npu
