#pragma once
/// The DPU on its own ("flying"): an element-wise node. Same arithmetic as a convolution's tail with the source element
/// as accumulator.
#include <memory>
#include <string_view>

#include "core/cpu.hpp"
#include "core/team.hpp"
#include "npu/kernels/dpu/layer.hpp"
#include "npu/kernels/map.hpp"

namespace ez_rknn::npu::kernels {

class ElementWiseLayer {
 public:
  virtual ~ElementWiseLayer() = default;
  /// @param operand  same height and width as the source unless ew.per_channel (one pixel); null data when not
  /// from_memory
  virtual void run(const ConstMap& in, const ConstMap& operand, const Map& out, int height, int width,
                   Team& team) const = 0;
  virtual std::string_view kernel() const = 0;
};

/// @param input  i8, i16, i32, f16, bf16 or f32 elements
std::unique_ptr<ElementWiseLayer> prepare_elementwise(DType input, DpuLayer layer,
                                                      std::optional<cpu::Isa> isa = std::nullopt);

}  // namespace ez_rknn::npu::kernels
