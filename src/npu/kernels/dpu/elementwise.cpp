#include "npu/kernels/dpu/elementwise.hpp"

#include <string>

#include "ez_rknn/error.hpp"
#include "npu/kernels/dpu/dpu_ref.hpp"
#include "npu/kernels/dpu/elementwise_variants.hpp"
#include "npu/kernels/element.hpp"
#include "npu/kernels/pick.hpp"

namespace ez_rknn::npu::kernels {
namespace {

using Made = std::unique_ptr<ElementWiseLayer>;

constexpr ElementWiseVariant kVariants[] = {
    {"elementwise/ref", cpu::Isa::ref, make_elementwise_ref},
#if defined(__x86_64__)
    {"elementwise/avx2", cpu::Isa::avx2,
     [](DType input, const DpuLayer& layer) -> Made {
       return make_elementwise_vector(input, layer, kElementsAvx2, "elementwise/avx2", cpu::Isa::avx2);
     }},
    {"elementwise_table/avx2", cpu::Isa::avx2,
     [](DType input, const DpuLayer& layer) -> Made {
       return make_elementwise_table(input, layer, kMapBytesAvx2, "elementwise_table/avx2");
     }},
    {"elementwise_sum/avx2", cpu::Isa::avx2,
     [](DType input, const DpuLayer& layer) -> Made {
       return make_elementwise_sum(input, layer, kElementsAvx2.sum_i8, "elementwise_sum/avx2");
     }},
    {"elementwise/avx512", cpu::Isa::avx512,
     [](DType input, const DpuLayer& layer) -> Made {
       return make_elementwise_vector(input, layer, kElementsAvx512, "elementwise/avx512", cpu::Isa::avx512);
     }},
    {"elementwise_table/avx512", cpu::Isa::avx512,
     [](DType input, const DpuLayer& layer) -> Made {
       return make_elementwise_table(input, layer, kMapBytesAvx512, "elementwise_table/avx512");
     }},
    {"elementwise_sum/avx512", cpu::Isa::avx512,
     [](DType input, const DpuLayer& layer) -> Made {
       return make_elementwise_sum(input, layer, kElementsAvx512.sum_i8, "elementwise_sum/avx512");
     }},
#elif defined(__aarch64__)
    {"elementwise/neon", cpu::Isa::neon,
     [](DType input, const DpuLayer& layer) -> Made {
       return make_elementwise_vector(input, layer, kElementsNeon, "elementwise/neon", cpu::Isa::neon);
     }},
    {"elementwise_table/neon", cpu::Isa::neon,
     [](DType input, const DpuLayer& layer) -> Made {
       return make_elementwise_table(input, layer, kMapBytesNeon, "elementwise_table/neon");
     }},
    {"elementwise_sum/neon", cpu::Isa::neon,
     [](DType input, const DpuLayer& layer) -> Made {
       return make_elementwise_sum(input, layer, kElementsNeon.sum_i8, "elementwise_sum/neon");
     }},
#endif
};

}  // namespace

std::span<const ElementWiseVariant> elementwise_variants() { return kVariants; }

std::unique_ptr<ElementWiseLayer> prepare_elementwise(DType input, DpuLayer layer, std::optional<cpu::Isa> isa) {
  check(layer);
  if (!is_map_integer(input) && !is_map_real(input))
    throw InvalidArgument(std::string("element-wise layer over ") + name_of(input));
  if (!layer.real && is_map_real(input))
    throw InvalidArgument(std::string("element-wise layer over ") + name_of(input) + " in an integer pipeline");
  return pick(elementwise_variants(), "element-wise", isa, input, layer);
}

}  // namespace ez_rknn::npu::kernels
