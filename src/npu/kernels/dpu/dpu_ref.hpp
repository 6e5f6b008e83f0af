#pragma once
/// What the references of all families share: one value through the DPU and into the output map.
#include "npu/kernels/dpu/layer.hpp"
#include "npu/kernels/map.hpp"

namespace ez_rknn::npu::kernels {

/// @throws InvalidArgument when tables have other than 1 or `channels` entries or types are no map types,
///         Unsupported for an operation the pipeline does not have (integer division)
void check(const DpuLayer& layer);

/// Parts of dpu_ref: a stage of channel `c`, the look-up table.
std::int64_t stage_ref(const ResolvedStage& stage, std::size_t c, std::int64_t v);
std::int64_t look_up(const Lut& lut, const LutRange& range, std::int64_t v);

bool reads_operand(const DpuLayer& layer);

/// The operand's pixel (y, x); null when the layer has none.
inline const std::byte* operand_pixel(const DpuLayer& layer, const ConstMap& operand, std::ptrdiff_t y,
                                      std::ptrdiff_t x) {
  if (!reads_operand(layer)) return nullptr;
  return layer.ew->per_channel ? operand.data : operand.data + y * operand.row + x * operand.pixel;
}

/// Value `v` of channel `c` to element `c` of the output pixel at `out`; `operand` is the operand's pixel or null.
void finish_ref(const DpuLayer& layer, int c, std::int64_t v, const std::byte* operand, std::byte* out);
void finish_ref(const DpuLayer& layer, int c, float v, const std::byte* operand, std::byte* out);

/// Writes 0 to the channels between layer.channels and the padded count.
void clear_padding(const DpuLayer& layer, std::byte* pixel);

}  // namespace ez_rknn::npu::kernels
