/// w8a16 of RK3562: the file has 8-bit weights in the order of 16-bit ones, and a task of the node widens them to fp16
/// in scratch memory, where the convolution reads them. Here the 8-bit ones are read.
#include <algorithm>

#include "ez_rknn/error.hpp"
#include "npu/plan/builder.hpp"
#include "npu/plan/constants.hpp"
#include "npu/plan/dpu.hpp"

namespace ez_rknn::npu::plan {
namespace {

constexpr std::int32_t kOutputs = 8, kInputs = 32, kInputTail = 8;  ///< channels in a group of 16-bit weights

bool copies(const Arithmetic& a) {
  return !a.bs && !a.bn && !a.ew && a.out.offset == 0 && a.out.float_scale == 1.0 && a.ppu_scale == 1.0f;
}

}  // namespace

file::Tensor Builder::weights_of(const file::Node& node, const Pass& convolution,
                                 const std::vector<Pass>& passes) const {
  const file::Tensor& named = tensor(convolution.weights);
  if (is_constant(named)) return named;
  const auto widening = std::find_if(passes.begin(), passes.end(), [&](const Pass& p) {
    return p.unit == Unit::dpu && p.destination == convolution.weights && p.source >= 0 &&
           tensor(p.source).dtype == DType::i8 && is_constant(tensor(p.source));
  });
  if (widening == passes.end() ||
      std::find(node.inputs.begin(), node.inputs.end(), widening->source) == node.inputs.end())
    throw Unsupported("weights \"" + named.name + "\" that are computed");
  if (!copies(arithmetic_of(chip_, graph_, *widening, false)))
    throw Unsupported("weights \"" + named.name + "\" that are more than widened");
  file::Tensor weights = tensor(widening->source);
  if (weights.shape.rank() != 4 || weights.shape[2] != 1 || weights.shape[3] != 1)
    throw Unsupported("8-bit weights over floating point inputs in other than a 1x1 convolution");
  const auto outputs = static_cast<std::int32_t>(weights.shape[0]),
             inputs = static_cast<std::int32_t>(weights.shape[1]);
  if (outputs % kOutputs != 0)
    throw Unsupported("8-bit weights of " + std::to_string(outputs) +
                      " outputs over floating point inputs: unless they are a multiple of 8 the compiler cuts off the "
                      "last ones");
  const std::int32_t groups = outputs / kOutputs, tail = inputs % kInputs;
  weights.native_shape = {groups, inputs / kInputs, 1, 1, kOutputs, kInputs};
  if (tail)
    weights.native_shape.insert(weights.native_shape.end(),
                                {groups, 1, 1, 1, kOutputs, (tail + kInputTail - 1) / kInputTail * kInputTail});
  return weights;
}

}  // namespace ez_rknn::npu::plan
