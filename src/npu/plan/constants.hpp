#pragma once
/// Constants of the file as dense or channels-last arrays.
#include "npu/plan/plan.hpp"

namespace ez_rknn::npu::plan {

/// True for tensors whose value the file holds.
bool is_constant(const file::Tensor& tensor);

/// Points `slot` at the value: at the file's own bytes where they are dense and aligned, else at a decoded copy owned
/// by the plan. A slot without `constant` afterwards is a constant the file does not hold (packed weights,
/// placeholders).
void set_constant(GraphPlan& plan, Slot& slot, const file::Tensor& tensor);

/// A channels-last copy for the kernels of a dense constant of `channels` x 1 x 1 or of the size of `like`.
/// @returns null when its shape is neither
const Slot* constant_map(GraphPlan& plan, const Slot& dense, const Slot& like);

}  // namespace ez_rknn::npu::plan
