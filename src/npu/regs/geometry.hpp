#pragma once
/// Geometry of a convolution as its first tile's registers tell it. Files of RV1103/RV1106 and their B variants give
/// convolutions no attributes, so this is the only place to learn it; for the other chips it checks the attributes.
/// Input and output sizes come from the tensors: a tile may cover less.
#include <cstdint>
#include <optional>

#include "npu/regs/banks.hpp"

namespace ez_rknn::npu {

struct ConvRegisters {
  int stride_x = 1, stride_y = 1;
  int dilation_x = 1, dilation_y = 1;
  int kernel_w = 1, kernel_h = 1;
  /// Of the first tile. Where the chip has no registers for bottom and right (families A, C) those are absent: the
  /// output size implies them. For a transposed convolution (`deconv`) they are the pads of the stride-1 convolution
  /// that follows the insertion of zeros: ONNX's pad is kernel - 1 - pad.
  int pad_top = 0, pad_left = 0;
  std::optional<int> pad_bottom, pad_right;
  /// Only family A says so aloud; the others insert zeros, and show nothing of a transposed convolution of stride 1.
  bool deconv = false;
  int deconv_stride_x = 1, deconv_stride_y = 1;
  /// Depthwise, where a register says so; absent on family D, where the weight tensor's shape tells.
  std::optional<bool> depthwise;
  bool paired = false;             ///< depthwise weights come as pairs of weight and offset (kernel count register)
  int interleaved_channels = 0;    ///< 1..4: the input is an image of interleaved pixels; 0: NC1HWC2
  int row_pitch_bytes = 0;         ///< RK3576's row-packed first convolution: bytes of one weight row; else 0
  std::uint32_t pad_value = 0;     ///< as in the register: low byte, low half or f16 bits by precision
  std::uint32_t kernels = 0;       ///< kernels of this tile
  std::uint32_t kernel_bytes = 0;  ///< bytes of one kernel with its padding channels; 0 where no register is known
};

/// @throws Unsupported for values no convolution can have (a kernel side of 0, a
/// stride of 0 over more than one output: the compiler's broadcast)
ConvRegisters conv_registers(const Chip& chip, const TaskRegisters& regs);

}  // namespace ez_rknn::npu
