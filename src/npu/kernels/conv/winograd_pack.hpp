#pragma once
/// Weights of Winograd's convolution: f32 transformed, int8 as they are.
#include <optional>
#include <vector>

#include "npu/kernels/conv/pack.hpp"
#include "npu/kernels/conv/winograd_kernel.hpp"

namespace ez_rknn::npu::kernels {

struct PackedWinograd {
  std::vector<PackedBlock> blocks;
  SharedBytes bytes;  ///< [block][place][part][step][channels of the block], or as WinogradWeights has them
  bool wide = false;  ///< of WinogradWeights
  std::vector<std::int16_t> base;
  int steps = 0;  ///< of a part
};

/// Nothing when int16 does not hold them.
std::optional<PackedWinograd> pack_winograd(const ConvJob& job, const WinogradKernel& kernel);

}  // namespace ez_rknn::npu::kernels
