#pragma once
/// Moves that cost nothing: where stored numbers stay as they are, Reshape, Transpose and Split become views of their
/// input, and the inputs of a Concat are written straight into their part of its output.
#include <optional>
#include <vector>

#include "npu/plan/plan.hpp"

namespace ez_rknn::npu::plan {

/// What a step reads and writes.
struct Use {
  std::vector<const Slot*> reads, writes;
};

/// Removes the steps that have become views from the plan and from `uses`, and says in `plan.results` when each tensor
/// has its value. Slots are laid out; storages still belong to
/// one slot each.
void drop_moves(GraphPlan& plan, std::vector<Use>& uses);

/// Maps that no kernel reads or writes, and that padding would make twice as large or more, become dense. After
/// drop_moves, which wants the parts of a Concat laid out like the whole.
void unpad_maps(GraphPlan& plan);

/// Inputs of the graph with few channels that nothing reads but dense convolutions get pixels of as many elements.
void narrow_inputs(GraphPlan& plan, const std::vector<Use>& uses);

/// Strides that show the same elements, in the same order, in another shape; nothing when that needs a copy.
std::optional<Dims> reshaped_strides(const Dims& shape, const Dims& strides, const Dims& to);

}  // namespace ez_rknn::npu::plan
