#pragma once
/// Depthwise convolution of int8 that stages nothing and keeps accumulators in registers: windows of 3x3 and 5x5 whose
/// tail rounds by floors (Tail::floors).
#include "npu/kernels/conv/depthwise_direct_kernel.hpp"
#include "npu/kernels/conv/variants.hpp"

namespace ez_rknn::npu::kernels {

struct DirectVariant {
  std::string_view name;
  const DirectKernel* kernel;
  cpu::Isa isa;
};

/// Null when the layer is something else.
std::unique_ptr<Conv> make_depthwise_direct(const ConvJob& job, const DirectVariant& variant);

}  // namespace ez_rknn::npu::kernels
