#pragma once
/// The shape of a convolution: from the node's attributes where the file has them, from the registers of the first tile
/// on RV1103/RV1106(B), whose files have none.
#include "npu/kernels/conv/conv.hpp"
#include "npu/regs/banks.hpp"
#include "npu/regs/chip.hpp"
#include "rknn_file/model.hpp"

namespace ez_rknn::npu::plan {

struct ConvGeometry {
  kernels::ConvShape shape;
  int pair_unit = 0;  ///< depthwise weights with their offsets interleaved, see weights.hpp
  int row_pitch = 0;  ///< row-packed first convolution, see weights.hpp
};

/// @param in, out  shapes as N, C, H, W
/// @throws ModelError when attributes, weights and tensors contradict each other; Unsupported for an unknown kind of
/// convolution
ConvGeometry conv_geometry(const Chip& chip, const file::Node& node, const TaskRegisters& regs,
                           const file::Tensor& weights, const Dims& in, const Dims& out);

}  // namespace ez_rknn::npu::plan
