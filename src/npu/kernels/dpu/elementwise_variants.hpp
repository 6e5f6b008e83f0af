#pragma once
/// The table of element-wise kernels; see conv/variants.hpp.
#include <span>

#include "npu/kernels/byte_map.hpp"
#include "npu/kernels/dpu/elements.hpp"
#include "npu/kernels/dpu/elementwise.hpp"

namespace ez_rknn::npu::kernels {

struct ElementWiseVariant {
  std::string_view name;
  cpu::Isa isa;
  /// Null when this kernel cannot do the layer.
  std::unique_ptr<ElementWiseLayer> (*make)(DType input, const DpuLayer& layer);
};

std::span<const ElementWiseVariant> elementwise_variants();

std::unique_ptr<ElementWiseLayer> make_elementwise_ref(DType input, const DpuLayer& layer);
/// int8 to int8 without an operand, by table.
std::unique_ptr<ElementWiseLayer> make_elementwise_table(DType input, const DpuLayer& layer, MapBytes map,
                                                         std::string_view name);
/// int8 plus int8 to int8, whole groups of channels.
std::unique_ptr<ElementWiseLayer> make_elementwise_sum(DType input, const DpuLayer& layer, SumBytes add,
                                                       std::string_view name);
/// Everything; the tail may fall back to the reference.
std::unique_ptr<ElementWiseLayer> make_elementwise_vector(DType input, const DpuLayer& layer,
                                                          const ElementKernels& kernels, std::string_view name,
                                                          cpu::Isa tail);

}  // namespace ez_rknn::npu::kernels
