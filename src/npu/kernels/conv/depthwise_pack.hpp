#pragma once
#include <optional>

#include "core/shared_bytes.hpp"
#include "npu/kernels/conv/depthwise_kernel.hpp"
#include "npu/kernels/conv/variants.hpp"

namespace ez_rknn::npu::kernels {

struct PackedDepthwise {
  SharedBytes bytes;
  std::size_t block_bytes = 0;
  int block_channels = 0;
  int taps_per_step = 0, steps = 0, sets = 1;
};

/// Nothing when the encoding cannot hold these weights.
std::optional<PackedDepthwise> pack_depthwise(const ConvJob& job, DepthwiseEncoding encoding);

}  // namespace ez_rknn::npu::kernels
