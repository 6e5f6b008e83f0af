#pragma once
/// 1x1 convolution of int8 that keeps accumulators in registers until they are bytes: layers whose tail rounds by
/// floors (Tail::floors), most of which have few inputs for each output.
#include "npu/kernels/conv/pointwise_kernel.hpp"
#include "npu/kernels/conv/variants.hpp"

namespace ez_rknn::npu::kernels {

struct PointwiseVariant {
  std::string_view name;
  const PointwiseKernel* kernel;
  cpu::Isa tail;
};

/// Null when the layer is something else.
std::unique_ptr<Conv> make_pointwise(const ConvJob& job, const PointwiseVariant& variant);

}  // namespace ez_rknn::npu::kernels
