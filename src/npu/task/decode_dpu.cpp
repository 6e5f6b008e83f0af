#include "npu/regs/offset_weight.hpp"
#include "npu/task/decode_parts.hpp"

namespace ez_rknn::npu::task {
namespace {

StageTask stage_task(const Registers& r, std::uint16_t config, std::uint16_t alu, std::uint16_t mul,
                     std::uint16_t compare, int negative_shift) {
  StageTask s;
  s.active = !r.bit(config, 0);
  if (!s.active) return s;
  s.alu = !r.bit(config, 1);
  s.alu_operation = r.number(config, 16, 19);
  if (s.alu && s.alu_operation > 2) r.refuse(config, "an ALU operation above 2");
  s.alu_table = r.bit(config, 8);
  s.alu_operand = r[alu];
  s.mul = !r.bit(config, 4);
  s.mul_table = r.bit(mul, 0);
  s.mul_operand = static_cast<std::uint16_t>(r[mul] >> 16);
  s.shift = r.number(mul, 8, 13);
  s.shift_negative = r.number(0x4010, negative_shift, negative_shift + 5);
  s.prelu = r.bit(config, 5);
  s.relu = !r.bit(config, 6);
  s.relux = r.bit(config, 7);
  s.compare = r[compare];
  return s;
}

TableTask table_task(const Registers& r, std::uint16_t config, std::uint16_t address) {
  TableTask t;
  const int use = r.number(config, 1, 4);
  t.at = r.regs.address(address);
  if (!use || !t.at) return {};
  if (use & 8) r.refuse(config, "a fourth part of a table");
  t.bias = use & 1, t.ow = use & 2, t.mul = use & 4;
  return t;
}

/// Size 0 is met in the tasks of fp16 Sqrt: a Newton iteration of which this reading gives wrong values.
Precision operand_precision(const Registers& r, bool real) {
  switch (r.number(0x4070, 22, 23)) {
    case 1: return Precision::i8;
    case 2: return real ? Precision::f16 : Precision::i16;
    case 3: return real ? Precision::f32 : Precision::i32;
    default: r.refuse(0x4070, "an element-wise operand of unknown size");
  }
}

ElementWiseTask element_wise_task(const Registers& r, bool real) {
  using Op = ElementWiseTask::Op;
  constexpr std::uint16_t kConfig = 0x4070;
  ElementWiseTask e;
  e.active = !r.bit(kConfig, 0);
  if (!e.active) return e;
  e.lut = !r.bit(kConfig, 7);
  if (e.lut && r[0x4108] != 0x68) r.refuse(0x4108, "a mode of the look-up tables other than 68");
  e.relu = !r.bit(kConfig, 9);
  e.relux = r.bit(kConfig, 10);
  e.compare = r[0x407c];
  if (r.bit(kConfig, 1)) return e;

  if (r.number(kConfig, 20, 21)) r.refuse(kConfig, "a comparing element-wise mode");
  if (r.bit(kConfig, 5)) r.refuse(kConfig, "an element-wise PReLU");
  if (r.bit(kConfig, 2)) {
    e.op = Op::mul;
  } else {
    constexpr Op kAlu[] = {Op::max, Op::min, Op::add, Op::div, Op::sub};
    const int algorithm = r.number(kConfig, 16, 19);
    if (algorithm > 4 || (algorithm == 3 && !real)) r.refuse(kConfig, "an element-wise operation of unknown meaning");
    e.op = kAlu[algorithm];
  }
  e.from_memory = r.bit(kConfig, 6);
  e.constant = r[0x4090];
  e.convert = !r.bit(kConfig, 8);
  e.convert_half_up = r.bit(kConfig, 30);
  e.offset = static_cast<std::int32_t>(r[0x4074]);
  e.scale = static_cast<std::uint16_t>(r[0x4078]);
  e.shift = r.number(0x4078, 16, 21);
  e.truncate = r.number(0x4078, 22, 31);
  if (e.convert && !real && !r.bit(kConfig, 31) && e.offset != 0)
    r.refuse(kConfig, "an operand that is multiplied before its offset is added");
  if (!e.from_memory) return e;
  const int mode = r.number(kConfig, 28, 29);
  if (mode > 1) r.refuse(kConfig, "a shape of the element-wise operand above 1");
  e.per_channel = mode == 0;
  e.precision = operand_precision(r, real);
  e.surface = r.units(0x5040);
  // With COMB_USE two DMAs share the operand, and 5018 names its first surface; a flying task needs 5018 for itself.
  e.at = r.number(0x5044, 8, 10) ? r.address(0x5018) : r.address(0x5038);
  return e;
}

}  // namespace

DpuTask dpu_task(const Registers& r, bool real) {
  if (r.bit(0x4050, 27)) r.refuse(0x4050, "the transposing writer (TP_ORG_EN)");
  if (r.bit(0x400c, 30)) r.refuse(0x400c, "the transposing writer (TP_EN)");
  if (r.number(0x400c, 26, 29)) r.refuse(0x400c, "the regrouping writer (RGP_TYPE)");
  if (r.bit(0x400c, 25) && !r.number(0x4034, 22, 24)) r.refuse(0x400c, "a packed result (NONALIGN) of no reduction");
  const int process = r.number(0x4010, 0, 2);
  if (process == 3) r.refuse(0x4010, "processing precision 3");
  DpuTask d;
  d.real = real;
  d.bs_table = table_task(r, 0x501c, 0x5020);
  d.bn_table = table_task(r, 0x5028, 0x502c);
  d.ow = !r.bit(0x4050, 1);
  d.ow_operand = offset_weight(static_cast<std::int16_t>(r[0x4054]));
  d.bs = stage_task(r, 0x4040, 0x4044, 0x4048, 0x404c, 4);
  d.bn = stage_task(r, 0x4060, 0x4064, 0x4068, 0x406c, 10);
  if (d.bs.active && d.bs.mul && d.bs.mul_table && !d.bs_table.mul)
    r.refuse(0x4048, "MUL from a table that is not read");
  if (d.bs.active && d.bs.alu && d.bs.alu_table && !d.bs_table.bias)
    r.refuse(0x4040, "ALU from a table that is not read");
  if (d.bn.active && d.bn.mul && d.bn.mul_table && !d.bn_table.mul)
    r.refuse(0x4068, "MUL from a table that is not read");
  if (d.bn.active && d.bn.alu && d.bn.alu_table && !d.bn_table.bias)
    r.refuse(0x4060, "ALU from a table that is not read");
  d.ew = element_wise_task(r, real);
  if (d.ew.active && d.ew.lut) {
    d.lut = {static_cast<std::int32_t>(r[0x4110]),
             static_cast<std::int32_t>(r[0x4118]),
             static_cast<std::int32_t>(r[0x411c]),
             r.number(0x410c, 8, 15),
             r.number(0x410c, 16, 23),
             static_cast<std::int16_t>(r[0x4120]),
             static_cast<std::int16_t>(r[0x4128] >> 16),
             r.number(0x4124, 0, 4),
             r.number(0x412c, 5, 9)};
    if (d.lut.le_index_shift > 31 || d.lut.lo_index_shift > 31) r.refuse(0x410c, "an index shift above 31");
  }
  d.out = {static_cast<std::int32_t>(r[0x4080]), static_cast<std::int16_t>(r[0x4084]), r.number(0x4088, 0, 11),
           r.number(0x4088, 12, 19), r.bit(0x4088, 30)};
  if (r.bit(0x4088, 31) && d.out.offset != 0) r.refuse(0x4088, "an output offset that is added before the scale");

  WriterTask& w = d.writer;
  w.to = r.address(0x4020);
  w.precision = r.precision(0x4010, 29, 31);
  w.surface = r.units(0x4024);
  w.notch = r.number(0x4038, 0, 12);
  w.real_channels = r.number(0x403c, 16, 28) + 1;
  w.columns = r.number(0x405c, 0, 12) == 0;
  w.wdma_height = r.number(0x405c, 16, 28) + 1;
  w.wdma_channels = r.number(0x4058, 0, 12) + 1;
  w.column_row = r.units(0x40c0);
  return d;
}

}  // namespace ez_rknn::npu::task
