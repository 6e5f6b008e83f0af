#include "npu/plan/geometry.hpp"

#include <algorithm>
#include <string>
#include <utility>

#include "ez_rknn/error.hpp"
#include "npu/plan/weights.hpp"
#include "npu/regs/geometry.hpp"

namespace ez_rknn::npu::plan {
namespace {

struct Pair {
  int h = 1, w = 1;
};

constexpr int kMaxStep = 1 << 16;

Pair pair_of(const file::Node& node, const char* name, int fallback, int least) {
  const auto v = node.attributes.integers(name, {fallback, fallback});
  if (v.size() < 2) throw ModelError(0, "attribute " + std::string(name) + " needs two numbers for a 2-D convolution");
  for (int i = 0; i < 2; ++i)
    if (v[std::size_t(i)] < least || v[std::size_t(i)] > kMaxStep)
      throw ModelError(
          0, "attribute " + std::string(name) + ": " + std::to_string(v[std::size_t(i)]) + " is out of range");
  return {static_cast<int>(v[0]), static_cast<int>(v[1])};
}

/// Registers and attributes must say the same, or one of them is not understood. Axes where it does not matter (a
/// stride where there is one output) are left out: the compiler shortens those.
void agree(const char* what, Pair attribute, int reg_h, int reg_w, bool h = true, bool w = true) {
  if ((h && attribute.h != reg_h) || (w && attribute.w != reg_w))
    throw ModelError(0, std::string(what) + " " + std::to_string(attribute.h) + "x" + std::to_string(attribute.w) +
                            " of the node, " + std::to_string(reg_h) + "x" + std::to_string(reg_w) +
                            " in its registers");
}

void turn(ConvRegisters& r) {
  std::swap(r.kernel_h, r.kernel_w), std::swap(r.stride_y, r.stride_x), std::swap(r.dilation_y, r.dilation_x);
  std::swap(r.deconv_stride_y, r.deconv_stride_x), std::swap(r.pad_top, r.pad_left);
  std::swap(r.pad_bottom, r.pad_right);
}

/// Families A and B. Registers hold the same steps, but only the first tile's padding.
void window_from_attributes(const file::Node& node, const ConvRegisters& regs, kernels::ConvShape& s) {
  const auto padding = node.attributes.text("auto_pad", "NOTSET");
  if (padding != "NOTSET" && !padding.empty()) throw Unsupported("auto_pad \"" + padding + "\"");
  const Pair stride = pair_of(node, "strides", 1, 1), dilation = pair_of(node, "dilations", 1, 1);
  const Pair pad = pair_of(node, "pads", 0, -kMaxStep);
  agree("dilation", dilation, regs.dilation_y, regs.dilation_x, s.kernel_h > 1, s.kernel_w > 1);
  s.dilation_h = dilation.h, s.dilation_w = dilation.w;
  if (!regs.deconv) {
    agree("stride", stride, regs.stride_y, regs.stride_x, s.out_h > 1, s.out_w > 1);
    s.stride_h = stride.h, s.stride_w = stride.w, s.pad_top = pad.h, s.pad_left = pad.w;
    return;
  }
  agree("stride", stride, regs.deconv_stride_y, regs.deconv_stride_x, s.in_h > 1, s.in_w > 1);
  s.insert_h = stride.h, s.insert_w = stride.w;
  s.pad_top = (s.kernel_h - 1) * s.dilation_h - pad.h, s.pad_left = (s.kernel_w - 1) * s.dilation_w - pad.w;
}

void window_from_registers(const ConvRegisters& regs, kernels::ConvShape& s) {
  s.stride_h = regs.stride_y, s.stride_w = regs.stride_x;
  s.dilation_h = regs.dilation_y, s.dilation_w = regs.dilation_x;
  s.pad_top = regs.pad_top, s.pad_left = regs.pad_left;
  if (regs.deconv) s.insert_h = regs.deconv_stride_y, s.insert_w = regs.deconv_stride_x;
}

}  // namespace

ConvGeometry conv_geometry(const Chip& chip, const file::Node& node, const TaskRegisters& regs,
                           const file::Tensor& weights, const Dims& in, const Dims& out) {
  if (weights.shape.rank() != 4)
    throw ModelError(
        0, "weights \"" + weights.name + "\" of shape " + to_string(weights.shape) + "; four dimensions expected");
  ConvRegisters r = conv_registers(chip, regs);
  ConvGeometry g;
  auto& s = g.shape;
  s.in_c = static_cast<int>(in[1]), s.in_h = static_cast<int>(in[2]), s.in_w = static_cast<int>(in[3]);
  s.out_c = static_cast<int>(out[1]), s.out_h = static_cast<int>(out[2]), s.out_w = static_cast<int>(out[3]);
  for (int axis : {2, 3})
    if (weights.shape[axis] < 1 || weights.shape[axis] > kMaxKernel)
      throw ModelError(0, "weights \"" + weights.name + "\" of shape " + to_string(weights.shape));
  s.kernel_h = static_cast<int>(weights.shape[2]), s.kernel_w = static_cast<int>(weights.shape[3]);
  // RK3566's compiler lays columns on their side: a map of width 1 has its height in the place of the width.
  if (s.in_w == 1 && s.out_w == 1 && s.kernel_w == 1 && r.kernel_h == 1 && r.kernel_w == s.kernel_h) turn(r);
  agree("kernel", {s.kernel_h, s.kernel_w}, r.kernel_h, r.kernel_w);
  const bool transposed = node.type.starts_with("ConvTranspose");
  if (r.deconv && !transposed) throw Unsupported("its registers are those of a transposed convolution");
  if (transposed && !r.deconv && chip.family == Family::a)
    throw Unsupported("its registers are not those of a transposed convolution");
  r.deconv = transposed;
  // Files of RV1103/RV1106 and their B variants give convolutions no attributes; fused transposed ones have none
  // anywhere.
  if (node.attributes.values.empty()) window_from_registers(r, s);
  else window_from_attributes(node, r, s);

  const bool single = weights.native_shape.size() >= 6 && weights.native_shape[4] == 1;
  s.depthwise = r.depthwise.value_or(single && weights.shape[0] == 1 && weights.shape[1] == s.out_c && s.out_c > 1);
  if (s.depthwise) {
    if (s.in_c != s.out_c)
      throw ModelError(
          0, "a depthwise convolution from " + std::to_string(s.in_c) + " to " + std::to_string(s.out_c) + " channels");
    if (r.paired && chip.depthwise_pair_unit != 0 && !is_float(weights.dtype))
      g.pair_unit = std::max(1, chip.depthwise_pair_unit / static_cast<int>(size_of(weights.dtype)));
  } else {
    g.row_pitch = r.row_pitch_bytes;
    if (!r.deconv && weights.shape[1] < s.in_c)
      throw Unsupported("weights \"" + weights.name + "\" cover " + std::to_string(weights.shape[1]) + " of " +
                        std::to_string(s.in_c) + " input channels");
  }
  return g;
}

}  // namespace ez_rknn::npu::plan
