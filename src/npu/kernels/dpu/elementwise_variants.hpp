#pragma once
/// The table of element-wise kernels; see conv/variants.hpp.
#include <span>

#include "npu/kernels/dpu/elementwise.hpp"

namespace ez_rknn::npu::kernels {

struct ElementWiseVariant {
  std::string_view name;
  cpu::Isa isa;
  std::unique_ptr<ElementWiseLayer> (*make)(DType input, const DpuLayer& layer);
};

std::span<const ElementWiseVariant> elementwise_variants();

std::unique_ptr<ElementWiseLayer> make_elementwise_ref(DType input, const DpuLayer& layer);

}  // namespace ez_rknn::npu::kernels
