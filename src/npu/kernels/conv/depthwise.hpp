#pragma once
/// Depthwise convolution: which inner loop, fed how, followed by which tail.
#include "npu/kernels/conv/depthwise_kernel.hpp"
#include "npu/kernels/conv/stage_copy.hpp"
#include "npu/kernels/conv/variants.hpp"

namespace ez_rknn::npu::kernels {

struct DepthwiseVariant {
  std::string_view name;
  ConvInput input;
  const DepthwiseKernel* kernel;
  const StageFormat* format;
  cpu::Isa isa;
};

/// Null when the variant cannot do the layer exactly. `variant` must outlive the result.
std::unique_ptr<Conv> make_depthwise(const ConvJob& job, const DepthwiseVariant& variant);

}  // namespace ez_rknn::npu::kernels
