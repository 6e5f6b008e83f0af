#pragma once
/// Weights of Winograd's convolution: as they are where they are transformed when they are used, which is always for
/// int8, and for halves where the transformed ones would be too many to keep.
#include <optional>
#include <vector>

#include "npu/kernels/conv/pack.hpp"
#include "npu/kernels/conv/winograd_kernel.hpp"

namespace ez_rknn::npu::kernels {

struct PackedWinograd {
  std::vector<PackedBlock> blocks;
  SharedBytes bytes;  ///< [block][place][part][step][channels of the block], or as WinogradWeights has them
  bool transformed = false;
  bool wide = false;  ///< of WinogradWeights
  std::vector<std::int16_t> base;
  int steps = 0;  ///< of a part
};

/// Whether weights are kept transformed. @param slots  winograd_slots
bool keeps_transformed(const ConvShape& shape, bool real, int slots);

/// Nothing when int16 does not hold them.
std::optional<PackedWinograd> pack_winograd(const ConvJob& job, const WinogradKernel& kernel);

}  // namespace ez_rknn::npu::kernels
