#pragma once
/// The file's packed weights -> plain order. A packed tensor's native shape is a list of 6-tuples (groups of output
/// channels, groups of input channels, kernel height, kernel width, output channels and input channels in a group), its
/// data exactly that nesting; later tuples are the tails of the channel counts.
#include <cstdint>
#include <vector>

#include "npu/kernels/conv/conv.hpp"
#include "npu/regs/chip.hpp"
#include "rknn_file/model.hpp"

namespace ez_rknn::npu::plan {

/// Kernel sizes of the largest convolutions seen are below 100.
constexpr int kMaxKernel = 4096;

/// [out_c][in_c][kernel_h][kernel_w]; the channels that only fill a group are dropped.
/// @param row_pitch  bytes of one kernel row when the tensor is "row packed" (first convolution of RK3576 and RV1126B:
/// [group][ky][oc][kx][4 channels], each row padded to the pitch), else 0
/// @param real  8-bit weights come out as reals
/// @throws ModelError when the tensor is too small or its native shape does not cover the convolution
kernels::ConvWeights dense_weights(const file::Tensor& tensor, int out_c, int in_c, int kernel_h, int kernel_w,
                                   int row_pitch, bool real = false);

struct DepthwiseWeights {
  kernels::ConvWeights weights;  ///< [channel][kernel_h][kernel_w]
  std::vector<std::int32_t> ow;  ///< per channel, what could not be folded into 16 bits; usually empty
};

/// @param pair_unit  channels of one run of weights, followed by as many offsets; 0: weights only
/// @param ow  per-channel offsets of the BS table to fold in; empty: none
/// @throws ModelError as above
DepthwiseWeights depthwise_weights(const file::Tensor& tensor, int channels, int kernel_h, int kernel_w, int pair_unit,
                                   std::vector<std::int32_t> ow);

}  // namespace ez_rknn::npu::plan
