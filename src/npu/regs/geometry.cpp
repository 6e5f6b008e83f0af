#include "npu/regs/geometry.hpp"

#include <algorithm>

#include "npu/regs/fields.hpp"

namespace ez_rknn::npu {
namespace {

int at_least_one(const Fields& f, std::uint16_t reg, int low, int high, const char* what) {
  const int v = f.number(reg, low, high);
  if (v < 1) f.refuse(reg, low, high, std::string(what) + " of 0");
  return v;
}

/// A stride of 0 repeats one input along the output, which is how the compiler broadcasts; over a single output it
/// means nothing and counts as 1.
int stride(const Fields& f, std::uint16_t reg, int low, int high, int output) {
  const int v = f.number(reg, low, high);
  if (v == 0 && output > 1) f.refuse(reg, low, high, "a convolution stride of 0: a broadcast");
  return std::max(v, 1);
}

/// CONV_CON3 and the fields of CONV_CON1 that families A, B and C share.
void strides(const Fields& f, ConvRegisters& g) {
  const bool rk3566 = f.chip.family == Family::a && f.chip.alu_algo_bit != 16, b = f.chip.family == Family::b;
  const std::uint16_t output = b ? 0x301c : rk3566 ? 0x3010 : 0x3014;
  g.stride_x = stride(f, 0x1014, 0, 2, f.number(output, 0, 15) + 1);
  g.stride_y = stride(f, 0x1014, 3, 5, f.number(output, 16, 31) + 1);
  g.deconv_stride_x = f.number(0x1014, 8, 10) + 1;
  g.deconv_stride_y = f.number(0x1014, 11, 13) + 1;
  g.dilation_x = f.number(0x1014, 16, 20) + 1;
  g.dilation_y = f.number(0x1014, 21, 25) + 1;
  // Old RK3562 files set bits 14 and 16 too on image inputs; there they are not ARGB_IN's and not DECONV.
  const int argb = f.number(0x100c, 12, 15) & (b ? 0xb : 0xf);
  if (argb != 0 && (argb < 8 || argb > 11)) f.refuse(0x100c, 12, 15, "an image input of an unknown kind");
  g.interleaved_channels = argb ? argb - 7 : 0;
  g.deconv = f.chip.family == Family::a ? f.bit(0x100c, 16) : g.deconv_stride_x > 1 || g.deconv_stride_y > 1;
}

void family_ac(const Fields& f, ConvRegisters& g) {
  const bool c = f.chip.family == Family::c, rk3566 = f.chip.alu_algo_bit != 16;
  strides(f, g);
  g.kernel_h = at_least_one(f, 0x1038, 16, 20, "a kernel height");
  g.kernel_w = at_least_one(f, 0x1038, 24, 28, "a kernel width");
  g.kernels = f.bits(0x1038, 0, 13);
  g.kernel_bytes = f.bits(0x1034, 0, 18);
  g.pad_top = f.number(0x1068, 0, c ? 7 : 3);
  g.pad_left = f.number(0x1068, c ? 8 : 4, c ? 15 : 7);
  g.pad_value = rk3566 ? f.bits(0x1068, 16, 31) : f[0x1184];
  const std::uint32_t kind = f.bits(0x100c, 0, 3);
  if (c ? kind != 0 && kind != 3 && kind != 7 : kind != 0 && kind != 3)
    f.refuse(0x100c, 0, 3, "a kind of convolution other than dense (0) and depthwise (3, on RV1106 7 with offsets)");
  g.depthwise = kind != 0;
  g.paired = c && kind != 0 && g.kernels == 2;
}

void family_b(const Fields& f, ConvRegisters& g) {
  const int less = f.chip.config_tensors ? 1 : 0;  // RK3576 stores sizes minus one
  strides(f, g);
  if (less) {
    g.kernel_h = f.number(0x1024, 16, 23) + 1;
    g.kernel_w = f.number(0x1024, 24, 31) + 1;
    g.kernels = f.bits(0x1024, 0, 15) + 1;
  } else {
    g.kernel_h = at_least_one(f, 0x1024, 16, 23, "a kernel height");
    g.kernel_w = at_least_one(f, 0x1024, 24, 31, "a kernel width");
    g.kernels = f.bits(0x1024, 0, 13);
  }
  g.kernel_bytes = less ? f[0x1020] : f.bits(0x1020, 0, 15);
  g.pad_top = f.number(0x1080, 0, 7);
  g.pad_left = f.number(0x1080, 8, 15);
  g.pad_bottom = f.number(0x1080, 16, 23);
  g.pad_right = f.number(0x1080, 24, 31);
  g.pad_value = f[0x1084];
  const std::uint32_t kind = f.bits(0x100c, 0, 2);
  switch (kind) {
    case 0:
    case 2: g.depthwise = false; break;
    case 1: g.depthwise = true; break;
    case 5:
      if (less) f.refuse(0x100c, 0, 2, "a kind of convolution of RK3562");
      g.depthwise = true;
      break;
    case 6:
      if (!less) f.refuse(0x100c, 0, 2, "a kind of convolution of RK3576");
      g.depthwise = false;
      g.row_pitch_bytes = f.number(0x1020, 0, 15) / g.kernel_h;
      break;
    default: f.refuse(0x100c, 0, 2, "a kind of convolution other than 0, 1, 2, 5, 6");
  }
  g.paired = *g.depthwise && g.kernels == 2;
}

void family_d(const Fields& f, ConvRegisters& g) {
  g.stride_x = at_least_one(f, 0x100c, 0, 3, "a convolution stride");
  g.stride_y = at_least_one(f, 0x100c, 4, 7, "a convolution stride");
  g.deconv_stride_x = f.number(0x100c, 8, 11) + 1;
  g.deconv_stride_y = f.number(0x100c, 12, 15) + 1;
  g.deconv = g.deconv_stride_x > 1 || g.deconv_stride_y > 1;
  g.dilation_x = f.number(0x100c, 16, 20) + 1;
  g.dilation_y = f.number(0x100c, 24, 28) + 1;
  g.kernel_h = f.number(0x1018, 16, 20) + 1;
  g.kernel_w = f.number(0x1018, 24, 28) + 1;
  g.kernels = f.bits(0x1018, 0, 15) + 1;
  g.pad_top = f.number(0x1028, 24, 29);
  g.pad_left = f.number(0x1084, 8, 15);
  g.pad_bottom = f.number(0x1084, 16, 23);
  g.pad_right = f.number(0x1084, 24, 31);
  g.depthwise = !f.bit(0x1014, 31);
  g.paired = *g.depthwise && g.kernels == 2;  // a dense one may have two kernels
}

}  // namespace

ConvRegisters conv_registers(const Chip& chip, const TaskRegisters& regs) {
  const Fields f{chip, regs, false};
  ConvRegisters g;
  switch (chip.family) {
    case Family::a:
    case Family::c: family_ac(f, g); break;
    case Family::b: family_b(f, g); break;
    case Family::d: family_d(f, g); break;
  }
  return g;
}

}  // namespace ez_rknn::npu
