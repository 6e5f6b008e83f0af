#pragma once
/// Convolution of int8 by windows of 1x1, and by small ones of a picture, which are gathered first. Where the tail
/// rounds by floors (Tail::floors), accumulators stay in L1 until they are whole pixels of bytes; 1x1 layers are taken
/// with no other tail, and most of them have few inputs for each output.
#include "npu/kernels/conv/pointwise_kernel.hpp"
#include "npu/kernels/conv/variants.hpp"

namespace ez_rknn::npu::kernels {

struct PointwiseVariant {
  std::string_view name;
  const PointwiseKernel* kernel;
  cpu::Isa isa;
};

/// Null when the layer is something else.
std::unique_ptr<Conv> make_pointwise(const ConvJob& job, const PointwiseVariant& variant);

}  // namespace ez_rknn::npu::kernels
