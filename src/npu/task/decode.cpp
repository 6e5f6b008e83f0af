#include "npu/task/decode.hpp"

#include <algorithm>
#include <cmath>

#include "core/aligned.hpp"
#include "core/fp16.hpp"
#include "npu/task/decode_parts.hpp"

namespace ez_rknn::npu::task {
namespace {

ConvTask conv_task(const Registers& r) {
  constexpr std::uint16_t kCon1 = 0x100c, kCon3 = 0x1014;
  ConvTask c;
  const int mode = r.number(kCon1, 0, 3);
  if (mode != 0 && mode != 3) r.refuse(kCon1, "a convolution mode other than 0 (dense) and 3 (depthwise)");
  c.depthwise = mode == 3;
  c.precision = r.precision(kCon1, 7, 9);
  if (bytes_of(c.precision) > 2) r.refuse(kCon1, "a convolution in 32 bits");
  c.feature = r.address(0x1070);
  c.weights = r.address(0x1110);
  c.in_width = r.number(0x1020, 16, 26);
  c.in_height = r.number(0x1020, 0, 10);
  c.in_channels = r.number(0x1024, 0, 15);
  if (c.in_width < 1 || c.in_height < 1) r.refuse(0x1020, "an empty input tile");
  const int bytes = bytes_of(c.precision);

  const int argb = r.number(kCon1, 12, 15);
  if (argb) {
    if (argb < 8 || argb > 11) r.refuse(kCon1, "an image input of unknown kind");
    c.interleaved = argb - 7;
    c.input.line = std::int64_t{r[0x1044] / static_cast<std::uint32_t>(c.in_height)} * c.interleaved * bytes;
  } else {
    const std::int64_t line = r.number(0x107c, 0, 27), rest = r.s28(0x1080, 0);
    const bool pixels = r.bit(kCon1, 29);  // GROUP_LINE_OFF: the stride counts pixels, else quarters of one
    c.input.line = line * (pixels ? 16 : 4);
    c.input.surface = (rest + (pixels ? c.in_width : line)) * 16;
    if (c.in_height * c.in_width > 1 && c.input.surface > 0)
      c.input.surface = round_up<std::int64_t>(c.input.surface, 64);
  }

  c.stride_x = r.number(kCon3, 0, 2);  // 0 repeats one input: a broadcast
  c.stride_y = r.number(kCon3, 3, 5);
  c.dilation_x = r.number(kCon3, 16, 20) + 1;
  c.dilation_y = r.number(kCon3, 21, 25) + 1;
  if (r.bit(kCon1, 16)) {
    c.insert_x = r.number(kCon3, 8, 10) + 1;
    c.insert_y = r.number(kCon3, 11, 13) + 1;
  }
  c.kernel_w = r.number(0x1038, 24, 28);
  c.kernel_h = r.number(0x1038, 16, 20);
  c.kernels = r.number(0x1038, 0, 13);
  c.kernel_bytes = r.number(0x1034, 0, 18);
  if (c.kernel_w < 1 || c.kernel_h < 1) r.refuse(0x1038, "a kernel without extent");
  c.pad_top = r.number(0x1068, 0, 3);
  c.pad_left = r.number(0x1068, 4, 7);
  c.pad_value = r[0x1184];
  c.out_width = r.number(0x3014, 0, 15) + 1;
  c.out_height = r.number(0x3014, 16, 31) + 1;
  c.out_channels = r.number(0x3018, 0, 12) + 1;
  c.dpu = dpu_task(r, c.precision == Precision::f16);
  c.dpu.truncate = r.number(0x301c, 0, 4);
  if (c.dpu.truncate && r.bit(0x301c, 6)) r.refuse(0x301c, "truncation with the other rounding");
  if (c.dpu.real && c.dpu.ow && (c.dpu.bs_table.ow || c.dpu.ow_operand != 0))
    r.refuse(0x4050, "weight offsets of a floating point convolution");
  return c;
}

FlyingTask flying_task(const Registers& r) {
  FlyingTask f;
  const int process = r.number(0x4010, 0, 2);
  f.precision = r.precision(0x5044, 15, 17);
  f.dpu = dpu_task(r, process == 2 || process == 5);
  if (is_real(f.precision) && !f.dpu.real) r.refuse(0x4010, "a floating point source in an integer pipeline");
  f.from = r.address(0x5018);
  f.width = r.number(0x500c, 0, 12) + 1;
  f.height = r.number(0x5010, 0, 12) + 1;
  f.channels = r.number(0x403c, 0, 12) + 1;
  const std::int64_t row = f.width + r.number(0x5048, 19, 31);
  f.line = row * kPixel;
  f.surface = ((f.height - 1) * row + f.width + r.s28(0x504c, 4)) * kPixel;
  const bool operand = f.dpu.ew.op != ElementWiseTask::Op::none;
  if (r.number(0x5044, 8, 10)) {
    if (operand) r.refuse(0x5044, "a source and an operand both read by two DMAs");
    if (const auto second = r.regs.address(0x5038); second && second->tensor == f.from.tensor) f.second = second;
  }
  const int reduce = r.number(0x4034, 22, 24);
  if (reduce & 1) {
    f.reduce = reduce & 2 ? FlyingTask::Reduce::max : FlyingTask::Reduce::min;
    f.packed_plane = r.bit(0x400c, 25);
    if (is_real(f.precision) != is_real(f.dpu.writer.precision)) r.refuse(0x4010, "a reduction that changes the type");
  } else if (reduce) {
    r.refuse(0x4034, "a reduction mode");
  }
  return f;
}

UnpoolTask unpool_task(const Registers& r) {
  UnpoolTask u;
  u.from = r.address(0x5018);
  u.to = r.address(0x4020);
  u.repeat_x = r.number(0x5048, 0, 2) + 1;
  u.repeat_y = r.number(0x5048, 3, 5) + 1;
  u.width = r.number(0x500c, 0, 12) + 1;
  u.height = r.number(0x5010, 0, 12) + 1;
  u.out_width = std::min(r.number(0x4030, 0, 12) + 1, u.width * u.repeat_x);
  u.line = std::int64_t{u.width + r.number(0x5048, 19, 31)} * kPixel;
  u.out_line = std::int64_t{r.number(0x4030, 0, 12) + 1 + r.number(0x4038, 0, 12)} * kPixel;
  u.copy_stride = r.units(0x4024);
  return u;
}

PoolTask pool_task(const Registers& r) {
  PoolTask p;
  p.from = r.address(0x701c);
  p.to = r.address(0x6070);
  p.precision = r.precision(0x6084, 0, 2);
  if (bytes_of(p.precision) > 2) r.refuse(0x6084, "pooling in 32 bits");
  p.in_width = r.number(0x600c, 0, 12) + 1;
  p.in_height = r.number(0x6010, 0, 12) + 1;
  p.channels = r.number(0x6014, 0, 12) + 1;
  p.out_width = r.number(0x6018, 0, 12) + 1;
  p.out_height = r.number(0x601c, 0, 12) + 1;
  p.in_line = r.units(0x7024);
  p.in_surface = r.units(0x7028);
  p.out_line = std::int64_t{p.out_width + r.number(0x6024, 16, 28)} * kPixel;
  p.out_surface = r.units(0x607c);
  if (r.bit(0x6024, 30)) r.refuse(0x6024, "pooling that writes indices");
  const int method = r.number(0x6024, 0, 1);
  if (method == 3) r.refuse(0x6024, "pooling method 3");
  p.method = static_cast<PoolTask::Method>(method);
  p.kernel_w = r.number(0x6034, 0, 3) + 1;
  p.kernel_h = r.number(0x6034, 8, 11) + 1;
  p.stride_x = r.number(0x6034, 16, 19) + 1;
  p.stride_y = r.number(0x6034, 20, 23) + 1;
  p.pad_left = r.number(0x6040, 0, 2);
  p.pad_top = r.number(0x6040, 4, 6);
  const std::uint64_t pad = std::uint64_t{r.bits(0x6048, 0, 2)} << 32 | r[0x6044];
  p.pad_value = static_cast<std::int64_t>(pad << 29) >> 29;
  const auto part = [&](std::uint16_t reg) {  // 65536 / side, an integer or f16 bits
    if (p.precision != Precision::f16) return static_cast<double>(r.bits(reg, 0, 16)) / 65536;
    const double half = static_cast<double>(half_to_float(static_cast<std::uint16_t>(r[reg])));
    return std::isfinite(half) ? half / 65536 : 1.0;  // 65536 overflows: a side of 1
  };
  p.reciprocal = part(0x6038) * part(0x603c);
  return p;
}

}  // namespace

std::vector<std::int32_t> table_tensors(const TypedTask& task) {
  std::vector<std::int32_t> tensors;
  const auto add = [&](const DpuTask& d) {
    for (const TableTask* t : {&d.bs_table, &d.bn_table})
      if (t->at) tensors.push_back(t->at->tensor);
  };
  if (const auto* c = std::get_if<ConvTask>(&task)) add(c->dpu);
  if (const auto* f = std::get_if<FlyingTask>(&task)) add(f->dpu);
  return tensors;
}

TypedTask decode(const TaskRegisters& regs) {
  const Registers r{regs};
  if (regs.lut_words > 100) return LutUpload{};
  switch (regs.enable) {
    case 0x1d:
    case 0x0d: return conv_task(r);
    case 0x18:
      if (r.number(0x5048, 12, 13)) return unpool_task(r);
      return flying_task(r);
    case 0x60: return pool_task(r);
    default: throw Unsupported("a task that enables the blocks " + std::to_string(regs.enable));
  }
}

}  // namespace ez_rknn::npu::task
