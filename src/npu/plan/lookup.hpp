#pragma once
/// Fused look-ups that the file spoils: networks of bfloat16 and of 16-bit integers often come without the table, or
/// without the scale in front of it. What was meant stands in the node's type, so it is computed instead of looked up.
#include <optional>
#include <string_view>

#include "npu/regs/arithmetic.hpp"
#include "rknn_file/model.hpp"

namespace ez_rknn::npu::plan {

struct MeantFunction {
  std::string_view type;  ///< of the operator that computes it
  double reach;           ///< the number at the upper end of the table, whatever the layer's scale
};

/// What a fused node would look up, when its arithmetic has a look-up that the file does not make possible.
/// @throws Unsupported when it has one and the node's type does not tell the function
std::optional<MeantFunction> lost_look_up(const file::Node& node, const Arithmetic& arithmetic, const Lut& lut);

/// The part of `arithmetic` in front of the look-up, ending in the number to be looked up as a real one.
/// @throws Unsupported when what stands between the accumulator and the look-up is more than one scale and one
///         constant
Arithmetic before_look_up(const Arithmetic& arithmetic, const MeantFunction& function);

}  // namespace ez_rknn::npu::plan
