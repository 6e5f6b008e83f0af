#include <algorithm>

#include "npu/plan/moves.hpp"
#include "npu/plan/steps.hpp"

namespace ez_rknn::npu::plan {
namespace {

/// Whether it reads `map` as the input of a convolution that stages rows, and not in any other way.
bool stages(const Step& step, const Slot* map) {
  const auto* conv = dynamic_cast<const ConvStep*>(&step);
  return conv && conv->in == map && conv->operand != map && conv->out != map && !conv->shape.depthwise &&
         conv->shape.insert_h == 1 && conv->shape.insert_w == 1;
}

}  // namespace

void narrow_inputs(GraphPlan& plan, const std::vector<Use>& uses) {
  const auto shares = [&](const Slot* input) {
    return std::ranges::count_if(plan.slots, [&](const Slot& s) { return s.storage == input->storage; }) > 1;
  };
  for (const Slot* input : plan.inputs) {
    if (input->storage < 0 || !input->map || input->channels() > kernels::kFewChannels || shares(input)) continue;
    if (std::ranges::find(plan.outputs, input) != plan.outputs.end()) continue;
    bool fits = true;
    for (std::size_t i = 0; i < uses.size() && fits; ++i)
      if (std::ranges::find(uses[i].reads, input) != uses[i].reads.end()) fits = stages(*plan.steps[i], input);
    if (!fits) continue;
    Slot& slot = *std::ranges::find_if(plan.slots, [&](const Slot& s) { return &s == input; });
    slot.narrow = true;
    lay_out(slot);
    plan.storages[std::size_t(slot.storage)].bytes = slot.bytes;
  }
}

}  // namespace ez_rknn::npu::plan
