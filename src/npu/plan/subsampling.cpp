#include "npu/plan/subsampling.hpp"

#include <algorithm>

#include "npu/plan/steps.hpp"

namespace ez_rknn::npu::plan {
namespace {

/// Steps that read or write a storage.
int users(const std::vector<Use>& uses, int storage) {
  const auto touches = [&](const Use& use) {
    const auto same = [&](const Slot* s) { return s->storage == storage; };
    return std::ranges::any_of(use.reads, same) || std::ranges::any_of(use.writes, same);
  };
  return static_cast<int>(std::ranges::count_if(uses, touches));
}

bool subsamples(const ConvStep& step) {
  const kernels::ConvShape& s = step.shape;
  return s.depthwise && s.kernel_h == 1 && s.kernel_w == 1 && s.pad_top == 0 && s.pad_left == 0 && s.insert_h == 1 &&
         s.insert_w == 1 && (s.stride_h > 1 || s.stride_w > 1) && (s.out_h - 1) * s.stride_h < s.in_h &&
         (s.out_w - 1) * s.stride_w < s.in_w;
}

}  // namespace

kernels::ConvShape subsampled(const kernels::ConvShape& s, int h, int w) {
  kernels::ConvShape part = s;
  part.stride_h *= h, part.stride_w *= w;
  part.out_h = (s.out_h + h - 1) / h, part.out_w = (s.out_w + w - 1) / w;
  return part;
}

void skip_unread_pixels(GraphPlan& plan, const std::vector<Use>& uses) {
  for (std::size_t i = 0; i + 1 < plan.steps.size(); ++i) {
    auto* first = dynamic_cast<ConvStep*>(plan.steps[i].get());
    const auto* second = dynamic_cast<const ConvStep*>(plan.steps[i + 1].get());
    if (!first || !second || second->in != first->out || first->operand || !subsamples(*second)) continue;
    if (first->shape.insert_h != 1 || first->shape.insert_w != 1) continue;
    const int storage = first->out->storage;
    if (storage < 0 || plan.storages[std::size_t(storage)].external || users(uses, storage) != 2) continue;
    first->every_h = second->shape.stride_h, first->every_w = second->shape.stride_w;
    first->multiplications =
        subsampled(first->shape, first->every_h, first->every_w).macs() * std::uint64_t(first->out->images());
  }
}

}  // namespace ez_rknn::npu::plan
