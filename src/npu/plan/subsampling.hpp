#pragma once
/// Compilers make a convolution of a large stride (the patches of a vision transformer) out of one of a smaller stride
/// and a depthwise 1x1 one that reads only every so many-th pixel of its result. The others need not be computed.
#include "npu/kernels/conv/conv.hpp"
#include "npu/plan/moves.hpp"

namespace ez_rknn::npu::plan {

/// The convolution of every h-th row and w-th column of `s`'s output.
kernels::ConvShape subsampled(const kernels::ConvShape& s, int h, int w);

/// Tells the first convolution of each such pair (ConvStep::every_h), whose weights have not been packed yet.
void skip_unread_pixels(GraphPlan& plan, const std::vector<Use>& uses);

}  // namespace ez_rknn::npu::plan
